"""The cross-correlation matrix that Barlow Twins drives to the identity, for inspection.

Zbontar, Jing, Misra, LeCun, Deny: Barlow Twins: Self-Supervised Learning via Redundancy Reduction, ICML 2021.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _checks
from ._correlation import Centering
from ._threads import Team


def cross_correlation(z1: ArrayLike, z2: ArrayLike, eps: float = 1e-5, threads: int = 1) -> NDArray[Any]:
    """Compute the matrix that Barlow Twins drives to the identity, for inspection.

    C = u1' u2 / N with u = (z - mean) / sqrt(var + eps), a column each (var with divisor N). A dead dimension gives a
    row (column) of zeros.

    Parameters
    ----------
    z1, z2 : array_like of float32 or float64, shape (N, D)
        Two views of a batch, of one shape and type; N >= 2.
    eps : float, default 1e-5
        Added to the variance, > 0.
    threads : int, default 1
        Workers of this call, at least 1; the BLAS runs on one thread a worker.

    Returns
    -------
    ndarray, shape (D, D)
        C, in the type of the views; no gradient.

    Raises
    ------
    InputError
        For other types, unlike shapes, one row, NaN or infinity, and options out of range.

    References
    ----------
    Zbontar et al., "Barlow Twins: Self-Supervised Learning via Redundancy Reduction", ICML 2021.
    """
    z1, z2 = _checks.embeddings(z1=z1, z2=z2, minimum_rows=2, look_for_nan=False)
    (eps,) = _checks.positive(eps=eps)
    matrix = np.empty((z1.shape[1], z1.shape[1]), z1.dtype)
    with Team(threads) as team:
        centering = Centering((z1, z2), team, eps, scaled=True)
        u1, u2 = centering.values

        def work(worker: int) -> None:
            centering.work(worker)
            for centered in centering.centered:
                centered.wait()
            part = team.share(len(matrix), worker)
            np.matmul(u1[:, part].T, u2, out=matrix[part])
            matrix[part] /= len(z1)

        team.run(work)
    return matrix
