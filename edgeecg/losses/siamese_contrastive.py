"""Contrastive loss of Siamese networks: Euclidean distance and a margin.

Hadsell, Chopra, LeCun: Dimensionality Reduction by Learning an Invariant Mapping, CVPR 2006 (without their factor 1/2).
"""

import numpy as np

from . import _checks
from ._range import narrowed, ordinary
from ._threads import Team

LEAST_SQUARE = {np.dtype(np.float32): 2.0**-86, np.dtype(np.float64): 2.0**-982}  # a smaller one has lost digits
STEEPEST = 2.0**60  # a slope beyond which its product with a difference is made in float64, reached by
LARGEST_MARGIN = 2.0**16  # over the least distance of float32


def siamese_contrastive(z1, z2, different, margin=1.0, threads=1):
    """Pulls true pairs together and pushes false pairs apart until they are `margin` away.

    With d_i = |z1_i - z2_i| and y_i = different[i]::

        L = 1/N sum_i ( (1 - y_i) d_i^2  +  y_i max(margin - d_i, 0)^2 )

    z1, z2: (N, D), float32 or float64; the distance has their unit, nothing is normalised.
    different: (N,) numbers in [0, 1], 0 (False) for a true pair, 1 (True) for a false one. margin > 0.
    Where a false pair coincides (d = 0) its direction is undefined: the gradient of its term is 0.
    threads: workers of this call. Returns (value, (dz1, dz2)); dz2 is -dz1.
    Raises InputError for other dtypes, unlike shapes, NaN or infinity.
    """
    from ._kernels.pairs import siamese_pairs, siamese_pairs_out_of_range

    # Memory-bound: finiteness is read off the value (NaN and infinity always reach it) and looked up only then.
    views = _checks.embeddings(z1=z1, z2=z2, look_for_nan=False)
    different = _checks.pair_labels(different, len(views[0]))
    (margin,) = _checks.positive(margin=margin)
    grads = np.empty_like(views[0]), np.empty_like(views[1])
    with Team(threads, blas=False) as team:

        def work(worker):
            part = team.share(len(different), worker)
            return siamese_pairs(*views, different, margin, part.start, part.stop, *grads)

        totals, least = zip(*team.run(work), strict=True)
        value = sum(totals) / len(different)
        smallest = LEAST_SQUARE[views[0].dtype]
        if min(least) < smallest or margin > LARGEST_MARGIN:
            added = siamese_pairs_out_of_range(*views, different, margin, smallest, STEEPEST, *grads)
            value += added / len(different)
    if not ordinary(value):
        _checks.embeddings(z1=z1, z2=z2)
        _checks.not_overflown(value)
        narrowed(grads, views[0].dtype, 2.0 * np.sqrt(value / len(different)))
    return value, grads
