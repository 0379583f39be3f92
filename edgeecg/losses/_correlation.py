"""Off-diagonal energy of A'B and its gradients, by whichever exact form is smaller.

For A, B of shape (N, D) the energy sum_ij (A'B)_ij^2 equals <A A', B B'>, so value and gradients need either the
D x D matrix A'B or the two N x N Gram matrices: 6 N D^2 or 6 N^2 D operations. The smaller of N and D decides.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from threading import Lock
from typing import Any, Self, TypeAlias

import numpy as np

from . import _checks
from ._threads import Team
from ._types import Array

BLOCK = 512  # columns of a gradient finished at a time: the product is still in the cache when it is swept


Finish: TypeAlias = Callable[[slice, tuple[Any, ...]], None]


class Centering:
    """How a team's run begins: one or two views with the mean taken off each column, with `scaled` at variance 1 too.

    `values` holds a view's (N, D) numbers, `variances` the biased variances (D,) of its columns, `grams` with
    `multiply` its (N, N) products of rows. Raises InputError for NaN or infinity.
    """

    def __init__(
        self, views: Sequence[Array], team: Team, eps: float = 0.0, scaled: bool = False, multiply: bool = False
    ) -> None:
        self._views, self._team, self._eps, self._scaled = views, team, eps, scaled
        # One array for all: from 4 MB on, NumPy asks for huge pages, and small ones cost as much as a matrix product.
        self.values = tuple(np.empty((len(views), *views[0].shape), views[0].dtype))
        self.variances = np.empty((len(views), views[0].shape[1]))
        self._tops: list[list[float]] = [[] for _ in views]
        self.grams: list[Any] = [None] * len(views)
        # Half of an even team takes a view each, which it then need not share; else all cut both into columns.
        self._apart = len(views) == 2 and team.size % 2 == 0
        self._of = team.size // 2 if self._apart else team.size
        self._parts: list[list[Any]] = [[None] * self._of for _ in views]
        self.centered = [team.gate(self._of) for _ in views]
        products = range(len(views) if multiply else 0)
        self.multiplied = [team.gate(self._of, partial(self._add_up, view)) for view in products]

    def work(self, worker: int) -> None:
        """This worker's share; a view is there for all when its gate in `centered` opens, `grams` with `multiplied`."""
        place = worker // 2 if self._apart else worker
        part = self._team.share(self._views[0].shape[1], place, of=self._of)
        for view in [worker % 2] if self._apart else range(len(self._views)):
            self._center(view, part)
            self.centered[view].arrive()
            if self.multiplied:
                out = self.values[view][:, part]
                self._parts[view][place] = np.matmul(out, out.T)
                self.multiplied[view].arrive()

    @property
    def largest(self) -> list[float]:
        """The largest variance of each view, once all are centered."""
        return [max(tops) for tops in self._tops]

    def _center(self, view: int, part: slice) -> None:
        from ._kernels.columns import center_columns
        from ._kernels.rows import first_bad_row

        z, out, variances = self._views[view], self.values[view], self.variances[view]
        if first_bad_row(z, part.start, part.stop) >= 0:
            _checks.all_finite(**{f"z{i + 1}": z for i, z in enumerate(self._views)})
        where = part.start, part.stop, self._eps, self._scaled, out, variances
        if center_columns(z, *where):
            from ._kernels.columns import recenter_nearly_constant_columns

            recenter_nearly_constant_columns(z, *where)
        top = float(np.maximum.reduce(variances[part], initial=0.0))
        if not top < np.inf:
            _checks.overflow()
        self._tops[view].append(top)

    def _add_up(self, view: int) -> None:
        """The sum of the workers' products, always in the same order, in the first one's place."""
        total, *others = self._parts[view]
        for other in others:
            total += other
        self.grams[view] = total


