"""VICReg: variance, invariance and covariance regularization.

Bardes, Ponce, LeCun: VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised Learning, ICLR 2022.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _checks
from ._correlation import OffDiagonalEnergy
from ._range import double, narrowed, ordinary, quietly
from ._threads import Team
from ._types import Array, Pair


class _Options(NamedTuple):
    """The options of `vicreg`, checked."""

    invariance: float
    variance: float
    covariance: float
    gamma: float
    eps: float


def vicreg(
    z1: ArrayLike,
    z2: ArrayLike,
    invariance: float = 25.0,
    variance: float = 25.0,
    covariance: float = 1.0,
    gamma: float = 1.0,
    eps: float = 1e-4,
    threads: int = 1,
) -> tuple[float, tuple[NDArray[Any], NDArray[Any]]]:
    """Compute VICReg: variance, invariance and covariance regularization.

    With Cov(z) = (z - mean)'(z - mean) / (N - 1) and sigma_j = sqrt(Cov_jj + eps)::

        L = invariance 1/(N D) sum_ij (z1_ij - z2_ij)^2
          + variance   sum over both views of 1/D sum_j max(0, gamma - sigma_j)
          + covariance sum over both views of 1/D sum_{i != j} Cov_ij^2

    (the authors' program halves the variance term: pass variance=12.5 for that). A dead dimension has a finite
    gradient, zero from the variance term. The covariance energy uses N x N products where N < D.

    Parameters
    ----------
    z1, z2 : array_like of float32 or float64, shape (N, D)
        Two views of a batch, of one shape and type; N >= 2.
    invariance, variance, covariance : float, default 25, 25 and 1
        Weights of the terms, >= 0.
    gamma : float, default 1
        Deviation that every dimension should have, >= 0.
    eps : float, default 1e-4
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
    Bardes et al., "VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised Learning", ICLR 2022.
    """
    z1, z2 = _checks.embeddings(z1=z1, z2=z2, minimum_rows=2, look_for_nan=False)
    weights = _checks.not_negative(invariance=invariance, variance=variance, covariance=covariance, gamma=gamma)
    options = _Options(*weights, *_checks.positive(eps=eps))
    usual = ordinary(options.eps, least=2.0**-100) and all(w == 0 or ordinary(w, 2.0**-20, 2.0**20) for w in weights)
    views: Sequence[Array] = (z1, z2) if usual else double(z1, z2)
    with Team(threads) as team:
        value, grads, held = _loss(views, options, team)
        if not held and views[0].dtype == np.float32:
            value, grads, _ = _loss(double(*views), options, team)
    if usual and held:
        return value, grads
    return _checks.not_overflown(value), narrowed(grads, z1.dtype, max(np.abs(grad).max() for grad in grads))


@quietly
def _loss(views: Sequence[Array], options: _Options, team: Team) -> tuple[float, Pair, bool]:
    """(value, gradients, whether float32 held all numbers on the way: differences, deviations, cubes of deviations)."""
    z1, z2 = views
    gap = float(np.square(np.subtract(z1, z2, dtype=np.float64)).mean())
    if not gap < np.inf:
        _checks.all_finite(z1=z1, z2=z2)
        _checks.overflow()
    first, grad1, spread1 = _one_view(z1, z2, options, team)
    second, grad2, spread2 = _one_view(z2, z1, options, team)
    held = gap == 0 or ordinary(gap, least=2.0**-100)
    held = held and all(spread == 0 or ordinary(spread, least=2.0**-30) for spread in (spread1, spread2))
    return options.invariance * gap + first + second, (grad1, grad2), held


def _one_view(z: Array, other: Array, options: _Options, team: Team) -> tuple[float, Array, float]:
    """Variance and covariance terms of one view, its gradient with the invariance term in it, its largest variance."""
    from ._kernels.columns import combine_columns

    n, width = z.shape
    invariance, variance, covariance, gamma, eps = options
    energy = OffDiagonalEnergy((z,), team)
    # The gradient of the mean is zero for both terms: they are made of centered columns.
    alpha = 4.0 * covariance / (width * (n - 1.0) ** 2)
    pull_together = z.dtype.type(2.0 * invariance / z.size)
    out, short = np.empty_like(z), np.empty(width)

    def finish(part: slice, products: tuple[Any, ...]) -> None:
        energy.diagonal[part] = n * energy.variances[0][part]
        sigma = np.sqrt(energy.variances[0][part] * (n / (n - 1.0)) + eps)
        short[part] = np.maximum(gamma - sigma, 0.0)
        beta = -variance / (width * (n - 1.0) * sigma) * (short[part] > 0)
        beta -= alpha * energy.diagonal_in_products * energy.diagonal[part]
        factors = z.dtype.type(alpha), beta.astype(z.dtype)
        combine_columns(products[0], *factors, energy.values[0], z, other, pull_together, part.start, part.stop, out)

    energy.each_block(finish)
    value = variance * short.sum() / width + covariance * energy.energy / (width * (n - 1.0) ** 2)
    return float(value), out, energy.largest[0]
