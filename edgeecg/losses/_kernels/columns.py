"""Sweeps down the columns of an embedding matrix: centring, scaling, and the last step of the gradients.

Rows lie one after the other in memory, so each sweep takes a band of columns through all rows: the inner loop is
contiguous and the band's float64 sums stay in the first-level cache. The band is wide because rows often lie a power
of two apart: a narrow one would find all its rows in the same few cache sets. Kernels take whole arrays and the
columns [first, last) to work on, and cut a row before they loop over it: only so does the compiler see that the
numbers are contiguous and the index never negative, and vectorises.
"""

import numpy as np
from numba import njit

FAST = {"nnan", "ninf", "nsz", "arcp", "contract", "afn", "reassoc"}
BAND = 1024


@njit(cache=True, nogil=True, fastmath=FAST)
def centre_columns(z, first, last, eps, scaled, out, variance):
    """out = z - mean, divided by sqrt(variance + eps) where `scaled`; variance is the biased one (divisor N)."""
    n = z.shape[0]
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
        factor = 1.0 / np.sqrt(square + eps) if scaled else np.ones(stop - start)
        for i in range(n):
            row, target = z[i, start:stop], out[i, start:stop]
            for j in range(row.shape[0]):
                target[j] = (row[j] - mean[j]) * factor[j]


@njit(cache=True, nogil=True, fastmath=FAST)
def column_products(a, b, first, last, out):
    """out_j = sum_i a_ij b_ij, in float64."""
    for start in range(first, last, BAND):
        stop = min(start + BAND, last)
        total = np.zeros(stop - start)
        for i in range(a.shape[0]):
            left, right = a[i, start:stop], b[i, start:stop]
            for j in range(left.shape[0]):
                total[j] += np.float64(left[j]) * np.float64(right[j])
        out[start:stop] = total


@njit(cache=True, nogil=True, fastmath=FAST)
def standardise_backward(products, alpha, beta, units, variances, eps, first, grads):
    """Turns the products of both sides into gradients; products and `beta` begin at column `first` of all else.

    With g = alpha product + beta (the other side's unit), taken back through the standardisation of the own `unit`:
    dz = (g - unit mean(g unit)) / sqrt(variance + eps). The term mean(g) of the usual formula is absent because
    it is zero here: g is made of columns of the other view, and those are centred. `grads` may be `units`.
    """
    n, width = products[0].shape
    last = first + width
    total = np.zeros((2, width))
    for side in range(2):
        product, unit, other, along = products[side], units[side], units[1 - side], total[side]
        for i in range(n):
            g, right, own = product[i], other[i, first:last], unit[i, first:last]
            for j in range(width):
                g[j] = alpha * g[j] + beta[j] * right[j]
                along[j] += g[j] * own[j]
    scale, along = np.empty(width, beta.dtype), np.empty(width, beta.dtype)
    for side in range(2):  # only now may a unit be overwritten
        product, unit, grad = products[side], units[side], grads[side]
        for j in range(width):
            scale[j] = 1.0 / np.sqrt(variances[side][first + j] + eps)
            along[j] = total[side, j] / n * scale[j]
        for i in range(n):
            g, own, target = product[i], unit[i, first:last], grad[i, first:last]
            for j in range(width):
                g[j] = g[j] * scale[j] - own[j] * along[j]
            target[:] = g  # a loop of its own: where `target` is `own`, the one above would not be vectorised


@njit(cache=True, nogil=True, fastmath=FAST)
def combine_columns(product, alpha, beta, centred, z, other, gamma, first, last, out):
    """out = alpha product + beta centred + gamma (z - other); `product` and `beta` begin at column `first`."""
    for i in range(product.shape[0]):
        g, own, target = product[i], centred[i, first:last], out[i, first:last]
        here, there = z[i, first:last], other[i, first:last]
        for j in range(product.shape[1]):
            target[j] = alpha * g[j] + beta[j] * own[j] + gamma * (here[j] - there[j])


@njit(cache=True, nogil=True, fastmath=FAST)
def matrix_product_sum(a, b):
    """sum_ij a_ij b_ij, in float64."""
    total = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            total += np.float64(a[i, j]) * np.float64(b[i, j])
    return total
