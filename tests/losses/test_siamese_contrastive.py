"""Siamese contrastive: the margin, coinciding pairs, a second implementation."""

import numpy as np
import pytest
import torch

from edgeecg import losses
from edgeecg.errors import InputError
from tests.losses import peers


def test_known_values():
    z1, z2 = np.zeros((3, 2)), np.array([[3.0, 4.0], [0.3, 0.4], [3.0, 4.0]])
    value, (dz1, dz2) = losses.siamese_contrastive(z1, z2, different=[0, 1, 1], margin=1.0)
    assert value == pytest.approx((25.0 + 0.25 + 0.0) / 3)
    np.testing.assert_allclose(dz1 * 3, [[-6.0, -8.0], [0.6, 0.8], [0.0, 0.0]], atol=1e-15)
    np.testing.assert_array_equal(dz2, -dz1)


def test_a_false_pair_that_coincides_has_a_value_and_no_direction():
    z = np.ones((2, 3))
    value, grads = losses.siamese_contrastive(z, z, different=[1, 1], margin=2.0)
    assert value == 4.0 and not np.any(grads)


@pytest.mark.parametrize("different", [[0, 2], [0, np.nan], [0], [[0, 1]], ["a", "b"]])
def test_pair_labels_are_checked(rng, different):
    with pytest.raises(InputError, match="different"):
        losses.siamese_contrastive(*rng.standard_normal((2, 2, 3)), different=different)


def test_overflow_is_named():
    z = np.full((2, 3), 1e30, np.float32)
    with pytest.raises(InputError, match="too large"):
        losses.siamese_contrastive(z, -z, different=[0, 1])


def test_agrees_with_pytorch_metric_learning(rng):
    """Theirs is linear in the distance and takes all pairs of a batch: squared here, with one pair a call."""
    peer = peers.metric_learning().ContrastiveLoss(pos_margin=0, neg_margin=2.0)
    peer.distance.normalize_embeddings = False
    z1, z2 = 0.5 * rng.standard_normal((2, 6, 4))

    def theirs(a, b):
        pairs = [peer(torch.stack([a[i], b[i]]), torch.tensor([0, i % 2])) ** 2 for i in range(len(a))]
        return torch.stack(pairs).mean()

    peers.assert_same(
        lambda a, b: losses.siamese_contrastive(a, b, different=np.arange(6) % 2, margin=2.0), theirs, z1, z2
    )
