"""Sweeps over the rows of an embedding matrix: finiteness, unit length, its gradient, row products."""

import numpy as np

from ..._compiled import compiled
from .._types import Array, Scalar

# NaN and infinity must survive here: these kernels look for them, or feed results that are checked.
KEEP_NAN = {"reassoc", "contract"}


@compiled(fastmath=KEEP_NAN)
def first_bad_row(z: Array, first: int, last: int) -> int:
    """Index of the first row with NaN or infinity in the columns [first, last), -1 where all is finite."""
    for i in range(z.shape[0] if last > first else 0):
        row = z[i, first:last]
        probe = row[0] * 0
        for j in range(row.shape[0]):
            probe += row[j] * 0
        if probe != 0:
            return i
    return -1


@compiled(fastmath=KEEP_NAN)
def normalize_rows(z: Array, unit: Array, length: Array) -> tuple[float, float]:
    """unit_i = z_i / |z_i|; a zero row has no direction and stays zero, with length 0. Returns the least and the
    largest length.
    """
    shortest, longest = np.inf, 0.0
    for i in range(z.shape[0]):
        row = z[i]
        square = 0.0
        for j in range(row.shape[0]):
            square += np.float64(row[j]) * np.float64(row[j])
        length[i] = np.sqrt(square)
        inverse = 1.0 / length[i] if square > 0.0 else 0.0
        for j in range(row.shape[0]):
            unit[i, j] = row[j] * inverse
        shortest, longest = min(shortest, length[i]), max(longest, length[i])
    return shortest, longest


@compiled()
def normalize_short_rows(z: Array, shorter: Scalar, unit: Array, length: Array) -> None:
    """The same for rows shorter than `shorter`, whose squares underflow: divided by their largest number first."""
    for i in range(z.shape[0]):
        top = np.abs(z[i]).max()
        if length[i] < shorter and top > 0.0:
            row = z[i] / top
            ratio = np.sqrt((row * row).sum())
            unit[i] = row / ratio
            length[i] = top * ratio


@compiled(fastmath=KEEP_NAN)
def normalize_rows_backward(unit: Array, length: Array, grad: Array, scale: Scalar) -> None:
    """grad <- scale (grad - unit (unit . grad)) / |z|, in place; zero for a zero row."""
    for i in range(grad.shape[0]):
        along = 0.0
        for j in range(grad.shape[1]):
            along += np.float64(unit[i, j]) * np.float64(grad[i, j])
        factor = scale / length[i] if length[i] > 0.0 else 0.0
        for j in range(grad.shape[1]):
            grad[i, j] = factor * (grad[i, j] - unit[i, j] * along)


@compiled(fastmath=KEEP_NAN)
def row_products(a: Array, b: Array, out: Array) -> None:
    """out_i = a_i . b_i, summed in float64."""
    for i in range(a.shape[0]):
        total = 0.0
        for j in range(a.shape[1]):
            total += np.float64(a[i, j]) * np.float64(b[i, j])
        out[i] = total
