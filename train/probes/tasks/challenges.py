"""Tasks on the PhysioNet/CinC Challenges: signal quality (2011), rhythm (2017), sleep stages (2018)."""

from pathlib import Path

import numpy as np

from edgeecg.constants import WINDOW
from train.data.corpora import array, table
from train.data.resample import cut_windows, resample
from train.probes.tasks.base import Task, Windows, join

RHYTHMS = "NAO~"  # Challenge 2017: normal, atrial fibrillation, other, too noisy


def quality(data: Path, lead: int | slice = 1) -> Task:
    """Challenge 2011: acceptable or not, lead II unless another is asked for; every fourth record is for the test."""
    folder = data / "challenge2011"
    signal = np.asarray(array(folder, "ecg_128hz_uV_int16.npy")[:, lead] / 1000.0, np.float32)
    label = np.array([int(float(row["acceptable"])) for row in table(folder, "labels.csv")])
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
    from scipy.io import loadmat

    folder, pieces = data / "cinc2017", []
    for line in (folder / "REFERENCE.csv").read_text(encoding="utf-8").split():
        record, rhythm = line.split(",")
        signal = loadmat(folder / f"{record}.mat")["val"][0] / 1000.0
        windows = cut_windows(resample(signal, 300), WINDOW // 2)
        pieces.append((windows, np.full(len(windows), RHYTHMS.index(rhythm))))
    return Task(join(pieces), kind="folds", folds=5, pooled=True)


def sleep(data: Path) -> Task:
    """Stages of one-minute pieces, summarized over six windows.

    The subjects are unknown, so they may cross folds.
    """
    folder = data / "cinc2018"
    stages = {int(r["row"]): int(r["sleep_stage_label"]) for r in table(folder, "index.csv") if r["sleep_stage_label"]}
    signal = array(folder, "ecg_128hz_adc_int16.npy")[sorted(stages)].astype(np.float32) / 1000.0
    windows = signal.reshape(-1, WINDOW)
    each = signal.shape[1] // WINDOW
    label = np.repeat([stages[row] for row in sorted(stages)], each)
    return Task(Windows(windows, label, np.repeat(sorted(stages), each)), kind="folds", folds=5, pooled=True)
