"""Which windows the recipe draws, how often whose."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from train.multitask.sampler import EVENTFUL, PREMATURE, WeightedWindowSampler
from train.targets import open_bank


def test_drawn_windows_stay_in_their_recording(toy_cache, small):
    bank = open_bank(toy_cache, quiet=True)
    drawer = WeightedWindowSampler(toy_cache, bank, np.arange(10) != 3)
    for margin in (0, 288):
        row, start = drawer.draw(500, margin, 0.5, np.random.default_rng(0))
        rows = np.tile(row, 2)
        assert 3 not in row
        assert (start - margin >= rows * 3840).all() and (start + 1280 + margin <= (rows + 1) * 3840).all()
        near = np.abs(np.subtract(*start.reshape(2, -1))) <= 48
        assert 0.4 < near.mean() < 0.75


def test_positives_of_other_leads_are_the_same_moment_of_the_same_recording(toy_cache, small):
    bank = open_bank(toy_cache, quiet=True)
    row = np.repeat(np.arange(10), 200)
    start = row * 3840 + np.arange(2000)
    index = dict(toy_cache.index, record=np.array([*"aabbcde", *"aae"]))  # the last three as if copies had no number
    five = WeightedWindowSampler(
        replace(toy_cache, index=dict(index, record=np.array([*"aabbc"] * 2))), bank, np.ones(10, bool), copies=2
    )
    moved = five.other_leads(row, start, 1.0, np.random.default_rng(0))
    assert (moved % 3840 == start % 3840).all()
    assert np.array_equal(moved // 3840, np.array([1, 0, 3, 2, 4, 6, 5, 8, 7, 9])[row])  # never in the other copy
    some = five.other_leads(row, start, 0.3, np.random.default_rng(0))
    assert (some != start).mean() == pytest.approx(0.3 * 0.8, abs=0.04)
    assert np.array_equal(five.other_leads(row, start, 0.0, np.random.default_rng(0)), start)
    one = WeightedWindowSampler(replace(toy_cache, index=index), bank, np.ones(10, bool))
    assert set(one.other_leads(row[:200], start[:200], 1.0, np.random.default_rng(0)) // 3840) == {1, 7, 8}


def test_windows_with_premature_beats_are_drawn_more_often(toy_cache, small):
    bank = open_bank(toy_cache, quiet=True)
    drawer = WeightedWindowSampler(toy_cache, bank, np.ones(10, bool))
    early = bank.beats.position[(bank.beats.rr > 0) & (bank.beats.ratio < PREMATURE)]
    holds = np.array([((early >= a) & (early < a + 1280)).any() for a in bank.start])
    assert holds.any() and not holds.all()  # record 208 has premature beats in most windows
    assert np.unique(drawer.weight[holds] / drawer.weight[~holds].min()) == pytest.approx([EVENTFUL])
