"""The executable specification: every operation of docs/numerics.md in NumPy, in its order and with its names.

Slow and obvious. The other engines (C, Numba, SIMD) must give the same bytes. Everything is computed in int64, where
docs/numerics.md shows that nothing overflows; `x` are canonical samples (1/8 microvolt), `fs_mhz` is in millihertz.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._model.components import FrontEnd, Head, Layer, require
from ._operations import Bytes, Samples, Starts, apply_layer, check_rate
from ._signal import conversion
from .constants import BLOCK, LEVEL_MARGIN, MISSING, RATE_MHZ, STEP_LIMIT, TABLE_STEP, X_MAX, ZERO_POINT
from .errors import InputError
from .quality import Quality

if TYPE_CHECKING:
    from .model import Model

__all__ = [
    "add",
    "baseline",
    "conv",
    "embed",
    "front_end",
    "head",
    "levels",
    "max_pool",
    "quality",
    "resample",
    "roughness",
    "samples",
    "scale",
    "trunk",
]


Whole = TypeVar("Whole", int, NDArray[np.int64])


def rnd(v: Whole, s: int) -> Whole:
    """Divide by 2^s, rounding half up."""
    return (v + (1 << (s - 1))) >> s


# 1. Samples


def samples(
    signal: ArrayLike, unit: str = "mV", gain: float | None = None
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """(x `(n,)` int32, missing `(n,)` bool) of a signal in `unit`, or of an ADC with `gain` units per mV.

    What is not finite is missing, and so is the integer -2^31. Raises InputError for integers of unknown unit.
    """
    signal = np.asarray(signal)
    convert = conversion(unit, gain)
    if signal.dtype.kind == "f":
        with np.errstate(over="ignore"):
            v = signal.astype(np.float64) * convert.scale
        missing = ~np.isfinite(signal)  # not of v: a product beyond binary64 is a sample at the limit
        v = np.where(missing, 0, v)
        x = np.trunc(np.clip(v + np.copysign(0.5, v), -X_MAX, X_MAX)).astype(np.int64)
    else:
        if not convert.mult:
            raise InputError("integer samples need gain= (ADC units per millivolt)")
        x = rnd(signal.astype(np.int64) * convert.mult, convert.shift)
        missing = signal == MISSING
    out = np.clip(x, -X_MAX, X_MAX).astype(np.int32)
    held = np.int32(0)
    for i in range(len(out)):
        if missing[i]:
            out[i] = held
        held = out[i]
    return out, missing


# 2. Front end


def resample(x: Samples, fs_mhz: int, front: FrontEnd) -> NDArray[np.int32]:
    """`(n,)` canonical samples at `fs_mhz` -> `(ceil(n * 128000 / fs_mhz),)` int32 at 128 Hz."""
    x = np.asarray(x, np.int64)
    fs, half = int(fs_mhz), front.table_half
    fe = max(fs, front.min_rate)
    taps = half * fe // RATE_MHZ + 1
    step = (RATE_MHZ * TABLE_STEP << 16) // fe
    g = (RATE_MHZ << 16) // fe
    table = front.table.astype(np.int64)

    def tap(t: NDArray[np.int64]) -> Any:
        p = np.minimum(t >> 16, half * TABLE_STEP - 1)
        f = (t >> 8) & 255
        v = table[p] * 256 + (table[p + 1] - table[p]) * f
        return np.where(t >> 16 >= half * TABLE_STEP, 0, rnd(v * g, 19))

    def sample(i: NDArray[np.int64]) -> NDArray[np.int64]:
        return x[np.clip(i, 0, len(x) - 1)]

    k = np.arange((len(x) * RATE_MHZ + fs - 1) // fs, dtype=np.int64)
    j = k * fs // RATE_MHZ
    r = k * fs % RATE_MHZ
    first = (r * TABLE_STEP << 16) // fe
    acc = np.zeros(len(k), np.int64)
    total = np.zeros(len(k), np.int64)
    for i in range(taps):
        left = tap(first + i * step)
        right = tap(step - first + i * step)
        acc += left * sample(j - i) + right * sample(j + 1 + i)
        total += left + right
    nearest = np.where(2 * r < RATE_MHZ, j, j + 1)
    acc += ((1 << 20) - total) * sample(nearest)
    return np.clip(rnd(acc, 20), -X_MAX, X_MAX).astype(np.int32)


def baseline(x: Samples, front: FrontEnd) -> NDArray[np.int16]:
    """Canonical samples at 128 Hz minus their moving average: `(n,)` int16 in 1/2 microvolt."""
    x = np.asarray(x, np.int64)
    length = front.baseline
    b = length.bit_length() - 1
    held = np.pad(x, (length // 2, length // 2), mode="edge")
    sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(held)])
    s: NDArray[np.int64] = (sums[length:] - sums[:-length])[: len(x)]
    return np.clip(rnd((x << b) - s, b + 2), -32767, 32767).astype(np.int16)


def scale(z: Samples, front: FrontEnd) -> Bytes:
    """`(n,)` int16 -> `(n, channels)` uint8, zero point 128: divided by the mean magnitude of the blocks around."""
    z = np.asarray(z, np.int64)
    y = np.empty((len(z), front.channels), np.uint8)
    for start in range(0, len(z), BLOCK):
        around = z[max(0, start - front.reach * BLOCK) : start + (front.reach + 1) * BLOCK]
        m, n = int(np.abs(around).sum()), len(around)
        d = max(m, front.floor * n)
        for c, gain in enumerate(front.gain):
            ratio = (gain * n << 12) // d
            y[start : start + BLOCK, c] = np.clip(rnd(z[start : start + BLOCK] * ratio, 20), -128, 127) + ZERO_POINT
    return y


def front_end(x: Samples, fs_mhz: int, front: FrontEnd) -> Bytes:
    """Canonical samples -> `(n at 128 Hz, channels)` uint8."""
    check_rate(fs_mhz, front)
    if len(x) == 0:
        return np.zeros((0, front.channels), np.uint8)
    if front.kind == 0:
        y = np.clip(rnd(np.asarray(x, np.int64) * front.direct_gain, 20), -128, 127) + ZERO_POINT
        return y.astype(np.uint8)[:, None]
    return scale(baseline(resample(x, fs_mhz, front), front), front)


# 3. Trunk


def _frames(tensor: Bytes, layer: Layer, zero_point: int, t: int) -> NDArray[np.int64]:
    """What tap `t` of the kernel sees for each output frame, int64; frames outside have the zero point."""
    o = np.arange(-(-len(tensor) // layer.stride))
    i = o * layer.stride - layer.pad_left + t
    outside = (i < 0) | (i >= len(tensor))
    inputs = tensor[np.where(outside, 0, i)].astype(np.int64)
    inputs[outside] = zero_point
    return inputs


def conv(tensor: Bytes, layer: Layer, zero_point: int) -> Bytes:
    """`(L, cin)` uint8 -> `(ceil(L / stride), cout)` uint8; `zero_point` is that of the input."""
    return requantize(accumulate(tensor, layer, zero_point), layer)


def accumulate(tensor: Bytes, layer: Layer, zero_point: int) -> NDArray[np.int64]:
    """The convolution's sums `(ceil(L / stride), cout)` int64 (they fit int32), bias included."""
    each_in, each_out = layer.cin // layer.groups, layer.cout // layer.groups
    weights = require(layer.weights).astype(np.int64)
    acc = np.tile(require(layer.bias).astype(np.int64), (-(-len(tensor) // layer.stride), 1))
    for t in range(layer.kernel):
        inputs = _frames(tensor, layer, zero_point, t)
        for group in range(layer.groups):
            out = slice(group * each_out, (group + 1) * each_out)
            acc[:, out] += inputs[:, group * each_in : (group + 1) * each_in] @ weights[out, t, :].T
    return acc


def requantize(acc: NDArray[np.int64], layer: Layer) -> Bytes:
    """Accumulators `(L, cout)` -> uint8: linear, or leaky ReLU followed by an affine map."""
    mult = require(layer.mult).astype(np.int64)
    if layer.requant == 0:
        q = rnd(acc * mult, 14)
    else:
        mult = np.where(acc >= 0, mult, require(layer.mult_neg).astype(np.int64))
        q = rnd(acc * mult + require(layer.add).astype(np.int64), 22)
    return np.clip(q + layer.zp_out, 0, 255).astype(np.uint8)


def add(a: Bytes, b: Bytes, layer: Layer, zero_a: int, zero_b: int) -> Bytes:
    """The sum of two `(L, channels)` uint8 tensors, each with its zero point."""
    v = (a.astype(np.int64) - zero_a) * layer.m_a + (b.astype(np.int64) - zero_b) * layer.m_b
    return np.clip(rnd(v, 14) + layer.zp_out, 0, 255).astype(np.uint8)


def max_pool(tensor: Bytes, layer: Layer) -> Bytes:
    """`(L, channels)` uint8 -> `(ceil(L / stride), channels)`: the largest of the frames that exist."""
    taps = np.stack([_frames(tensor, layer, -1, t) for t in range(layer.kernel)])
    largest: NDArray[np.int64] = taps.max(axis=0)
    return largest.astype(np.uint8)


def trunk(y: Bytes, model: Model) -> Bytes:
    """`(n, channels)` uint8 of the front end -> `(ceil(n / total_stride), C)` uint8, the last tensor."""
    tensors, zeros = [np.asarray(y, np.uint8)], model.zero_points
    for layer in model.layers:
        tensors.append(apply_layer(sys.modules[__name__], layer, tensors, zeros))
    return tensors[-1]


# 4. Head


def head(
    frames: Bytes, model: Model, starts: Starts, level: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int16], NDArray[np.int8]]:
    """Windows that begin at samples `starts` (128 Hz) -> (e16 `(n, dim)` int16, e8 `(n, dim)` int8).

    `level` `(n, 3)` int: what `levels` gives, for a head that adds them; None adds nothing.
    """
    h = model.head
    e16 = np.empty((len(starts), h.dim), np.int16)
    e8 = np.empty((len(starts), h.dim), np.int8)
    for w, n0 in enumerate(starts):
        first = int(n0) // model.total_stride
        u = pool(frames[first : first + h.frames], h, model.zero_points[-1])
        acc = h.bias.astype(np.int64) + h.weights.astype(np.int64) @ u
        if h.levels and level is not None:
            acc[-h.levels :] += level[w]
        product = acc * h.mult.astype(np.int64)
        e16[w] = np.clip(rnd(product, 6), -32767, 32767)
        e8[w] = np.clip(rnd(product, 14), -127, 127)
    return e16, e8


def pool(frames: Bytes, h: Head, zero_point: int) -> NDArray[np.int64]:
    """The feature vector of a window's frames `(F, C)`: mean, max or mean then max, int64."""
    values = frames.astype(np.int64)
    features: list[NDArray[np.int64]] = []
    if h.pool != 2:
        total = values.sum(axis=0) - len(values) * zero_point
        features.append(np.clip(rnd(total * require(h.mean_mult).astype(np.int64), 14) + h.zp_mean, 0, 255))
    if h.pool != 1:
        features.append(values.max(axis=0))
    return np.concatenate(features)


# 4.1 Levels


def levels(x: Samples, fs_mhz: int, front: FrontEnd, starts: Starts) -> NDArray[np.int64]:
    """`(n, 3)` int64: size, wander, range of the windows that begin at `starts`; `x` as it came in, gaps held."""
    x = np.asarray(x, np.int64)
    if not len(starts):
        return np.zeros((0, 3), np.int64)
    resampled = resample(x, fs_mhz, front).astype(np.int64)
    z = baseline(resampled, front).astype(np.int64)
    base = resampled[::BLOCK] - 4 * z[::BLOCK]
    block = _input_blocks(x, fs_mhz)
    out = np.zeros((len(starts), 3), np.int64)
    for w, n0 in enumerate(starts):
        first, end = int(n0) // BLOCK, int(n0) // BLOCK + front.window // BLOCK
        samples = x[slice(*np.searchsorted(block, [first, end]))]
        inner = base[first + LEVEL_MARGIN : end - LEVEL_MARGIN]
        d = (inner - inner[:1]) >> 2
        size = logarithm(int(np.abs(z[first * BLOCK : end * BLOCK]).sum()) + 1)
        wander = logarithm(len(d) * int((d * d).sum()) - int(d.sum()) ** 2 + 1) - 2 * size
        out[w] = size, wander, logarithm(int(samples.max() - samples.min()) + 1) - size
    return out


def logarithm(v: int) -> int:
    """Mitchell's binary logarithm of `v` >= 1, with 8 fractional bits."""
    e = v.bit_length() - 1
    return 256 * e + ((v << 8) >> e) - 256


# 5. Quality flags


def quality(x: Samples, missing: NDArray[np.bool_], fs_mhz: int, front: FrontEnd, starts: Starts) -> Bytes:
    """`(n,)` uint8 flags of the windows that begin at samples `starts` (128 Hz); `x` as it came in, gaps held."""
    x = np.asarray(x, np.int64)
    block = _input_blocks(x, fs_mhz)
    run = _run_lengths(x)
    flat = _flat_blocks(x if front.kind == 0 else resample(x, fs_mhz, front), front.flat_max)
    rough = roughness(front_end(x, fs_mhz, front)) if front.noise else np.zeros(len(flat), np.int64)
    flags = np.zeros(len(starts), np.uint8)
    for w, n0 in enumerate(starts):
        first = int(n0) // BLOCK
        blocks = slice(first, first + front.window // BLOCK)
        inside = slice(*np.searchsorted(block, [blocks.start, blocks.stop]))
        flags[w] = _window_flags(x[inside], run[inside], missing[inside], flat[blocks], fs_mhz, front)
        if front.noise and rough[blocks].sum() >= front.noise:
            flags[w] |= Quality.NOISY
    return flags


def _input_blocks(x: Samples, fs_mhz: int) -> NDArray[np.int64]:
    """The block of 32 samples at 128 Hz that each input sample belongs to."""
    return (np.arange(len(x)) * RATE_MHZ // fs_mhz) // BLOCK


def roughness(y: Bytes) -> NDArray[np.int64]:
    """`(n, channels)` uint8 of the front end -> of each block, the steps of channel 0 inside it, limited and summed."""
    blocks = [y[start : start + BLOCK, 0].astype(np.int64) for start in range(0, len(y), BLOCK)]
    return np.array([np.minimum(np.abs(np.diff(b)), STEP_LIMIT).sum() for b in blocks], np.int64)


def _window_flags(
    x: Samples, run: Samples, missing: NDArray[np.bool_], flat: NDArray[np.bool_], fs_mhz: int, front: FrontEnd
) -> int:
    flags = 0
    if flat.sum() >= front.flat_blocks:
        flags |= Quality.FLAT
    stuck = ((x == x.max()) | (x == x.min())) & (run >= 3)
    if not flags & Quality.FLAT and int(stuck.sum()) * 1_000_000 >= front.clip_ms * fs_mhz:
        flags |= Quality.CLIPPED
    if _longest(flat) >= front.off_blocks or np.abs(x).max() == X_MAX:
        flags |= Quality.LEAD_OFF
    if missing.any():
        flags |= Quality.MISSING
    return flags


def _run_lengths(x: Samples) -> NDArray[np.int64]:
    """For each sample, how many equal ones end with it."""
    index = np.arange(len(x))
    begins = np.concatenate([[True], x[1:] != x[:-1]])[: len(x)]
    return index - np.maximum.accumulate(np.where(begins, index, 0)) + 1


def _flat_blocks(x: Samples, flat_max: int) -> NDArray[np.bool_]:
    """Which blocks of 32 samples (the last one may be partial) differ by at most `flat_max`."""
    blocks = [x[start : start + BLOCK] for start in range(0, len(x), BLOCK)]
    return np.array([int(b.max()) - int(b.min()) <= flat_max for b in blocks], bool)


def _longest(marks: NDArray[np.bool_]) -> int:
    """Length of the longest run of True."""
    best = run = 0
    for mark in marks:
        run = run + 1 if mark else 0
        best = max(best, run)
    return best


# All of it


def embed(
    x: Samples, missing: NDArray[np.bool_], fs_mhz: int, model: Model, hop: int
) -> tuple[NDArray[np.int16], NDArray[np.int8], NDArray[np.uint8]]:
    """(e16 `(n, dim)` int16, e8 `(n, dim)` int8, flags `(n,)` uint8); `hop` in samples at 128 Hz."""
    y = front_end(x, fs_mhz, model.front)
    starts = range(0, len(y) - model.front.window + 1, hop)
    level = levels(x, fs_mhz, model.front, starts) if model.head.levels else None
    e16, e8 = head(trunk(y, model), model, starts, level)
    return e16, e8, quality(x, missing, fs_mhz, model.front, starts)
