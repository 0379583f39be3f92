"""Instance discrimination against a memory bank.

Wu, Xiong, Yu, Lin: Unsupervised Feature Learning via Non-Parametric Instance Discrimination, CVPR 2018 (the exact
softmax over the bank, their equation 2, which they approximate by noise-contrastive estimation).
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from . import _checks
from ._float64_pairs import softmax_contrast
from ._positives import same
from ._range import double, quietly, tiles_hold
from ._softmax import LN2, StreamingLogSumExp, base2_scale, pull_softmax
from ._threads import Team
from ._tiles import PairTiles
from ._types import Array, Grads
from ._unit import UnitRows


def instance_discrimination(
    z1: ArrayLike, bank: ArrayLike, index: ArrayLike, temperature: float = 0.07, threads: int = 1
) -> tuple[float, tuple[NDArray[Any]]]:
    """Compute the loss of instance discrimination: each row should find its own entry of a memory bank.

    With unit rows u of z1 and bank rows m_1 .. m_K::

        L = - 1/N sum_i log ( exp(u_i . m_index(i) / temperature) / sum_k exp(u_i . m_k / temperature) )

    The exact softmax over the bank, equation 2 of the paper. K = 1: loss and gradient are 0. For two views stack them
    and repeat the index.

    Parameters
    ----------
    z1 : array_like of float32 or float64, shape (N, d)
        A batch; any scale.
    bank : array_like, shape (K, d)
        Of the type of z1, rows of unit length. It is a constant: keeping it up to date is the caller's part.
    index : array_like of int, shape (N,)
        Each row's own entry, in [0, K).
    temperature : float, default 0.07
        Divides the similarity, > 0.
    threads : int, default 1
        Workers of this call, at least 1; the BLAS runs on one thread a worker.

    Returns
    -------
    tuple of (float, tuple of ndarray)
        The loss, and its gradients (dL/dz1,). Memory beyond it: O(N d).

    Raises
    ------
    InputError
        For other types, shapes that do not fit, an index outside the bank, NaN or infinity, and options out of range.

    References
    ----------
    Wu, Xiong, Yu, Lin, "Unsupervised Feature Learning via Non-Parametric Instance Discrimination", CVPR 2018.
    """
    (z1,) = _checks.embeddings(z1=z1)
    (bank,) = _checks.embeddings(bank=bank, look_for_nan=False)
    (temperature,) = _checks.positive(temperature=temperature)
    if bank.dtype != z1.dtype or bank.shape[1] != z1.shape[1]:
        raise InputError(f"bank is {bank.dtype} {bank.shape} but z1 is {z1.dtype} {z1.shape}: they do not fit")
    index = _checks.indices(index, len(z1), len(bank))
    longest = _longest(bank)
    with Team(threads) as team:
        if not tiles_hold(longest / temperature, z1.dtype):
            return _in_float64(z1, bank, index, longest, temperature, team)
        unit = UnitRows(z1, team=team)
        tiles = PairTiles(unit.rows, bank, team)
        kappa = base2_scale(1.0 / temperature, z1.dtype)
        lse = StreamingLogSumExp(tiles, kappa, rows_only=True).run()
        own = bank[index]
        value = float(LN2 * (lse - kappa * unit.dot(own)).mean())

        weight = np.full(len(z1), 1.0 / len(z1))
        grad = pull_softmax(tiles, kappa, weight, lse)
        grad -= own * grad.dtype.type(1.0 / len(z1))
        return value, unit.backward(grad, 1.0 / temperature, longest)


def _longest(bank: Array) -> float:
    """The largest length of a row; raises InputError for NaN or infinity."""
    from ._kernels.rows import row_products

    square = np.empty(len(bank))
    row_products(bank, bank, square)
    if not np.isfinite(square).all():
        _checks.all_finite(bank=bank)
        _checks.overflow()
    return math.sqrt(square.max())


@quietly
def _in_float64(
    z1: Array, bank: Array, index: Array, longest: float, temperature: float, team: Team
) -> tuple[float, Grads]:
    """The same at logits that no tile holds."""
    unit, (bank,) = UnitRows(z1, team=team, dtype=np.float64), double(bank)
    value, grad, _ = softmax_contrast(unit.rows, bank, same(index, np.arange(len(bank))), temperature, team)
    return _checks.not_overflown(value), unit.backward(grad, 1.0 / temperature, longest)
