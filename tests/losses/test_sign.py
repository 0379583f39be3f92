"""Closer positives, or farther negatives, never raise a loss: the test that the earlier systems lacked."""

import numpy as np
import pytest

from edgeecg import losses

ANGLES = np.linspace(0.05, 1.5, 8)  # radians between the two views of a row
SIMILARITIES = np.linspace(0.0, 0.9, 8)  # between rows of different patients
N = 12
own = np.arange(N)

# Each takes two views whose rows i are a positive pair, and rows i != j negatives.
PAIRWISE = {
    "nt_xent": lambda z1, z2: losses.nt_xent(z1, z2),
    "supervised_contrastive": lambda z1, z2: losses.supervised_contrastive(z1, z2, labels=own),
    "supervised_contrastive-mask": lambda z1, z2: losses.supervised_contrastive(z1, z2, mask=np.eye(N, dtype=bool)),
    "patient_nce": lambda z1, z2: losses.patient_nce(z1, z2, own),
    "siamese_contrastive": lambda z1, z2: losses.siamese_contrastive(
        np.vstack([z1, z1]), np.vstack([z2, np.roll(z2, 1, axis=0)]), different=np.arange(2 * N) >= N, margin=2.0
    ),
    "soft_nearest_neighbor": lambda z1, z2: losses.soft_nearest_neighbor(z1, z2, labels=own),
    "sigmoid_contrastive": lambda z1, z2: losses.sigmoid_contrastive(z1, z2),
    "instance_discrimination": lambda z1, z2: losses.instance_discrimination(z1, z2, own),
}
each_pairwise_loss = pytest.mark.parametrize("loss", PAIRWISE.values(), ids=PAIRWISE)


@each_pairwise_loss
def test_closer_positives_lower_the_loss(loss, private_directions):
    values = [loss(*private_directions(angle))[0] for angle in ANGLES]
    assert (np.diff(values) > 0).all(), "turning positives apart must cost"


@each_pairwise_loss
def test_farther_negatives_lower_the_loss(loss, shared_direction):
    values = [loss(*shared_direction(similarity))[0] for similarity in SIMILARITIES]
    assert (np.diff(values) > 0).all(), "bringing negatives together must cost"


@each_pairwise_loss
def test_the_gradient_pulls_positives_together(loss, private_directions):
    z1, z2 = private_directions(1.0)
    towards = z2 - z1
    dz1 = loss(z1, z2)[1][0][:N]
    assert ((dz1 * towards).sum(axis=1) < 0).all()


def orthonormal_columns(n, d):
    """(n, d) columns of mean 0, variance 1 and no correlation."""
    draws = np.random.default_rng(5).standard_normal((n, d))
    return np.linalg.qr(draws - draws.mean(0))[0] * np.sqrt(n)


@pytest.mark.parametrize("n", [20, 60], ids=["N<D", "N>D"])
@pytest.mark.parametrize("name", ["barlow_twins", "vicreg"])
def test_agreeing_views_and_independent_dimensions_cost_least(name, n):
    d = 8 if n == 60 else 9
    columns = orthonormal_columns(n, 2 * d)
    first, second = columns[:, :d], columns[:, d:]
    loss = getattr(losses, name)
    if n == 20:  # more dimensions than rows: repeat them, which adds the same redundancy to every angle
        first, second = np.tile(first, 3), np.tile(second, 3)
    apart = [loss(first, np.cos(a) * first + np.sin(a) * second)[0] for a in ANGLES]
    assert (np.diff(apart) > 0).all()
    mixed = [(1 - s) * first + s * first.mean(axis=1, keepdims=True) * np.sqrt(d) for s in SIMILARITIES[1:]]
    redundant = [loss(z / z.std(axis=0), z / z.std(axis=0))[0] for z in mixed]
    assert (np.diff(redundant) > 0).all()


def test_vicreg_resists_collapse():
    z = orthonormal_columns(40, 6)
    values = [losses.vicreg(size * z, size * z, covariance=0.0)[0] for size in (1.0, 0.5, 0.1, 0.01)]
    assert (np.diff(values) > 0).all()
