"""Off-diagonal energy of A'B and its gradients, by whichever exact form is smaller.

For A, B of shape (N, D) the energy sum_ij (A'B)_ij^2 equals <A A', B B'>, so value and gradients need either the
D x D matrix A'B or the two N x N Gram matrices: 6 N D^2 or 6 N^2 D operations. The smaller of N and D decides.
"""

import numpy as np

BLOCK = 512  # columns of a gradient finished at a time: the product is still in the cache when it is swept


class OffDiagonalEnergy:
    """sum_{i != j} (A'B)_ij^2 (`energy`, float64), the diagonal of A'B, and products for the gradients.

    With b = a (the covariance of one view) pass the same array twice; its Gram matrix is then made once.
    """

    def __init__(self, a, b, team):
        from ._kernels import columns

        self._kernels = columns
        self._a, self._b, self._team = a, b, team
        n, width = a.shape
        self.diagonal = np.empty(width)
        self._by_rows = n < width
        if self._by_rows:
            self._gram_b, self._gram_a = self._grams()
            total = columns.matrix_product_sum(self._gram_a, self._gram_b)
            self.energy = total - float(self.diagonal @ self.diagonal)
        else:
            self._cross = self._cross_product()
            self.energy = columns.matrix_product_sum(self._cross, self._cross)

    def _grams(self):
        """B B' and A A'. Two workers make one each, which leaves nothing to add up; more sum over columns of their own."""
        a, b = self._a, self._b
        if self._team.size == 2 and a is not b:
            return tuple(self._team.run(self._one_gram))

        def work(worker):
            part = self._team.share(a.shape[1], worker)
            self._kernels.column_products(a, b, part.start, part.stop, self.diagonal)
            gram_b = np.matmul(b[:, part], b[:, part].T)
            return gram_b, gram_b if a is b else np.matmul(a[:, part], a[:, part].T)

        parts = self._team.run(work)
        for other_b, other_a in parts[1:]:
            parts[0][0].__iadd__(other_b)
            if a is not b:
                parts[0][1].__iadd__(other_a)
        return parts[0]

    def _one_gram(self, worker):
        part = self._team.share(self._a.shape[1], worker)
        self._kernels.column_products(self._a, self._b, part.start, part.stop, self.diagonal)
        z = self._a if worker else self._b
        return np.matmul(z, z.T)

    def _cross_product(self):
        """A'B with its diagonal moved out, each worker making its own rows. Exact: nothing is subtracted later."""
        a, b = self._a, self._b
        cross = np.empty((a.shape[1], a.shape[1]), a.dtype)

        def work(worker):
            part = self._team.share(a.shape[1], worker)
            np.matmul(a[:, part].T, b, out=cross[part])

        self._team.run(work)
        self.diagonal[:] = cross.diagonal()
        np.fill_diagonal(cross, 0)
        return cross

    @property
    def diagonal_in_products(self):
        """1.0 where `products` still hold the diagonal of A'B, to be taken off by the caller's column factor."""
        return 1.0 if self._by_rows else 0.0

    def each_block(self, finish):
        """Calls finish(columns, products) for all blocks of columns, with the product of side 0 (A) and, if b is not a, 1 (B).

        A product is half the gradient of the energy towards its side: B (A'B)' or A (A'B), (N, block).
        """
        sides = (0,) if self._a is self._b else (0, 1)
        rows = len(self._a)

        def work(worker):
            mine = self._team.share(self._a.shape[1], worker)
            buffers = [np.empty(rows * BLOCK, self._a.dtype) for _ in sides]
            for start in range(mine.start, mine.stop, BLOCK):
                part = slice(start, min(start + BLOCK, mine.stop))
                products = tuple(buffer[: rows * (part.stop - part.start)].reshape(rows, -1) for buffer in buffers)
                for side, product in zip(sides, products, strict=True):
                    np.matmul(*self._factors(side, part), out=product)
                finish(part, products)

        self._team.run(work)

    @property
    def block_needs_no_others(self):
        """Whether the columns of A and B may be overwritten once their block is finished."""
        return self._by_rows

    def _factors(self, side, part):
        if self._by_rows:
            return (self._gram_b, self._a[:, part]) if side == 0 else (self._gram_a, self._b[:, part])
        return (self._b, self._cross[part].T) if side == 0 else (self._a, self._cross[:, part])


def centred_columns(arrays, team, eps=0.0, scaled=False):
    """For each array (z - mean, biased variance) of every column; with `scaled` divided by sqrt(variance + eps) too."""
    from ._kernels.columns import centre_columns

    # One array for all: from 4 MB on, NumPy asks for huge pages, and small ones cost as much as a matrix product.
    outs = np.empty((len(arrays), *arrays[0].shape), arrays[0].dtype)
    results = [(out, np.empty(z.shape[1])) for z, out in zip(arrays, outs, strict=True)]

    def work(worker):
        for z, (out, variance) in zip(arrays, results, strict=True):
            part = team.share(z.shape[1], worker)
            centre_columns(z, part.start, part.stop, eps, scaled, out, variance)

    team.run(work)
    return results
