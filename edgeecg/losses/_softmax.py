"""Log-sum-exp over all pairs, in base 2 and O(N) memory, and the pull-back of softmax weights."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ._tiles import MASKED, PairTiles
from ._types import Array, DType, Floats

RunningSum: TypeAlias = tuple[Array, Floats]
"""(maximum, sum of 2**(u - maximum)) of each row or column."""
Sums: TypeAlias = tuple[RunningSum, RunningSum, Array]
"""Those of rows and of columns, and scratch."""
LOG2E = 1.4426950408889634
LN2 = 0.6931471805599453


class StreamingLogSumExp:
    """log2 sum_j 2**u_ij of every row and, of rectangular tiles, of every column too; -inf where nothing was seen."""

    def __init__(self, tiles: PairTiles, kappa: float, bias: Array | None = None, rows_only: bool = False) -> None:
        from ._kernels import softmax

        self._kernels = softmax
        self._tiles = tiles
        self._one_sided = tiles.symmetric or rows_only
        self._dtype = tiles.a.dtype.type
        self._kappa = self._dtype(kappa)
        self._zero_bias = np.zeros(max(len(tiles.a), len(tiles.b)), self._dtype) if bias is None else bias

    def start(self, worker: int = 0) -> Sums:
        """Empty running sums of one worker: rows' and columns' (the same ones where the tiles are symmetric)."""
        rows = self._empty(len(self._tiles.a))
        columns = rows if self._one_sided else self._empty(len(self._tiles.b))
        scratch = np.empty((2, max(len(self._tiles.a), len(self._tiles.b))), self._dtype)
        return rows, columns, scratch

    def _empty(self, n: int) -> RunningSum:
        return np.full(n, MASKED, self._dtype), np.zeros(n)

    def absorb(self, state: Sums, tile: Array, rows: slice, columns: slice, diagonal: bool) -> None:
        """Adds one tile, as PairTiles.sweep calls it."""
        (row_max, row_sum), (col_max, col_sum), scratch = state
        bias = self._zero_bias
        self._kernels.absorb_rows(tile, self._kappa, bias[columns], row_max[rows], row_sum[rows])
        if not diagonal and not (self._one_sided and not self._tiles.symmetric):
            top, total = scratch[:, : tile.shape[1]]
            self._kernels.absorb_columns(tile, self._kappa, bias[rows], col_max[columns], col_sum[columns], top, total)

    def finish(self, states: Sequence[Sums]) -> Any:
        """Merges the workers' sums; (rows, columns) as float64, or rows alone where that is all there is."""
        rows = self._merge([state[0] for state in states])
        return rows if self._one_sided else (rows, self._merge([state[1] for state in states]))

    def run(self) -> Any:
        return self.finish(self._tiles.sweep(self.absorb, self.start))

    def _merge(self, parts: Sequence[RunningSum]) -> Floats:
        tops = np.array([top for top, _ in parts], np.float64)
        sums = np.array([total for _, total in parts])
        top = tops.max(axis=0)
        with np.errstate(divide="ignore"):
            merged = top + np.log2((sums * np.exp2(tops - top)).sum(axis=0))
        unseen = MASKED * min(float(self._kappa), 1.0)  # the top of what was masked, or the one to begin with
        return np.where(top > unseen / 2.0, merged, -np.inf)


def pull_softmax(
    tiles: PairTiles,
    kappa: float,
    row_weight: Floats,
    row_lse: Floats,
    col_weight: Floats | None = None,
    col_lse: Floats | None = None,
) -> Any:
    """tiles.pull of G_ij = row_weight_i p(j | i) + col_weight_j p(i | j); of rectangular tiles without columns' weights
    the first term alone, and its pull onto the rows."""
    from ._kernels.softmax import softmax_weights

    dtype = tiles.a.dtype
    kappa = dtype.type(kappa)
    rows_only = not tiles.symmetric and col_weight is None
    row_weight, row_shift = weight_and_shift(row_weight, row_lse, dtype)
    if tiles.symmetric:
        col_weight, col_shift = row_weight, row_shift
    elif col_weight is not None and col_lse is not None:
        col_weight, col_shift = weight_and_shift(col_weight, col_lse, dtype)
    else:
        # The kernel computes the columns' share too: a shift out of reach makes it 0, where 2**u could be infinite.
        col_weight, col_shift = np.zeros(len(tiles.b), dtype), np.full(len(tiles.b), -MASKED, dtype)

    def fill(tile: Array, rows: slice, columns: slice, diagonal: bool, worker: int) -> None:
        softmax_weights(tile, kappa, row_weight[rows], row_shift[rows], col_weight[columns], col_shift[columns])

    return tiles.pull(fill, rows_only)


def weight_and_shift(weight: Floats, lse: Floats, dtype: DType) -> tuple[Array, Array]:
    """(weight', shift) in `dtype` with weight' 2**(u - shift) = weight 2**(u - lse).

    Logits of a low temperature are large, and rounding their log-sum-exp to float32 would put one error of up to 1e-5
    on all of a row; what the rounding takes off goes into the weight. Where nothing was seen (-inf) every 2**u is 0.
    """
    seen = np.isfinite(lse)
    shift = np.where(seen, lse, -MASKED).astype(dtype)
    lost = np.where(seen, shift - np.where(seen, lse, 0.0), 0.0)
    return (weight * np.exp2(lost)).astype(dtype), shift


def base2_scale(inverse_temperature: float, dtype: DType) -> float:
    """log2(e) / temperature as kernels use it: rounded to `dtype` once, so that all terms of a loss agree on it."""
    return float(np.dtype(dtype).type(LOG2E * inverse_temperature))
