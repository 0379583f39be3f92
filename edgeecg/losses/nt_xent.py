"""NT-Xent, the objective of SimCLR.

Chen, Kornblith, Norouzi, Hinton: A Simple Framework for Contrastive Learning of Visual Representations, ICML 2020.
"""

import numpy as np

from . import _checks
from ._contrast import contrast, contrast_in_float64
from ._positives import same
from ._range import tiles_hold
from ._threads import Team
from ._unit import UnitRows


def nt_xent(z1, z2, temperature=0.5, threads=1):
    """Normalised temperature-scaled cross-entropy of two views.

    With the 2N rows u of [z1; z2] at unit length, s_ik = u_i . u_k / temperature and p(i) the other view of i::

        L = 1 / 2N  sum_i ( log sum_{k != i} exp(s_ik)  -  s_i,p(i) )

    z1, z2: (N, d), float32 or float64, any scale (a zero row has no direction: it stays zero, with zero gradient).
    temperature: divides the cosine similarity. N = 1 has no negatives: loss and gradients are 0.
    threads: workers of this call; the BLAS runs on one thread a worker (see `_threads`).
    Returns (value, (dz1, dz2)). Memory beyond the gradients: O(N d), no 2N x 2N array.
    Raises InputError for other dtypes, unlike shapes, NaN or infinity.
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
