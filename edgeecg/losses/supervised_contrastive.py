"""Supervised contrastive loss: all samples that share a label are positives of one another.

Khosla et al.: Supervised Contrastive Learning, NeurIPS 2020 (their L_out). With the patient as the label it is PCLR
(Diamant et al., PLOS Computational Biology 2022); with masks over patient, segment and lead it is CMSC, CMLC and
CMSMLC (Kiyasseh, Zhu, Clifton: CLOCS, ICML 2021) in its supervised form.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from . import _checks
from ._contrast import contrast, contrast_in_float64
from ._positives import anchor_weights, by_labels, by_mask, masked, same
from ._range import tiles_hold
from ._threads import Team
from ._unit import UnitRows


def supervised_contrastive(
    z1: ArrayLike,
    z2: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    temperature: float = 0.1,
    threads: int = 1,
) -> tuple[float, tuple[NDArray[Any], ...]]:
    """Compute the supervised contrastive loss: samples that share a label are positives of one another.

    With unit rows u of [z1; z2], s_ik = u_i . u_k / temperature, P(i) the positives of i, A the anchors that have one::

        L = 1 / |A|  sum_{i in A} ( log sum_{k != i} exp(s_ik)  -  1 / |P(i)| sum_{p in P(i)} s_ip )

    Parameters
    ----------
    z1, z2 : array_like of float32 or float64, shape (N, d)
        Two views of a batch, of one shape and type, any scale; z2 may be absent.
    labels, mask : array_like, optional
        One of them. labels, (N,) int, bool or str: P(i) is every other row with the label of i, in both views.
        mask, (N, N) bool: mask[a, b] makes the rows of b positives of those of a, but no row of itself.
    temperature : float, default 0.1
        Divides the cosine similarity, > 0.
    threads : int, default 1
        Workers of this call, at least 1; the BLAS runs on one thread a worker.

    Returns
    -------
    tuple of (float, tuple of ndarray)
        The loss, 0 where A is empty, and its gradients (dL/dz1, dL/dz2), or (dL/dz1,) without z2. Memory: O(N d).

    Raises
    ------
    InputError
        For other types, unlike shapes, NaN or infinity, not exactly one of labels and mask, and options out of range.

    References
    ----------
    Khosla et al., "Supervised Contrastive Learning", NeurIPS 2020.
    """
    views = _checks.embeddings(z1=z1) if z2 is None else _checks.embeddings(z1=z1, z2=z2)
    (temperature,) = _checks.positive(temperature=temperature)
    if (labels is None) == (mask is None):
        raise InputError("give either labels or mask")
    if mask is None:
        codes = np.tile(_checks.label_codes(labels, len(views[0])), len(views))
        positive = same(codes, codes)
    else:
        mask = _checks.square_mask(mask, len(views[0]))
        positive = masked(mask, len(views))
    with Team(threads) as team:
        if not tiles_hold(1.0 / temperature, views[0].dtype):
            return contrast_in_float64(views, positive, temperature, team)
        unit = UnitRows(*views, team=team)
        if mask is None:
            count, mean = by_labels(unit.rows, codes, codes, own_rows=unit.rows)
            back = anchor_weights(count)[:, None].astype(mean.dtype) * mean  # classes owe their rows what these pay
        else:
            count, mean, back = by_mask(unit.rows, mask)
        return contrast(unit, anchor_weights(count), mean, back, temperature, team)
