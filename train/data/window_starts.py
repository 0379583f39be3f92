"""Where windows may start: anywhere, on a grid, or around each annotated beat."""

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from edgeecg.constants import RATE, WINDOW
from edgeecg.errors import InputError
from train.data.annotations import CLASSES
from train.data.cache import Cache
from train.data.marks import annotations_of

Windows = Literal["random", "sliding", "beats"]
"""random: any sample of a recording may be the first of a window; sliding: every `hop` seconds; beats: each annotated
beat in the middle of a window of its own.
"""


class WindowStarts:
    """A list of allowed window starts for the `rows` of a cache; a row here is a number below len(rows)."""

    def __init__(self, starts: list[np.ndarray]):
        self.row = torch.from_numpy(np.repeat(np.arange(len(starts)), [len(s) for s in starts]))
        self.offset = torch.from_numpy(np.concatenate(starts).astype(np.int64))

    def draw(self, count: int, margin: int, room: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Rows and starts (count,), each place as likely as any other, of windows with `margin` samples of context.

        `room` (rows,): the largest start at which the longer window still fits into the row; below 0 where it never
        does.
        """
        start = self.offset - margin
        chosen = ((start >= 0) & (start <= room[self.row])).nonzero()[:, 0]
        if len(chosen) == 0:
            raise InputError(f"no window has {margin} samples of context on both sides")
        ticket = chosen[torch.randint(len(chosen), (count,), generator=generator)]
        return self.row[ticket], start[ticket]

    def has_context(self, margin: int, room: Tensor) -> bool:
        start = self.offset - margin
        return bool(((start >= 0) & (start <= room[self.row])).any())


def sliding(length: np.ndarray, hop: float) -> WindowStarts:
    """A window every `hop` seconds of recordings of `length` (rows,) samples."""
    step = round(hop * RATE)
    if step < 1:
        raise InputError("hop must be at least a sample (1/128 s)")
    return WindowStarts([np.arange(0, n - WINDOW + 1, step) for n in length])


def around_beats(cache: Cache, rows: np.ndarray, data: Path | None, annotator: str) -> WindowStarts:
    """A window around each beat that the annotation files DIR/set/record.annotator name; beats near an
    end have none.
    """
    starts, known = [], {}
    for row in rows:
        name, record = str(cache.index["set"][row]), str(cache.index["record"][row])
        if (name, record) not in known:
            known[name, record] = beat_seconds(data, name, record, annotator)
        first = np.round(known[name, record] * RATE).astype(np.int64) - WINDOW // 2
        starts.append(np.unique(first[(first >= 0) & (first <= cache.index["length"][row] - WINDOW)]))
    if not any(len(s) for s in starts):
        raise InputError(f"no recording has beats annotated in a file .{annotator}: windows around beats need them")
    return WindowStarts(starts)


def beat_seconds(data: Path | None, name: str, record: str, annotator: str) -> np.ndarray:
    """(n,) seconds; none where the recording has no such annotations. Files with other codes than beats' (the minutes
    of Apnea-ECG's .apn) count as they are.
    """
    notes = annotations_of(data, name, record, annotator)
    if notes is None:
        return np.empty(0)
    is_beat = np.isin(notes.code, list(CLASSES))
    return notes.second[is_beat] if is_beat.any() else notes.second


def make_window_starts(
    kind: Windows, cache: Cache, rows: np.ndarray, data: Path | None = None, annotator: str = "atr", hop: float = 10.0
) -> WindowStarts | None:
    """None: windows may start anywhere."""
    if kind == "random":
        return None
    return (
        sliding(cache.index["length"][rows], hop) if kind == "sliding" else around_beats(cache, rows, data, annotator)
    )
