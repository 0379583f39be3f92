"""Fixtures for the losses' tests."""

import numpy as np
import pytest
import torch


@pytest.fixture(autouse=True, scope="module")
def one_torch_thread():
    """Tiny operations on several threads spend their time waiting for one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def private_directions():
    """Two views whose positives can be turned apart without moving any other similarity: angle -> (z1, z2).

    Row i of z2 lies in the plane of e_i and a direction of its own, so only its similarity to row i of z1 changes.
    """

    def views(angle, n=12):
        basis = np.eye(2 * n)
        return basis[:n], np.cos(angle) * basis[:n] + np.sin(angle) * basis[n:]

    return views


@pytest.fixture
def shared_direction():
    """Two equal views whose rows all have one similarity to one another: similarity -> (z1, z2)."""

    def views(similarity, n=12):
        z = np.hstack([np.sqrt(1 - similarity) * np.eye(n), np.full((n, 1), np.sqrt(similarity))])
        return z, z.copy()

    return views
