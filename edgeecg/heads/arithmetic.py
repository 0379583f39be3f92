"""The arithmetic of a head: docs/numerics.md section 6; the C core gives the same bytes."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["EXP2", "LOGIT_BITS", "MOST_LOGIT", "ONE", "logits", "probabilities"]

LOGIT_BITS: Final = 11
"""Logits are integers in units of 2^-11."""
MOST_LOGIT: Final = (1 << 20) - 1
ONE: Final = 1 << 15
"""A probability of 1."""
FARTHEST: Final = 65535  # below 2^-46 of the largest
LOG2_E: Final = 47274  # log2(e) * 2^15, rounded
EXP2: Final = np.array(
    "65536 64132 62757 61413 60097 58809 57549 56316 55109 53928 52773 51642 50535 49452 48393 47356 46341 45348 44376 "
    "43425 42495 41584 40693 39821 38968 38133 37316 36516 35734 34968 34219 33486 32768".split(),
    np.int64,
)
"""2^16 * 2^(-i / 32), rounded, i = 0 .. 32."""


def logits(
    embedding: NDArray[np.int16], weights: NDArray[np.int16], bias: NDArray[np.int64], shift: int
) -> NDArray[np.int32]:
    """(n, dim) int16 -> (n, classes) int32: weights * embedding + bias, rounded half up to units of 2^-11."""
    total = embedding.astype(np.int64) @ weights.astype(np.int64).T + bias
    rounded = (total + (1 << (shift - 1))) >> shift
    return np.asarray(np.clip(rounded, -MOST_LOGIT, MOST_LOGIT), np.int32)


def exponential(distance: NDArray[np.int64]) -> NDArray[np.int64]:
    """2^16 * exp(-distance * 2^-11) of distances >= 0, between the points of a table."""
    u = np.minimum(distance, FARTHEST) * LOG2_E
    whole, point, between = u >> 26, (u >> 21) & 31, (u >> 11) & 1023
    value = EXP2[point] * 1024 - (EXP2[point] - EXP2[point + 1]) * between
    return np.asarray(value >> np.minimum(whole + 10, 31))


def probabilities(logit: NDArray[np.int32], independent: bool) -> NDArray[np.uint16]:
    """(n, classes) int32 -> uint16 in units of 2^-15: the softmax of a row, or the sigmoid of each."""
    z = logit.astype(np.int64)
    if independent:
        ours, other = exponential(np.maximum(-z, 0)), exponential(np.maximum(z, 0))
        total = ours + other
    else:
        ours = exponential(z.max(axis=1, keepdims=True) - z)
        total = ours.sum(axis=1, keepdims=True)
    return np.asarray((ours * ONE + total // 2) // total).astype(np.uint16)
