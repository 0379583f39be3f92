"""Who is a positive of whom: mean positive of each anchor, and what positives owe their anchors."""

import numpy as np

from ._tiles import TILE_ROWS
from ._types import Array, Booleans, Codes, Floats, Positive


def anchor_weights(count: Array) -> Floats:
    """Equal weights over the anchors that have a positive, 0 for the others."""
    has = count > 0
    return has / max(int(has.sum()), 1)


def same(codes: Array, other_codes: Array) -> Positive:
    """positive(rows): booleans (rows, others), where both are of one class."""
    return lambda rows: codes[rows, None] == other_codes


def masked(mask: Booleans, views: int) -> Positive:
    """positive(rows): booleans (rows, views N) of the rows of so many views of N samples, by mask[i % N, p % N]."""
    return lambda rows: np.tile(mask[np.arange(rows.start, rows.stop) % len(mask)], views)


def by_labels(others: Array, other_codes: Codes, codes: Codes, own_rows: Array | None = None) -> tuple[Array, Array]:
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


def by_mask(rows: Array, mask: Booleans) -> tuple[Array, Array, Array]:
    """(count, mean, back) where the positives of row i are the rows p != i with mask[i % n, p % n].

    back_p is the sum of share_i rows_i over the anchors i that count p as a positive, share_i = weight_i / count_i.
    """
    n = len(mask)
    views = rows.reshape(-1, n, rows.shape[1])
    own = mask.diagonal()[:, None].astype(rows.dtype)  # a row is in the sums of its own sample: taken out again
    count = np.tile(len(views) * mask.sum(axis=1) - mask.diagonal(), len(views))
    divisor = np.maximum(count, 1)
    share = (anchor_weights(count) / divisor).astype(rows.dtype).reshape(len(views), n, 1)

    sums, back = np.empty_like(views[0]), np.zeros_like(views[0])
    sample, paying = views.sum(axis=0), (share * views).sum(axis=0)
    for start in range(0, n, TILE_ROWS):
        part = slice(start, start + TILE_ROWS)
        chosen = mask[part].astype(rows.dtype)
        sums[part] = chosen @ sample
        back += chosen.T @ paying[part]
    mean = (sums - own * views) / divisor.astype(rows.dtype).reshape(len(views), n, 1)
    return count, mean.reshape(rows.shape), (back - own * share * views).reshape(rows.shape)
