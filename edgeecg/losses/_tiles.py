"""All pairs of rows, one cache-sized tile of scores at a time.

The N x N score matrix is never held: a tile is made by a matrix product, swept by a kernel while it is in the cache,
and pulled back onto the rows by two more products. Where both sides are the same set the matrix is symmetric and only
the tiles on and above the diagonal are made, each serving its rows and its columns.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np

from ._threads import Team
from ._types import Array

State = TypeVar("State")
Span: TypeAlias = tuple[int, int, int, int]
"""Rows i0 to i1, columns j0 to j1."""
TILE_ROWS, TILE_COLUMNS = 256, 512  # 512 KB of float32: a tile and its operands fit a 1 MB second-level cache
KEEP_BYTES = 4 << 20  # small problems keep their tiles between two sweeps instead of making them again
MASKED = -(2.0**100)
"""A score that no softmax sees: finite, so that kernels may assume finite numbers, and a power of two, so that its
product with a scale is exact (what a rounding of 1e30 leaves over would be an exponent beyond the dtype)."""


class PairTiles:
    """The scores t_ij = a_i . b_j, or, where b is a, a_i . a_j without i = j."""

    def __init__(self, a: Array, b: Array, team: Team) -> None:
        self.a, self.b = a, b
        self.symmetric = a is b
        self.workers = team.size
        self._team = team
        spans = list(self._spans())
        self._hands = _deal(spans, team.size)
        sizes = sum((i1 - i0) * (j1 - j0) for i0, i1, j0, j1 in spans)
        self._kept: dict[Span, Array] | None = {} if sizes * a.itemsize <= KEEP_BYTES else None

    def _spans(self) -> Iterator[Span]:
        n, m = len(self.a), len(self.b)
        for i0 in range(0, n, TILE_ROWS):
            i1 = min(i0 + TILE_ROWS, n)
            if self.symmetric:
                yield i0, i1, i0, i1
            for j0 in range(i1 if self.symmetric else 0, m, TILE_COLUMNS):
                yield i0, i1, j0, min(j0 + TILE_COLUMNS, m)

    def sweep(
        self, visit: Callable[[State, Array, slice, slice, bool], None], start: Callable[[int], State]
    ) -> list[State]:
        """Calls visit(state, tile, rows, columns, diagonal) for every tile; returns the states, one
        start(worker) each.
        """

        def work(worker: int) -> State:
            state = start(worker)
            buffer = np.empty(TILE_ROWS * TILE_COLUMNS, self.a.dtype)
            for span in self._hands[worker]:
                i0, i1, j0, j1 = span
                visit(state, self._tile(span, buffer), slice(i0, i1), slice(j0, j1), self.symmetric and i0 == j0)
            return state

        return self._team.run(work)

    def _tile(self, span: Span, buffer: Array) -> Array:
        if self._kept is not None and span in self._kept:
            return self._kept[span]
        i0, i1, j0, j1 = span
        shape = i1 - i0, j1 - j0
        tile = buffer[: shape[0] * shape[1]].reshape(shape) if self._kept is None else np.empty(shape, self.a.dtype)
        np.matmul(self.a[i0:i1], self.b[j0:j1].T, out=tile)
        if self.symmetric and i0 == j0:
            np.fill_diagonal(tile, MASKED)
        if self._kept is not None:
            self._kept[span] = tile
        return tile

    def pull(self, fill: Callable[[Array, slice, slice, bool, int], None], rows_only: bool = False) -> Any:
        """G b and G'a, where fill(tile, rows, columns, diagonal, worker) makes scores G; G b alone with `rows_only`.

        In the symmetric case G must be filled with both directions, g_ij + g_ji, and the result is G a.
        """
        width = self.a.shape[1]

        def start(worker: int) -> tuple[Array, Array, Array, int]:
            da = np.zeros_like(self.a)
            db = da if self.symmetric or rows_only else np.zeros_like(self.b)
            return da, db, np.empty(max(TILE_ROWS, TILE_COLUMNS) * width, self.a.dtype), worker

        def visit(
            state: tuple[Array, Array, Array, int], tile: Array, rows: slice, columns: slice, diagonal: bool
        ) -> None:
            da, db, scratch, worker = state
            fill(tile, rows, columns, diagonal, worker)
            _add_product(da[rows], tile, self.b[columns], scratch)
            if not diagonal and not rows_only:
                _add_product(db[columns], tile.T, self.a[rows], scratch)

        parts = self.sweep(visit, start)
        self._kept = None  # filled tiles are scores no longer
        das, dbs = [state[0] for state in parts], [state[1] for state in parts]
        self._add_up(das)
        if dbs[0] is das[0]:
            return das[0]
        self._add_up(dbs)
        return das[0], dbs[0]

    def _add_up(self, arrays: Sequence[Array]) -> None:
        """The sum of the workers' arrays in the first one, each worker some rows of all, always in the same order."""
        total, *others = arrays

        def work(worker: int) -> None:
            rows = self._team.share(len(total), worker)
            for other in others:
                total[rows] += other[rows]

        if others:
            self._team.run(work)


def _deal(spans: Iterable[Span], workers: int) -> list[list[Span]]:
    """Deals the tiles out, largest first to the least laden.

    A fixed deal keeps the order of every floating-point sum: a thread count gives the same bytes each time.
    """
    hands: list[list[Span]] = [[] for _ in range(workers)]
    loads = [0] * workers
    for span in sorted(spans, key=lambda s: (s[0] - s[1]) * (s[3] - s[2])):
        least = loads.index(min(loads))
        hands[least].append(span)
        loads[least] += (span[1] - span[0]) * (span[3] - span[2])
    return hands


def _add_product(target: Array, left: Array, right: Array, scratch: Array) -> None:
    product = scratch[: target.size].reshape(target.shape)
    np.matmul(left, right, out=product)
    target += product
