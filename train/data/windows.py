"""Windows of 10 s drawn at random from the cache, in pairs, split by patient."""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from edgeecg.errors import InputError
from train.data.cache import Cache
from train.data.partners import Partners, Positives
from train.nets.spec import WINDOW

RATE = 128  # Hz


@dataclass(frozen=True)
class Batch:
    """Pairs of N windows, (N, length) uint8 each, and who the first ones are, (N,) int64 each.

    `segment` numbers ten-second stretches in time within a recording, `index` leads of recordings (rows of the cache).
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
    """Rows of the validation patients: chosen by a hash of set and patient, so that they never change sides."""
    names = np.char.add(np.char.add(cache.index["set"], "/"), cache.index["patient"])
    unique, inverse = np.unique(names, return_inverse=True)
    digest = [int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32 for name in unique]
    return np.array(digest)[inverse] < share


def split_by_patient(
    cache: Cache, share: float, positives: Positives = "nearby"
) -> tuple["WindowSampler", "WindowSampler | None"]:
    """Windows to train on and windows of held-out patients; all and None where that would leave one side empty."""
    held_out = is_validation(cache, share)
    if not held_out.any() or held_out.all():
        return WindowSampler(cache, None, positives), None
    return WindowSampler(cache, ~held_out, positives), WindowSampler(cache, held_out, positives)


class WindowSampler:
    """Draws a row by its hours, then a window anywhere in it. Its only state is the generator it is given."""

    def __init__(self, cache: Cache, rows: np.ndarray | None = None, positives: Positives = "nearby"):
        self.samples = cache.samples
        rows = np.arange(len(cache.index["start"])) if rows is None else np.flatnonzero(rows)
        rows = rows[cache.index["length"][rows] >= WINDOW]
        if len(rows) == 0:
            raise InputError("no recording of at least 10 s to train on")
        self.rows = rows
        self.partners = Partners(positives, cache, rows)
        self.start = torch.from_numpy(cache.index["start"][rows].astype(np.int64))
        self.length = torch.from_numpy(cache.index["length"][rows].astype(np.int64))
        self.patient = torch.from_numpy(cache.patients()[rows].astype(np.int64))
        self.lead = torch.from_numpy(np.unique(cache.index["lead"], return_inverse=True)[1][rows].astype(np.int64))

    def draw(
        self, count: int, generator: torch.Generator, margin: int = 0, shift: float = 0.0, positive: float = 0.0
    ) -> Batch:
        """`count` pairs of windows with `margin` samples of context on both sides (only recordings that have them).

        The second windows are what `positives` says (partners.py): `shift` in seconds, `positive` is the share of
        nearby ones that lie anywhere up to 30 s away, as far as the recording reaches.
        """
        length = WINDOW + 2 * margin
        hours = torch.where(self.partners.usable(length), self.length, 0).cumsum(0)
        if not hours[-1]:
            raise InputError(f"no recording is long enough for windows with {margin} samples of context")
        ticket = torch.randint(int(hours[-1]), (count,), generator=generator)
        row = torch.searchsorted(hours, ticket, right=True)
        room = self.length[row] - length + 1
        offset = (torch.rand(count, generator=generator, dtype=torch.float64) * room).long()
        second, other = self.partners.draw(row, offset, length, shift * RATE, positive, generator)
        return Batch(
            self.take(self.start[row] + offset, length),
            self.take(self.start[second] + other, length),
            self.patient[row],
            offset // WINDOW,
            self.lead[row],
            torch.from_numpy(self.rows)[row],
        )

    def take(self, start: Tensor, length: int) -> Tensor:
        positions = start.numpy()[:, None] + np.arange(length)
        return torch.from_numpy(self.samples[positions])
