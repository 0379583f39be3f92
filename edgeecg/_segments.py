"""Long recordings in pieces that threads embed side by side, with the bytes of the whole.

A piece starts early enough that nothing in its windows remembers the start (the front end and the trunk have finite
memory), at a sample where the resampler's phase, the blocks of 32, the frames and the windows all begin anew.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

__all__ = ["Segment", "run_in_threads", "segments"]

BLOCK = 32
MISSING = -(2**31)


class Segment(NamedTuple):
    """Windows first .. last - 1 of a recording, from samples[start:stop], in which `skip` windows come before them."""

    start: int
    stop: int
    skip: int
    first: int
    last: int


def memory(model, fs_mhz: int) -> int:
    """Samples at 128 Hz before a window that can change it, at most."""
    front = model.front
    resampler = math.ceil((front.table_half * max(fs_mhz, front.min_rate) / 128000 + 2) * 128000 / fs_mhz)
    trunk = sum((layer.kernel - 1) * stride for layer, stride in zip(model.layers, _input_strides(model), strict=True))
    return resampler + front.baseline + (front.reach + 2) * BLOCK + trunk + model.total_stride


def _input_strides(model):
    return [model.strides[layer.src_a] for layer in model.layers]


def segments(model, x: np.ndarray, fs_mhz: int, hop: int, n_windows: int, delay: int, threads: int) -> list[Segment]:
    """At most `threads` pieces of about the same number of windows; one where the recording cannot be cut."""
    grid = math.lcm(BLOCK, model.total_stride, hop, 128000 // math.gcd(fs_mhz, 128000))
    before = memory(model, fs_mhz)
    cuts = [0]
    for i in range(1, threads):
        first = n_windows * i // threads
        start = _valid_start(x, (first * hop - before) // grid * grid, grid, fs_mhz)
        if start > 0 and first > cuts[-1]:
            cuts.append(first)
    pieces = []
    for first, last in zip(cuts, [*cuts[1:], n_windows], strict=True):
        start = _valid_start(x, (first * hop - before) // grid * grid, grid, fs_mhz) if first else 0
        end = (last - 1) * hop + model.front.window + delay
        stop = len(x) if last == n_windows else min(len(x), -(-end * fs_mhz // 128000))
        pieces.append(Segment(start * fs_mhz // 128000, stop, first - start // hop, first, last))
    return pieces


def _valid_start(x: np.ndarray, start: int, grid: int, fs_mhz: int) -> int:
    """The latest point of the grid, not behind `start`, whose sample was measured: a gap holds the value before it."""
    while start > 0:
        value = x[start * fs_mhz // 128000]
        if np.isfinite(value) and value != MISSING:
            return start
        start -= grid
    return 0


def run_in_threads(run, pieces: list[Segment], results: tuple) -> bool:
    """run(piece) -> arrays of the piece's windows, into the arrays of `results`; false where one returned None."""

    def work(piece: Segment) -> bool:
        parts = run(piece)
        for whole, part in zip(results, parts or (), strict=parts is not None):
            whole[piece.first : piece.last] = part[piece.skip : piece.skip + piece.last - piece.first]
        return parts is not None

    with ThreadPoolExecutor(len(pieces)) as pool:
        return all(list(pool.map(work, pieces)))
