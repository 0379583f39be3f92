"""The levels of docs/numerics.md, section 4.1: size, wander and range of a window, against their definition."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgeecg import jit, reference
from edgeecg.model import default_front_end
from tests import models

X_MAX = 2**22 - 1
FRONT = default_front_end()


@given(st.integers(1, 2**62))
@example(1)
@example(2**62)
def test_the_logarithm_is_a_line_between_powers_of_two(v):
    e = v.bit_length() - 1
    assert reference.logarithm(v) == math.floor(256 * (e + Fraction(v, 2**e) - 1))
    assert -0.0861 * 256 - 1 < reference.logarithm(v) - 256 * math.log2(v) <= 1e-9 * 256


def exact_levels(x, z, resampled, front):
    """Of the recording's first window, from the definition: real logarithms, NumPy's variance."""
    base = (resampled.astype(float) - 4.0 * z)[64 : front.window - 64 : 32]
    size = np.log2(np.abs(z[: front.window].astype(float)).sum() + 1)
    wander = np.log2(len(base) ** 2 * np.var(base / 4) + 1)
    return np.array([size, wander - 2 * size, np.log2(float(x.max()) - x.min() + 1) - size])


@pytest.mark.parametrize(("fs", "seed", "drift"), [(128_000, 1, 0.0), (250_000, 2, 1.0), (360_000, 3, 8.0)])
def test_levels_are_size_wander_and_range(fs, seed, drift):
    t = np.arange(int(10 * fs / 1000)) / fs * 1000
    x = models.canonical(models.ecg(10, fs / 1000, seed) + drift * np.sin(0.9 * t))
    resampled = reference.resample(x, fs, FRONT)
    expected = exact_levels(x, reference.baseline(resampled, FRONT), resampled, FRONT)
    found = reference.levels(x, fs, FRONT, [0])[0] / 256
    assert np.abs(found - expected).max() < 0.18  # each logarithm is up to .086 low, and wander has that of size twice


def test_a_gain_moves_the_size_alone():
    """Twice the amplitude is 256 more; wander and range are ratios."""
    x = models.ecg(30, 250, seed=6, offset=0)
    found = [
        reference.levels(models.canonical(g * x), 250_000, FRONT, range(0, 2561, 640)) for g in (0.25, 0.5, 1, 2, 4)
    ]
    for half, twice in itertools.pairwise(found):
        assert np.abs(twice - half - [256, 0, 0]).max() <= 3


def test_wander_tells_a_drifting_baseline():
    """Four times the drift is sixteen times the variance, four more of its logarithm, and hardly more of the size."""
    t = np.arange(20 * 250) / 250
    beats, drift = models.ecg(20, 250, seed=7, offset=0), np.sin(2 * np.pi * 0.05 * t)
    little, much = (
        reference.levels(models.canonical(beats + a * drift), 250_000, FRONT, [0])[0] / 256 for a in (3, 12)
    )
    assert 3.4 < much[1] - little[1] < 4.6 and abs(much[0] - little[0]) < 0.3


def test_levels_of_the_extremes_stay_in_their_ranges():
    """The largest sums that docs/numerics.md allows: a window of 5120 samples from limit to limit, and
    nothing at all.
    """
    front = default_front_end(window=5120, baseline=256)
    for x in (
        np.where(np.arange(5200) // 400 % 2, X_MAX, -X_MAX),
        np.random.default_rng(0).choice([-X_MAX, X_MAX], 5200),
        np.zeros(5200),
    ):
        for engine in (reference, jit):
            levels = engine.levels(x.astype(np.int32), 128_000, front, [0, 80])
            assert np.abs(levels).max() < 2**14
            assert np.array_equal(levels, reference.levels(x.astype(np.int32), 128_000, front, [0, 80]))
    assert np.array_equal(levels, np.zeros((2, 3)))


def test_levels_are_added_to_the_last_sums():
    model = models.edge_like()
    x, fs = models.recording_for(model, 12)
    frames = reference.trunk(reference.front_end(x, fs, model.front), model)
    without, _ = reference.head(frames, model, [0])
    level = reference.levels(x, fs, model.front, [0])
    with_levels, _ = reference.head(frames, model, [0], level)
    moved = (with_levels.astype(int) - without)[0]
    assert not moved[:-3].any()
    assert np.abs(moved[-3:] - level[0] * model.head.mult[-3:] / 64).max() <= 1
