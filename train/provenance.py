"""What a model made from a training run has to state: its sources with their licences, and how it was trained."""

from dataclasses import replace
from pathlib import Path

import torch

from train.data import Cache
from train.data.corpora import NOISE, corpus
from train.run import config_dict
from train.unfold import Start


def provenance(
    config, cache: Cache, objective: str, noise: bool, steps: int, seconds: float, start: str | None = None, use: str = "pretraining"
) -> dict:
    """`config` has the fields data, out and cache, which are left out: paths are nobody's business.

    `start`: the encoder that the run goes on from (train/unfold.py); its sources, steps and minutes count too.
    `use` of the recordings: "labels" where those that people gave were trained on.
    """
    names = [str(name) for name in dict.fromkeys(cache.index["set"].tolist())]
    sources = [{"name": corpus(n).title, "licence": corpus(n).licence, "use": use} for n in names]
    if noise:
        sources.append({"name": NOISE.title, "licence": NOISE.licence, "use": "noise"})
    before = Start(start).training() if start else {}
    name = {"start": Path(start).name} if start else {}
    return {
        "objective": objective,
        "config": config_dict(replace(config, data=None, out=Path(config.out.name), cache=Path(), **name)),
        "sources": union(before.get("sources", []), sources),
        "hours": round(cache.hours, 1),
        "steps": steps + before.get("steps", 0),
        "minutes": round(seconds / 60 + before.get("minutes", 0), 1),
        "torch": torch.__version__,
    }


def union(before: list[dict], sources: list[dict]) -> list[dict]:
    """Each source once for each use."""
    return list({(source["name"], source["use"]): source for source in [*before, *sources]}.values())
