"""What a model made from a training run has to state: its sources with their licences, and how it was trained."""

from dataclasses import replace
from pathlib import Path

import torch

from train.data import Cache
from train.data.corpora import NOISE, corpus
from train.run import config_dict


def provenance(config, cache: Cache, objective: str, noise: bool, steps: int, seconds: float) -> dict:
    """`config` has the fields data, out and cache, which are left out: paths are nobody's business."""
    names = [str(name) for name in dict.fromkeys(cache.index["set"].tolist())]
    sources = [{"name": corpus(n).title, "licence": corpus(n).licence, "use": "pretraining"} for n in names]
    if noise:
        sources.append({"name": NOISE.title, "licence": NOISE.licence, "use": "noise"})
    return {
        "objective": objective,
        "config": config_dict(replace(config, data=None, out=Path(config.out.name), cache=Path())),
        "sources": sources,
        "hours": round(cache.hours, 1),
        "steps": steps,
        "minutes": round(seconds / 60, 1),
        "torch": torch.__version__,
    }
