"""The Numba engine, for machines without the compiled core: the names and the bytes of edgeecg.reference.

Kernels are compiled on first use (seconds) and cached on disk next to the package. They release the GIL and use no
threads of their own.
"""

from __future__ import annotations

import math
import sys
import weakref
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numba.core.compiler_lock import global_compiler_lock
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ._forks import make_forks_wait_for
from ._jit import front_end as front_end_kernels
from ._jit import head as head_kernels
from ._jit import levels as level_kernels
from ._jit import quality as quality_kernels
from ._jit import trunk as trunk_kernels
from ._model.components import FrontEnd, Head, Layer, require
from ._operations import Bytes, Samples, Starts, apply_layer, check_rate
from ._signal import conversion
from .constants import BLOCK, LEVELS, RATE_MHZ, TABLE_STEP
from .errors import InputError

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
    "samples",
    "scale",
    "trunk",
]

make_forks_wait_for(global_compiler_lock)

DENSE_FROM = 16
"""Output channels a group must have to be worth a dense convolution of its own."""
TAPS_KEPT = 1 << 20
"""Resampling taps kept in memory at most."""

PackedLayer: TypeAlias = tuple[NDArray[np.int8], NDArray[np.int32], NDArray[np.int32]]
PackedHead: TypeAlias = tuple[NDArray[np.int16], NDArray[np.int8], NDArray[np.int32], NDArray[np.int16]]
_packed_layers: weakref.WeakKeyDictionary[Layer, PackedLayer] = weakref.WeakKeyDictionary()
_packed_heads: weakref.WeakKeyDictionary[Head, PackedHead] = weakref.WeakKeyDictionary()


