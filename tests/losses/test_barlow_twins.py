"""Barlow Twins: its two forms, dead dimensions, a second implementation, and 200 steps of training."""

import numpy as np
import pytest
import torch

from edgeecg import losses
from edgeecg.errors import InputError
from edgeecg.losses import _correlation
from tests.losses import oracles, peers
from train.objectives import OBJECTIVES


@pytest.mark.parametrize("n", [24, 25, 26], ids=["N<D", "N=D", "N>D"])
def test_both_forms_meet_at_n_equal_d(rng, n):
    z1, z2 = rng.standard_normal((2, n, 25))
    value, (dz1, dz2) = losses.barlow_twins(z1, z2)
    expected, right = oracles.evaluate(oracles.barlow_twins, z1, z2)
    assert value == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose([dz1, dz2], right, atol=1e-12 * np.abs(right).max())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [12, 40])
def test_a_dead_dimension_costs_one_and_stays_finite(rng, n, dtype):
    z1, z2 = rng.standard_normal((2, n, 20)).astype(dtype)
    z1[:, 3] = 0.5  # binary, so that its mean is exact
    value, grads = losses.barlow_twins(z1, z2)
    expected, right = oracles.evaluate(oracles.barlow_twins, z1, z2)
    assert value == pytest.approx(expected, rel=1e-6)
    assert losses.cross_correlation(z1, z2)[3, 3] == 0.0
    for grad, correct in zip(grads, right, strict=True):
        np.testing.assert_allclose(grad, correct, atol=1e-5 * np.abs(correct).max())


def test_identical_views_leave_only_redundancy(rng):
    z = rng.standard_normal((30, 10))
    c = losses.cross_correlation(z, z)
    redundancy = (c**2).sum() - (c.diagonal() ** 2).sum()
    value, _ = losses.barlow_twins(z, z)
    assert value == pytest.approx(((1 - c.diagonal()) ** 2).sum() + 0.0051 * redundancy, rel=1e-12)


def test_one_row_and_bad_options_are_refused(rng):
    z = rng.standard_normal((6, 4))
    with pytest.raises(InputError, match="z1 has 1 rows: this loss needs at least 2"):
        losses.barlow_twins(z[:1], z[:1])
    with pytest.raises(InputError, match="lambd is -1"):
        losses.barlow_twins(z, z, lambd=-1)
    with pytest.raises(InputError, match="eps is 0"):
        losses.barlow_twins(z, z, eps=0)


def test_agrees_with_lightly(rng):
    theirs = peers.lightly_loss("barlow_twins_loss").BarlowTwinsLoss(lambda_param=0.0051)
    peers.assert_same(losses.barlow_twins, theirs, *rng.standard_normal((2, 32, 48)))


def test_trains_as_plain_torch_does():
    """Two hundred steps from one start, once with the kernel and once with the paper's formula under autograd."""

    def curve(objective):
        torch.manual_seed(3)
        inputs = torch.randn(64, 24)
        net = torch.nn.Sequential(torch.nn.Linear(24, 64), torch.nn.ReLU(), torch.nn.Linear(64, 96))
        steps = torch.optim.Adam(net.parameters(), lr=1e-3)
        values = []
        for _ in range(200):
            first, second = inputs + 0.3 * torch.randn_like(inputs), inputs + 0.3 * torch.randn_like(inputs)
            loss = objective(net(first), net(second))
            steps.zero_grad()
            loss.backward()
            steps.step()
            values.append(loss.item())
        return np.array(values)

    ours, plain = curve(OBJECTIVES["barlow_twins"]()), curve(oracles.barlow_twins)
    assert plain[-1] < 0.5 * plain[0], "the comparison must be of a net that learns"
    np.testing.assert_allclose(ours, plain, rtol=1e-4)


@pytest.mark.parametrize("n", [40, 720], ids=["by rows", "by columns"])
def test_whoever_computes_a_block_it_is_the_same_block(rng, monkeypatch, n):
    """Blocks go to the worker who asks first: chance decides who, not what."""
    monkeypatch.setattr(_correlation, "BLOCK", 64)
    z1, z2 = rng.standard_normal((2, n, 700), dtype=np.float32)
    value, grads = losses.barlow_twins(z1, z2, threads=2)
    for _ in range(10):
        again, more = losses.barlow_twins(z1, z2, threads=2)
        assert again == value and all(map(np.array_equal, grads, more))
