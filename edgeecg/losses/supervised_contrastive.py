"""Supervised contrastive loss: all samples that share a label are positives of one another.

Khosla et al.: Supervised Contrastive Learning, NeurIPS 2020 (their L_out). With the patient as the label it is PCLR
(Diamant et al., PLOS Computational Biology 2022); with masks over patient, segment and lead it is CMSC, CMLC and
CMSMLC (Kiyasseh, Zhu, Clifton: CLOCS, ICML 2021) in its supervised form.
"""

import numpy as np

from ..errors import InputError
from . import _checks
from ._contrast import contrast, contrast_in_float64
from ._positives import anchor_weights, by_labels, by_mask, masked, same
from ._range import tiles_hold
from ._threads import Team
from ._unit import UnitRows


def supervised_contrastive(z1, z2=None, labels=None, mask=None, temperature=0.1, threads=1):
    """Softmax cross-entropy of each anchor against the mean of its positives.

    With the M rows u of [z1; z2] (or of z1 alone) at unit length, s_ik = u_i . u_k / temperature, P(i) the positives
    of i and A the anchors that have one::

        L = 1 / |A|  sum_{i in A} ( log sum_{k != i} exp(s_ik)  -  1 / |P(i)| sum_{p in P(i)} s_ip )

    z1, z2: (N, d), float32 or float64, any scale; z2, the second view, may be absent.
    labels: (N,) integers, booleans or strings: P(i) is every other row with the label of i, in either view.
    mask: (N, N) booleans instead: mask[a, b] makes the rows of sample b positives of the rows of sample a (never a
    row of itself; mask[a, a] is about its other view). It need not be symmetric or transitive.
    An anchor without positives does not count (it is still a negative of others); with none at all L = 0.
    threads: workers of this call; the BLAS runs on one thread a worker (see `_threads`).
    Returns (value, (dz1, dz2)), or (value, (dz1,)) without z2. Memory beyond the gradients: O(N d).
    Raises InputError for other dtypes, unlike shapes, NaN or infinity, or not exactly one of labels and mask.
    """
    views = _checks.embeddings(**({"z1": z1} if z2 is None else {"z1": z1, "z2": z2}))
    (temperature,) = _checks.positive(temperature=temperature)
    n = len(views[0])
    if (labels is None) == (mask is None):
        raise InputError("give either labels or mask")
    if mask is None:
        codes = np.tile(_checks.label_codes(labels, n), len(views))
    else:
        mask = _checks.square_mask(mask, n)
    with Team(threads) as team:
        if not tiles_hold(1.0 / temperature, views[0].dtype):
            positive = same(codes, codes) if mask is None else masked(mask, len(views))
            return contrast_in_float64(views, positive, temperature, team)
        unit = UnitRows(*views, team=team)
        if mask is None:
            count, mean = by_labels(unit.rows, codes, codes, own_rows=unit.rows)
            weight = anchor_weights(count)
            # All of a class have equally many positives, so a row is owed exactly what it pays.
            back = weight[:, None].astype(mean.dtype) * mean
        else:
            count, mean, back = by_mask(unit.rows, mask)
            weight = anchor_weights(count)
        return contrast(unit, weight, mean, back, temperature, team)