class OffDiagonalEnergy:
    """sum_{i != j} (A'B)_ij^2 (`energy`, float64), and products for the gradients.

    A and B are the centered columns of two views, or of one (its covariance, times N). `variances` are known when the
    first block is finished; the energy when all are, and the caller has put each block's part of the diagonal of A'B
    into `diagonal` (float64).
    """

    def __init__(self, views: Sequence[Array], team: Team, eps: float = 0.0, scaled: bool = False) -> None:
        self._team = team
        self._by_rows: bool = views[0].shape[0] < views[0].shape[1]
        self._centering = Centering(views, team, eps, scaled, multiply=self._by_rows)
        self.values, self.variances = self._centering.values, self._centering.variances
        self._a, self._b = self.values[0], self.values[-1]
        width = views[0].shape[1]
        self.diagonal = np.empty(width)
        self._cross = np.empty((0, 0) if self._by_rows else (width, width), views[0].dtype)

    @property
    def energy(self) -> float:
        from ._kernels.columns import matrix_product_sum

        if self._by_rows:
            grams = self._centering.grams
            return matrix_product_sum(grams[0], grams[-1]) - float(self.diagonal @ self.diagonal)
        return matrix_product_sum(self._cross, self._cross)

    @property
    def largest(self) -> list[float]:
        """The largest variance of each view, known when the first block is finished."""
        return self._centering.largest

    @property
    def diagonal_in_products(self) -> float:
        """1.0 where `products` still hold the diagonal of A'B, to be taken off by the caller's column factor."""
        return 1.0 if self._by_rows else 0.0

    @property
    def block_needs_no_others(self) -> bool:
        """Whether the columns of A and B may be overwritten once their block is finished."""
        return self._by_rows

    def each_block(self, finish: Finish) -> None:
        """Calls finish(columns, products) for all blocks of columns, with the product of side 0 (A) and, of two views,
        1 (B).

        A product is half the gradient of the energy towards its side: B (A'B)' or A (A'B), (N, block).
        """
        queue = _Queue(self._spans())
        crossed = None if self._by_rows else self._team.gate(action=self._drop_diagonal)

        def work(worker: int) -> None:
            self._centering.work(worker)
            if crossed is not None:
                self._cross_product(worker)
                crossed.arrive()
                crossed.wait()
            self._blocks(queue, finish)

        self._team.run(work)

    def _cross_product(self, worker: int) -> None:
        for centered in self._centering.centered:
            centered.wait()
        part = self._team.share(len(self._cross), worker)
        np.matmul(self._a[:, part].T, self._b, out=self._cross[part])

    def _drop_diagonal(self) -> None:
        """Takes the diagonal out of A'B. Exact: nothing is subtracted later."""
        np.fill_diagonal(self._cross, 0)

    def _spans(self) -> list[slice]:
        """Blocks of columns, equally many for each worker, the narrow ones last: whoever started late takes fewer.

        Fixed by the sizes alone, and who computes a block changes nothing in it.
        """
        shares = [self._team.share(self._a.shape[1], worker) for worker in range(self._team.size)]
        spans = [slice(i, min(i + BLOCK, part.stop)) for part in shares for i in range(part.start, part.stop, BLOCK)]
        return sorted(spans, key=lambda span: span.start - span.stop)

    def _blocks(self, queue: Iterable[slice], finish: Finish) -> None:
        rows, sides = len(self._a), range(len(self.values))
        buffers = [np.empty(rows * BLOCK, self._a.dtype) for _ in sides]
        for part in queue:
            products = tuple(buffer[: rows * (part.stop - part.start)].reshape(rows, -1) for buffer in buffers)
            for side in sorted(sides, key=self._must_wait):
                np.matmul(*self._factors(side, part), out=products[side])
            finish(part, products)

    def _must_wait(self, side: int) -> bool:
        return self._by_rows and not self._centering.multiplied[-1 - side].is_open

    def _factors(self, side: int, part: slice) -> tuple[Array, Array]:
        if self._by_rows:
            self._centering.multiplied[-1 - side].wait()
            self._centering.centered[side].wait()
            return self._centering.grams[-1 - side], self.values[side][:, part]
        return (self._b, self._cross[part].T) if side == 0 else (self._a, self._cross[:, part])


class _Queue:
    """Hands out each of `items` once, to whichever worker asks next."""

    def __init__(self, items: Iterable[slice]) -> None:
        self._items, self._lock = iter(items), Lock()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> slice:
        with self._lock:
            return next(self._items)
