"""Quality flags: docs/numerics.md 5."""

import numpy as np

from .._compiled import compiled
from .._operations import Array
from ..constants import BLOCK, RATE_MHZ, STEP_LIMIT, X_MAX
from ..quality import Quality

FLAT, CLIPPED, LEAD_OFF = int(Quality.FLAT), int(Quality.CLIPPED), int(Quality.LEAD_OFF)
MISSING, NOISY = int(Quality.MISSING), int(Quality.NOISY)


@compiled()
def flat_blocks(x: Array, flat_max: int, flat: Array) -> None:
    """Which blocks of 32 samples at 128 Hz differ by at most `flat_max`."""
    for q in range(len(flat)):
        block = x[q * BLOCK : (q + 1) * BLOCK]
        flat[q] = np.int64(block.max()) - block.min() <= flat_max


@compiled()
def roughness(y: Array, rough: Array) -> None:
    """The roughness of each block of 32 bytes: the sum of its limited steps."""
    for i in range(1, len(y)):
        if i % BLOCK:
            rough[i // BLOCK] += min(abs(np.int64(y[i, 0]) - y[i - 1, 0]), STEP_LIMIT)


@compiled()
def block_statistics(
    x: Array, missing: Array, fs: int, high: Array, low: Array, at_high: Array, at_low: Array, gaps: Array
) -> None:
    """Per block: the extremes of its input samples, samples there (third of a run or later), and missing samples."""
    run = 0
    for i in range(len(x)):
        run = run + 1 if i > 0 and x[i] == x[i - 1] else 1
        q = (i * RATE_MHZ // fs) // BLOCK
        if q >= len(high):
            break
        if i == 0 or q != ((i - 1) * RATE_MHZ // fs) // BLOCK:
            high[q] = low[q] = x[i]
        if x[i] > high[q]:
            high[q] = x[i]
            at_high[q] = 0
        if x[i] < low[q]:
            low[q] = x[i]
            at_low[q] = 0
        if run >= 3:
            at_high[q] += x[i] == high[q]
            at_low[q] += x[i] == low[q]
        gaps[q] += missing[i]


@compiled()
def window_flags(
    first: int,
    count: int,
    fs: int,
    high: Array,
    low: Array,
    at_high: Array,
    at_low: Array,
    gaps: Array,
    flat: Array,
    rough: Array,
    flat_least: int,
    off_least: int,
    clip_ms: int,
    noise: int,
) -> int:
    """Flags of the window of `count` blocks from `first` on."""
    end = first + count
    top, bottom = high[first:end].max(), low[first:end].min()
    stuck, run, longest = 0, 0, 0
    for q in range(first, end):
        if high[q] == top:
            stuck += at_high[q]
        if low[q] == bottom and top != bottom:
            stuck += at_low[q]
        run = run + 1 if flat[q] else 0
        longest = max(longest, run)
    flags = 0
    if flat[first:end].sum() >= flat_least:
        flags |= FLAT
    elif stuck * 1_000_000 >= clip_ms * fs:
        flags |= CLIPPED
    if longest >= off_least or top == X_MAX or bottom == -X_MAX:
        flags |= LEAD_OFF
    if gaps[first:end].sum() > 0:
        flags |= MISSING
    if noise and rough[first:end].sum() >= noise:
        flags |= NOISY
    return flags


@compiled()
def quality(
    x: Array,
    missing: Array,
    fs: int,
    flat: Array,
    rough: Array,
    starts: Array,
    count: int,
    flat_least: int,
    off_least: int,
    clip_ms: int,
    noise: int,
    flags: Array,
) -> None:
    """Flags of the windows of `count` blocks that begin at samples `starts` (128 Hz)."""
    n_blocks = len(flat)
    high, low = np.zeros(n_blocks, np.int64), np.zeros(n_blocks, np.int64)
    at_high, at_low, gaps = np.zeros(n_blocks, np.int64), np.zeros(n_blocks, np.int64), np.zeros(n_blocks, np.int64)
    block_statistics(x, missing, fs, high, low, at_high, at_low, gaps)
    for w in range(len(starts)):
        flags[w] = window_flags(
            starts[w] // BLOCK,
            count,
            fs,
            high,
            low,
            at_high,
            at_low,
            gaps,
            flat,
            rough,
            flat_least,
            off_least,
            clip_ms,
            noise,
        )
