"""What a caller may hand over, and the sentence for each thing that may not be."""

from numbers import Real
from typing import NoReturn

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from ._types import Array, Booleans, Codes, Floats


def embeddings(minimum_rows: int = 1, look_for_nan: bool = True, **named: ArrayLike) -> list[Array]:
    """Checks that all are (N, D) float32 or all float64, of one shape and finite; returns them C-contiguous.

    float16 is refused rather than upcast: its gradients would come back in a dtype the caller did not hand over.
    """
    arrays: list[Array] = []
    for name, given in named.items():
        z = np.asarray(given)
        if z.dtype not in (np.float32, np.float64):
            raise InputError(f"{name} is {z.dtype}: losses compute in float32 or float64, so cast it first")
        if z.ndim != 2 or z.shape[1] == 0:
            raise InputError(f"{name} has shape {z.shape}: it must be (N, D) with at least one dimension")
        if len(z) < minimum_rows:
            raise InputError(f"{name} has {len(z)} rows: this loss needs at least {minimum_rows}")
        if arrays and (z.shape, z.dtype) != (arrays[0].shape, arrays[0].dtype):
            first = next(iter(named))
            raise InputError(
                f"{name} is {z.dtype} {z.shape} but {first} is {arrays[0].dtype} {arrays[0].shape}: they must be alike"
            )
        arrays.append(np.ascontiguousarray(z))
    if look_for_nan:
        all_finite(**dict(zip(named, arrays, strict=True)))
    return arrays


def all_finite(**named: Array) -> None:
    """Checks that no array holds NaN or infinity."""
    from ._kernels.rows import first_bad_row

    for name, z in named.items():
        if (bad := first_bad_row(z, 0, z.shape[1])) >= 0:
            raise InputError(f"{name} holds NaN or infinity, first in row {bad}")


def positive(**named: object) -> list[float]:
    """Checks that each is a finite number above zero; returns them as floats."""
    return _numbers(named, 0.0, False, "a finite number above 0")


def not_negative(**named: object) -> list[float]:
    """Checks that each is a finite number of at least zero; returns them as floats."""
    return _numbers(named, 0.0, True, "a finite number of at least 0")


def finite(**named: object) -> list[float]:
    """Checks that each is a finite number; returns them as floats."""
    return _numbers(named, -np.inf, False, "a finite number")


def _numbers(named: dict[str, object], least: float, itself: bool, what: str) -> list[float]:
    """Those numbers, all between `least`, `itself` allowed or not, and infinity."""
    numbers = []
    for name, given in named.items():
        number = given if type(given) is float else _number(given)
        if not (least < number < np.inf or (itself and number == least)):
            raise InputError(f"{name} is {given!r}: it must be {what}")
        numbers.append(number)
    return numbers


def _number(given: object) -> float:
    """As a float: NaN where it is no number, infinity where it is too large for one."""
    try:
        return float(given) if isinstance(given, Real) and not isinstance(given, bool) else np.nan
    except OverflowError:  # of a whole number or a fraction
        return np.inf


def not_overflown(value: float) -> float:
    """Checks that a loss of finite input is finite; returns it."""
    if not np.isfinite(value):
        overflow()
    return value


def overflow() -> NoReturn:
    """Says that finite input became infinite on the way."""
    raise InputError("the embeddings (or weights, or what they are divided by) are too large: the loss overflows")


def square_mask(mask: ArrayLike, n: int) -> Booleans:
    """Checks an (N, N) boolean mask."""
    mask = np.asarray(mask)
    if mask.shape != (n, n) or mask.dtype != np.bool_:
        raise InputError(f"mask is {mask.dtype} {mask.shape}: it must be boolean ({n}, {n})")
    return np.ascontiguousarray(mask)


def indices(index: ArrayLike, n: int, size: int) -> Array:
    """Checks (N,) whole numbers in [0, size)."""
    index = np.asarray(index)
    if index.shape != (n,) or index.dtype.kind not in "iu":
        raise InputError(f"index is {index.dtype} {index.shape}: it must be ({n},) integers")
    if index.min() < 0 or index.max() >= size:
        raise InputError(f"index reaches from {index.min()} to {index.max()}: the bank has entries 0 to {size - 1}")
    return index


def pair_labels(different: ArrayLike, n: int) -> Floats:
    """Checks (N,) numbers in [0, 1]; returns float64."""
    different = np.asarray(different)
    if different.shape != (n,) or different.dtype.kind not in "biuf":
        raise InputError(f"different is {different.dtype} {different.shape}: it must be ({n},) numbers")
    different = different.astype(np.float64)
    if not ((different >= 0) & (different <= 1)).all():
        raise InputError("different must lie in [0, 1]: 0 for a true pair, 1 for a false one")
    return different


def label_codes(labels: ArrayLike | None, n: int, name: str = "labels") -> Codes:
    """Checks one label a row (integers, booleans or strings) and returns codes 0..C-1 as int32."""
    labels = np.asarray(labels)
    if labels.shape != (n,):
        raise InputError(f"{name} has shape {labels.shape}: it must be ({n},), one a row")
    if labels.dtype.kind not in "iubUS":
        raise InputError(f"{name} is {labels.dtype}: labels are integers, booleans or strings")
    return np.unique(labels, return_inverse=True)[1].astype(np.int32)