def samples(
    signal: ArrayLike, unit: str = "mV", gain: float | None = None
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """(x `(n,)` int32, missing `(n,)` bool): see edgeecg.reference.samples."""
    signal = np.ascontiguousarray(signal)
    convert = conversion(unit, gain)
    x, missing = np.empty(len(signal), np.int32), np.empty(len(signal), bool)
    if signal.dtype.kind == "f":
        front_end_kernels.samples_of_floats(signal.astype(np.float64, copy=False), convert.scale, x, missing)
    elif convert.mult:
        front_end_kernels.samples_of_integers(signal.astype(np.int64), convert.mult, convert.shift, x, missing)
    else:
        raise InputError("integer samples need gain= (ADC units per millivolt)")
    return x, missing


def _writable(array: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """A contiguous array that Numba sees as one type wherever it came from."""
    return np.require(array, dtype, ["C", "W"])


def resample(x: Samples, fs_mhz: int, front: FrontEnd) -> NDArray[np.int32]:
    """`(n,)` canonical samples at `fs_mhz` -> int32 at 128 Hz."""
    fs = int(fs_mhz)
    fe = max(fs, front.min_rate)
    half = front.table_half * fe // RATE_MHZ + 1
    phases = RATE_MHZ // math.gcd(fs, RATE_MHZ)
    rows = phases if phases * 2 * half <= TAPS_KEPT else 1
    out = np.empty(-(-len(x) * RATE_MHZ // fs), np.int32)
    if len(x):
        held = np.pad(np.asarray(x, np.int32), half, mode="edge")
        step, g = (RATE_MHZ * TABLE_STEP << 16) // fe, (RATE_MHZ << 16) // fe
        front_end_kernels.resample(held, len(x), fs, fe, half, step, g, _writable(front.table, np.int16), rows, out)
    return out


def baseline(x: Samples, front: FrontEnd) -> NDArray[np.int16]:
    """Canonical samples at 128 Hz minus their moving average: `(n,)` int16 in 1/2 microvolt."""
    z = np.empty(len(x), np.int16)
    front_end_kernels.baseline(_writable(x, np.int32), front.baseline, front.baseline.bit_length() - 1, z)
    return z


def scale(z: Samples, front: FrontEnd) -> Bytes:
    """`(n,)` int16 -> `(n, channels)` uint8, zero point 128."""
    y = np.empty((len(z), front.channels), np.uint8)
    front_end_kernels.scale(_writable(z, np.int16), front.reach, front.floor, np.array(front.gain, np.int64), y)
    return y


def front_end(x: Samples, fs_mhz: int, front: FrontEnd) -> Bytes:
    """Canonical samples -> `(n at 128 Hz, channels)` uint8."""
    return _front_end(x, fs_mhz, front)[0]


def _front_end(x: Samples, fs_mhz: int, front: FrontEnd) -> tuple[Bytes, NDArray[np.int32], NDArray[np.int16]]:
    """(y, the samples at 128 Hz that it was made of, those without their baseline; of `kind` 0 none)."""
    check_rate(fs_mhz, front)
    x = _writable(x, np.int32)
    if front.kind == 0:
        y = np.empty((len(x), 1), np.uint8)
        front_end_kernels.plain(x, front.direct_gain, y)
        return y, x, np.zeros(0, np.int16)
    x = resample(x, fs_mhz, front)
    z = baseline(x, front)
    return scale(z, front), x, z


def _pack(layer: Layer) -> PackedLayer:
    """(weights, bias, requantization (3, cout)) in the layout of the kernels, cached as long as the layer lives."""
    if layer not in _packed_layers:
        each_in, each_out = layer.cin // layer.groups, layer.cout // layer.groups
        taps = require(layer.weights).reshape(layer.groups, each_out, layer.kernel * each_in)
        weights = np.ascontiguousarray(taps.transpose(0, 2, 1))
        if layer.groups > 1 and each_out < DENSE_FROM:
            weights = np.ascontiguousarray(require(layer.weights).reshape(layer.cout, -1).T)
        requant = np.zeros((3, layer.cout), np.int32)
        arrays = [layer.mult, layer.mult_neg, layer.add]
        for row, array in zip(requant, arrays, strict=True):
            row[:] = 0 if array is None else array
        _packed_layers[layer] = weights.copy(), require(layer.bias).copy(), requant
    return _packed_layers[layer]


def conv(tensor: Bytes, layer: Layer, zero_point: int) -> Bytes:
    """`(L, cin)` uint8 -> `(ceil(L / stride), cout)` uint8; `zero_point` is that of the input."""
    weights, bias, requant = _pack(layer)
    y = np.empty((-(-len(tensor) // layer.stride), layer.cout), np.uint8)
    kernel = trunk_kernels.conv_dense if weights.ndim == 3 else trunk_kernels.conv_grouped
    kernel(
        _writable(tensor, np.uint8),
        zero_point,
        layer.kernel,
        layer.stride,
        layer.pad_left,
        weights,
        bias,
        requant,
        layer.requant == 1,
        layer.zp_out,
        y,
    )
    return y


def add(a: Bytes, b: Bytes, layer: Layer, zero_a: int, zero_b: int) -> Bytes:
    """The sum of two `(L, channels)` uint8 tensors, each with its zero point."""
    a, b = _writable(a, np.uint8), _writable(b, np.uint8)
    y = np.empty_like(a)
    numbers = int(zero_a), int(zero_b), int(layer.m_a), int(layer.m_b), int(layer.zp_out)
    trunk_kernels.add_tensors(a.reshape(-1), b.reshape(-1), *numbers, y.reshape(-1))
    return y


def max_pool(tensor: Bytes, layer: Layer) -> Bytes:
    """`(L, channels)` uint8 -> `(ceil(L / stride), channels)`: the largest of the frames that exist."""
    y = np.empty((-(-len(tensor) // layer.stride), layer.cout), np.uint8)
    trunk_kernels.max_pool(_writable(tensor, np.uint8), layer.kernel, layer.stride, layer.pad_left, y)
    return y


def trunk(y: Bytes, model: Model) -> Bytes:
    """`(n, channels)` uint8 of the front end -> `(ceil(n / total_stride), C)` uint8, the last tensor."""
    zeros = model.zero_points
    last_use = {}
    for index, layer in enumerate(model.layers):
        last_use[layer.src_a] = last_use[layer.src_b] = index
    tensors = {0: y}
    for index, layer in enumerate(model.layers):
        out = tensors[index + 1] = apply_layer(sys.modules[__name__], layer, tensors, zeros)
        tensors = {t: tensor for t, tensor in tensors.items() if last_use.get(t, index + 1) > index}
    return out


def _pack_head(h: Head) -> PackedHead:
    if h not in _packed_heads:
        mean_mult = np.zeros(1, np.int16) if h.mean_mult is None else h.mean_mult.copy()
        _packed_heads[h] = mean_mult, np.ascontiguousarray(h.weights.T), h.bias.copy(), h.mult.copy()
    return _packed_heads[h]


def head(
    frames: Bytes, model: Model, starts: Starts, level: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int16], NDArray[np.int8]]:
    """Windows that begin at samples `starts` (128 Hz) -> (e16 `(n, dim)` int16, e8 `(n, dim)` int8)."""
    h = model.head
    if level is None:
        level = np.zeros((len(starts), h.levels), np.int64)
    e16, e8 = np.empty((len(starts), h.dim), np.int16), np.empty((len(starts), h.dim), np.int8)
    mean_mult, weights, bias, mult = _pack_head(h)
    head_kernels.head(
        _writable(frames, np.uint8),
        np.asarray(starts, np.int64),
        model.total_stride,
        h.frames,
        h.pool,
        model.zero_points[-1],
        mean_mult,
        h.zp_mean,
        weights,
        bias,
        mult,
        level,
        e16,
        e8,
    )
    return e16, e8


def levels(x: Samples, fs_mhz: int, front: FrontEnd, starts: Starts) -> NDArray[np.int64]:
    """`(n, 3)` int64: size, wander, range of the windows that begin at `starts`; `x` as it came in, gaps held."""
    x = _writable(x, np.int32)
    resampled = resample(x, fs_mhz, front)
    return _levels(x, resampled, baseline(resampled, front), fs_mhz, front, starts)


def _levels(
    x: Samples, resampled: Samples, z: Samples, fs_mhz: int, front: FrontEnd, starts: Starts
) -> NDArray[np.int64]:
    out = np.zeros((len(starts), len(LEVELS)), np.int64)
    level_kernels.levels(
        _writable(x, np.int32), int(fs_mhz), resampled, z, np.asarray(starts, np.int64), front.window // BLOCK, out
    )
    return out


def quality(x: Samples, missing: NDArray[np.bool_], fs_mhz: int, front: FrontEnd, starts: Starts) -> Bytes:
    """`(n,)` uint8 flags of the windows that begin at samples `starts` (128 Hz); `x` as it came in, gaps held."""
    if front.noise:
        y, resampled, _ = _front_end(x, fs_mhz, front)
    else:
        y, resampled = np.zeros((0, 1), np.uint8), x if front.kind == 0 else resample(x, fs_mhz, front)
    return _quality(x, y, resampled, missing, fs_mhz, front, starts)


def _quality(
    x: Samples,
    y: Bytes,
    resampled: Samples,
    missing: NDArray[np.bool_],
    fs_mhz: int,
    front: FrontEnd,
    starts: Starts,
) -> Bytes:
    flat = np.empty(-(-len(resampled) // BLOCK), bool)
    quality_kernels.flat_blocks(_writable(resampled, np.int32), front.flat_max, flat)
    rough = np.zeros(len(flat), np.int64)
    if front.noise:
        quality_kernels.roughness(y, rough)
    flags = np.zeros(len(starts), np.uint8)
    quality_kernels.quality(
        _writable(x, np.int32),
        _writable(missing, bool),
        int(fs_mhz),
        flat,
        rough,
        np.asarray(starts, np.int64),
        front.window // BLOCK,
        front.flat_blocks,
        front.off_blocks,
        front.clip_ms,
        front.noise,
        flags,
    )
    return flags


def embed(
    x: Samples, missing: NDArray[np.bool_], fs_mhz: int, model: Model, hop: int
) -> tuple[NDArray[np.int16], NDArray[np.int8], NDArray[np.uint8]]:
    """(e16 `(n, dim)` int16, e8 `(n, dim)` int8, flags `(n,)` uint8); `hop` in samples at 128 Hz."""
    y, resampled, z = _front_end(x, fs_mhz, model.front)
    starts = np.arange(0, len(y) - model.front.window + 1, hop)
    level = _levels(x, resampled, z, fs_mhz, model.front, starts) if model.head.levels else None
    e16, e8 = head(trunk(y, model), model, starts, level)
    return e16, e8, _quality(x, y, resampled, missing, fs_mhz, model.front, starts)
