"""The Siamese contrastive loss of pairs, one pass over the rows."""

import numpy as np

from ..._compiled import compiled
from .rows import KEEP_NAN


@compiled()
def pair_out_of_range(left, right, y, margin, n, out1, out2):
    """The loss of a row, its gradients over n, where the square of a difference or the slope leaves the dtype."""
    top = 0.0
    for k in range(left.shape[0]):
        top = max(top, abs(np.float64(left[k]) - np.float64(right[k])))
    square = 0.0
    for k in range(left.shape[0]):
        if top > 0.0:
            square += ((np.float64(left[k]) - np.float64(right[k])) / top) ** 2
    ratio = np.sqrt(square)
    distance = top * ratio
    short = max(margin - distance, 0.0)
    for k in range(left.shape[0]):
        gap = np.float64(left[k]) - np.float64(right[k])
        towards = gap / top / ratio if top > 0.0 else 0.0
        out1[k] = 2.0 * ((1.0 - y) * gap - y * short * towards) / n
        out2[k] = -out1[k]
    return (1.0 - y) * distance**2 + y * short**2


@compiled(fastmath=KEEP_NAN)
def siamese_pairs(z1, z2, different, margin, least_square, most_slope, first, last, grad1, grad2):
    """Sum over rows [first, last) of (1 - y) d^2 + y max(margin - d, 0)^2; gradients of their mean over all rows.

    Squares below `least_square`, and slopes above `most_slope`, are left to `pair_out_of_range`.
    """
    n = z1.shape[0]
    total = 0.0
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
        slope = 2.0 * (1.0 - y) / n
        if distance > 0.0:
            slope -= 2.0 * y * short / (distance * n)
        if square < least_square or abs(slope) > most_slope:
            total += pair_out_of_range(left, right, y, margin, n, out1, out2)
            continue
        total += (1.0 - y) * square + y * short * short
        factor = z1.dtype.type(slope)
        for k in range(left.shape[0]):
            gap = factor * (left[k] - right[k])
            out1[k] = gap
            out2[k] = -gap
    return total
