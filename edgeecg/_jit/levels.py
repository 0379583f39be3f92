"""Size, wander and range of windows: docs/numerics.md 4.1."""

from typing import Any

import numpy as np

from .._compiled import compiled
from .._operations import Array
from ..constants import BLOCK, LEVEL_MARGIN, RATE_MHZ


@compiled()
def logarithm(v: Any) -> Any:
    """Mitchell's binary logarithm, with 8 fractional bits."""
    e = 0
    while v >> e > 1:
        e += 1
    return 256 * e + (((v >> e - 8) if e > 8 else v << 8 - e) - 256)


@compiled()
def levels(x: Array, fs: int, resampled: Array, z: Array, starts: Array, count: int, out: Array) -> None:
    """Size, wander and range of the windows of `count` blocks that begin at samples `starts`: (windows, 3)."""
    for w in range(len(starts)):
        first = starts[w] // BLOCK
        begin = (first * BLOCK * fs + RATE_MHZ - 1) // RATE_MHZ
        end = min(((first + count) * BLOCK * fs + RATE_MHZ - 1) // RATE_MHZ, len(x))
        samples = x[begin:end]
        size, total, squares, start = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
        for i in range(first * BLOCK, (first + count) * BLOCK):
            size += abs(np.int64(z[i]))
        inner = max(count - 2 * LEVEL_MARGIN, 0)
        for q in range(first + LEVEL_MARGIN, first + LEVEL_MARGIN + inner):
            base = np.int64(resampled[q * BLOCK]) - 4 * np.int64(z[q * BLOCK])
            if q == first + LEVEL_MARGIN:
                start = base
            total += (base - start) >> 2
            squares += ((base - start) >> 2) ** 2
        out[w, 0] = logarithm(size + 1)
        out[w, 1] = logarithm(inner * squares - total * total + 1) - 2 * out[w, 0]
        out[w, 2] = logarithm(np.int64(samples.max()) - samples.min() + 1) - out[w, 0]
