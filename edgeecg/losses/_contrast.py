"""The loss that NT-Xent and its supervised form share: softmax cross-entropy of each anchor against its positives."""

from collections.abc import Sequence

import numpy as np

from ._checks import not_overflown
from ._float64_pairs import softmax_contrast
from ._range import quietly
from ._softmax import LN2, StreamingLogSumExp, Sums, base2_scale, pull_softmax
from ._threads import Team
from ._tiles import PairTiles
from ._types import Array, Floats, Grads, Positive
from ._unit import UnitRows


def contrast(
    unit: UnitRows,
    weight: Floats,
    positive_mean: Array,
    positive_back: Array,
    temperature: float,
    team: Team,
    partner: int | None = None,
) -> tuple[float, Grads]:
    """sum_i weight_i (log sum_{k != i} exp(s_ik) - s_i . mean positive of i), and its gradient.

    `unit` holds M unit rows, s_ik = unit_i . unit_k / temperature, `positive_mean` (M, d) the mean positive of each
    anchor, `positive_back` (M, d) what the positives owe their anchors: sum of weight_i / |P(i)| unit_i over all i
    that count the row as a positive. Returns the value and the tuple of gradients.

    Where rows i and i + partner are each other's only positive, their score is taken from the tiles: the value of a
    good embedding is the small difference of a log-sum-exp and that score, which should be the same number in both.
    """
    tiles = PairTiles(unit.rows, unit.rows, team)
    kappa = base2_scale(1.0 / temperature, unit.rows.dtype)
    sums = StreamingLogSumExp(tiles, kappa)
    if partner is None:
        lse, alignment = sums.run(), unit.dot(positive_mean)
    else:
        lse, alignment = _with_partners(tiles, sums, partner)
    seen = weight > 0
    value = float(LN2 * (weight[seen] * (lse[seen] - kappa * alignment[seen])).sum())

    grad = pull_softmax(tiles, kappa, weight, lse)
    grad -= weight[:, None].astype(grad.dtype) * positive_mean
    grad -= positive_back
    return value, unit.backward(grad, 1.0 / temperature)


@quietly
def contrast_in_float64(
    views: Sequence[Array], positive: Positive, temperature: float, team: Team
) -> tuple[float, Grads]:
    """The same with equal weights and `positive` as `softmax_contrast` takes it, at temperatures that no tile holds."""
    unit = UnitRows(*views, team=team, dtype=np.float64)
    value, grad, others = softmax_contrast(unit.rows, unit.rows, positive, temperature, team, own=True)
    return not_overflown(value), unit.backward(grad + others, 1.0 / temperature)


def _with_partners(tiles: PairTiles, sums: StreamingLogSumExp, partner: int) -> tuple[Floats, Floats]:
    """The log-sum-exps, and the scores t_{i, i + partner}, each for both of its rows."""
    score = np.empty(partner)

    def visit(state: Sums, tile: Array, rows: slice, columns: slice, diagonal: bool) -> None:
        sums.absorb(state, tile, rows, columns, diagonal)
        first, last = max(rows.start, columns.start - partner), min(rows.stop, columns.stop - partner)
        if first < last:
            i = np.arange(first, last)
            score[i] = tile[i - rows.start, i + partner - columns.start]

    lse = sums.finish(tiles.sweep(visit, sums.start))
    return lse, np.concatenate((score, score))
