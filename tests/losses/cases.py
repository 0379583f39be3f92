"""One description of each loss for the tests that ask the same of all of them."""

from dataclasses import dataclass, field

import numpy as np

from edgeecg import losses
from tests.losses import oracles


@dataclass
class Case:
    """How to call a loss: `options(rng, n, d)` makes what it needs beside the embeddings."""

    name: str
    options: object = lambda rng, n, d: {}
    views: int = 2
    minimum_rows: int = 1
    invariant: set = field(default_factory=set)  # of "rotation", "scale"
    by_row: tuple = ()  # options that hold one entry a row
    variant: str = ""

    def __str__(self):
        return self.name + self.variant

    def arrays(self, rng, n, d, dtype):
        base = rng.standard_normal((n, d))
        views = [base, base + 0.7 * rng.standard_normal((n, d))]
        return [z.astype(dtype) for z in views[: self.views]]

    def kernel(self, arrays, options, **more):
        options = {k: v.astype(arrays[0].dtype) if k == "bank" else v for k, v in options.items()}
        value, grads = getattr(losses, self.name)(*arrays, **options, **more)
        return value, grads[: len(arrays)]

    def oracle(self, arrays, options):
        return oracles.evaluate(getattr(oracles, self.name), *arrays, **options)


def patients(rng, n, d):
    return {"labels": rng.integers(0, max(n // 3, 1), n)}


def bank(rng, n, d):
    rows = rng.standard_normal((n + 5, d))
    # float32 values, so that both precisions and the oracle see the same constants
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32).astype(np.float64)
    return {"bank": rows, "index": rng.permutation(n + 5)[:n]}


COSINE = {"rotation", "scale"}
CASES = [
    Case("barlow_twins", minimum_rows=2),
    Case("vicreg", minimum_rows=2),
    Case("nt_xent", invariant=COSINE),
    Case("supervised_contrastive", patients, invariant=COSINE, by_row=("labels",), variant="-labels"),
    Case("supervised_contrastive", patients, 1, invariant=COSINE, by_row=("labels",), variant="-one-view"),
    Case(
        "supervised_contrastive",
        lambda rng, n, d: {"mask": rng.random((n, n)) < 0.3},
        invariant=COSINE,
        by_row=("mask",),
        variant="-mask",
    ),
    Case(
        "patient_nce",
        lambda rng, n, d: {"patient": patients(rng, n, d)["labels"]},
        invariant=COSINE,
        by_row=("patient",),
    ),
    Case(
        "siamese_contrastive",
        lambda rng, n, d: {"different": rng.integers(0, 2, n), "margin": 0.9 * np.sqrt(d)},
        invariant={"rotation"},
        by_row=("different",),
    ),
    Case(
        "soft_nearest_neighbor",
        lambda rng, n, d: {**patients(rng, n, d), "temperature": 0.5 * d},
        invariant={"rotation"},
        by_row=("labels",),
    ),
    Case("sigmoid_contrastive", lambda rng, n, d: {"temperature": 0.3, "bias": -2.0}, invariant=COSINE),
    Case("sigmoid_contrastive", patients, invariant=COSINE, by_row=("labels",), variant="-labels"),
    Case("instance_discrimination", bank, 1, invariant={"scale"}, by_row=("index",)),
]


def permuted(options, by_row, order):
    """The options for the rows in another order."""
    out = dict(options)
    for name in by_row:
        out[name] = options[name][np.ix_(order, order)] if name == "mask" else options[name][order]
    return out


def worst(actual, expected):
    """Largest difference, relative to the largest number expected (absolute where that is zero)."""
    scale = np.abs(expected).max()
    return np.abs(actual - expected).max() / (scale if scale > 0 else 1.0)


def assert_agrees(case, arrays, options, gradient_tolerance, **more):
    value, grads = case.kernel(arrays, options, **more)
    expected, expected_grads = case.oracle(arrays, options)
    assert abs(value - expected) <= min(1e-6, gradient_tolerance) * max(1.0, abs(expected))
    for grad, right, z in zip(grads, expected_grads, arrays, strict=True):
        assert grad.dtype == z.dtype and grad.shape == z.shape
        assert worst(grad, right) <= gradient_tolerance
