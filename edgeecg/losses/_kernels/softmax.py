"""Sweeps over one tile t[i, j] = a_i . b_j of a softmax that is taken along its rows and along its columns.

In base 2, with kappa = log2(e) / temperature and a bias a side (zero for cosine losses, the squared norm for
Euclidean ones), the logit of j as seen from i is u_ij = kappa t_ij - col_bias[j], and of i as seen from j it is
kappa t_ij - row_bias[i]: what depends only on the one who looks cancels in the softmax and is left out, which is
also what keeps float32 exponents small. kappa t - shift is rounded once everywhere: at a low temperature kappa t is
large, and the sweeps must agree on it.
"""

from ..._compiled import compiled
from .._types import Array, Scalar
from .transcendental import exp2, larger, multiply_add

# Inputs are finite by the time a kernel runs and masked entries are large finite numbers, so nnan / ninf are safe.
FAST = {"nnan", "ninf", "nsz", "arcp", "contract", "afn", "reassoc"}


@compiled(fastmath=FAST)
def absorb_rows(t: Array, kappa: Scalar, col_bias: Array, row_max: Array, row_sum: Array) -> None:
    """Adds a tile to the streaming log-sum-exp of its rows: (running maximum, sum of 2**(u - maximum))."""
    for i in range(t.shape[0]):
        row = t[i]
        top = row_max[i]
        for j in range(row.shape[0]):
            top = larger(top, multiply_add(kappa, row[j], -col_bias[j]))
        total = kappa - kappa
        for j in range(row.shape[0]):
            total += exp2(multiply_add(kappa, row[j], -(col_bias[j] + top)))
        row_sum[i] = row_sum[i] * exp2(row_max[i] - top) + total
        row_max[i] = top


@compiled(fastmath=FAST)
def absorb_columns(
    t: Array, kappa: Scalar, row_bias: Array, col_max: Array, col_sum: Array, top: Array, total: Array
) -> None:
    """The same for the columns; `top` and `total` are scratch of the tile's width."""
    rows, columns = t.shape
    for j in range(columns):
        top[j] = col_max[j]
        total[j] = kappa - kappa
    for i in range(rows):
        bias = row_bias[i]
        for j in range(columns):
            top[j] = larger(top[j], multiply_add(kappa, t[i, j], -bias))
    for i in range(rows):
        bias = row_bias[i]
        for j in range(columns):
            total[j] += exp2(multiply_add(kappa, t[i, j], -(bias + top[j])))
    for j in range(columns):
        col_sum[j] = col_sum[j] * exp2(col_max[j] - top[j]) + total[j]
        col_max[j] = top[j]


@compiled(fastmath=FAST)
def softmax_weights(
    t: Array, kappa: Scalar, row_weight: Array, row_shift: Array, col_weight: Array, col_shift: Array
) -> None:
    """t_ij <- row_weight_i p(j|i) + col_weight_j p(i|j), in place; a shift is the log-sum-exp (plus bias)."""
    for i in range(t.shape[0]):
        weight, shift = row_weight[i], row_shift[i]
        for j in range(t.shape[1]):
            looked = weight * exp2(multiply_add(kappa, t[i, j], -shift))
            t[i, j] = looked + col_weight[j] * exp2(multiply_add(kappa, t[i, j], -col_shift[j]))
