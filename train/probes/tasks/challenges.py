"""Tasks on the PhysioNet/CinC Challenges: signal quality (2011), rhythm (2017), sleep stages (2018)."""

from pathlib import Path

import numpy as np

from edgeecg.constants import WINDOW
from edgeecg.errors import InputError
from train.data.resample import cut_windows, resample
from train.probes.tasks.base import Task, Windows, first_windows, join, records_of

RHYTHMS = "NAO~"  # Challenge 2017: normal, atrial fibrillation, other, too noisy


def quality(data: Path, lead: int | slice = 1) -> Task:
    """Challenge 2011: acceptable or not, lead II unless another is asked for; every fourth record is for the test."""
    records = records_of(data, "challenge2011")
    signal = first_windows(records, lead)
    label = np.array([int(float(record.facts["acceptable"])) for record in records])
    number = np.arange(len(label))
    test = number % 4 == 0
    return Task(*(Windows(signal[k], label[k], number[k]) for k in (~test, test)))


def quality_of_all(data: Path) -> Task:
    """Challenge 2011, all 998 records in five folds: the usual test has 250 of them, and an interval of .18."""
    halves = quality(data)
    columns = zip(*((w.signal, w.label, w.group) for w in (halves.train, halves.test)), strict=True)
    return Task(Windows(*map(np.concatenate, columns)), kind="folds", folds=5)


def cinc2017(data: Path) -> Task:
    """Four rhythms of a wearable's recordings of 9 to 60 s."""
    pieces = []
    for record in records_of(data, "cinc2017"):
        if record.facts["rhythm"] in RHYTHMS:
            windows = cut_windows(resample(record.recording(0).millivolts(), record.leads[0].fs), WINDOW // 2)
            pieces.append((windows, np.full(len(windows), RHYTHMS.index(record.facts["rhythm"]))))
    if not pieces:
        raise InputError(f"cinc2017 in {data} has no REFERENCE.csv, which says the rhythms")
    return Task(join(pieces), kind="folds", folds=5, pooled=True)


def sleep(data: Path) -> Task:
    """Stages of one-minute pieces, summarized over six windows.

    The subjects are unknown, so they may cross folds.
    """
    records = [record for record in records_of(data, "cinc2018") if record.facts["stage"]]
    windows = [cut_windows(resample(r.recording(0).millivolts(), r.leads[0].fs)) for r in records]
    each = [len(w) for w in windows]
    label = np.repeat([int(record.facts["stage"]) for record in records], each)
    group = np.repeat(np.arange(len(records)), each)
    return Task(Windows(np.concatenate(windows), label, group), kind="folds", folds=5, pooled=True)
