"""The definition of a probe task: labeled windows of 10 s at 128 Hz, one lead, and the patient of each.

Windows are isolated: an encoder sees nothing before or after them. Splits are by patient, or by record where patients
are not known.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeecg import io

ALL = slice(None)  # leads


@dataclass(frozen=True)
class Windows:
    """`signal` (n, 1280) float32 mV, or (n, leads, 1280); `label` (n,) int or (n, classes) 0/1, `group` (n,): the
    patient or record.
    """

    signal: np.ndarray
    label: np.ndarray
    group: np.ndarray


@dataclass(frozen=True)
class Task:
    """`kind` "split" (train on one, test on the other), "identity" (the same, nearest centroid), "folds" or
    "retrieval".

    With folds and retrieval, `test` is None. `pooled`: mean and deviation over a record's windows are one sample.
    `within`: windows are looked for in the query's own record, else in all others.
    """

    train: Windows
    test: Windows | None = None
    kind: str = "split"
    folds: int = 0
    pooled: bool = False
    within: bool = False


def join(pieces: list[tuple[np.ndarray, np.ndarray]]) -> Windows:
    """(signal, label) of each record -> Windows with the record's number as the group."""
    groups = [np.full(len(signal), number) for number, (signal, _) in enumerate(pieces)]
    return Windows(
        np.concatenate([s for s, _ in pieces]), np.concatenate([y for _, y in pieces]), np.concatenate(groups)
    )


def first_lead(folder: Path, record: str) -> tuple[np.ndarray, float]:
    """A WFDB record's first lead in mV (missing samples as 0), and its rate."""
    recording = io.read(folder / f"{record}.hea", lead=0)
    return np.nan_to_num(recording.millivolts()), recording.fs


def records(folder: Path) -> list[str]:
    return (folder / "RECORDS").read_text(encoding="utf-8").split()
