"""Long recordings in pieces that threads embed side by side, with the bytes of the whole.

A piece starts early enough that nothing in its windows remembers the start (the front end and the trunk have finite
memory), at a sample where the resampler's phase, the blocks of 32, the frames and the windows all begin anew.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .constants import BLOCK, MISSING, RATE_MHZ

if TYPE_CHECKING:
    from .model import Model

__all__ = ["Segment", "segments"]


class Segment(NamedTuple):
    """Windows first .. last - 1 of a recording, from samples[start:stop], in which `skip` windows come before them."""

    start: int
    stop: int
    skip: int
    first: int
    last: int


def memory(model: Model, fs_mhz: int) -> int:
    """Samples at 128 Hz before a window that can change it, at most."""
    front = model.front
    resampler = math.ceil((front.table_half * max(fs_mhz, front.min_rate) / RATE_MHZ + 2) * RATE_MHZ / fs_mhz)
    trunk = sum((layer.kernel - 1) * stride for layer, stride in zip(model.layers, model.source_strides, strict=True))
    return resampler + front.baseline + (front.reach + 2) * BLOCK + trunk + model.total_stride


def segments(
    model: Model, x: NDArray[Any], fs_mhz: int, hop: int, n_windows: int, delay: int, threads: int
) -> list[Segment]:
    """At most `threads` pieces of about the same number of windows; one where the recording cannot be cut."""
    grid = math.lcm(BLOCK, model.total_stride, hop, RATE_MHZ // math.gcd(fs_mhz, RATE_MHZ))
    reach = memory(model, fs_mhz)
    cuts = [0]
    for i in range(1, threads):
        first = n_windows * i // threads
        start = _valid_start(x, (first * hop - reach) // grid * grid, grid, fs_mhz)
        if start > 0 and first > cuts[-1]:
            cuts.append(first)
    pieces = []
    for first, last in zip(cuts, [*cuts[1:], n_windows], strict=True):
        start = _valid_start(x, (first * hop - reach) // grid * grid, grid, fs_mhz) if first else 0
        end = (last - 1) * hop + model.front.window + delay
        stop = len(x) if last == n_windows else min(len(x), -(-end * fs_mhz // RATE_MHZ))
        pieces.append(Segment(start * fs_mhz // RATE_MHZ, stop, first - start // hop, first, last))
    return pieces


def _valid_start(x: NDArray[Any], start: int, grid: int, fs_mhz: int) -> int:
    """The latest point of the grid, not behind `start`, whose sample was measured: a gap holds the value before it."""
    while start > 0:
        value = x[start * fs_mhz // RATE_MHZ]
        if np.isfinite(value) and value != MISSING:
            return start
        start -= grid
    return 0
