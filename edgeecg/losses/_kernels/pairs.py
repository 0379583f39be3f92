"""The Siamese contrastive loss of pairs, one pass over the rows."""

import numpy as np

from ..._compiled import compiled
from .rows import KEEP_NAN


@compiled(fastmath=KEEP_NAN)
def siamese_pairs(z1, z2, different, margin, first, last, grad1, grad2):
    """Sum over rows [first, last) of (1 - y) d^2 + y max(margin - d, 0)^2; gradients of their mean over all rows."""
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
        total += (1.0 - y) * square + y * short * short
        slope = 2.0 * (1.0 - y) / n
        if distance > 0.0:
            slope -= 2.0 * y * short / (distance * n)
        factor = z1.dtype.type(slope)
        for k in range(left.shape[0]):
            gap = factor * (left[k] - right[k])
            out1[k] = gap
            out2[k] = -gap
    return total
