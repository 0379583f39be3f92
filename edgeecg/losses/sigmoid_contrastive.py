"""Pairwise sigmoid loss: every pair is a question of its own, no softmax over the batch.

Zhai, Mustafa, Kolesnikov, Beyer: Sigmoid Loss for Language Image Pre-Training, ICCV 2023.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _checks
from ._float64_pairs import sigmoid_sums
from ._positives import same
from ._range import quietly, tiles_hold
from ._softmax import LOG2E
from ._threads import Team
from ._tiles import PairTiles
from ._types import Array, Codes, Floats, Grads
from ._unit import UnitRows


def sigmoid_contrastive(
    z1: ArrayLike,
    z2: ArrayLike,
    labels: ArrayLike | None = None,
    temperature: float = 0.1,
    bias: float = -10.0,
    threads: int = 1,
) -> tuple[float, tuple[NDArray[Any], NDArray[Any], float, float]]:
    """Compute the pairwise sigmoid loss: every pair is a question of its own, no softmax over the batch.

    Binary cross-entropy of every pair of the two views, on their similarity. With unit rows a of z1 and b of z2,
    x_ij = a_i . b_j / temperature + bias and y_ij = +1 for a positive pair, -1 for a negative one::

        L = - 1/N sum_ij log sigmoid(y_ij x_ij)

    Parameters
    ----------
    z1, z2 : array_like of float32 or float64, shape (N, d)
        Two views of a batch, of one shape and type; any scale.
    labels : array_like of int, bool or str, shape (N,), optional
        Pairs of one label are positives; without labels i = j are.
    temperature : float, default 0.1
        Divides the cosine similarity, > 0, as in all losses here (the paper's t is 1 / temperature; it starts at
        t = 10, bias = -10).
    bias : float, default -10
        Added to every logit.
    threads : int, default 1
        Workers of this call, at least 1; the BLAS runs on one thread a worker.

    Returns
    -------
    tuple of (float, tuple)
        The loss, and its gradients (dL/dz1, dL/dz2, dL/dtemperature, dL/dbias), the last two as floats. Memory beyond
        them: O(N d).

    Raises
    ------
    InputError
        For other types, unlike shapes, NaN or infinity, and options out of range.

    References
    ----------
    Zhai, Mustafa, Kolesnikov, Beyer, "Sigmoid Loss for Language Image Pre-Training", ICCV 2023.
    """
    z1, z2 = _checks.embeddings(z1=z1, z2=z2)
    (temperature,), (bias,) = _checks.positive(temperature=temperature), _checks.finite(bias=bias)
    n = len(z1)
    codes = np.arange(n, dtype=np.int32) if labels is None else _checks.label_codes(labels, n)
    with Team(threads) as team:
        if not (tiles_hold(1.0 / temperature, z1.dtype) and tiles_hold(1.0 / temperature + abs(bias), z1.dtype)):
            return _in_float64(z1, z2, codes, temperature, bias, team)
        a, b = UnitRows(z1, team=team), UnitRows(z2, team=team)
        (loss, slope, moment), da, db = _sums(a.rows, b.rows, codes, temperature, bias, team)
        grads = a.backward(da, 1.0 / (temperature * n), n) + b.backward(db, 1.0 / (temperature * n), n)
    return float(loss / n), (*grads, float(-moment / (n * temperature**2)), float(slope / n))


def _sums(a: Array, b: Array, codes: Codes, temperature: float, bias: float, team: Team) -> tuple[Floats, Array, Array]:
    """Sums over all pairs of (loss, dloss/dx, cosine dloss/dx), and G b, G'a for G = dloss/dx."""
    from ._kernels.sigmoid import sigmoid_tile

    tiles = PairTiles(a, b, team)
    scale, offset, log2e = (a.dtype.type(c) for c in (1.0 / temperature, bias, LOG2E))
    sums = np.zeros((team.size, 3))

    def fill(tile: Array, rows: slice, columns: slice, diagonal: bool, worker: int) -> None:
        sigmoid_tile(tile, scale, offset, log2e, codes[rows], codes[columns], sums[worker])

    da, db = tiles.pull(fill)
    return sums.sum(axis=0), da, db


@quietly
def _in_float64(z1: Array, z2: Array, codes: Codes, temperature: float, bias: float, team: Team) -> tuple[float, Grads]:
    """The same at logits that no tile holds."""
    n, a, b = len(z1), *(UnitRows(z, team=team, dtype=np.float64) for z in (z1, z2))
    (loss, slope, moment), da, db = sigmoid_sums(a.rows, b.rows, same(codes, codes), temperature, bias, team)
    grads = a.backward(da, 1.0 / temperature / n, n) + b.backward(db, 1.0 / temperature / n, n)
    scalars = [_checks.not_overflown(x) for x in (-moment / n / temperature / temperature, slope / n)]
    return float(_checks.not_overflown(loss / n)), (*grads, *map(float, scalars))
