"""Samples and front end: docs/numerics.md 1 and 2."""

from typing import Any

import numpy as np

from .._compiled import compiled
from .._operations import Array
from ..constants import BLOCK, MISSING, RATE_MHZ, TABLE_STEP, X_MAX, ZERO_POINT


@compiled()
def samples_of_floats(signal: Array, factor: float, x: Array, missing: Array) -> None:
    """Floats times `factor`, rounded half away from zero; what is not finite holds the value before it."""
    held = np.int32(0)
    for i in range(len(signal)):
        v: Any = np.float64(signal[i]) * factor
        missing[i] = not np.isfinite(signal[i])  # not of v: a product beyond binary64 is a sample at the limit
        if not missing[i]:
            v = min(max(v, -X_MAX), X_MAX)
            held = np.int32(v + 0.5 if v >= 0 else v - 0.5)
        x[i] = held


@compiled()
def samples_of_integers(signal: Array, mult: int, shift: int, x: Array, missing: Array) -> None:
    """rnd(signal * mult, shift); -2^31 is missing."""
    held = np.int32(0)
    for i in range(len(signal)):
        missing[i] = signal[i] == MISSING
        if not missing[i]:
            v: Any = (np.int64(signal[i]) * mult + (np.int64(1) << (shift - 1))) >> shift
            held = np.int32(min(max(v, -X_MAX), X_MAX))
        x[i] = held


@compiled()
def fill_taps(taps: Array, r: int, fe: int, step: int, g: int, table: Array) -> None:
    """The taps of phase `r`, for the oldest sample first, with the correction in the nearest sample's."""
    half = len(taps) // 2
    points = len(table) - 1
    first = (r * TABLE_STEP << 16) // fe
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
    taps[half - 1 if 2 * r < RATE_MHZ else half] += (1 << 20) - total


@compiled()
def resample(
    held: Array, n: int, fs: int, fe: int, half: int, step: int, g: int, table: Array, n_rows: int, x: Array
) -> None:
    """`held`: the samples with `half` repetitions of the first in front and of the last behind.

    The taps of `n_rows` phases are kept: a row belongs to the phase that was computed last in it.
    """
    taps = np.empty((n_rows, 2 * half), np.int32)
    owner = np.full(n_rows, -1, np.int64)
    for k in range(len(x)):
        j, r = k * fs // RATE_MHZ, k * fs % RATE_MHZ
        row = k % n_rows
        if owner[row] != r:
            fill_taps(taps[row], r, fe, step, g, table)
            owner[row] = r
        phase_taps = taps[row]
        acc = np.int64(0)
        for i in range(2 * half):
            acc += np.int64(phase_taps[i]) * np.int64(held[j + 1 + i])
        x[k] = min(max((acc + (1 << 19)) >> 20, -X_MAX), X_MAX)


@compiled()
def baseline(x: Array, length: int, b: int, z: Array) -> None:
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
def scale(z: Array, reach: int, floor: int, gain: Array, y: Array) -> None:
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
                v: Any = (np.int64(z[i]) * ratio + (1 << 19)) >> 20
                y[i, c] = min(max(v, -128), 127) + ZERO_POINT


@compiled()
def plain(x: Array, direct_gain: int, y: Array) -> None:
    """Front end of kind 0."""
    for i in range(len(x)):
        v: Any = (np.int64(x[i]) * direct_gain + (1 << 19)) >> 20
        y[i, 0] = min(max(v, -128), 127) + ZERO_POINT
