"""Which window makes a positive pair with a given one: itself, its neighbor in time, another lead, or another window of
the same patient.
"""

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from edgeecg.constants import WINDOW
from edgeecg.errors import InputError
from train.data.cache import Cache

Positives = Literal["nearby", "window", "segment", "lead", "segment_lead", "patient"]
"""nearby: half of them (--views.positive) within 30 s, the others the same window; window: the same window, shifted;
segment: the neighboring ten seconds (CMSC of Kiyasseh et al., "CLOCS", ICML 2021); lead: another lead at the same time
(CMLC); segment_lead: both (CMSMLC); patient: any other window of the person (PCLR, Diamant et al., 2022)."""

REACH = 30.0 * 128  # samples: how far nearby goes


class RowGroups:
    """Rows that share a key."""

    def __init__(self, key: np.ndarray):
        _, number, count = np.unique(key, return_inverse=True, return_counts=True)
        order = np.argsort(number, kind="stable")
        first = np.cumsum(count) - count
        place = np.empty(len(key), np.int64)
        place[order] = np.arange(len(key))
        self.order, self.first, self.count = (
            torch.from_numpy(a.astype(np.int64)) for a in (order, first[number], count[number])
        )
        self.place = torch.from_numpy(place) - self.first

    def other(self, row: Tensor, generator: torch.Generator) -> Tensor:
        """Another row of each row's group; the row itself where it is alone."""
        count = self.count[row]
        step = 1 + (torch.rand(len(row), generator=generator) * (count - 1)).long().minimum((count - 2).clamp(min=0))
        return self.order[self.first[row] + (self.place[row] + step) % count]

    def member(self, row: Tensor, generator: torch.Generator) -> Tensor:
        """Any row of each row's group."""
        count = self.count[row]
        return self.order[
            self.first[row] + (torch.rand(len(row), generator=generator) * count).long().minimum(count - 1)
        ]


def recordings(cache: Cache, rows: np.ndarray) -> np.ndarray:
    """(rows,) a name for each row's recording, whose leads are equally long."""
    columns = (cache.index[name][rows] for name in ("set", "record", "length"))
    return np.array([f"{a}/{b}/{n}" for a, b, n in zip(*columns, strict=True)])


class PositiveSampler:
    """Draws the second window of each pair. `rows` of the cache; a row here is a number below len(rows)."""

    def __init__(self, kind: Positives, cache: Cache, rows: np.ndarray):
        index = cache.index
        self.kind = kind
        self.length = torch.from_numpy(index["length"][rows].astype(np.int64))
        if kind in ("lead", "segment_lead"):
            self.groups = RowGroups(recordings(cache, rows))
            if self.groups.count.max() == 1:
                raise InputError(f"positives {kind!r} need recordings of two leads or more, and there are none")
        elif kind == "patient":
            self.groups = RowGroups(cache.patients()[rows])

    def usable(self, length: int) -> Tensor:
        """(rows,) bool: from which rows a first window of `length` samples may be drawn."""
        usable = self.length >= length
        if self.kind in ("segment", "segment_lead"):
            usable = self.length >= length + WINDOW
            if not usable.any():
                raise InputError(
                    f"positives {self.kind!r} need recordings of {(length + WINDOW) / 128:.1f} s, and there are none"
                )
        if self.kind in ("lead", "segment_lead"):
            usable = usable & (self.groups.count > 1)
        return usable

    def draw(
        self, row: Tensor, offset: Tensor, length: int, shift: float, far: float, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Rows and offsets of the second windows.

        `shift` in samples, `far` the share of nearby ones that go to REACH.
        """
        room = self.length[row] - length
        if self.kind in ("nearby", "window"):
            distant = torch.rand(len(row), generator=generator) < (far if self.kind == "nearby" else 0.0)
            reach = torch.where(distant, REACH, shift)
            move = ((torch.rand(len(row), generator=generator) * 2 - 1) * reach).round().long()
            return row, (offset + move).clamp(min=0).minimum(room)
        if self.kind == "patient":
            other = self.groups.member(row, generator)
            other = torch.where(self.length[other] >= length, other, row)
            place = torch.rand(len(row), generator=generator, dtype=torch.float64)
            return other, (place * (self.length[other] - length + 1)).long()
        other = self.groups.other(row, generator) if self.kind != "segment" else row
        if self.kind == "lead":
            return other, offset
        forward = torch.where(room - offset < WINDOW, False, torch.rand(len(row), generator=generator) < 0.5)
        forward = torch.where((offset < WINDOW) & (room - offset >= offset), True, forward)
        return other, torch.where(forward, offset + WINDOW, offset - WINDOW).clamp(min=0).minimum(room)
