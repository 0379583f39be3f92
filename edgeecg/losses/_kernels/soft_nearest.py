"""Tile sweeps of the soft nearest neighbor loss: softmax over everybody and over the own class."""

from ..._compiled import compiled
from .._types import Array, Scalar
from .softmax import FAST
from .transcendental import exp2, multiply_add


@compiled()
def keep_same_class(t: Array, row_codes: Array, col_codes: Array, masked: Scalar, out: Array) -> None:
    """out = t where both are of one class, `masked` elsewhere."""
    for i in range(t.shape[0]):
        row, target, code = t[i], out[i], row_codes[i]
        for j in range(row.shape[0]):
            target[j] = row[j] if col_codes[j] == code else masked


@compiled(fastmath=FAST)
def neighbor_weights(
    t: Array,
    kappa: Scalar,
    row_total: Array,
    col_total: Array,
    row_bias: Array,
    row_codes: Array,
    row_all: Array,
    row_same: Array,
    row_weight: Array,
    row_pull: Array,
    col_bias: Array,
    col_codes: Array,
    col_all: Array,
    col_same: Array,
    col_weight: Array,
    col_pull: Array,
) -> None:
    """t_ij <- W_ij + W_ji in place, with W_ij = weight_i (p_all(j|i) - p_same(j|i)).

    Within a class p_all - p_same = p_same (q - 1) with q = p_all / p_same <= 1, the same for all j of that class:
    so one exponential does for both, and neither can overflow. `pull` is weight (q - 1).
    Adds sum_j W_ji to row_total (what row i owes as a neighbor) and sum_i W_ij to col_total.
    """
    for i in range(t.shape[0]):
        row, code, bias = t[i], row_codes[i], row_bias[i]
        all_i, same_i, weight_i, pull_i = row_all[i], row_same[i], row_weight[i], row_pull[i]
        owed = kappa - kappa
        for j in range(row.shape[0]):
            same = col_codes[j] == code
            shift = col_bias[j] + (same_i if same else all_i)
            looked = (pull_i if same else weight_i) * exp2(multiply_add(kappa, row[j], -shift))
            shift = bias + (col_same[j] if same else col_all[j])
            looked_at = (col_pull[j] if same else col_weight[j]) * exp2(multiply_add(kappa, row[j], -shift))
            row[j] = looked + looked_at
            owed += looked_at
            col_total[j] += looked
        row_total[i] += owed


@compiled()
def take_off_owed(grad: Array, x: Array, owed: Array, scale: Scalar) -> None:
    """grad_i <- scale (grad_i - owed_i x_i), in place."""
    for i in range(grad.shape[0]):
        row, point, share = grad[i], x[i], grad.dtype.type(owed[i])
        for j in range(row.shape[0]):
            row[j] = scale * (row[j] - share * point[j])
