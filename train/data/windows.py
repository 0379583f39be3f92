"""Windows of 10 s drawn at random from the cache, in pairs, split by patient."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edgeecg.constants import RATE, WINDOW
from edgeecg.errors import InputError
from train.data.cache import Cache
from train.data.corpora import CORPORA
from train.data.positives import Positives, PositiveSampler
from train.data.window_starts import Windows, make_window_starts

PIECES = [name for name, corpus in CORPORA.items() if corpus.pieces]


@dataclass(frozen=True)
class Batch:
    """Pairs of N windows, (N, length) or (N, leads, length) uint8 each, and the first ones' identity, (N,) int64 each.

    `segment` numbers ten-second segments in time within a recording, `index` leads of recordings (rows of the cache).
    """

    first: Tensor
    second: Tensor
    patient: Tensor
    segment: Tensor
    lead: Tensor
    index: Tensor

    def identity(self) -> dict[str, Tensor]:
        return {"patient": self.patient, "segment": self.segment, "lead": self.lead, "index": self.index}


def is_validation(cache: Cache, share: float) -> np.ndarray:
    """Rows of the validation patients: chosen by a hash of set and patient, so that they never change sides.

    Segments of unidentified subjects are all trained on: another segment of the same night could be on the other side.
    """
    names = np.char.add(np.char.add(cache.index["set"], "/"), cache.index["patient"])
    unique, inverse = np.unique(names, return_inverse=True)
    digest = [int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32 for name in unique]
    return (np.array(digest)[inverse] < share) & ~np.isin(cache.index["set"], PIECES)


@dataclass(frozen=True)
class SamplerConfig:
    """Which windows a sampler draws. The defaults are single leads at any moment."""

    positives: Positives = "nearby"  # the second window of a pair (positives.py)
    leads: int = 1  # number of leads of a recording, aligned
    windows: Windows = "random"  # window starts (window_starts.py)
    hop: float = 10.0  # seconds between sliding windows
    annotator: str = "atr"  # suffix of the annotation files that name the beats
    data: Path | None = None  # where those are

    def __post_init__(self):
        if self.leads < 1:
            raise InputError("leads must be at least 1")
        if self.leads > 1 and self.positives in ("lead", "segment_lead"):
            raise InputError(
                f"positives {self.positives!r} pair one lead with another: they do not go with --leads {self.leads}"
            )


def split_by_patient(
    cache: Cache, share: float, sampling: SamplerConfig = SamplerConfig()
) -> tuple["WindowSampler", "WindowSampler | None"]:
    """Windows to train on and windows of held-out patients; all and None where that would leave one side empty."""
    held_out = is_validation(cache, share)
    if not held_out.any() or held_out.all():
        return WindowSampler(cache, None, sampling), None
    training = WindowSampler(cache, ~held_out, sampling)
    try:
        return training, WindowSampler(cache, held_out, sampling)
    except InputError:  # the held-out recordings are too short, or not annotated
        return training, None


class WindowSampler:
    """Draws a row by its hours (or a place of `sampling.windows`), then a window in it. Its only state is the generator
    it is given. A row is a lead, or the first of the leads of a recording that are drawn together; `drawn` are the rows
    of the cache that windows may come from.
    """

    def __init__(self, cache: Cache, rows: np.ndarray | None = None, sampling: SamplerConfig = SamplerConfig()):
        self.cache, self.samples, self.sampling = cache, cache.samples, sampling
        rows = np.arange(len(cache.index["start"])) if rows is None else np.flatnonzero(rows)
        rows = rows[cache.index["length"][rows] >= WINDOW]
        if len(rows) == 0:
            raise InputError("no recording of at least 10 s to train on")
        together = aligned_leads(cache, rows, sampling.leads)
        self.rows = rows = together[:, 0]
        self.positives = PositiveSampler(sampling.positives, cache, rows)
        self.places = make_window_starts(sampling.windows, cache, rows, sampling.data, sampling.annotator, sampling.hop)
        self.drawn = together.ravel() if self.places is None else together[self.places.row.unique()].ravel()
        self.start = torch.from_numpy(cache.index["start"][together].astype(np.int64))
        self.length = torch.from_numpy(cache.index["length"][rows].astype(np.int64))
        self.patient = torch.from_numpy(cache.patients()[rows].astype(np.int64))
        self.lead = torch.from_numpy(np.unique(cache.index["lead"], return_inverse=True)[1][rows].astype(np.int64))

    def describe(self) -> str:
        return "random" if self.places is None else f"{len(self.places.row)} of {self.sampling.windows}"

    def has_context(self, margin: int) -> bool:
        """Whether there are windows with this many samples around them."""
        usable = self.positives.usable(WINDOW + 2 * margin)
        if self.places is None:
            return bool(usable.any())
        return self.places.has_context(margin, self.room(usable, margin))

    def room(self, usable: Tensor, margin: int) -> Tensor:
        """(rows,) the largest start of a window with context; -1 where there is none."""
        return torch.where(usable, self.length - WINDOW - 2 * margin, -1)

    def first(self, count: int, margin: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Rows and starts of the first windows of pairs, context included."""
        length = WINDOW + 2 * margin
        usable = self.positives.usable(length)
        if self.places is not None:
            return self.places.draw(count, margin, self.room(usable, margin), generator)
        hours = torch.where(usable, self.length, 0).cumsum(0)
        if not hours[-1]:
            raise InputError(f"no recording is long enough for windows with {margin} samples of context")
        ticket = torch.randint(int(hours[-1]), (count,), generator=generator)
        row = torch.searchsorted(hours, ticket, right=True)
        room = self.length[row] - length + 1
        return row, (torch.rand(count, generator=generator, dtype=torch.float64) * room).long()

    def draw(
        self, count: int, generator: torch.Generator, margin: int = 0, shift: float = 0.0, positive: float = 0.0
    ) -> Batch:
        """`count` pairs of windows with `margin` samples of context on both sides (only recordings that have them).

        `positives` selects the second windows (positives.py): `shift` in seconds; `positive` is the fraction of nearby
        ones that lie anywhere up to 30 s away, within the recording.
        """
        length = WINDOW + 2 * margin
        row, offset = self.first(count, margin, generator)
        second, other = self.positives.draw(row, offset, length, shift * RATE, positive, generator)
        return Batch(
            self.take(self.start[row] + offset[:, None], length),
            self.take(self.start[second] + other[:, None], length),
            self.patient[row],
            offset // WINDOW,
            self.lead[row],
            torch.from_numpy(self.rows)[row],
        )

    def take(self, start: Tensor, length: int) -> Tensor:
        """start (N, leads) -> (N, leads, length), or (N, length) of one lead."""
        positions = start.numpy()[..., None] + np.arange(length)
        windows = torch.from_numpy(self.samples[positions])
        return windows[:, 0] if windows.shape[1] == 1 else windows


def rows_read(training, validation) -> Cache:
    """The rows of a cache that the windows of two samplers (or of one and None) come from: what a run states."""
    sides = [side for side in (training, validation) if side is not None]
    return training.cache.only(np.unique(np.concatenate([side.drawn for side in sides])))


def aligned_leads(cache: Cache, rows: np.ndarray, count: int) -> np.ndarray:
    """(recordings, count) rows of the cache: the first `count` leads of each recording that has that many of one
    length.
    """
    if count == 1:
        return rows[:, None]
    groups: dict[tuple, list[int]] = {}
    for row in rows:
        key = tuple(cache.index[name][row] for name in ("set", "record", "length"))
        groups.setdefault(key, []).append(int(row))
    together = [leads[:count] for leads in groups.values() if len(leads) >= count]
    if not together:
        raise InputError(f"no recording has {count} leads of one length")
    return np.array(together)
