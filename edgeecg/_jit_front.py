"""Numba kernels of samples, front end and quality flags: docs/numerics.md 1, 2 and 5."""

import numpy as np

from ._compiled import compiled
from ._model_parts import ENDS, STEEP

X_MAX = (1 << 22) - 1
BLOCK = 32


@compiled()
def samples_of_floats(signal, factor, x, missing):
    """Floats times `factor`, rounded half away from zero; what is not finite holds the value before it."""
    held = np.int32(0)
    for i in range(len(signal)):
        v = np.float64(signal[i]) * factor
        missing[i] = not np.isfinite(v)
        if not missing[i]:
            v = min(max(v, -X_MAX), X_MAX)
            held = np.int32(v + 0.5 if v >= 0 else v - 0.5)
        x[i] = held


@compiled()
def samples_of_integers(signal, mult, shift, x, missing):
    """rnd(signal * mult, shift); -2^31 is missing."""
    held = np.int32(0)
    for i in range(len(signal)):
        missing[i] = signal[i] == -(1 << 31)
        if not missing[i]:
            v = (np.int64(signal[i]) * mult + (np.int64(1) << (shift - 1))) >> shift
            held = np.int32(min(max(v, -X_MAX), X_MAX))
        x[i] = held


@compiled()
def fill_taps(taps, r, fe, step, g, table):
    """The taps of phase `r`, for the oldest sample first, with the correction in the nearest sample's."""
    half = len(taps) // 2
    points = len(table) - 1
    first = (r * 32 << 16) // fe
    total = 0
    for i in range(2 * half):
        t = first + (half - 1 - i) * step if i < half else step - first + (i - half) * step
        p, f = t >> 16, (t >> 8) & 255
        tap = 0
        if p < points:
            v = np.int64(table[p]) * 256 + (np.int64(table[p + 1]) - table[p]) * f
            tap = (v * g + (1 << 18)) >> 19
        taps[i] = tap
        total += tap
    taps[half - 1 if r < 64000 else half] += (1 << 20) - total


@compiled()
def resample(held, n, fs, fe, half, step, g, table, n_rows, x):
    """`held`: the samples with `half` repetitions of the first in front and of the last behind.

    The taps of `n_rows` phases are kept: a row belongs to the phase that was computed last in it.
    """
    taps = np.empty((n_rows, 2 * half), np.int32)
    owner = np.full(n_rows, -1, np.int64)
    for k in range(len(x)):
        j, r = k * fs // 128000, k * fs % 128000
        row = k % n_rows
        if owner[row] != r:
            fill_taps(taps[row], r, fe, step, g, table)
            owner[row] = r
        mine = taps[row]
        acc = np.int64(0)
        for i in range(2 * half):
            acc += np.int64(mine[i]) * np.int64(held[j + 1 + i])
        x[k] = min(max((acc + (1 << 19)) >> 20, -X_MAX), X_MAX)


@compiled()
def baseline(x, length, b, z):
    """Minus the moving average over `length` = 2^b samples; outside, the first and last are held."""
    n, last, half = len(x), len(x) - 1, length // 2
    total = np.int64(0)
    for i in range(-half, half):
        total += x[min(max(i, 0), last)]
    for i in range(n):
        v = ((np.int64(x[i]) << b) - total + (np.int64(1) << (b + 1))) >> (b + 2)
        z[i] = min(max(v, -32767), 32767)
        total += np.int64(x[min(i + half, last)]) - x[max(i - half, 0)]


