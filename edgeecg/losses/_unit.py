"""Embeddings on the unit sphere, and the way back to what the caller handed over."""

import numpy as np

from . import _checks


class UnitRows:
    """The rows of z1, z2, ... under one another, each divided by its length."""

    def __init__(self, *arrays, team):
        from ._kernels import rows

        self._kernels = rows
        self._team = team
        self._counts = [len(z) for z in arrays]
        n, width = sum(self._counts), arrays[0].shape[1]
        self.rows = np.empty((n, width), arrays[0].dtype)
        self._length = np.empty(n)
        start = 0
        for z in arrays:
            view = slice(start, start + len(z))
            rows.normalise_rows(z, self.rows[view], self._length[view])
            start += len(z)
        if not np.isfinite(self._length).all():
            _checks.overflow()

    def backward(self, grad, scale):
        """scale * dL/dz for each array handed over, from dL/dunit, which is overwritten."""

        def work(worker):
            part = self._team.share(len(grad), worker)
            self._kernels.normalise_rows_backward(self.rows[part], self._length[part], grad[part], scale)

        self._team.run(work)
        return tuple(np.split(grad, np.cumsum(self._counts)[:-1]))

    def dot(self, others):
        """Row by row products with `others`, in float64."""
        out = np.empty(len(others))
        self._kernels.row_products(self.rows, others, out)
        return out
