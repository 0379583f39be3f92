"""Tile sweep of the pairwise sigmoid loss."""

import numpy as np

from ..._compiled import compiled
from .._types import Array, Scalar
from .softmax import FAST
from .transcendental import exp2, if_greater, larger, log1p


# The "numpy" error model spares a branch at every division, which would keep the loop scalar.
@compiled(fastmath=FAST, error_model="numpy")
def sigmoid_tile(
    t: Array, scale: Scalar, bias: Scalar, log2e: Scalar, row_codes: Array, col_codes: Array, sums: Array
) -> None:
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
            minus_y = -one if col_codes[j] == code else one
            v = minus_y * (scale * cosine + bias)  # the loss is softplus(v), its derivative sigmoid(v)
            e = exp2(-larger(v, -v) * log2e)
            loss += larger(v, zero) + log1p(e)
            g = minus_y * if_greater(v, zero, one, e) / (one + e)
            row[j] = g
            slope += g
            moment += g * cosine
        sums[0] += np.float64(loss)
        sums[1] += np.float64(slope)
        sums[2] += np.float64(moment)
