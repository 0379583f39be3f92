"""Who is a positive of whom: mean positive of each anchor, and what positives owe their anchors."""

import numpy as np


def anchor_weights(count):
    """Equal weights over the anchors that have a positive, 0 for the others."""
    has = count > 0
    return has / max(int(has.sum()), 1)


def by_labels(others, other_codes, codes, own_rows=None):
    """(count, mean) over the `others` of the class of each of `codes`.

    Where both are one set pass its rows as `own_rows` too: nobody is a positive of itself.
    """
    from ._kernels.positives import class_sums

    classes = int(max(codes.max(), other_codes.max())) + 1
    sums = np.zeros((classes, others.shape[1]))
    class_sums(others, other_codes, sums)
    count = np.bincount(other_codes, minlength=classes)[codes]
    mean = sums[codes]
    if own_rows is not None:
        mean -= own_rows
        count -= 1
    mean /= np.maximum(count, 1)[:, None]
    mean[count == 0] = 0.0
    return count, mean.astype(others.dtype)


def by_mask(rows, mask):
    """(count, mean, back): positives of row i are the rows p != i with mask[i % n, p % n]."""
    from ._kernels.positives import mask_back, mask_means

    count = np.zeros(len(rows), np.int64)
    mean, back = np.empty_like(rows), np.empty_like(rows)
    mask_means(rows, mask, mean, count)
    share = (anchor_weights(count) / np.maximum(count, 1)).astype(rows.dtype)
    mask_back(rows, mask, share, back)
    return count, mean, back
