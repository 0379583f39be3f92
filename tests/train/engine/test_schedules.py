"""Learning-rate schedules."""

import itertools

import pytest

from train.engine.schedules import cosine, trapezoid


def test_the_trapezoid_rises_stays_and_falls():
    rates = [trapezoid(n, 1000, 0.35) for n in range(1, 1001)]
    assert rates[0] == 0.01 and max(rates) == 1.0 and rates[100:640] == [1.0] * 540
    assert rates[-1] == pytest.approx(1 / 350)
    assert all(a >= b for a, b in itertools.pairwise(rates[600:]))


def test_the_cosine_rises_and_falls_to_nothing():
    rates = [cosine(n, 100, 0.1) for n in range(1, 101)]
    assert rates[:10] == pytest.approx([0.1 * n for n in range(1, 11)]) and max(rates) == 1.0
    assert all(a > b for a, b in itertools.pairwise(rates[9:])) and 0 < rates[-1] < 0.001
    assert rates[54] == pytest.approx(0.5, abs=0.01)  # half of the way down
