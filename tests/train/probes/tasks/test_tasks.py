"""The windows of the tasks."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from train.data.corpora import DS1, DS2
from train.data.resample import cut_windows, resample
from train.probes.tasks.base import join
from train.probes.tasks.noise import with_noise


def test_noise_is_added_at_its_ratio():
    rng = np.random.default_rng(11)
    window, piece = np.sin(np.arange(1280) / 9.0), rng.standard_normal((2, 4000)) + 5
    for decibel in (24, 0):
        added = with_noise(window, piece, decibel, rng) - window
        assert 20 * np.log10(window.std() / added.std()) == pytest.approx(decibel, abs=0.01)


def test_windows_are_cut_one_after_another_and_short_recordings_filled():
    x = np.arange(3000, dtype=np.float32)
    assert np.array_equal(cut_windows(x), [x[:1280], x[1280:2560]])
    assert np.array_equal(cut_windows(x, 640)[1], x[640:1920])
    short = cut_windows(x[:1000])
    assert short.shape == (1, 1280) and short[0, -1] == 999 and short[0, 999] == 999
    assert len(resample(np.ones(3600), 360)) == 1280


def test_join_numbers_the_records():
    joined = join([(np.zeros((2, 1280)), np.zeros(2)), (np.ones((3, 1280)), np.ones(3))])
    assert joined.group.tolist() == [0, 0, 1, 1, 1] and joined.label.tolist() == [0, 0, 1, 1, 1]


def test_inter_patient_split_has_no_record_on_both_sides():
    assert not set(DS1) & set(DS2)
    assert len(DS1) == len(DS2) == 22
