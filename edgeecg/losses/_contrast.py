"""The loss that NT-Xent and its supervised form share: softmax cross-entropy of each anchor against its positives."""

from ._softmax import LN2, LOG2E, StreamingLogSumExp, pull_softmax
from ._tiles import PairTiles


def contrast(unit, weight, positive_mean, positive_back, temperature, team):
    """sum_i weight_i (log sum_{k != i} exp(s_ik) - s_i . mean positive of i), and its gradient.

    `unit` holds M unit rows, s_ik = unit_i . unit_k / temperature, `positive_mean` (M, d) the mean positive of each
    anchor, `positive_back` (M, d) what the positives owe their anchors: sum of weight_i / |P(i)| unit_i over all i
    that count the row as a positive. Returns the value and the tuple of gradients.
    """
    tiles = PairTiles(unit.rows, unit.rows, team)
    kappa = LOG2E / temperature
    lse = StreamingLogSumExp(tiles, kappa).run()
    seen = weight > 0
    alignment = unit.dot(positive_mean)[seen] / temperature
    value = float((weight[seen] * (LN2 * lse[seen] - alignment)).sum())

    grad = pull_softmax(tiles, kappa, weight, lse)
    grad -= weight[:, None].astype(grad.dtype) * positive_mean
    grad -= positive_back
    return value, unit.backward(grad, 1.0 / temperature)
