"""Sums over the positives of each anchor, from class labels or from a mask over samples."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def class_sums(rows, codes, sums):
    """sums_c += rows of class c, in float64."""
    for i in range(rows.shape[0]):
        total, row = sums[codes[i]], rows[i]
        for k in range(row.shape[0]):
            total[k] += row[k]


@njit(cache=True, nogil=True)
def mask_means(rows, mask, mean, count):
    """Mean of the rows p != i that mask[i % n, p % n] calls positives of i; rows are views of n samples each."""
    m, n = rows.shape[0], mask.shape[0]
    total = np.empty(rows.shape[1])
    for i in range(m):
        total[:] = 0.0
        for p in range(m):
            if p != i and mask[i % n, p % n]:
                count[i] += 1
                row = rows[p]
                for k in range(row.shape[0]):
                    total[k] += row[k]
        for k in range(total.shape[0]):
            mean[i, k] = total[k] / max(count[i], 1)


@njit(cache=True, nogil=True)
def mask_back(rows, mask, share, back):
    """back_p = sum of share_i rows_i over the anchors i that count p as a positive."""
    m, n = rows.shape[0], mask.shape[0]
    back[:] = 0
    for i in range(m):
        row = rows[i]
        for p in range(m):
            if p != i and mask[i % n, p % n]:
                target = back[p]
                for k in range(row.shape[0]):
                    target[k] += share[i] * row[k]
