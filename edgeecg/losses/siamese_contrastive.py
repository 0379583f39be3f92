"""Contrastive loss of Siamese networks: Euclidean distance and a margin.

Hadsell, Chopra, LeCun: Dimensionality Reduction by Learning an Invariant Mapping, CVPR 2006 (without their factor 1/2).
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _checks
from ._range import narrowed, ordinary
from ._threads import Team

LEAST_SQUARE = {np.dtype(np.float32): 2.0**-86, np.dtype(np.float64): 2.0**-982}  # a smaller one has lost digits
STEEPEST = 2.0**60  # a slope beyond which its product with a difference is made in float64, reached by
LARGEST_MARGIN = 2.0**16  # over the least distance of float32


def siamese_contrastive(
    z1: ArrayLike, z2: ArrayLike, different: ArrayLike, margin: float = 1.0, threads: int = 1
) -> tuple[float, tuple[NDArray[Any], NDArray[Any]]]:
    """Compute the contrastive loss of Siamese networks: Euclidean distance and a margin.

    It pulls true pairs together and pushes false pairs apart until they are `margin` away. With d_i = |z1_i - z2_i| and
    y_i = different[i]::

        L = 1/N sum_i ( (1 - y_i) d_i^2  +  y_i max(margin - d_i, 0)^2 )

    (without the paper's factor 1/2). Where a false pair coincides (d = 0) its direction is undefined: the gradient of
    its term is 0.

    Parameters
    ----------
    z1, z2 : array_like of float32 or float64, shape (N, D)
        Two views of a batch, of one shape and type; nothing is normalized.
    different : array_like, shape (N,)
        Numbers in [0, 1]: 0 (False) for a true pair, 1 (True) for a false one.
    margin : float, default 1
        A distance in the unit of the views, > 0.
    threads : int, default 1
        Workers of this call, at least 1.

    Returns
    -------
    tuple of (float, tuple of ndarray)
        The loss, and its gradients (dL/dz1, dL/dz2), in the shapes and the type of the views. dL/dz2 is -dL/dz1.

    Raises
    ------
    InputError
        For other types, unlike shapes, NaN or infinity, and options out of range.

    References
    ----------
    Hadsell, Chopra, LeCun, "Dimensionality Reduction by Learning an Invariant Mapping", CVPR 2006.
    """
    from ._kernels.pairs import siamese_pairs, siamese_pairs_out_of_range

    # Memory-bound: finiteness is read off the value (NaN and infinity always reach it) and checked only then.
    z1, z2 = _checks.embeddings(z1=z1, z2=z2, look_for_nan=False)
    different = _checks.pair_labels(different, len(z1))
    (margin,) = _checks.positive(margin=margin)
    grads = np.empty_like(z1), np.empty_like(z2)
    with Team(threads, blas=False) as team:

        def work(worker: int) -> tuple[float, float]:
            part = team.share(len(different), worker)
            return siamese_pairs(z1, z2, different, margin, part.start, part.stop, *grads)

        totals, least = zip(*team.run(work), strict=True)
        value = sum(totals) / len(different)
        if min(least) < (bound := LEAST_SQUARE[z1.dtype]) or margin > LARGEST_MARGIN:
            value += siamese_pairs_out_of_range(z1, z2, different, margin, bound, STEEPEST, *grads) / len(different)
    if not ordinary(value):
        _checks.all_finite(z1=z1, z2=z2)
        _checks.not_overflown(value)
        narrowed(grads, z1.dtype, 2.0 * np.sqrt(value / len(different)))
    return value, grads
