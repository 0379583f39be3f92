"""Rows that a program wrote twice are read once; a coarse clock repeats itself and is no such thing."""

import numpy as np
import pytest

import edgeecg
from edgeecg import io
from edgeecg.io._repeats import repeated_rows

RATE = 250
SIGNAL = np.round(np.random.default_rng(0).standard_normal(2000), 4)


def written(path, times, twice=(), values=SIGNAL):
    lines = [f"{time},{value:.4f}\n" for time, value in zip(times, values, strict=True)]
    for row in sorted(twice, reverse=True):
        lines.insert(row, lines[row])
    path.write_text("time,ECG (mV)\n" + "".join(lines))
    return path


@pytest.mark.parametrize("form", ["{:.3f}", "2024-01-01 10:00:{:06.3f}"])
def test_they_are_read_once(tmp_path, form):
    path = written(tmp_path / "r.csv", [form.format(i / RATE) for i in range(len(SIGNAL))], twice=(100, 101, 1500))
    with pytest.warns(edgeecg.RecordingWarning, match="r.csv: 3 rows are there twice, time and all, and read once"):
        recording = io.read(path)
    assert recording.fs == RATE
    np.testing.assert_array_equal(recording.samples, SIGNAL)


def test_one_row(tmp_path):
    path = written(tmp_path / "r.csv", [f"{i / RATE:.3f}" for i in range(len(SIGNAL))], twice=(7,))
    with pytest.warns(edgeecg.RecordingWarning, match="row 8 is there twice"):
        assert len(io.read(path).samples) == len(SIGNAL)


@pytest.mark.parametrize("form", ["{:.2f}", "2024-01-01 10:00:{:05.2f}"])
def test_times_that_are_rounded_keep_their_rows(tmp_path, form):
    flat = SIGNAL.copy()
    flat[500:503] = flat[500]
    path = written(tmp_path / "r.csv", [form.format(i / RATE) for i in range(len(SIGNAL))], values=flat)
    np.testing.assert_array_equal(io.read(path, fs=RATE).samples, flat)


def test_samples_alone_may_repeat(tmp_path):
    values = SIGNAL.copy()
    values[10] = values[9]
    (tmp_path / "r.csv").write_text("ECG (mV)\n" + "".join(f"{value:.4f}\n" for value in values))
    np.testing.assert_array_equal(io.read(tmp_path / "r.csv", fs=RATE).samples, values)


def test_nothing_is_equal_to_nothing():
    times, values = np.arange(200.0), np.arange(200.0) % 7
    times[50], values[49:51] = times[49], np.nan
    assert repeated_rows([times, values]).tolist() == [50]
    values[50] = 3.0
    assert repeated_rows([times, values]).tolist() == []


def test_a_coarse_clock_of_a_flat_signal_has_no_repeats():
    """Most rows equal the one before; a program that writes so many twice is less likely than a rounded clock."""
    assert repeated_rows([np.arange(1000) // 4 / 62.5, np.zeros(1000)]).tolist() == []
