"""NT-Xent, the objective of SimCLR.

Chen, Kornblith, Norouzi, Hinton: A Simple Framework for Contrastive Learning of Visual Representations, ICML 2020.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _checks
from ._contrast import contrast, contrast_in_float64
from ._positives import same
from ._range import tiles_hold
from ._threads import Team
from ._unit import UnitRows


def nt_xent(
    z1: ArrayLike, z2: ArrayLike, temperature: float = 0.5, threads: int = 1
) -> tuple[float, tuple[NDArray[Any], NDArray[Any]]]:
    """Compute NT-Xent, the normalized temperature-scaled cross-entropy of two views: the objective of SimCLR.

    With the 2N rows u of [z1; z2] at unit length, s_ik = u_i . u_k / temperature and p(i) the other view of i::

        L = 1 / 2N  sum_i ( log sum_{k != i} exp(s_ik)  -  s_i,p(i) )

    A zero row has no direction: it stays zero, with zero gradient. N = 1 has no negatives: loss and gradients are 0.

    Parameters
    ----------
    z1, z2 : array_like of float32 or float64, shape (N, d)
        Two views of a batch, of one shape and type; any scale.
    temperature : float, default 0.5
        Divides the cosine similarity, > 0.
    threads : int, default 1
        Workers of this call, at least 1; the BLAS runs on one thread a worker.

    Returns
    -------
    tuple of (float, tuple of ndarray)
        The loss, and its gradients (dL/dz1, dL/dz2), in the shapes and the type of the views. Memory beyond them: O(N
        d), no 2N x 2N array.

    Raises
    ------
    InputError
        For other types, unlike shapes, NaN or infinity, and options out of range.

    References
    ----------
    Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", ICML 2020.
    """
    z1, z2 = _checks.embeddings(z1=z1, z2=z2)
    (temperature,) = _checks.positive(temperature=temperature)
    n = len(z1)
    with Team(threads) as team:
        if not tiles_hold(1.0 / temperature, z1.dtype):
            codes = np.tile(np.arange(n), 2)
            return contrast_in_float64((z1, z2), same(codes, codes), temperature, team)
        unit = UnitRows(z1, z2, team=team)
        partner = np.concatenate((unit.rows[n:], unit.rows[:n]))
        weight = np.full(2 * n, 0.5 / n)
        # Each row is the only positive of its partner, so what it is owed is its partner's weight times its partner.
        return contrast(unit, weight, partner, partner * partner.dtype.type(0.5 / n), temperature, team, partner=n)
