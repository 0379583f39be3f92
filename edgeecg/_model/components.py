"""What a model is made of: front end, layers and head, as plain data (docs/format.md has the ranges)."""

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..constants import BLOCK, RATE, WINDOW
from ..errors import ModelError
from .low_pass import kernel_table

__all__ = ["FrontEnd", "Head", "Layer", "default_front_end", "require", "tensor_strides"]

Integer = TypeVar("Integer", bound=np.integer[Any])
UNSET: Any = None
"""The default of a field that is an array once the component is checked."""


def _integers(value: Any, dtypes: Sequence[np.dtype[Any]], label: str) -> NDArray[Any]:
    """`value` as a read-only contiguous array of the first of `dtypes` that it has or fits."""
    array = np.asarray(value)
    dtype = np.dtype(array.dtype if array.dtype in dtypes else dtypes[0])
    if array.dtype == dtype and array.flags.c_contiguous and not array.flags.writeable:
        return array
    if array.dtype.kind not in "iu" and not np.array_equal(array, np.round(array)):
        raise ModelError(f"{label} must be integers, not {array.dtype}")
    limits = np.iinfo(dtype)
    if array.size and (array.min() < limits.min or array.max() > limits.max):
        raise ModelError(f"{label} does not fit {dtype}: it spans {array.min()} .. {array.max()}")
    array = np.array(array, dtype=dtype, order="C")
    array.flags.writeable = False
    return array


def _freeze(component: object, **dtypes: list[str]) -> None:
    """Turn the named array fields of a frozen dataclass into read-only arrays of their file's type."""
    for name, kinds in dtypes.items():
        value = getattr(component, name)
        if value is not None:
            array = _integers(value, [np.dtype(kind) for kind in kinds], name)
            object.__setattr__(component, name, array)


def require(array: NDArray[Integer] | None) -> NDArray[Integer]:
    """The array of a component that has it, as the checks of a model made sure."""
    assert array is not None
    return array


@dataclasses.dataclass(frozen=True, eq=False)
class FrontEnd:
    """From samples to bytes: resampling, baseline, scale and quality flags.

    Attributes
    ----------
    kind : int
        1: the whole front end; 0: samples are taken as they are, at 128 Hz alone.
    channels : int
        Channels of the output, 1 to 4: the same signal with a different gain each.
    window : int
        Samples at 128 Hz per embedding: 32 to 5120, a multiple of 32.
    baseline : int
        Length of the moving average that is subtracted, in samples at 128 Hz: 16, 32, 64, 128 or 256.
    reach : int
        Blocks of 32 samples before and after a block that its scale depends on, 1 to 16.
    table : ndarray of int16, shape (table_half * 32 + 1,)
        Right half of the resampler's kernel, Q15; `kernel_table` unless given. Empty for `kind` 0.
    table_half : int
        Half the length of that kernel in samples at 128 Hz, 4 to 32.
    min_rate : int
        Sampling rate in millihertz below which the kernel is stretched, 64,000 to 128,000.
    floor : int
        The least scale, in 1/2 microvolt, 1 to 32767: quieter signals are not blown up to it.
    gain : tuple of int
        Steps of the bytes per mean magnitude in Q8, one a channel, 1 to 65535.
    direct_gain : int
        Of `kind` 0: steps of the bytes per 1/8 microvolt in Q20, 1 to 2^30. Of `kind` 1: 0.
    flat_max : int
        A block is flat where its samples differ by at most this, in 1/8 microvolt, 0 to 65535.
    flat_blocks : int
        Flat blocks that make a window `FLAT`.
    off_blocks : int
        Flat blocks in a row that make it `LEAD_OFF`.
    clip_ms : int
        Milliseconds at the highest and the lowest sample that make it `CLIPPED`, 1 to 65535.
    noise : int
        Roughness, in steps of the bytes, that makes it `NOISY`; 0: none is.

    References
    ----------
    docs/numerics.md, sections 2 and 5.
    """

    kind: int = 1
    channels: int = 1
    window: int = WINDOW
    baseline: int = RATE
    reach: int = 8
    table: NDArray[np.int16] = UNSET
    table_half: int = 16
    min_rate: int = 100_000
    floor: int = 4
    gain: tuple[int, ...] = (1626,)
    direct_gain: int = 0
    flat_max: int = 48
    flat_blocks: int = 20
    off_blocks: int = 8
    clip_ms: int = 100
    noise: int = 0

    def __post_init__(self) -> None:
        if self.table is None:
            table = kernel_table(self.table_half) if self.kind == 1 else np.zeros(0, np.int16)
            object.__setattr__(self, "table", table)
        _freeze(self, table=["int16"])
        object.__setattr__(self, "gain", tuple(int(g) for g in self.gain))


