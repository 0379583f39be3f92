"""Tile sweep of the pairwise sigmoid loss."""

import numpy as np
from numba import njit

from .softmax import FAST
from .transcendental import exp2, log1p


@njit(cache=True, nogil=True, fastmath=FAST)
def sigmoid_tile(t, scale, bias, log2e, row_codes, col_codes, sums):
    """t_ij <- dl_ij / dx_ij in place for l = softplus(-y x), x = scale t + bias, y = +1 for one class and -1 otherwise.

    Adds to sums: l, dl/dx, t dl/dx (float64).
    """
    one = log2e / log2e
    zero = one - one
    for i in range(t.shape[0]):
        row, code = t[i], row_codes[i]
        loss, slope, moment = zero, zero, zero
        for j in range(row.shape[0]):
            cosine = row[j]
            x = scale * cosine + bias
            sign = one if col_codes[j] == code else -one
            v = -sign * x  # the loss is softplus(v), its derivative sigmoid(v)
            size = v if v > zero else -v
            e = exp2(-size * log2e)
            inverse = one / (one + e)
            loss += (v if v > zero else zero) + log1p(e)
            g = -sign * (inverse if v > zero else e * inverse)
            row[j] = g
            slope += g
            moment += g * cosine
        sums[0] += np.float64(loss)
        sums[1] += np.float64(slope)
        sums[2] += np.float64(moment)
