"""The definition of a probe task: labeled windows of 10 s at 128 Hz, one lead, and the patient of each.

Windows are isolated: an encoder sees nothing before or after them. Splits are by patient, or by record where patients
are not known.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeecg import io
from edgeecg.errors import InputError
from train.data.corpora import Record, corpus, find_folder
from train.data.resample import cut_windows, resample
from train.data.wfdb_files import headers_by_name

ALL = slice(None)  # leads


@dataclass(frozen=True)
class Windows:
    """`signal` (n, 1280) float32 mV, or (n, leads, 1280); `label` (n,) int or (n, classes) 0/1, `group` (n,): the
    patient or record; `sample` (n,): which windows are one where they are pooled, by default those of a group.
    """

    signal: np.ndarray
    label: np.ndarray
    group: np.ndarray
    sample: np.ndarray | None = None

    def samples(self) -> np.ndarray:
        return self.group if self.sample is None else self.sample


@dataclass(frozen=True)
class Task:
    """`kind` "split" (train on one, test on the other), "identity" (the same, nearest centroid), "folds" or
    "retrieval".

    With folds and retrieval, `test` is None; `fold` (n,) says which fold a window is held out in, where that is given.
    `pooled`: mean and deviation over a record's windows are one sample.
    `within`: windows are looked for in the query's own record, else in all others.
    """

    train: Windows
    test: Windows | None = None
    kind: str = "split"
    folds: int = 0
    pooled: bool = False
    within: bool = False
    fold: np.ndarray | None = None


def join(pieces: list[tuple[np.ndarray, np.ndarray]]) -> Windows:
    """(signal, label) of each record -> Windows with the record's number as the group."""
    groups = [np.full(len(signal), number) for number, (signal, _) in enumerate(pieces)]
    return Windows(
        np.concatenate([s for s, _ in pieces]), np.concatenate([y for _, y in pieces]), np.concatenate(groups)
    )


def first_lead(header: Path) -> tuple[np.ndarray, float]:
    """A WFDB record's first lead in mV (missing samples as 0), and its rate."""
    recording = io.read(header, lead=0)
    return np.nan_to_num(recording.millivolts()), recording.fs


def folder_of(data: Path, name: str) -> Path:
    folder = find_folder(data, name)
    if folder is None:
        raise InputError(f"recordings that are not there: {data} does not hold {name} (train/prepare.py says more)")
    return folder


def headers(data: Path, name: str, wanted: Iterable[str] = ()) -> dict[str, Path]:
    """Record -> header of the WFDB records of a set, or of those `wanted`, in their order."""
    found, wanted = headers_by_name(folder_of(data, name)), tuple(wanted)
    missing = [record for record in wanted if record not in found]
    if missing or not found:
        raise InputError(f"{name} in {data} lacks {', '.join(missing[:5]) or 'its records'}, which is needed")
    return {record: found[record] for record in wanted or found}


def records_of(data: Path, name: str) -> list[Record]:
    """The recordings that training may read of a corpus, published or as arrays."""
    return list(corpus(name).records(folder_of(data, name)))


def first_windows(records: list[Record], lead: int | slice) -> np.ndarray:
    """The first 10 s of a lead of each recording, (n, 1280) float32 mV at 128 Hz; of several leads (n, leads, 1280)."""
    several = isinstance(lead, slice)
    rows = []
    for record in records:
        places = range(len(record.leads))[lead] if several else [lead]
        found = [record.recording(place) for place in places]
        windows = np.stack([cut_windows(resample(one.millivolts(), one.fs))[0] for one in found])
        rows.append(windows if several else windows[0])
    return np.stack(rows)
