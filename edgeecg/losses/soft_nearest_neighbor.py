"""Soft nearest neighbor loss.

Salakhutdinov, Hinton: Learning a Nonlinear Embedding by Preserving Class Neighbourhood Structure, AISTATS 2007;
Frosst, Papernot, Hinton: Analyzing and Improving Representations with the Soft Nearest Neighbor Loss, ICML 2019.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from . import _checks
from ._correlation import Centering
from ._positives import anchor_weights
from ._range import double, narrowed, ordinary, quietly
from ._softmax import LN2, StreamingLogSumExp, Sums, base2_scale, weight_and_shift
from ._threads import Team
from ._tiles import MASKED, TILE_COLUMNS, TILE_ROWS, PairTiles
from ._types import Array, Codes, Floats

FLOAT32_REACH = 1000.0  # largest exponent 2 |x|^2 / temperature that float32 resolves to the accuracy promised
FLOAT64_REACH = 2.0**32  # the same of float64
LARGEST_TEMPERATURE = 2.0**66  # of rows shorter than sqrt(D): beyond it every exponential is 1 to the last bit


def soft_nearest_neighbor(
    z1: ArrayLike,
    z2: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    temperature: float = 1.0,
    threads: int = 1,
) -> tuple[float, tuple[NDArray[Any], ...]]:
    """Compute the soft nearest neighbor loss: how likely each point is to pick a neighbor of its own class.

    With the M rows x of [z1; z2] (or of z1 alone) and A the anchors that have another point of their class::

        L = - 1/|A| sum_{i in A} log ( sum_{j != i, y_j = y_i} exp(-|x_i - x_j|^2 / temperature)
                                     / sum_{k != i}            exp(-|x_i - x_k|^2 / temperature) )

    An anchor alone in its class does not count; with one class only, or none that counts, L = 0. float32 rows far apart
    in units of the temperature (2 |x - mean|^2 / temperature > 1000) are computed in float64, two to three times
    slower: float32 exponents of that size have lost the digits that the gradient needs.

    Parameters
    ----------
    z1 : array_like of float32 or float64, shape (N, D)
        A batch, not normalized.
    z2 : array_like, optional
        Its second view, of the shape and type of z1.
    labels : array_like of int, bool or str, shape (N,)
        The classes; not optional.
    temperature : float, default 1
        In squared units of the embedding, > 0.
    threads : int, default 1
        Workers of this call, at least 1; the BLAS runs on one thread a worker.

    Returns
    -------
    tuple of (float, tuple of ndarray)
        The loss, and its gradients (dL/dz1, dL/dz2), or (dL/dz1,) without z2. Memory beyond them: O(N D).

    Raises
    ------
    InputError
        For other types, unlike shapes, NaN or infinity, numbers too large to square, and options out of range.

    References
    ----------
    Salakhutdinov, Hinton, "Learning a Nonlinear Embedding by Preserving Class Neighbourhood Structure", AISTATS 2007.
    Frosst, Papernot, Hinton, "Analyzing and Improving Representations with the Soft Nearest Neighbor Loss", ICML 2019.
    """
    views = _checks.embeddings(z1=z1) if z2 is None else _checks.embeddings(z1=z1, z2=z2)
    (temperature,) = _checks.positive(temperature=temperature)
    codes = np.tile(_checks.label_codes(labels, len(views[0])), len(views))
    with Team(threads) as team:
        rows = np.concatenate(views) if len(views) > 1 else views[0]
        x, square = _centered(rows, team)
        longest = float(square.max())
        if not (ordinary(temperature, least=2.0**-25) and ordinary(longest, least=2.0**-60, most=2.0**60)):
            value, grad = _near_one(rows, codes, temperature, team)
        else:
            if rows.dtype == np.float32 and longest * 2.0 / temperature > FLOAT32_REACH:
                x, square = _centered(double(rows)[0], team)
            value, grad = _loss(x, square, codes, temperature, team)
    return value, tuple(np.split(grad.astype(rows.dtype, copy=False), len(views)))


@quietly
def _near_one(rows: Array, codes: Codes, temperature: float, team: Team) -> tuple[float, Array]:
    """The loss where products of numbers leave the dtype: of the rows over a power of two that brings them near 1."""
    x, _ = _centered(double(rows)[0], team)
    exponent = int(np.frexp(np.abs(x).max())[1])
    x = np.ldexp(x, -exponent)
    square = np.square(x).sum(axis=1)
    within = min(float(np.ldexp(temperature, -2 * exponent)), LARGEST_TEMPERATURE) if square.any() else 1.0
    value, grad = _loss(x, square, codes, within, team)
    grad *= np.ldexp(within / temperature, exponent)
    (grad,) = narrowed([grad], rows.dtype, np.ldexp(2.0 / temperature * np.sqrt(square.max()), exponent))
    return value, grad


def _centered(rows: Array, team: Team) -> tuple[Array, Floats]:
    """The rows around their mean, in their dtype, and their squared lengths (float64)."""
    from ._kernels.rows import row_products

    centering, square = Centering((rows,), team), np.empty(len(rows))

    def work(worker: int) -> None:
        centering.work(worker)
        centering.centered[0].wait()
        part, centered = team.share(len(rows), worker), centering.values[0]
        row_products(centered[part], centered[part], square[part])

    team.run(work)
    return centering.values[0], square


def _loss(x: Array, square: Floats, codes: Codes, temperature: float, team: Team) -> tuple[float, Array]:
    reach = 2.0 * square.max() / temperature
    if not reach <= FLOAT64_REACH:
        raise InputError(f"the embeddings are too large for this temperature: 2 |x|^2 / temperature is {reach:.0e}")
    tiles = PairTiles(x, x, team)
    # -|x_i - x_j|^2 / T = kappa x_i . x_j - bias_j - bias_i; bias_i cancels in both softmaxes of i, and so does any
    # constant in bias_j: without its mean the exponents stay small.
    kappa = base2_scale(2.0 / temperature, x.dtype)
    bias = 0.5 * kappa * square
    bias = (bias - bias.mean()).astype(x.dtype)

    everybody, own_class = _two_sums(tiles, kappa, bias, codes)
    weight = anchor_weights(np.isfinite(own_class))
    seen = weight > 0
    gap = np.zeros(len(x))
    gap[seen] = LN2 * (everybody[seen] - own_class[seen])
    value = float((weight * gap).sum())
    return value, _gradient(tiles, kappa, bias, codes, everybody, own_class, weight, gap, team)


def _two_sums(tiles: PairTiles, kappa: float, bias: Array, codes: Codes) -> tuple[Floats, Floats]:
    """Log-sum-exps over everybody and over the own class, from one making of the tiles."""
    from ._kernels.soft_nearest import keep_same_class

    everybody, own_class = (StreamingLogSumExp(tiles, kappa, bias) for _ in range(2))

    def start(worker: int) -> tuple[Sums, Sums, Array]:
        return everybody.start(), own_class.start(), np.empty(TILE_ROWS * TILE_COLUMNS, tiles.a.dtype)

    def visit(state: tuple[Sums, Sums, Array], tile: Array, rows: slice, columns: slice, diagonal: bool) -> None:
        all_state, same_state, scratch = state
        everybody.absorb(all_state, tile, rows, columns, diagonal)
        same = scratch[: tile.size].reshape(tile.shape)
        keep_same_class(tile, codes[rows], codes[columns], tile.dtype.type(MASKED), same)
        own_class.absorb(same_state, same, rows, columns, diagonal)

    states = tiles.sweep(visit, start)
    return everybody.finish([state[0] for state in states]), own_class.finish([state[1] for state in states])


def _gradient(
    tiles: PairTiles,
    kappa: float,
    bias: Array,
    codes: Codes,
    everybody: Floats,
    own_class: Floats,
    weight: Floats,
    gap: Floats,
    team: Team,
) -> Array:
    """2/T ( sum_j (W_ij + W_ji) x_j  -  x_i sum_j W_ji ), W_ij = weight_i (p_all(j|i) - p_same(j|i))."""
    from ._kernels.soft_nearest import neighbor_weights, take_off_owed

    x, dtype = tiles.a, tiles.a.dtype
    push, all_shift = weight_and_shift(weight, everybody, dtype)
    pull, same_shift = weight_and_shift(weight * np.expm1(-gap), own_class, dtype)
    sides = (bias, codes, all_shift, same_shift, push, pull)
    owed = np.zeros((tiles.workers, len(x)))

    def fill(tile: Array, rows: slice, columns: slice, diagonal: bool, worker: int) -> None:
        row_total = owed[worker][rows]
        col_total = np.zeros(tile.shape[1], dtype)
        neighbor_weights(
            tile,
            dtype.type(kappa),
            row_total,
            col_total,
            *(side[rows] for side in sides),
            *(side[columns] for side in sides),
        )
        if not diagonal:  # a diagonal tile has counted both directions in its rows
            owed[worker][columns] += col_total

    grad: Array = tiles.pull(fill)
    total = owed.sum(axis=0)

    def finish(worker: int) -> None:
        part = team.share(len(x), worker)
        take_off_owed(grad[part], x[part], total[part], dtype.type(kappa * LN2))

    team.run(finish)
    return grad
