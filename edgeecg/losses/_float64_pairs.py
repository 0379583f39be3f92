"""All pairs in float64 and plain NumPy: for logits that the tiles of `_tiles` do not hold.

A block of rows meets all columns at once. So a softmax takes its largest score off before the temperature divides, and
its positives off before the product: what cancels in the mathematics cancels here, at any temperature.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ._threads import Team
from ._types import Floats, Positive

BLOCK = 1 << 17  # scores of a block: 1 MB


def pull_pairs(
    a: Floats, b: Floats, visit: Callable[[slice, Floats], tuple[Floats, Floats]], team: Team
) -> tuple[Floats, Floats, Floats]:
    """(sums, G b, G'a), where visit(rows, a_rows . b) gives the sums (an array) and G of a block of rows."""
    da, height = np.empty_like(a), max(1, BLOCK // len(b))

    def work(worker: int) -> tuple[Any, Floats]:
        part, db = team.share(len(a), worker, multiple=1), np.zeros_like(b)
        sums: Any = 0.0
        for start in range(part.start, part.stop, height):
            rows = slice(start, min(start + height, part.stop))
            found, pull = visit(rows, a[rows] @ b.T)
            sums = sums + found
            da[rows] = pull @ b
            db += pull.T @ a[rows]
        return sums, db

    sums, dbs = zip(*team.run(work), strict=True)
    return sum(sums), da, sum(dbs)


def softmax_contrast(
    a: Floats, b: Floats, positive: Positive, temperature: float, team: Team, own: bool = False, each_pair: bool = False
) -> tuple[float, Floats, Floats]:
    """Mean over anchors i of log sum_k exp(s_ik) - (mean of s_ip over the positives p of i), s_ik = a_i . b_k / T.

    positive(rows) are booleans (rows, len(b)). `own`: a and b are one set, and nobody meets himself. `each_pair`: the
    mean is over pairs, not over anchors. Returns (value, T dvalue/da, T dvalue/db).
    """

    def visit(rows: slice, score: Floats) -> tuple[Floats, Floats]:
        chosen = positive(rows)
        if own:
            itself = np.arange(len(score)), np.arange(rows.start, rows.stop)
            score[itself], chosen[itself] = -np.inf, False
        count = chosen.sum(axis=1)
        weight = (count if each_pair else count > 0).astype(np.float64)
        top = score.max(axis=1)
        logit = (score - np.where(np.isfinite(top), top, 0.0)[:, None]) / temperature
        share = chosen / np.maximum(count, 1)[:, None]
        power = np.exp(logit)
        total = np.maximum(power.sum(axis=1), 1.0)  # less only where nobody is seen
        gap = np.log(total) - (share * np.where(chosen, logit, 0.0)).sum(axis=1)
        return np.array([weight @ gap, weight.sum()]), weight[:, None] * (power / total[:, None] - share)

    (value, anchors), da, db = pull_pairs(a, b, visit, team)
    anchors = max(anchors, 1.0)
    return float(value / anchors), da / anchors, db / anchors


def sigmoid_sums(
    a: Floats, b: Floats, positive: Positive, temperature: float, bias: float, team: Team
) -> tuple[Floats, Floats, Floats]:
    """Over all pairs: sums of (loss, dloss/dx, cosine dloss/dx), and G b, G'a for G = dloss/dx."""

    def visit(rows: slice, cosine: Floats) -> tuple[Floats, Floats]:
        minus_y = np.where(positive(rows), -1.0, 1.0)
        v = minus_y * (cosine / temperature + bias)
        e = np.exp(-np.abs(v))
        slope = minus_y * np.where(v > 0, 1.0, e) / (1.0 + e)
        return np.array([(np.maximum(v, 0.0) + np.log1p(e)).sum(), slope.sum(), (slope * cosine).sum()]), slope

    return pull_pairs(a, b, visit, team)
