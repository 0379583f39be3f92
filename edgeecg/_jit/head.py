"""The head: docs/numerics.md 4."""

import numpy as np

from .._compiled import compiled
from .._operations import Array
from .trunk import accumulate


@compiled()
def pool_window(
    frames: Array, first: int, count: int, pool: int, zero_point: int, mean_mult: Array, zp_mean: int, u: Array
) -> None:
    """Features of the window of `count` frames from `first` on: mean, max or mean then max."""
    channels = frames.shape[1]
    total = np.zeros(channels, np.int32)
    largest = np.zeros(channels, np.uint8)
    for frame in range(first, first + count):
        for c in range(channels):
            total[c] += np.int32(frames[frame, c])
            largest[c] = max(largest[c], frames[frame, c])
    at = 0
    if pool != 2:
        for c in range(channels):
            v = (np.int64(total[c]) - count * zero_point) * mean_mult[c]
            u[c] = min(max(((v + (1 << 13)) >> 14) + zp_mean, 0), 255)
        at = channels
    if pool != 1:
        u[at : at + channels] = largest


@compiled()
def head(
    frames: Array,
    starts: Array,
    stride: int,
    count: int,
    pool: int,
    zero_point: int,
    mean_mult: Array,
    zp_mean: int,
    weights: Array,
    bias: Array,
    mult: Array,
    level: Array,
    e16: Array,
    e8: Array,
) -> None:
    """Windows that begin at samples `starts`.

    `weights` (features, dim), `level` (windows, what is added to the last sums).
    """
    features, dim = weights.shape
    u = np.empty(features, np.uint8)
    acc = np.empty(dim, np.int32)
    for w in range(len(starts)):
        pool_window(frames, starts[w] // stride, count, pool, zero_point, mean_mult, zp_mean, u)
        accumulate(u, 0, weights, bias, acc)
        for j in range(level.shape[1]):
            acc[dim - level.shape[1] + j] += level[w, j]
        for d in range(dim):
            v = np.int64(acc[d]) * mult[d]
            e16[w, d] = min(max((v + (1 << 5)) >> 6, -32767), 32767)
            e8[w, d] = min(max((v + (1 << 13)) >> 14, -127), 127)
