"""NT-Xent: no negatives, precision at low temperatures, a second implementation."""

import numpy as np
import pytest
import torch

from edgeecg import losses
from edgeecg.errors import InputError
from tests.losses import peers


def test_one_pair_has_no_negatives_and_no_loss():
    value, grads = losses.nt_xent(np.array([[3.0, 4.0]]), np.array([[1.0, 0.0]]))
    assert value == pytest.approx(0.0, abs=1e-15)
    np.testing.assert_allclose(grads, 0.0, atol=1e-15)


def test_known_value():
    """Four orthogonal rows at temperature 1: every row sees its positive at 0 and two negatives at 0."""
    value, _ = losses.nt_xent(np.eye(4)[:2], np.eye(4)[2:], temperature=1.0)
    assert value == pytest.approx(np.log(3.0), rel=1e-14)


def test_opposite_rows_at_a_low_temperature_do_not_underflow():
    z = np.array([[1.0, 0.0], [-1.0, 0.0]], np.float32)
    value, grads = losses.nt_xent(z, -z, temperature=0.01)  # every positive at -100, one negative at +100
    assert value == pytest.approx(200.0, rel=1e-6)
    assert np.isfinite(grads).all()


@pytest.mark.parametrize("temperature", [0, -0.5, np.nan, np.inf, "warm"])
def test_temperatures_are_checked(temperature):
    with pytest.raises(InputError, match="temperature is"):
        losses.nt_xent(np.eye(3), np.eye(3), temperature=temperature)


def test_agrees_with_pytorch_metric_learning(rng):
    theirs = peers.metric_learning().NTXentLoss(temperature=0.2)
    index = torch.arange(20).repeat(2)
    peers.assert_same(
        lambda a, b: losses.nt_xent(a, b, temperature=0.2),
        lambda a, b: theirs(torch.cat([a, b]), index),
        *rng.standard_normal((2, 20, 16)),
    )
