"""What a model is made of: front end, layers and head, as plain data (docs/format.md has the ranges)."""

import dataclasses

import numpy as np

from .errors import ModelError

__all__ = ["LEVELS", "FrontEnd", "Head", "Layer", "default_front_end", "kernel_table"]

TABLE_STEP = 32
"""Points of the resampling table per output sample at 128 Hz."""
STEEP = 6
"""What a step from byte to byte counts as at most in a block's roughness (docs/numerics.md 5)."""
ROUGHEST = 31 * STEEP
"""The largest roughness of a block."""
LEVELS = ("size", "wander", "range")
"""What a head may add to its last sums, of the signal before it was scaled (docs/numerics.md 4.1)."""
ENDS = 2
"""Blocks at each end of a window whose baseline does not count: it may be made of held samples."""


def kernel_table(half: int = 16) -> np.ndarray:
    """The resampling prototype of docs/numerics.md 2.1: the right half of a low-pass kernel.

    A Kaiser-windowed sinc (Kaiser 1974; Oppenheim and Schafer, Discrete-Time Signal Processing, 7.5),
    -6 dB at 43 Hz; with `half` = 16 the pass band ends at 36 Hz and the stop band begins at 50 Hz.

    Returns `(half * 32 + 1,)` int16, Q15: the taps at 128 Hz sum to 2^15, the last point is 0.
    """
    u = np.arange(half * TABLE_STEP + 1) / TABLE_STEP
    cutoff = 43.0 / 128.0
    h = np.sinc(2 * cutoff * u) * np.i0(5.4 * np.sqrt(1 - (u / half) ** 2))
    area = (2 * h.sum() - h[0]) / TABLE_STEP
    table = np.floor(h / area * 2**15 + 0.5).astype(np.int16)
    table[-1] = 0
    return table


def _integers(value, dtypes, what: str) -> np.ndarray:
    """`value` as a read-only contiguous array of the first of `dtypes` that it has or fits."""
    array = np.asarray(value)
    dtype = np.dtype(array.dtype if array.dtype in dtypes else dtypes[0])
    if array.dtype == dtype and array.flags.c_contiguous and not array.flags.writeable:
        return array
    if array.dtype.kind not in "iu" and not np.array_equal(array, np.round(array)):
        raise ModelError(f"{what} must be integers, not {array.dtype}")
    limits = np.iinfo(dtype)
    if array.size and (array.min() < limits.min or array.max() > limits.max):
        raise ModelError(f"{what} does not fit {dtype}: it spans {array.min()} .. {array.max()}")
    array = np.array(array, dtype=dtype, order="C")
    array.flags.writeable = False
    return array


def _freeze(part, **dtypes) -> None:
    """Turn the named array fields of a frozen dataclass into read-only arrays of their file's type."""
    for name, kinds in dtypes.items():
        value = getattr(part, name)
        if value is not None:
            array = _integers(value, [np.dtype(kind) for kind in kinds], name)
            object.__setattr__(part, name, array)


@dataclasses.dataclass(frozen=True, eq=False)
class FrontEnd:
    """From samples to uint8: numerics.md 2 and 5. `kind` 1 is the whole front end, 0 takes samples as they are.

    Lengths (`window`, `baseline`) are in samples at 128 Hz, `reach`, `flat_blocks` and `off_blocks` in blocks of
    32 samples, `min_rate` in millihertz, `gain` in Q8 for each channel, `floor` in 1/2 microvolt, `flat_max` in
    1/8 microvolt, `noise` in steps of the bytes (0: no window is flagged). `table` is `(table_half * 32 + 1,)` int16,
    empty for `kind` 0.
    """

    kind: int = 1
    channels: int = 1
    window: int = 1280
    baseline: int = 128
    reach: int = 8
    table: np.ndarray | None = None
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

    def __post_init__(self):
        if self.table is None:
            table = kernel_table(self.table_half) if self.kind == 1 else np.zeros(0, np.int16)
            object.__setattr__(self, "table", table)
        _freeze(self, table=["int16"])
        object.__setattr__(self, "gain", tuple(int(g) for g in self.gain))


def default_front_end(**changes) -> FrontEnd:
    """The front end with the project's constants, some of them changed.

    `flat_blocks` and `off_blocks` follow a shorter `window` (half of it; at most all of it) unless they are given.
    """
    blocks = int(changes.get("window", FrontEnd.window)) // 32
    changes.setdefault("flat_blocks", max(1, blocks // 2))
    changes.setdefault("off_blocks", max(1, min(FrontEnd.off_blocks, blocks)))
    return FrontEnd(**changes)


@dataclasses.dataclass(frozen=True, eq=False)
class Layer:
    """One operation of the trunk: numerics.md 3. `src_a` and `src_b` count tensors, 0 is the front end's output.

    For `op` "conv": `weights` `(cout, kernel, cin // groups)` int8, `bias` `(cout,)` int32 with the zero point of
    the input inside, and the multipliers `(cout,)`: `mult` int16 (`requant` 0), or `mult`, `mult_neg` and `add`
    int32 (`requant` 1). For "add": `m_a` and `m_b`.
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
    weights: np.ndarray | None = None
    bias: np.ndarray | None = None
    mult: np.ndarray | None = None
    mult_neg: np.ndarray | None = None
    add: np.ndarray | None = None
    m_a: int = 0
    m_b: int = 0

    def __post_init__(self):
        mult = ["int16"] if self.requant == 0 else ["int32"]
        _freeze(self, weights=["int8"], bias=["int32"], mult=mult, mult_neg=["int32"], add=["int32"])


@dataclasses.dataclass(frozen=True, eq=False)
class Head:
    """Pooling over the frames of a window and the last linear layer: numerics.md 4.

    `pool` 1 mean, 2 max, 3 mean then max; `frames` pooled in a window; `mean_mult` `(channels,)` int16, None
    without mean; `weights` `(dim, features)` int8, `bias` `(dim,)` int32, `mult` `(dim,)` int16. The embedding is
    `e16 * 2^-exponent`. `levels` is 0, or 3 where the levels of the signal (`LEVELS`) are added to the last three sums.
    """

    pool: int = 3
    zp_mean: int = 0
    frames: int = 1
    dim: int = 128
    exponent: int = 12
    mean_mult: np.ndarray | None = None
    weights: np.ndarray | None = None
    bias: np.ndarray | None = None
    mult: np.ndarray | None = None
    levels: int = 0

    def __post_init__(self):
        _freeze(self, mean_mult=["int16"], weights=["int8"], bias=["int32"], mult=["int16"])
