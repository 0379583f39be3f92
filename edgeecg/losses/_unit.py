"""Embeddings on the unit sphere, and the way back to what the caller handed over."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from ..errors import InputError
from . import _checks, _range
from ._threads import Team
from ._types import Array, Floats, Grads

SHORT, SHORTEST = 2.0**-480, 2.0**-1000  # lengths of float64 rows whose squares underflow, and which lack digits


class UnitRows:
    """The rows of z1, z2, ... under one another, each divided by its length, in `dtype` (theirs if none is given)."""

    def __init__(self, *arrays: Array, team: Team, dtype: DTypeLike | None = None) -> None:
        from ._kernels import rows

        self._kernels = rows
        self._team = team
        self._given = arrays[0].dtype
        self._counts = [len(z) for z in arrays]
        n, width = sum(self._counts), arrays[0].shape[1]
        self.rows = np.empty((n, width), dtype or self._given)
        self._length = np.empty(n)
        start, self._shortest, longest = 0, np.inf, 0.0
        for z in arrays:
            view = slice(start, start + len(z))
            least, most = rows.normalize_rows(z, self.rows[view], self._length[view])
            self._shortest, longest = min(self._shortest, least), max(longest, most)
            start += len(z)
        if self._shortest < SHORT:
            self._look_at_short_rows(arrays)
        if not longest < np.inf:
            _checks.overflow()

    def _look_at_short_rows(self, arrays: Sequence[Array]) -> None:
        """Gives rows of float64 whose squares have underflown their length; leaves rows of zeros aside."""
        self._kernels.normalize_short_rows(np.concatenate(arrays), SHORT, self.rows, self._length)
        self._shortest = float(self._length.min(where=self._length > 0, initial=np.inf))
        if self._shortest < SHORTEST:
            raise InputError("the embeddings are too small: rows are below the normal numbers of float64")

    def backward(self, grad: Array, scale: float, size: float = 1.0) -> Grads:
        """scale * dL/dz for each array handed over, from dL/dunit, which is overwritten.

        `size` is the length of the vectors that dL/dunit is a mean of (their number where it is their sum).
        """

        def work(worker: int) -> None:
            part = self._team.share(len(grad), worker)
            self._kernels.normalize_rows_backward(self.rows[part], self._length[part], grad[part], scale)

        self._team.run(work)
        grads = tuple(np.split(grad, np.cumsum(self._counts)[:-1]))
        size = scale * size / self._shortest / len(grad) if self._shortest > 0 else 0.0
        if _range.ordinary(size) and grad.dtype == self._given:
            return grads
        return _range.narrowed(grads, self._given, size)

    def dot(self, others: Array) -> Floats:
        """Row by row products with `others`, in float64."""
        out = np.empty(len(others))
        self._kernels.row_products(self.rows, others, out)
        return out
