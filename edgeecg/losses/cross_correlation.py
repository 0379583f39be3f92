"""The cross-correlation matrix that Barlow Twins drives to the identity, for inspection.

Zbontar, Jing, Misra, LeCun, Deny: Barlow Twins: Self-Supervised Learning via Redundancy Reduction, ICML 2021.
"""

import numpy as np

from . import _checks
from ._correlation import Centring
from ._threads import Team


def cross_correlation(z1, z2, eps=1e-5, threads=1):
    """C = u1' u2 / N with u = (z - mean) / sqrt(var + eps), a column each (var with divisor N).

    z1, z2: (N, D), float32 or float64, N >= 2. Returns C, (D, D), in their dtype: the matrix, and no gradient.
    A dead dimension gives a row (column) of zeros. eps > 0.
    threads: workers of this call; the BLAS runs on one thread a worker (see `_threads`).
    Raises InputError for other dtypes, unlike shapes, one row, NaN or infinity.
    """
    z1, z2 = _checks.embeddings(z1=z1, z2=z2, minimum_rows=2, look_for_nan=False)
    (eps,) = _checks.positive(eps=eps)
    matrix = np.empty((z1.shape[1], z1.shape[1]), z1.dtype)
    with Team(threads) as team:
        centring = Centring((z1, z2), team, eps, scaled=True)
        u1, u2 = centring.values

        def work(worker):
            centring.work(worker)
            for centred in centring.centred:
                centred.wait()
            part = team.share(len(matrix), worker)
            np.matmul(u1[:, part].T, u2, out=matrix[part])
            matrix[part] /= len(z1)

        team.run(work)
    return matrix
