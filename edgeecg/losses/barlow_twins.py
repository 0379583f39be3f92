"""Barlow Twins: make the cross-correlation of two views the identity.

Zbontar, Jing, Misra, LeCun, Deny: Barlow Twins: Self-Supervised Learning via Redundancy Reduction, ICML 2021.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _checks
from ._correlation import OffDiagonalEnergy
from ._threads import Team


def barlow_twins(
    z1: ArrayLike, z2: ArrayLike, lambd: float = 0.0051, eps: float = 1e-5, threads: int = 1
) -> tuple[float, tuple[NDArray[Any], NDArray[Any]]]:
    """Compute the loss of Barlow Twins: invariance plus redundancy reduction.

    With u the columns of a view at mean 0 and variance 1, C = u1' u2 / N::

        u = (z - mean) / sqrt(var + eps)          var with divisor N, as batch normalization has it
        L = sum_i (1 - C_ii)^2  +  lambd sum_{i != j} C_ij^2

    A dead dimension (variance 0) gives C_ii = 0: it costs 1 and has a finite gradient. sum_ij C_ij^2 = <u1 u1', u2 u2'>
    / N^2 lets value and gradients use N x N products where N < D and D x D products otherwise: both exact, at most
    min(N, D)^2 numbers of extra memory a product beyond the two standardized views.

    Parameters
    ----------
    z1, z2 : array_like of float32 or float64, shape (N, D)
        Two views of a batch, of one shape and type; N >= 2.
    lambd : float, default 0.0051
        Weight of the off-diagonal terms, > 0.
    eps : float, default 1e-5
        Added to the variance, > 0.
    threads : int, default 1
        Workers of this call, at least 1; the BLAS runs on one thread a worker.

    Returns
    -------
    tuple of (float, tuple of ndarray)
        The loss, and its gradients (dL/dz1, dL/dz2), in the shapes and the type of the views.

    Raises
    ------
    InputError
        For other types, unlike shapes, one row, NaN or infinity, and options out of range.

    References
    ----------
    Zbontar et al., "Barlow Twins: Self-Supervised Learning via Redundancy Reduction", ICML 2021.
    """
    z1, z2 = _checks.embeddings(z1=z1, z2=z2, minimum_rows=2, look_for_nan=False)
    _checks.positive(lambd=lambd, eps=eps)
    with Team(threads) as team:
        return _loss(z1, z2, lambd, eps, team)


def _loss(z1, z2, lambd, eps, team):
    from ._kernels.columns import standardise_backward

    n = len(z1)
    energy = OffDiagonalEnergy((z1, z2), team, eps, scaled=True)
    units, variances = energy.values, energy.variances
    # Gradients take the place of the standardised views where nobody needs those again: fresh pages are what two
    # threads wait for most.
    grads = units if energy.block_needs_no_others else (np.empty_like(z1), np.empty_like(z2))

    # dL/du1 = (2 lambd / N^2) u2 (u1'u2)' without its diagonal  -  (2 / N) u2 (1 - C_ii)
    alpha = 2.0 * lambd / n**2
    offset, slope = -2.0 / n, 2.0 / n**2 - alpha * energy.diagonal_in_products

    def finish(part, products):
        factors = z1.dtype.type(alpha), offset, slope
        standardise_backward(products, *factors, units, variances, eps, part.start, energy.diagonal, grads)

    energy.each_block(finish)
    value = float(((1.0 - energy.diagonal / n) ** 2).sum() + lambd * energy.energy / n**2)
    return value, grads