@compiled()
def scale(z, reach, floor, gain, y):
    """Divide by the mean magnitude of the blocks q - reach .. q + reach that exist."""
    n = len(z)
    n_blocks = (n + BLOCK - 1) // BLOCK
    sums = np.zeros(n_blocks, np.int64)
    for i in range(n):
        sums[i // BLOCK] += abs(np.int64(z[i]))
    for q in range(n_blocks):
        low, high = max(q - reach, 0), min(q + reach + 1, n_blocks)
        m = sums[low:high].sum()
        count = min(high * BLOCK, n) - low * BLOCK
        d = max(m, floor * count)
        for c in range(len(gain)):
            ratio = (gain[c] * count << 12) // d
            for i in range(q * BLOCK, min((q + 1) * BLOCK, n)):
                v = (np.int64(z[i]) * ratio + (1 << 19)) >> 20
                y[i, c] = min(max(v, -128), 127) + 128


@compiled()
def plain(x, direct_gain, y):
    """Front end of kind 0."""
    for i in range(len(x)):
        v = (np.int64(x[i]) * direct_gain + (1 << 19)) >> 20
        y[i, 0] = min(max(v, -128), 127) + 128


@compiled()
def flat_blocks(x, flat_max, flat):
    """Which blocks of 32 samples at 128 Hz differ by at most `flat_max`."""
    for q in range(len(flat)):
        block = x[q * BLOCK : (q + 1) * BLOCK]
        flat[q] = np.int64(block.max()) - block.min() <= flat_max


@compiled()
def roughness(y, rough):
    """Of each block of 32 bytes: its steps, each limited, summed."""
    for i in range(1, len(y)):
        if i % BLOCK:
            rough[i // BLOCK] += min(abs(np.int64(y[i, 0]) - y[i - 1, 0]), STEEP)


@compiled()
def block_statistics(x, missing, fs, high, low, at_high, at_low, gaps):
    """Of the input samples of each block: extremes, how many stay there (third of a run or later), missing ones."""
    run = 0
    for i in range(len(x)):
        run = run + 1 if i > 0 and x[i] == x[i - 1] else 1
        q = (i * 128000 // fs) >> 5
        if q >= len(high):
            break
        if i == 0 or q != ((i - 1) * 128000 // fs) >> 5:
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
def logarithm(v):
    """Mitchell's, to the base 2, 8 bits behind the point."""
    e = 0
    while v >> e > 1:
        e += 1
    return 256 * e + (((v >> e - 8) if e > 8 else v << 8 - e) - 256)


@compiled()
def levels(x, fs, resampled, z, starts, count, found):
    """Size, wander and range of the windows of `count` blocks that begin at samples `starts`: (windows, 3)."""
    for w in range(len(starts)):
        first = starts[w] // BLOCK
        begin = (first * BLOCK * fs + 127999) // 128000
        end = min(((first + count) * BLOCK * fs + 127999) // 128000, len(x))
        seen = x[begin:end]
        size, total, squares, start = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
        for i in range(first * BLOCK, (first + count) * BLOCK):
            size += abs(np.int64(z[i]))
        inner = max(count - 2 * ENDS, 0)
        for q in range(first + ENDS, first + ENDS + inner):
            base = np.int64(resampled[q * BLOCK]) - 4 * np.int64(z[q * BLOCK])
            if q == first + ENDS:
                start = base
            total += (base - start) >> 2
            squares += ((base - start) >> 2) ** 2
        found[w, 0] = logarithm(size + 1)
        found[w, 1] = logarithm(inner * squares - total * total + 1) - 2 * found[w, 0]
        found[w, 2] = logarithm(np.int64(seen.max()) - seen.min() + 1) - found[w, 0]


@compiled()
def window_flags(
    first, count, fs, high, low, at_high, at_low, gaps, flat, rough, flat_least, off_least, clip_ms, noise
):
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
        flags |= 1
    elif stuck * 1_000_000 >= clip_ms * fs:
        flags |= 2
    if longest >= off_least or top == X_MAX or bottom == -X_MAX:
        flags |= 4
    if gaps[first:end].sum() > 0:
        flags |= 8
    if noise and rough[first:end].sum() >= noise:
        flags |= 16
    return flags


@compiled()
def quality(x, missing, fs, flat, rough, starts, count, flat_least, off_least, clip_ms, noise, flags):
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
