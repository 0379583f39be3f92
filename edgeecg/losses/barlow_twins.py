"""Barlow Twins: make the cross-correlation of two views the identity.

Zbontar, Jing, Misra, LeCun, Deny: Barlow Twins: Self-Supervised Learning via Redundancy Reduction, ICML 2021.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _checks
from ._correlation import OffDiagonalEnergy
from ._range import double, narrowed, ordinary, quietly
from ._threads import Team
from ._types import Array, DType, Floats, Grads, Pair

FEW = 8  # rows, below which float32 would keep too little of the gradient: columns of two rows differ in sign alone


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
    lambd, eps = _checks.positive(lambd=lambd, eps=eps)
    usual = ordinary(lambd) and ordinary(eps, least=2.0**-100)
    views: Sequence[Array] = (z1, z2) if usual and len(z1) >= FEW else double(z1, z2)
    with Team(threads) as team:
        value, grads, energy = _loss(views, lambd, eps, team)
        first, second = energy.largest
        held = _held(first, eps) and _held(second, eps)
        if not held and views[0].dtype == np.float32:
            value, grads, energy = _loss(double(z1, z2), lambd, eps, team)
    if usual and held and views[0] is z1:
        return value, grads
    return _checks.not_overflown(value), _narrowed(grads, z1.dtype, energy.variances.min(axis=1) + eps, lambd)


@quietly
def _narrowed(grads: Pair, dtype: DType, squares: Floats, lambd: float) -> Grads:
    """The gradient of each view, whose least variance (plus eps) is in `squares`."""
    sizes = max(1.0, lambd) * 2.0 / len(grads[0]) / np.sqrt(squares)
    return sum((narrowed([grad], dtype, size) for grad, size in zip(grads, sizes, strict=True)), ())


def _held(variance: float, eps: float) -> bool:
    """Whether the largest deviation of a view leaves room, in float32, for products of units and for the gradient."""
    return variance == 0 or (variance >= 2.0**-80 * eps and variance <= 2.0**160)


def _loss(views: Sequence[Array], lambd: float, eps: float, team: Team) -> tuple[float, Pair, OffDiagonalEnergy]:
    from ._kernels.columns import standardize_backward

    n, dtype = len(views[0]), views[0].dtype
    energy = OffDiagonalEnergy(views, team, eps, scaled=True)
    units, variances = energy.values, energy.variances
    # Gradients take the place of the standardized views where nobody needs those again: fresh pages are what two
    # threads wait for most.
    grads: Any = units if energy.block_needs_no_others else (np.empty_like(views[0]), np.empty_like(views[1]))

    # dL/du1 = (2 lambd / N^2) u2 (u1'u2)' without its diagonal  -  (2 / N) u2 (1 - C_ii)
    alpha = 2.0 * lambd / n**2
    offset, slope = -2.0 / n, 2.0 / n**2 - alpha * energy.diagonal_in_products

    def finish(part: slice, products: tuple[Any, ...]) -> None:
        factors = dtype.type(alpha), offset, slope
        standardize_backward(products, *factors, units, variances, eps, part.start, energy.diagonal, grads)

    energy.each_block(finish)
    value = float(((1.0 - energy.diagonal / n) ** 2).sum() + lambd * energy.energy / n**2)
    return value, grads, energy
