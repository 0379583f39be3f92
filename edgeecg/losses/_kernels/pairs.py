"""The Siamese contrastive loss of pairs, one pass over the rows, and a second one over rows that leave the dtype."""

import numpy as np

from ..._compiled import compiled
from .._types import Array, Scalar
from .rows import KEEP_NAN


@compiled(fastmath=KEEP_NAN)
def siamese_pairs(
    z1: Array, z2: Array, different: Array, margin: Scalar, first: int, last: int, grad1: Array, grad2: Array
) -> tuple[float, float]:
    """Over rows [first, last): the sum of (1 - y) d^2 + y max(margin - d, 0)^2, and the least d^2.

    Writes the gradients of the mean over all rows.
    """
    n = z1.shape[0]
    total, least = 0.0, np.inf
    for i in range(first, last):
        left, right, out1, out2 = z1[i], z2[i], grad1[i], grad2[i]
        square = left[0] * 0
        for k in range(left.shape[0]):
            gap = left[k] - right[k]
            square += gap * gap
        y = different[i]
        distance = np.sqrt(np.float64(square))
        short = margin - distance
        if short < 0.0:
            short = 0.0
        total += (1.0 - y) * square + y * short * short
        slope = 2.0 * (1.0 - y) / n
        if distance > 0.0:
            slope -= 2.0 * y * short / (distance * n)
        if square < least:
            least = np.float64(square)
        factor = z1.dtype.type(slope)
        for k in range(left.shape[0]):
            gap = factor * (left[k] - right[k])
            out1[k] = gap
            out2[k] = -gap
    return total, least


@compiled()
def siamese_pairs_out_of_range(
    z1: Array, z2: Array, different: Array, margin: Scalar, least: Scalar, steepest: Scalar, grad1: Array, grad2: Array
) -> float:
    """The same for rows with d^2 < `least` or a steeper slope: from differences over their largest, in float64.

    Returns what this adds to the sum.
    """
    n = z1.shape[0]
    added = 0.0
    for i in range(n):
        y, top, square = different[i], 0.0, z1.dtype.type(0)
        for k in range(z1.shape[1]):
            gap = z1[i, k] - z2[i, k]
            square += gap * gap
            top = max(top, abs(np.float64(z1[i, k]) - np.float64(z2[i, k])))
        rough = np.sqrt(np.float64(square))
        rough_short = max(margin - rough, 0.0)
        if square < least or 2.0 * y * rough_short > steepest * rough * n:
            over = 0.0
            for k in range(z1.shape[1]):
                over += ((np.float64(z1[i, k]) - np.float64(z2[i, k])) / top) ** 2 if top > 0.0 else 0.0
            ratio = np.sqrt(over)
            short = max(margin - top * ratio, 0.0)
            added += (1.0 - y) * ((top * ratio) ** 2 - square) + y * (short**2 - rough_short**2)
            for k in range(z1.shape[1]):
                gap = np.float64(z1[i, k]) - np.float64(z2[i, k])
                away = gap / top / ratio if top > 0.0 else 0.0
                grad1[i, k] = 2.0 * ((1.0 - y) * gap - y * short * away) / n
                grad2[i, k] = -grad1[i, k]
    return added
