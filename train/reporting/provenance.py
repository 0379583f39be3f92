"""The provenance of a model made by a training run: its sources with their licenses, and its training."""

from dataclasses import replace
from pathlib import Path

import torch

from train.data import Cache
from train.data.corpora import NOISE, Corpus, corpus
from train.quantization.dequantize import PretrainedSource
from train.runs.folder import config_dict


def provenance(
    config,
    cache: Cache,
    objective: str,
    noise: bool,
    steps: int,
    seconds: float,
    start: str | None = None,
    use: str = "pretraining",
    processes: int = 1,
) -> dict:
    """`config` has the fields data, out and cache, which are left out: paths are nobody's business.

    `start`: the encoder that the run goes on from (train/quantization/dequantize.py); its sources, steps and minutes
    count too. `use` of the recordings: "labels" where those that people gave were trained on. `steps` are those of each
    of the `processes`; where an earlier run had another number of them, the steps of all are counted together.
    """
    corpora = [corpus(str(name)) for name in dict.fromkeys(cache.index["set"].tolist())]
    before = PretrainedSource(start).training() if start else {}
    earlier, of_each = before.get("steps", 0), before.get("processes", 1)
    if before and of_each != processes:
        earlier, steps, processes = earlier * of_each, steps * processes, 1
    nameless = {"data": None, "out": Path(config.out.name), "cache": Path()} | (
        {"start": Path(start).name} if start else {}
    )
    return {
        "objective": objective,
        "config": config_dict(replace(config, **nameless)),
        "sources": sources(corpora, use, noise, before),
        "hours": round(cache.hours, 1),
        "steps": steps + earlier,
        "processes": processes,
        "minutes": round(seconds / 60 + before.get("minutes", 0), 1),
        "torch": torch.__version__,
    }


def sources(corpora: list[Corpus], use: str, noise: bool, before: dict) -> list[dict]:
    """The sources of an earlier training `before` and the new ones, each once per use; `noise`: that of the views."""
    new = [(c, use) for c in corpora] + [(NOISE, "noise")] * noise
    every = [*before.get("sources", []), *({"name": c.title, "licence": c.licence, "use": what} for c, what in new)]
    return list({(source["name"], source["use"]): source for source in every}.values())
