"""Tasks on MIT-BIH and svdb: ectopic beats, atrial fibrillation from rhythm annotations, identity, retrieval."""

from pathlib import Path

import numpy as np

from edgeecg.constants import RATE, WINDOW
from train.data.corpora import DS1, DS2
from train.data.resample import cut_windows, resample
from train.probes.tasks.base import Task, first_lead, join, records

# Ventricular and supraventricular ectopic beats of ANSI/AAMI EC57, with j, the nodal escape, which EC57 counts as
# normal: the protocol that published features were measured by has it (what it decides:
# train/studies/leave_one_subject_out.py)
BEATS = {"V": "VE", "S": "AaJSj"}
AF = ("(AFIB", "(AFL")  # atrial fibrillation and flutter in the rhythm annotations of MIT-BIH


def beat_windows(folder: Path, record: str, codes: str) -> tuple[np.ndarray, np.ndarray]:
    """Windows of a record, and whether each holds a beat of one of these codes."""
    import wfdb

    signal, fs = first_lead(folder, record)
    note = wfdb.rdann(str(folder / record), "atr")
    hit = np.array([symbol in codes for symbol in note.symbol])
    windows = cut_windows(resample(signal, fs))
    place = np.array(note.sample)[hit] * RATE / fs
    count, _ = np.histogram(place, bins=np.arange(len(windows) + 1) * WINDOW)
    return windows, (count > 0).astype(int)


def beats(data: Path, kind: str, test: str, codes: str = "") -> Task:
    """MIT-BIH DS1 -> DS2 (de Chazal et al., 2004), or -> svdb: another database, recorded with other devices.

    Windows with a beat of the kind ("V" or "S"), or of other `codes`. Records 201 (DS1) and 202 (DS2) share a patient.
    """
    codes = codes or BEATS[kind]
    names = DS2 if test == "mitdb" else records(data / test)
    train = join([beat_windows(data / "mitdb", r, codes) for r in DS1])
    return Task(train, join([beat_windows(data / test, r, codes) for r in names]))


def rhythm_windows(folder: Path, record: str) -> tuple[np.ndarray, np.ndarray]:
    """Windows of a record, and whether more than half of each lies in atrial fibrillation or flutter."""
    import wfdb

    signal, fs = first_lead(folder, record)
    windows = cut_windows(resample(signal, fs))
    note = wfdb.rdann(str(folder / record), "atr")
    changes = [
        (s * RATE / fs, t.rstrip("\x00")) for s, t in zip(note.sample, note.aux_note, strict=True) if t.startswith("(")
    ]
    ends = [at for at, _ in changes[1:]] + [np.inf]
    inside = np.zeros(len(windows) * WINDOW, bool)
    for (start, rhythm), end in zip(changes, ends, strict=True):
        if rhythm in AF:
            inside[int(start) : int(min(end, len(inside)))] = True
    return windows, (inside.reshape(len(windows), WINDOW).mean(1) > 0.5).astype(int)


def rhythm(data: Path) -> Task:
    return Task(*(join([rhythm_windows(data / "mitdb", r) for r in names]) for names in (DS1, DS2)))


def identity(data: Path) -> Task:
    """Which recording is a window of: the 126 of mitdb and svdb, first half of each -> second half.

    Records 201 and 202 share a patient.
    """
    halves = ([], [])
    number = 0
    for name in ("mitdb", "svdb"):
        for record in records(data / name):
            windows = cut_windows(resample(*first_lead(data / name, record)))[::3][:60]
            for half, part in zip(
                halves, (slice(None, len(windows) // 2), slice(len(windows) // 2, None)), strict=True
            ):
                half.append((windows[part], np.full(len(windows[part]), number)))
            number += 1
    return Task(*(join(half) for half in halves), kind="identity")


def retrieve(data: Path, kind: str, within: bool) -> Task:
    """Find windows with ectopic beats by one of them, in DS2 and svdb, whose subjects training never saw."""
    pieces = [(data / "mitdb", r) for r in DS2] + [(data / "svdb", r) for r in records(data / "svdb")]
    return Task(
        join([beat_windows(folder, record, BEATS[kind]) for folder, record in pieces]), kind="retrieval", within=within
    )
