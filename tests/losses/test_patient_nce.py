"""Patient NCE: patients of one window, and of several."""

import numpy as np
import pytest

from edgeecg import losses
from edgeecg.errors import InputError


def test_one_window_a_patient_is_cross_entropy_both_ways(rng):
    z1, z2 = rng.standard_normal((2, 10, 6))
    u1, u2 = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (z1, z2))
    s = u1 @ u2.T / 0.1
    expected = sum(np.log(np.exp(s).sum(axis=axis)).mean() for axis in (0, 1)) - 2 * s.diagonal().mean()
    assert losses.patient_nce(z1, z2, np.arange(10))[0] == pytest.approx(expected, rel=1e-12)


def test_it_is_symmetric_in_its_views(rng):
    z1, z2 = rng.standard_normal((2, 14, 6))
    patient = rng.integers(0, 4, 14)
    value, (dz1, dz2) = losses.patient_nce(z1, z2, patient)
    again, (other2, other1) = losses.patient_nce(z2, z1, patient)
    assert value == pytest.approx(again, rel=1e-13)
    np.testing.assert_allclose([dz1, dz2], [other1, other2], atol=1e-15)


def test_one_patient_only_is_finite(rng):
    value, grads = losses.patient_nce(*rng.standard_normal((2, 5, 3)), np.zeros(5, int))
    assert value >= 2 * np.log(5) - 1e-12 and np.isfinite(grads).all()


def test_patients_are_checked(rng):
    with pytest.raises(InputError, match="patient has shape"):
        losses.patient_nce(*rng.standard_normal((2, 5, 3)), np.zeros(4, int))
