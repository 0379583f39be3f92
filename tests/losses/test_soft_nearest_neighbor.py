"""Soft nearest neighbor: one ratio an anchor, far-away classes, offsets."""

import numpy as np
import pytest

from edgeecg import losses
from edgeecg.errors import InputError
from edgeecg.losses._kernels.softmax import absorb_rows
from edgeecg.losses._tiles import MASKED
from tests.losses import oracles
from tests.losses.cases import worst
from train.objectives import OBJECTIVES
from train.objectives.options import make_objective


def test_it_is_one_ratio_an_anchor(rng):
    """Not the ratio of sums over the batch, which one tight class would dominate."""
    z = np.array([[0.0], [0.1], [5.0], [7.0]])
    labels = [0, 0, 1, 1]
    e = np.exp(-((z - z.T) ** 2))
    np.fill_diagonal(e, 0.0)
    same = np.equal.outer(labels, labels)
    expected = -np.log((e * same).sum(1) / e.sum(1)).mean()
    assert losses.soft_nearest_neighbor(z, labels=labels)[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-5), (np.float64, 1e-10)])
def test_a_class_out_of_sight_neither_overflows_nor_vanishes(rng, dtype, tolerance):
    z = rng.standard_normal((12, 4)).astype(dtype)
    z[1::2] += 40.0  # own class at distance 0 and at about 80: a same-class probability of exp(-6400) for the mixed one
    labels = np.array([0, 1] * 5 + [0, 0])
    z, labels = z[:11], labels[:11]
    value, (dz,) = losses.soft_nearest_neighbor(z, labels=labels)
    expected, (right,) = oracles.evaluate(oracles.soft_nearest_neighbor, z, labels=labels)
    assert value == pytest.approx(expected, rel=1e-5, abs=1e-6)
    mixed = np.array([0, 1] * 2 + [0] * 7)
    value, (dz,) = losses.soft_nearest_neighbor(z, labels=mixed)
    expected, (right,) = oracles.evaluate(oracles.soft_nearest_neighbor, z, labels=mixed)
    assert value == pytest.approx(expected, rel=1e-6)
    assert worst(dz, right) < tolerance


def test_a_common_offset_does_not_cost_digits(rng):
    z = rng.standard_normal((40, 8)).astype(np.float32)
    labels = rng.integers(0, 4, 40)
    shifted = z + np.float32(64)
    value, (dz,) = losses.soft_nearest_neighbor(shifted, labels=labels)
    expected, (right,) = oracles.evaluate(oracles.soft_nearest_neighbor, shifted, labels=labels)
    assert value == pytest.approx(expected, rel=1e-6)
    assert worst(dz, right) < 1e-5


def test_one_class_or_nobody_alike_costs_nothing(rng):
    z = rng.standard_normal((9, 3))
    for labels in (np.zeros(9, int), np.arange(9)):
        value, (dz,) = losses.soft_nearest_neighbor(z, labels=labels)
        assert value == pytest.approx(0.0, abs=1e-15)
        np.testing.assert_allclose(dz, 0.0, atol=1e-14)


@pytest.mark.parametrize("temperature", [1e10, 1e15, 1e25, 1e30])
def test_an_anchor_alone_does_not_count_at_any_temperature(rng, temperature):
    labels = [0, 0, 1, 2, 2]  # each of the four others has one of its class among four
    value, (dz,) = losses.soft_nearest_neighbor(rng.standard_normal((5, 3)), labels=labels, temperature=temperature)
    assert value == pytest.approx(np.log(4.0), rel=20 / temperature)
    assert 0 < abs(dz).max() < 20 / temperature


def test_what_is_masked_leaves_nothing_behind():
    """Its exponent is exactly 0 as long as nothing else was seen: any other would be garbage, infinite now and then."""
    for kappa in np.random.default_rng(0).uniform(0.05, 1.0, 5000):
        tile, bias, top, total = np.full((1, 4), MASKED), np.ones(4), np.full(1, MASKED), np.zeros(1)
        absorb_rows(tile, kappa, bias, top, total)
        assert total == 4.0


def test_numbers_too_large_to_square_are_refused():
    with pytest.raises(InputError, match="too large"):
        losses.soft_nearest_neighbor(np.eye(4, dtype=np.float32) * 1e18, labels=[0, 0, 1, 1])


def test_labels_are_needed(rng):
    with pytest.raises(InputError, match="labels has shape"):
        losses.soft_nearest_neighbor(rng.standard_normal((4, 2)))


def test_the_british_name_still_works(rng):
    z = rng.standard_normal((4, 2))
    with pytest.deprecated_call(match="is now soft_nearest_neighbor"):
        from edgeecg.losses import soft_nearest_neighbour
    assert soft_nearest_neighbour is losses.soft_nearest_neighbor
    with pytest.deprecated_call(match="is now soft_nearest_neighbor"):
        assert losses.soft_nearest_neighbour(z, labels=[0, 0, 1, 1])[0] > 0
    with pytest.deprecated_call(match="is now soft_nearest_neighbor"):
        assert isinstance(make_objective("soft_nearest_neighbour"), OBJECTIVES["soft_nearest_neighbor"])
    with pytest.raises(AttributeError, match="no attribute 'hard_nearest_neighbor'"):
        _ = losses.hard_nearest_neighbor
