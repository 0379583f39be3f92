"""Instance discrimination against a memory bank.

Wu, Xiong, Yu, Lin: Unsupervised Feature Learning via Non-Parametric Instance Discrimination, CVPR 2018 (the exact
softmax over the bank, their equation 2, which they approximate by noise-contrastive estimation).
"""

import math

import numpy as np

from ..errors import InputError
from . import _checks
from ._float64_pairs import softmax_contrast
from ._positives import same
from ._range import double, quietly, tiles_hold
from ._softmax import LN2, StreamingLogSumExp, base2_scale, pull_softmax
from ._threads import Team
from ._tiles import PairTiles
from ._unit import UnitRows


def instance_discrimination(z1, bank, index, temperature=0.07, threads=1):
    """Each row should find its own entry among all entries of the bank.

    With unit rows u of z1 and bank rows m_1 .. m_K::

        L = - 1/N sum_i log ( exp(u_i . m_index(i) / temperature) / sum_k exp(u_i . m_k / temperature) )

    z1: (N, d), float32 or float64, any scale. bank: (K, d) of the same dtype, used as it is (its rows should have
    unit length); it is a constant: keeping it up to date is the caller's part. index: (N,) integers in [0, K).
    For two views stack them and repeat the index. K = 1: loss and gradient are 0.
    threads: workers of this call; the BLAS runs on one thread a worker (see `_threads`).
    Returns (value, (dz1,)). Memory beyond the gradient: O(N d).
    Raises InputError for other dtypes, shapes that do not fit, an index outside the bank, NaN or infinity.
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


def _longest(bank):
    """The largest length of a row; raises InputError for NaN or infinity."""
    from ._kernels.rows import row_products

    square = np.empty(len(bank))
    row_products(bank, bank, square)
    if not np.isfinite(square).all():
        _checks.all_finite(bank=bank)
        _checks.overflow()
    return math.sqrt(square.max())


@quietly
def _in_float64(z1, bank, index, longest, temperature, team):
    """The same at logits that no tile holds."""
    unit, (bank,) = UnitRows(z1, team=team, dtype=np.float64), double(bank)
    value, grad, _ = softmax_contrast(unit.rows, bank, same(index, np.arange(len(bank))), temperature, team)
    return _checks.not_overflown(value), unit.backward(grad, 1.0 / temperature, longest)
