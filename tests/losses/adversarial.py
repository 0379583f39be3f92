"""Arrays and options to break a loss with: degenerate shapes, extreme sizes, ties, cancellation.

Everything follows from a seed and a few names, so that a failure is printed in one line.
"""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

SHAPES = {
    "plain": lambda rng, z: z,
    "signs": lambda rng, z: np.sign(z),
    "small integers": lambda rng, z: np.round(z),
    "one row": lambda rng, z: np.repeat(z[:1], len(z), axis=0),
    "a zero row": lambda rng, z: np.vstack([0 * z[:1], z[1:]]),
    "zeros": lambda rng, z: 0 * z,
    "pairs of rows": lambda rng, z: z[np.arange(len(z)) // 2],
    "a constant column": lambda rng, z: np.hstack([0 * z[:, :1] + 0.1, z[:, 1:]]),
    "constant columns": lambda rng, z: np.repeat(z[:1], len(z), axis=0) + 0 * z,
    "nearly constant": lambda rng, z: 1.0 + 1e-7 * z,
    "constant but for rounding": lambda rng, z: 1.0 + 4e-16 * np.round(z),
    "an offset": lambda rng, z: z + 1000.0,
    "rank one": lambda rng, z: z[:, :1] * z[:1],
    "one outlier": lambda rng, z: np.vstack([1e6 * z[:1], z[1:]]),
    "one-hot": lambda rng, z: np.eye(len(z), z.shape[1]),
    "rows of all sizes": lambda rng, z: z * 10.0 ** rng.uniform(-20, 20, (len(z), 1)),
    "columns of all sizes": lambda rng, z: z * 10.0 ** rng.uniform(-20, 20, (1, z.shape[1])),
    "numbers of all sizes": lambda rng, z: z * 10.0 ** rng.uniform(-20, 20, z.shape),
}
TAME = [name for name in SHAPES if "all sizes" not in name and "outlier" not in name]
"""Shapes whose numbers are of one size."""
VIEWS = {
    "another": lambda rng, z, fresh: fresh,
    "near": lambda rng, z, fresh: z + 0.1 * fresh,
    "nearer": lambda rng, z, fresh: z * (1 + 1e-6 * fresh),
    "the same": lambda rng, z, fresh: z.copy(),
    "opposite": lambda rng, z, fresh: -z,
    "tiny": lambda rng, z, fresh: 1e-20 * fresh,
}
LABELS = {
    "few": lambda rng, n: rng.integers(0, max(n // 2, 1), n),
    "one class": lambda rng, n: np.zeros(n, int),
    "all different": lambda rng, n: np.arange(n),
}
LOGITS = {"temperature": (-20, 30)}
EXPONENTS = {
    "barlow_twins": {"lambd": (-45, 30), "eps": (-45, 30)},
    "vicreg": dict.fromkeys(("invariance", "variance", "covariance", "gamma", "eps"), (-45, 30)),
    "siamese_contrastive": {"margin": (-45, 30)},
    "sigmoid_contrastive": {"temperature": (-20, 30), "bias": (-45, 30)},
}
"""Options and the decimal exponents that they are drawn from."""


@dataclass(frozen=True)
class Draw:
    """One call: what `arrays` and `options` are made from."""

    dtype: type
    rows: int
    width: int
    shape: str
    view: str
    labels: str
    size: float  # decimal exponents
    option_sizes: tuple | None  # None: the defaults
    seed: int

    def arrays(self, case):
        rng = np.random.default_rng(self.seed)
        z, fresh = rng.standard_normal((2, max(self.rows, case.minimum_rows), self.width))
        z = SHAPES[self.shape](rng, z)
        views = [z, VIEWS[self.view](rng, z, fresh)][: case.views]
        largest = float(np.finfo(self.dtype).max)
        return [np.clip(v * 10.0**self.size, -largest, largest).astype(self.dtype) for v in views]

    def options(self, case):
        rng, n = np.random.default_rng(self.seed + 1), max(self.rows, case.minimum_rows)
        options = case.options(rng, n, self.width)
        for name in {"labels", "patient"} & set(options):
            options[name] = LABELS[self.labels](rng, n)
        if "bank" in options:
            options["bank"] = self._bank(rng, options["bank"])
        if case.name == "soft_nearest_neighbor":
            options["temperature"] = 10.0 ** min(2 * self.size, 30) * self.width
        if self.option_sizes is not None:
            exponents = EXPONENTS.get(case.name, LOGITS)
            for (name, (least, most)), place in zip(exponents.items(), self.option_sizes, strict=False):
                options[name] = float(10.0 ** (least + place * (most - least)))
                options[name] *= -1 if name == "bias" and self.seed % 2 else 1
            if case.name == "soft_nearest_neighbor" and self.seed % 2:  # near the squared distances, for once
                options["temperature"] = 10.0 ** np.clip(2 * self.size + 15 * self.option_sizes[0] - 10, -90, 90)
        return options

    def _bank(self, rng, rows):
        rows = SHAPES[self.shape](rng, rows) if self.view == "another" else rows
        return (rows * 10.0 ** (self.size if self.view == "tiny" else 0)).astype(self.dtype)


def draws(**given):
    """Any Draw, with the strategies given for some of its fields."""
    place = st.one_of(st.floats(0, 1), st.sampled_from([0.3, 0.36, 0.38, 0.4, 0.45, 0.6]))
    fields = {
        "dtype": st.sampled_from([np.float32, np.float64]),
        "rows": st.integers(1, 9),
        "width": st.integers(1, 9),
        "shape": st.sampled_from(list(SHAPES)),
        "view": st.sampled_from(list(VIEWS)),
        "labels": st.sampled_from(list(LABELS)),
        "size": st.one_of(st.just(0.0), st.floats(-45, 30), st.floats(-3, 3)),
        "option_sizes": st.one_of(st.none(), st.tuples(*[place] * 5)),
        "seed": st.integers(0, 2**31),
    }
    return st.builds(Draw, **{**fields, **given})