def default_front_end(**changes: Any) -> FrontEnd:
    """Make the front end of the bundled models, with changes.

    Parameters
    ----------
    **changes
        Fields of `FrontEnd`. `flat_blocks` and `off_blocks` follow a shorter `window` (half of it; at most all of it)
        unless they are given.

    Returns
    -------
    FrontEnd
        The front end; its ranges are checked when a `Model` is made of it.
    """
    blocks = int(changes.get("window", FrontEnd.window)) // BLOCK
    changes.setdefault("flat_blocks", max(1, blocks // 2))
    changes.setdefault("off_blocks", max(1, min(FrontEnd.off_blocks, blocks)))
    return FrontEnd(**changes)


@dataclasses.dataclass(frozen=True, eq=False)
class Layer:
    """One operation of the trunk.

    Tensors are counted: 0 is the front end's output, i the output of layer i.

    Attributes
    ----------
    op : str
        "conv", "add" or "max_pool".
    src_a : int
        The tensor that is read.
    src_b : int or None
        Of "add": the other one.
    cin, cout : int
        Channels in and out, 1 to 1024.
    groups : int
        Of "conv": groups of channels, which divide `cin` and `cout`.
    kernel : int
        Frames that an output frame sees, 1 to 256.
    stride : int
        Frames from one output frame to the next, 1 to 16.
    pad_left : int
        Frames before the first one that its output frame sees, 0 to `kernel` - 1.
    requant : int
        Of "conv": 0: sums are multiplied and rounded; 1: by one of two multipliers, for leaky ReLU, and moved.
    zp_out : int
        The byte of the output that means 0.
    weights : ndarray of int8, shape (cout, kernel, cin // groups), or None
        Of "conv".
    bias : ndarray of int32, shape (cout,), or None
        Of "conv", with the zero point of the input inside.
    mult : ndarray of int16 (`requant` 0) or int32 (1), shape (cout,), or None
        Of "conv": multipliers in Q14 or Q22.
    mult_neg : ndarray of int32, shape (cout,), or None
        Of `requant` 1: multipliers of negative sums, Q22.
    add : ndarray of int32, shape (cout,), or None
        Of `requant` 1: what is added before the shift, Q22.
    m_a, m_b : int
        Of "add": multipliers of both sources in Q14.

    References
    ----------
    docs/numerics.md, section 3.
    """

    op: str
    src_a: int
    src_b: int | None = None
    cin: int = 1
    cout: int = 1
    groups: int = 1
    kernel: int = 1
    stride: int = 1
    pad_left: int = 0
    requant: int = 0
    zp_out: int = 0
    weights: NDArray[np.int8] | None = None
    bias: NDArray[np.int32] | None = None
    mult: NDArray[np.int16 | np.int32] | None = None
    mult_neg: NDArray[np.int32] | None = None
    add: NDArray[np.int32] | None = None
    m_a: int = 0
    m_b: int = 0

    def __post_init__(self) -> None:
        mult = ["int16"] if self.requant == 0 else ["int32"]
        _freeze(self, weights=["int8"], bias=["int32"], mult=mult, mult_neg=["int32"], add=["int32"])


@dataclasses.dataclass(frozen=True, eq=False)
class Head:
    """Pooling over the frames of a window, and the last linear layer.

    Attributes
    ----------
    pool : int
        1: mean; 2: max; 3: mean, then max.
    zp_mean : int
        The number that means 0 among the means.
    frames : int
        Frames of the last tensor that a window pools, 1 to 256.
    dim : int
        Numbers of an embedding, 1 to 1024.
    exponent : int
        The embedding is e16 * 2^-exponent, 0 to 24.
    mean_mult : ndarray of int16, shape (channels,), or None
        Multipliers of the means in Q14; None without mean.
    weights : ndarray of int8, shape (dim, features)
        Features: channels, or twice as many with `pool` 3.
    bias : ndarray of int32, shape (dim,)
        Biases, with the zero points of the features inside.
    mult : ndarray of int16, shape (dim,)
        Multipliers of the sums.
    levels : int
        0, or 3: the levels of the signal (`LEVELS`) are added to the last three sums.

    References
    ----------
    docs/numerics.md, section 4.
    """

    pool: int = 3
    zp_mean: int = 0
    frames: int = 1
    dim: int = 128
    exponent: int = 12
    mean_mult: NDArray[np.int16] | None = None
    weights: NDArray[np.int8] = UNSET
    bias: NDArray[np.int32] = UNSET
    mult: NDArray[np.int16] = UNSET
    levels: int = 0

    def __post_init__(self) -> None:
        _freeze(self, mean_mult=["int16"], weights=["int8"], bias=["int32"], mult=["int16"])


def tensor_strides(layers: Sequence[Layer]) -> list[int]:
    """Samples at 128 Hz per frame of each tensor, the front end's output first."""
    strides = [1]
    for layer in layers:
        strides.append(strides[layer.src_a] * layer.stride)
    return strides
