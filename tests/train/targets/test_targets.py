"""What the recipe regresses, computed from the signal: beats, rhythm statistics, frames, spectrum."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

torch = pytest.importorskip("torch")

from edgeecg.constants import RATE
from train.data.corpora import corpus, corpus_folder
from train.data.front_end import default_front_end, front_end_reader
from train.quantization.golden_vectors import synthetic_ecg
from train.targets import SIGNAL, STATISTICS, BeatTargets, find_beats, signal_statistics
from train.targets.beats import local_median, steepest
from train.targets.rhythm import WindowBeats, describe, quantile


def beat_train(times, wide=(), seconds=40):
    """Front-end bytes of narrow upright beats at `times` (s); those numbered in `wide` are broad and inverted."""
    t = np.arange(seconds * RATE) / RATE
    x = np.zeros(len(t))
    for number, at in enumerate(times):
        height, width = (-60, 0.04) if number in wide else (60, 0.012)
        x += height * np.exp(-0.5 * ((t - at) / width) ** 2)
    return np.clip(np.round(x) + 128, 0, 255).astype(np.uint8)


def targets(y):
    return BeatTargets(y, find_beats(y))


def statistic(values, name):
    return float(values[0, STATISTICS.index(name)])


def test_beats_are_found_where_they_are():
    times = np.arange(1.0, 38, 0.8)
    beats = find_beats(beat_train(times), offset=1000)
    found = (beats.position - 1000) / RATE
    assert np.abs(found[:, None] - times).min(1).max() < 0.02
    assert len(found) >= len(times) - 2
    assert np.allclose(beats.rr[1:], 0.8, atol=0.02) and beats.rr[0] == 0
    assert np.allclose(beats.ratio, 1, atol=0.03) and (beats.similarity > 0.95).all()


def test_of_two_detectors_peaks_the_steep_ones_apart_from_each_other_count():
    t = np.arange(4000)
    heights = {500: 60, 900: 60, 1300: 60, 1330: 40, 1700: 15, 2100: 30, 2500: 60, 2533: 40}  # samples: height
    x = sum(h * np.exp(-0.5 * ((t - at) / 2) ** 2) for at, h in heights.items())
    first = np.array([500, 900, 1300, 1700, 2100, 2500])
    second = np.array([500, 1300, 1330, 2500, 2533])
    assert steepest(x, first, second).tolist() == [500, 900, 1300, 2100, 2500, 2533]  # 1330 too near, 1700 too low
    assert steepest(x, first[:0], first[:0]).tolist() == []
    assert steepest(x, first[:2], second[4:]).tolist() == [500, 900, 2533]  # none that both found


@pytest.mark.data
def test_beats_are_those_that_people_marked(data_dir):
    """Of the first leads of some records of DS1: one in a hundred may be missed, and as many found that are none."""
    import wfdb

    read, counts = front_end_reader(default_front_end()), np.zeros(3, int)
    for recording in list(corpus("mitdb").read(corpus_folder(data_dir, "mitdb")))[::6]:
        y = read(recording.signal, recording.fs, recording.gain)[:, 0]
        note = wfdb.rdann(str(data_dir / "mitdb" / recording.record), "atr")
        marked = (
            np.array([s for s, kind in zip(note.sample, note.symbol, strict=True) if kind in "NLRejAaJSVEF/fQ"])
            * RATE
            / 360
        )
        marked = marked[(marked > 48) & (marked < len(y) - 80)]
        apart = np.abs(find_beats(y).position[:, None] - marked)
        counts += len(marked), (apart.min(0) > 12).sum(), (apart.min(1) > 12).sum()
    assert counts[0] > 10000 and counts[1] < 0.012 * counts[0] and counts[2] < 0.012 * counts[0]


def test_flat_and_short_leads_have_no_beats():
    assert len(find_beats(np.full(5000, 128, np.uint8)).position) == 0
    assert len(find_beats(beat_train([0.5], seconds=2)).position) == 0


def test_local_median_ignores_the_missing_first_interval():
    assert local_median(np.array([0, 1.0, 1.0, 5.0, 1.0])).tolist() == [1, 1, 1, 1, 1]


def test_a_premature_narrow_beat_and_a_premature_wide_beat_are_told_apart():
    times = np.arange(1.0, 38, 0.8)
    times[6] -= 0.3  # in the first ten seconds
    start = np.array([0])
    regular = targets(beat_train(np.arange(1.0, 38, 0.8))).describe(start)[0]
    narrow = targets(beat_train(times)).describe(start)[0]
    wide = targets(beat_train(times, wide=(6,))).describe(start)[0]
    for name in ("early_most", "alike_early", "alike_early_local", "alike_before_pause"):
        assert statistic(narrow, name) > statistic(regular, name) + 0.9, name
    for name in ("unlike_early", "unlike_most", "wide_most", "qrs_strangest"):
        assert statistic(wide, name) > statistic(narrow, name) + 0.9, name
    assert statistic(narrow, "alike_10") == pytest.approx(1, abs=0.1) and statistic(regular, "alike_10") < 0.35
    assert statistic(narrow, "unlike_early") < 0.3
    assert statistic(wide, "alike_early") < 0.3
    assert statistic(wide, "similarity_least") < statistic(narrow, "similarity_least") - 1
    assert statistic(wide, "width_largest") > statistic(narrow, "width_largest") + 1


def test_statistics_follow_the_rate_and_its_spread():
    slow, fast = (targets(beat_train(np.arange(1.0, 38, rr))).describe(np.array([640]))[0] for rr in (1.1, 0.5))
    assert statistic(slow, "rr_median") == pytest.approx(3 * np.log(1.1 / 0.8), abs=0.05)
    assert statistic(fast, "rr_median") == pytest.approx(3 * np.log(0.5 / 0.8), abs=0.05)
    assert (statistic(slow, "beats"), statistic(fast, "beats")) == (9 / 4, 20 / 4)
    rng = np.random.default_rng(0)
    ragged = targets(beat_train(1 + np.cumsum(rng.uniform(0.5, 1.1, 40)))).describe(np.array([640]))[0]
    assert statistic(ragged, "rr_deviation") > statistic(slow, "rr_deviation") + 1
    assert statistic(ragged, "rr_change_50ms") > 2 and statistic(slow, "rr_change_50ms") < 0.2


def test_p_waves_that_repeat_are_told_from_what_does_not():
    times, rng = np.arange(1.0, 38, 0.8), np.random.default_rng(0)
    t = np.arange(40 * RATE) / RATE
    p = sum(12 * np.exp(-0.5 * ((t - at + 0.14) / 0.02) ** 2) for at in times)
    with_p, without = (
        targets(np.clip(beat_train(times) + x + rng.normal(0, 1, len(t)), 0, 255).astype(np.uint8)).describe(
            np.array([640])
        )[0]
        for x in (p, rng.normal(0, 5, len(t)))
    )
    assert statistic(with_p, "p_correlation") > statistic(without, "p_correlation") + 1
    assert statistic(with_p, "p_repeats") > statistic(without, "p_repeats") + 1


def test_a_window_without_beats_has_finite_statistics_and_says_so():
    assert np.isfinite(list(describe(WindowBeats.empty()).values())).all()
    values, known, beat = targets(beat_train([1.0, 2.0, 3.0])).describe(np.array([0, 2560]))
    assert torch.isfinite(values).all() and torch.isfinite(beat).all() and not known.any()
    values, known, beat = targets(np.full(5000, 128, np.uint8)).describe(np.array([0]))
    assert values.shape == (1, len(STATISTICS)) and beat.shape == (1, 96) and not known.any()


@given(arrays(np.float64, (3, 7), elements=st.floats(-5, 5)), arrays(bool, (3, 7)), st.floats(0, 1))
def test_quantiles_are_those_of_numpy(values, mask, share):
    found = quantile(values, mask, share)
    for row, kept, one in zip(values, mask, found, strict=True):
        assert one == pytest.approx(np.quantile(row[kept], share) if kept.any() else 0)


def test_frames_mark_the_beats():
    times = np.arange(1.0, 38, 0.8)
    bank = targets(beat_train(times))
    heat, values = bank.frames(np.array([1280]), 32)
    inside = times[(times >= 10) & (times < 19.9)]
    expected = np.clip(np.round((inside - 10) * 4), 0, 39)
    assert set(np.flatnonzero(heat[0])) >= set(expected[1:-1].astype(int))
    assert values[0, heat[0] == 0].abs().max() == 0
    beat = bank.describe(np.array([1280]))[2]
    assert beat.shape == (1, 96) and int(beat.argmax()) == 32


def test_signal_statistics_see_noise_and_flatness():
    rng = np.random.default_rng(0)
    clean = torch.from_numpy((synthetic_ecg(10, 128, 70, rng, noise=0) * 2).astype(np.float32))[None]
    noisy = clean + torch.from_numpy(rng.standard_normal((1, 1280)).astype(np.float32))
    dead = clean.clone()
    dead[:, 640:] = 0
    a, b, c = (signal_statistics(x)[0] for x in (clean, noisy, dead))
    assert a.shape == (SIGNAL,)
    assert b[8] > a[8] + 0.5  # the share of the power between 40 and 64 Hz
    assert c[-1] > 1.2 and a[-1] < 0.5  # half of the blocks are flat
    assert torch.isfinite(signal_statistics(torch.zeros(1, 1280))).all()
