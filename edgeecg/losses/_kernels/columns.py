"""Sweeps down the columns of an embedding matrix: centring, scaling, and the last step of the gradients.

Rows lie one after the other in memory, so each sweep takes a narrow band of columns through all rows: the band's
statistics stay in registers and the first-level cache, and the inner loop is contiguous. Sums are float64.
"""

import numpy as np
from numba import njit

FAST = {"nnan", "ninf", "nsz", "arcp", "contract", "afn", "reassoc"}
BAND = 64


@njit(cache=True, nogil=True, fastmath=FAST)
def centre_columns(z, eps, scaled, out, variance):
    """out = z - mean, divided by sqrt(variance + eps) where `scaled`; variance is the biased one (divisor N)."""
    n, width = z.shape
    mean, square, factor = np.empty(BAND), np.empty(BAND), np.empty(BAND)
    for start in range(0, width, BAND):
        band = min(BAND, width - start)
        for j in range(band):
            mean[j] = 0.0
            square[j] = 0.0
        for i in range(n):
            for j in range(band):
                mean[j] += z[i, start + j]
        for j in range(band):
            mean[j] /= n
        for i in range(n):
            for j in range(band):
                square[j] += (z[i, start + j] - mean[j]) ** 2
        for j in range(band):
            variance[start + j] = square[j] / n
            factor[j] = 1.0 / np.sqrt(square[j] / n + eps) if scaled else 1.0
        for i in range(n):
            for j in range(band):
                out[i, start + j] = (z[i, start + j] - mean[j]) * factor[j]


@njit(cache=True, nogil=True, fastmath=FAST)
def column_products(a, b, out):
    """out_j = sum_i a_ij b_ij, in float64."""
    n, width = a.shape
    total = np.empty(BAND)
    for start in range(0, width, BAND):
        band = min(BAND, width - start)
        for j in range(band):
            total[j] = 0.0
        for i in range(n):
            for j in range(band):
                total[j] += np.float64(a[i, start + j]) * np.float64(b[i, start + j])
        for j in range(band):
            out[start + j] = total[j]


@njit(cache=True, nogil=True, fastmath=FAST)
def standardise_backward(product, alpha, unit, other, beta, variance, eps, out):
    """Takes g = alpha product + beta other (a column each) back through the standardisation of `unit`.

    dz = (g - unit mean(g unit)) / sqrt(variance + eps). The term mean(g) of the usual formula is absent because
    it is zero here: g is made of columns of the other view, and those are centred.
    """
    n, width = product.shape
    along = np.empty(BAND)
    for start in range(0, width, BAND):
        band = min(BAND, width - start)
        for j in range(band):
            along[j] = 0.0
        for i in range(n):
            for j in range(band):
                g = alpha * product[i, start + j] + beta[start + j] * other[i, start + j]
                along[j] += g * unit[i, start + j]
        for j in range(band):
            along[j] /= n
        for i in range(n):
            for j in range(band):
                g = alpha * product[i, start + j] + beta[start + j] * other[i, start + j]
                scale = 1.0 / np.sqrt(variance[start + j] + eps)
                out[i, start + j] = (g - unit[i, start + j] * along[j]) * scale


@njit(cache=True, nogil=True, fastmath=FAST)
def combine_columns(product, alpha, centred, beta, z, other, gamma, out):
    """out = alpha product + beta centred (a column each) + gamma (z - other)."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            mixed = alpha * product[i, j] + beta[j] * centred[i, j]
            out[i, j] = mixed + gamma * (z[i, j] - other[i, j])


@njit(cache=True, nogil=True, fastmath=FAST)
def matrix_product_sum(a, b):
    """sum_ij a_ij b_ij, in float64."""
    total = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            total += np.float64(a[i, j]) * np.float64(b[i, j])
    return total
