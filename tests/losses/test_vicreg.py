"""VICReg: weights, dead dimensions, a second implementation."""

import numpy as np
import pytest

from edgeecg import losses
from edgeecg.errors import InputError
from tests.losses import oracles, peers


@pytest.mark.parametrize("only", ["invariance", "variance", "covariance"])
@pytest.mark.parametrize("n", [14, 50], ids=["N<D", "N>D"])
def test_each_term_alone(rng, only, n):
    z1, z2 = 0.5 * rng.standard_normal((2, n, 20))
    weights = {"invariance": 0.0, "variance": 0.0, "covariance": 0.0, only: 2.0}
    value, grads = losses.vicreg(z1, z2, **weights)
    expected, right = oracles.evaluate(lambda a, b: oracles.vicreg(a, b, **weights), z1, z2)
    assert value == pytest.approx(expected, rel=1e-12)
    for grad, correct in zip(grads, right, strict=True):
        np.testing.assert_allclose(grad, correct, atol=1e-12)


def test_a_dead_dimension_is_finite(rng):
    z1, z2 = rng.standard_normal((2, 30, 6))
    z1[:, 2] = 4.0
    value, (dz1, _) = losses.vicreg(z1, z2, invariance=0.0)
    assert np.isfinite(value) and not dz1[:, 2].any()


def test_one_row_is_refused(rng):
    with pytest.raises(InputError, match="needs at least 2"):
        losses.vicreg(*rng.standard_normal((2, 1, 5)))


def test_agrees_with_a_peer(rng):
    """pytorch-metric-learning halves the variance term, as the authors' program does."""
    theirs = peers.metric_learning().VICRegLoss(invariance_lambda=25, variance_mu=25, covariance_v=1)
    z1, z2 = rng.standard_normal((2, 32, 12))
    peers.assert_same(lambda a, b: losses.vicreg(a, b, variance=12.5), lambda a, b: theirs(a, ref_emb=b), z1, z2)
