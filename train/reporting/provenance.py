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

    `cache`: the rows that windows were drawn from, and no others. `start`: the encoder that the run goes on from
    (train/quantization/dequantize.py); its sources, hours, steps and minutes count too. `use` of the recordings:
    "labels" where those that people gave were trained on. `steps` are those of each of the `processes`; where an
    earlier run had another number of them, the steps of all are counted together.
    """
    before = PretrainedSource(start).training() if start else {}
    earlier, of_each = before.get("steps", 0), before.get("processes", 1)
    if before and of_each != processes:
        earlier, steps, processes = earlier * of_each, steps * processes, 1
    nameless = {"data": None, "out": Path(config.out.name), "cache": Path()} | (
        {"start": Path(start).name} if start else {}
    )
    found = sources({corpus(name): hours for name, hours in cache.hours_by_set().items()}, use, noise, before)
    return {
        "objective": objective,
        "config": config_dict(replace(config, **nameless)),
        "sources": found,
        "hours": total_hours(found, before),
        "steps": steps + earlier,
        "processes": processes,
        "minutes": round(seconds / 60 + before.get("minutes", 0), 1),
        "torch": torch.__version__,
    }


def sources(hours: dict[Corpus, float], use: str, noise: bool, before: dict) -> list[dict]:
    """The sources of an earlier training `before` and the new ones, each once per use, with hours of recordings;
    `noise`: that of the views.
    """
    new = [stated(c, use, number) for c, number in hours.items()] + [stated(NOISE, "noise")] * noise
    merged: dict[tuple[str, str], dict] = {}
    for source in [*before.get("sources", []), *new]:
        key = source["name"], source["use"]
        both = [s["hours"] for s in (merged.get(key, {}), source) if "hours" in s]
        merged[key] = {**source, **({"hours": max(both)} if both else {})}
    return list(merged.values())


def stated(one: Corpus, use: str, hours: float | None = None) -> dict:
    said = {"name": one.title, "licence": one.licence, "use": use}
    return said if hours is None else {**said, "hours": round(hours, 1)}


def total_hours(found: list[dict], before: dict) -> float:
    """Hours of recordings of all sources, each corpus once. If an earlier training states only the hours of all its
    corpora together, the hours of the new corpora are added to those.
    """
    known: dict[str, float] = {}
    for source in found:
        if "hours" in source:
            known[source["name"]] = max(source["hours"], known.get(source["name"], 0.0))
    met = [source for source in before.get("sources", []) if source["use"] != "noise"]
    if all("hours" in source for source in met):
        return round(sum(known.values()), 1)
    return round(before.get("hours", 0) + sum(known[name] for name in known.keys() - {s["name"] for s in met}), 1)
