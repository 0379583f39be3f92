"""Which numbers the fast arithmetic of a dtype holds; everything else is computed in float64, or refused.

The fast kernels are made for embeddings and options of everyday sizes. Beyond those a loss takes a slower way that is
right instead: the bits of everyday calls stay what they are.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import ParamSpec, TypeVar

import numpy as np

from ..errors import InputError
from ._types import Array, DType, Floats, Grads

P = ParamSpec("P")
R = TypeVar("R")
LARGEST_LOGIT = {np.dtype(np.float32): 2.0**7, np.dtype(np.float64): 2.0**16}
"""A logit of size e carries a rounding of eps e: from here on weights would be off by 1e-5 (1e-11) and more."""
SMALLEST_LOGIT = 2.0**-40
"""A score that no softmax may see is -2**100 (`_tiles.MASKED`) times this at least: still out of sight."""


def tiles_hold(logit: float, dtype: DType) -> bool:
    """Whether the tiles of `dtype` compute logits as large as `logit` to the accuracy promised."""
    return SMALLEST_LOGIT <= logit <= LARGEST_LOGIT[dtype]


def ordinary(number: float, least: float = 2.0**-40, most: float = 2.0**40) -> bool:
    """Whether it lies in [least, most]: products of a few such numbers neither overflow nor underflow in float32."""
    return least <= number <= most


def double(*arrays: Array) -> list[Floats]:
    """The arrays in float64."""
    return [z.astype(np.float64, copy=False) for z in arrays]


def quietly(function: Callable[P, R]) -> Callable[P, R]:
    """The function without NumPy's warnings: what overflows in it is looked at by whoever called it."""

    @wraps(function)
    def call(*args: P.args, **options: P.kwargs) -> R:
        with np.errstate(all="ignore"):
            return function(*args, **options)

    return call


@quietly
def narrowed(grads: Sequence[Array], dtype: DType, size: float) -> Grads:
    """Gradients in the dtype of the embeddings; `size` is the largest number that the formula, without cancellation,
    gives them.

    Raises InputError where they overflow, or all lie below the normal numbers of `dtype`.
    """
    if 0 < size < np.finfo(dtype).tiny:
        raise InputError(
            f"the gradients, of size {size:.1e}, are too small for {dtype}: scale embeddings or temperature"
        )
    out = tuple(grad.astype(dtype, copy=False) for grad in grads)
    if not ordinary(size, most=2.0**60) and not all(np.isfinite(grad).all() for grad in out):
        raise InputError(
            f"the gradients, of size {size:.1e}, are too large for {dtype}: scale embeddings or temperature"
        )
    return out
