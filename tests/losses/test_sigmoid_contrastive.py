"""Sigmoid: gradients of temperature and bias, extreme logits, one row."""

import numpy as np
import pytest
import torch

from edgeecg import losses
from tests.losses import oracles


@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-5), (np.float64, 1e-10)])
def test_temperature_and_bias_have_gradients(rng, dtype, tolerance):
    z1, z2 = rng.standard_normal((2, 30, 8)).astype(dtype)
    _, (_, _, dtemperature, dbias) = losses.sigmoid_contrastive(z1, z2, temperature=0.2, bias=-1.5)
    t, b = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (0.2, -1.5))
    views = [torch.tensor(z, dtype=torch.float64) for z in (z1, z2)]
    right = torch.autograd.grad(oracles.sigmoid_contrastive(*views, temperature=t, bias=b), (t, b))
    assert dtemperature == pytest.approx(right[0].item(), rel=tolerance)
    assert dbias == pytest.approx(right[1].item(), rel=tolerance)


@pytest.mark.parametrize("bias", [-200.0, 200.0])
def test_extreme_logits_are_exact(rng, bias):
    z1, z2 = rng.standard_normal((2, 20, 5)).astype(np.float32)
    value, grads = losses.sigmoid_contrastive(z1, z2, bias=bias)
    expected, right = oracles.evaluate(lambda a, b: oracles.sigmoid_contrastive(a, b, bias=bias), z1, z2)
    assert value == pytest.approx(expected, rel=1e-6)
    for grad, correct in zip(grads[:2], right, strict=True):
        np.testing.assert_allclose(grad, correct, atol=1e-5 * np.abs(correct).max())


def test_tiny_losses_keep_their_digits():
    """log(1 + e) of a very negative logit is e itself, far below the rounding of 1 + e."""
    z1, z2 = np.eye(2, dtype=np.float32), -np.eye(2, dtype=np.float32)
    value, _ = losses.sigmoid_contrastive(z1, z2, labels=None, temperature=0.5, bias=-40.0)
    positives = 2 * np.log1p(np.exp(42.0))
    negatives = 2 * np.log1p(np.exp(-40.0))
    assert value == pytest.approx((positives + negatives) / 2, rel=1e-6)
    far, _ = losses.sigmoid_contrastive(z1, np.roll(z2, 1, axis=0), labels=[0, 0], temperature=0.5, bias=40.0)
    assert far == pytest.approx((2 * np.log1p(np.exp(-40.0)) + 2 * np.log1p(np.exp(-38.0))) / 2, rel=1e-4)
