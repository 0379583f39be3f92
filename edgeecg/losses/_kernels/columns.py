"""Sweeps down the columns of an embedding matrix: centering, scaling, and the last step of the gradients.

Rows lie one after the other in memory, so each sweep takes a band of columns through all rows: the inner loop is
contiguous and the band's float64 sums stay in the first-level cache. The band is wide because rows often lie a power
of two apart: a narrow one would find all its rows in the same few cache sets. Kernels take whole arrays and the
columns [first, last) to work on, and cut a row before they loop over it: only so does the compiler see that the
numbers are contiguous and the index never negative, and vectorizes.
"""

import numpy as np

from ..._compiled import compiled
from .._types import Array, Pair, Scalar

FAST = {"nnan", "ninf", "nsz", "arcp", "contract", "afn", "reassoc"}
BAND = 1024
NEARLY_CONSTANT = 2.0**-20  # deviation over mean


@compiled(fastmath=FAST)
def center_columns(z: Array, first: int, last: int, eps: Scalar, scaled: bool, out: Array, variance: Array) -> int:
    """out = z - mean, divided by sqrt(variance + eps) where `scaled`; variance is the biased one (divisor N).

    Returns how many columns `recenter_nearly_constant_columns` should see.
    """
    n, nearly_constant = z.shape[0], 0
    for start in range(first, last, BAND):
        stop = min(start + BAND, last)
        mean, square = np.zeros(stop - start), np.zeros(stop - start)
        for i in range(n):
            row = z[i, start:stop]
            for j in range(row.shape[0]):
                mean[j] += row[j]
        mean /= n
        for i in range(n):
            row = z[i, start:stop]
            for j in range(row.shape[0]):
                square[j] += (row[j] - mean[j]) ** 2
        square /= n
        variance[start:stop] = square
        for j in range(stop - start):
            nearly_constant += square[j] < (NEARLY_CONSTANT * mean[j]) ** 2
        factor = 1.0 / np.sqrt(square + eps) if scaled else np.ones(stop - start)
        for i in range(n):
            row, target = z[i, start:stop], out[i, start:stop]
            for j in range(row.shape[0]):
                target[j] = (row[j] - mean[j]) * factor[j]
    return nearly_constant


@compiled()
def recenter_nearly_constant_columns(
    z: Array, first: int, last: int, eps: Scalar, scaled: bool, out: Array, variance: Array
) -> None:
    """The same again for columns whose mean is so large beside their deviation that its rounding is taken for one: from
    the differences to their first row.
    """
    n = z.shape[0]
    for j in range(first, last):
        top = np.float64(z[0, j])
        if variance[j] < (NEARLY_CONSTANT * top) ** 2:
            mean, square = 0.0, 0.0
            for i in range(n):
                mean += z[i, j] - top
            mean /= n
            for i in range(n):
                square += ((z[i, j] - top) - mean) ** 2
            variance[j] = square / n
            factor = 1.0 / np.sqrt(variance[j] + eps) if scaled else 1.0
            for i in range(n):
                out[i, j] = ((z[i, j] - top) - mean) * factor


@compiled(fastmath=FAST)
def standardize_backward(
    products: Pair,
    alpha: Scalar,
    offset: Scalar,
    slope: Scalar,
    units: Pair,
    variances: Array,
    eps: Scalar,
    first: int,
    diagonal: Array,
    grads: Pair,
) -> None:
    """Gradients of the columns from `first` on, at which `products` begin; their part of `diagonal`, sum_i unit0 unit1,
    too.

    With g = alpha product + (offset + slope diagonal) (the other side's unit), taken back through the standardization
    of the own `unit`: dz = (g - unit mean(g unit)) / sqrt(variance + eps). The term mean(g) of the usual formula is
    absent because it is zero here: g is made of columns of the other view, and those are centered. `grads` may be
    `units`.
    """
    n, width = products[0].shape
    last = first + width
    both, along0, along1 = np.zeros(width), np.zeros(width), np.zeros(width)  # sums of unit0 unit1, of product unit
    for i in range(n):  # loops of one sum each are vectorized, one loop of all is not
        p, q, u, v = products[0][i], products[1][i], units[0][i, first:last], units[1][i, first:last]
        for j in range(width):
            both[j] += u[j] * v[j]
        for j in range(width):
            along0[j] += p[j] * u[j]
        for j in range(width):
            along1[j] += q[j] * v[j]
    diagonal[first:last] = both
    beta, scale0, scale1, share0, share1 = np.empty((5, width), products[0].dtype)
    for j in range(width):
        beta[j] = offset + slope * both[j]
        scale0[j] = 1.0 / np.sqrt(variances[0][first + j] + eps)
        scale1[j] = 1.0 / np.sqrt(variances[1][first + j] + eps)
        share0[j] = (alpha * along0[j] + beta[j] * both[j]) / n
        share1[j] = (alpha * along1[j] + beta[j] * both[j]) / n
    for i in range(n):
        p, q, u, v = products[0][i], products[1][i], units[0][i, first:last], units[1][i, first:last]
        for j in range(width):
            p[j] = (alpha * p[j] + beta[j] * v[j] - share0[j] * u[j]) * scale0[j]
        for j in range(width):
            q[j] = (alpha * q[j] + beta[j] * u[j] - share1[j] * v[j]) * scale1[j]
        left, right = grads[0][i, first:last], grads[1][i, first:last]  # which may be u and v: only now
        for j in range(width):
            left[j] = p[j]
        for j in range(width):
            right[j] = q[j]


@compiled(fastmath=FAST)
def combine_columns(
    product: Array,
    alpha: Scalar,
    beta: Array,
    centered: Array,
    z: Array,
    other: Array,
    gamma: Scalar,
    first: int,
    last: int,
    out: Array,
) -> None:
    """out = alpha product + beta centered + gamma (z - other); `product` and `beta` begin at column `first`."""
    for i in range(product.shape[0]):
        g, own, target = product[i], centered[i, first:last], out[i, first:last]
        here, there = z[i, first:last], other[i, first:last]
        for j in range(product.shape[1]):
            target[j] = alpha * g[j] + beta[j] * own[j] + gamma * (here[j] - there[j])


@compiled(fastmath=FAST)
def matrix_product_sum(a: Array, b: Array) -> float:
    """sum_ij a_ij b_ij, in float64."""
    total = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            total += np.float64(a[i, j]) * np.float64(b[i, j])
    return total
