"""Supervised contrastive: labels against masks, anchors without positives, a second implementation."""

import numpy as np
import pytest
import torch

from edgeecg import losses
from edgeecg.errors import InputError
from tests.losses import peers


def assert_equal_losses(first, second):
    assert first[0] == pytest.approx(second[0], rel=1e-12)
    for a, b in zip(first[1], second[1], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-14)


def test_labels_are_a_mask_of_equals(rng):
    z1, z2 = rng.standard_normal((2, 30, 8))
    labels = rng.integers(0, 6, 30)
    assert_equal_losses(
        losses.supervised_contrastive(z1, z2, labels=labels),
        losses.supervised_contrastive(z1, z2, mask=labels[:, None] == labels[None, :]),
    )


def test_one_window_a_label_is_nt_xent(rng):
    z1, z2 = rng.standard_normal((2, 30, 8))
    assert_equal_losses(
        losses.supervised_contrastive(z1, z2, labels=np.arange(30), temperature=0.5), losses.nt_xent(z1, z2)
    )


def test_labels_may_be_strings(rng):
    z = rng.standard_normal((9, 5))
    codes = np.array([0, 1, 2] * 3)
    names = np.array(["ann", "bea", "cid"])[codes]
    assert_equal_losses(losses.supervised_contrastive(z, labels=names), losses.supervised_contrastive(z, labels=codes))


def test_a_mask_need_not_be_symmetric(rng):
    z = rng.standard_normal((6, 4))
    mask = np.zeros((6, 6), bool)
    mask[0, 3] = True
    value, (_dz,) = losses.supervised_contrastive(z, mask=mask)
    u = z / np.linalg.norm(z, axis=1, keepdims=True)
    s = u @ u[0] / 0.1
    assert value == pytest.approx(np.log(np.exp(s[1:]).sum()) - s[3], rel=1e-12)


def test_no_anchor_with_a_positive_is_no_loss(rng):
    z = rng.standard_normal((7, 4))
    value, (dz,) = losses.supervised_contrastive(z, labels=np.arange(7))
    assert value == 0.0 and not dz.any()


def test_lonely_anchors_do_not_count_but_repel(rng):
    z = rng.standard_normal((7, 4))
    with_lonely, (dz,) = losses.supervised_contrastive(z, labels=[0, 0, 0, 1, 1, 1, 2])
    assert dz[6].any(), "a row without positives is still a negative of the others"
    without, _ = losses.supervised_contrastive(z[:6], labels=[0, 0, 0, 1, 1, 1])
    assert with_lonely > without


def test_one_class_only_is_finite(rng):
    z = rng.standard_normal((8, 4))
    value, (dz,) = losses.supervised_contrastive(z, labels=np.zeros(8, int))
    assert value >= np.log(7) - 1e-12 and np.isfinite(dz).all()


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({}, "either labels or mask"),
        ({"labels": np.zeros(4, int), "mask": np.eye(4, dtype=bool)}, "either labels or mask"),
        ({"labels": np.zeros(3, int)}, "labels has shape"),
        ({"labels": np.zeros(4)}, "labels is float64"),
        ({"mask": np.eye(4)}, "mask is float64"),
        ({"mask": np.ones((4, 8), bool)}, "must be boolean \\(4, 4\\)"),
    ],
)
def test_what_does_not_fit_is_named(rng, options, sentence):
    with pytest.raises(InputError, match=sentence):
        losses.supervised_contrastive(rng.standard_normal((4, 3)), **options)


def test_agrees_with_pytorch_metric_learning(rng):
    theirs = peers.metric_learning().SupConLoss(temperature=0.1)
    labels = rng.permutation(np.arange(24) % 6)
    peers.assert_same(
        lambda z: losses.supervised_contrastive(z, labels=labels),
        lambda z: theirs(z, torch.tensor(labels)),
        rng.standard_normal((24, 12)),
    )
