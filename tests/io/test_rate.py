"""Times to rates and gaps: units, rounding, dates, clocks that jump, rows that are lost."""

import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edgeecg
from edgeecg import io
from edgeecg.io._rate import clock_of
from edgeecg.io._times import is_time, parse_moment, parse_times
from tests.io.tables import RATE, START, check, iso, read_text, refused, spikes, table

N = len(spikes()[0])
EPOCH = 1704103200
SCALES = {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}


@pytest.mark.parametrize("name", ["timestamp", "time", "ts", "unix_time", "epoch", "LocalTimestamp", "UTC", ""])
@pytest.mark.parametrize("scale", SCALES.values())
def test_epochs_of_any_unit(tmp_path, name, scale):
    def row(_i, a, v):
        return f"{EPOCH * int(scale) + round(a * scale) if scale > 1 else f'{EPOCH + a:.4f}'},{v:.4f}\n"

    recording = read_text(tmp_path, table(f"{name},ecg\n", row))
    check(recording)
    assert recording.start == datetime.datetime.fromtimestamp(EPOCH, datetime.UTC)


HEADINGS = [
    ("time (ms)", 1e3),
    ("time [us]", 1e6),
    ("time_ns", 1e9),
    ("t_ms", 1e3),
    ("time_s", 1),
    ("Time (seconds)", 1),
]
HEADINGS += [("millis", 1e3), ("micros", 1e6), ("Zeit [ms]", 1e3), ("seconds", 1), ("time/ms", 1e3), ("device_ms", 1e3)]
HEADINGS += [('"time, s"', 1), ("min", 1 / 60), ("timestamp", 1e3), ("timestamp", 1e6), ("timestamp", 1e9)]


@pytest.mark.parametrize(("heading", "scale"), HEADINGS)
def test_times_since_the_first_sample(tmp_path, heading, scale):
    check(read_text(tmp_path, table(f"{heading},ecg\n", lambda i, a, v: f"{a * scale:.8g},{v:.4f}\n")))


def test_days_of_spreadsheets_and_of_matlab(tmp_path):
    for day in (45292.4166666667, 739252.4166666667):
        recording = read_text(
            tmp_path, table("Date,ecg\n", lambda i, a, v, day=day: f"{day + a / 86400:.12f},{v:.4f}\n")
        )
        check(recording)
        assert recording.start.isoformat(timespec="seconds") == "2024-01-01T10:00:00"


def test_whole_numbers_that_count_by_one_are_no_times(tmp_path):
    text = table("time,ecg\n", lambda i, a, v: f"{i},{v:.4f}\n")
    assert read_text(tmp_path, text).fs is None
    check(read_text(tmp_path, text, fs=RATE))


DATES = """%d.%m.%Y %H:%M:%S.%f|%d/%m/%Y %H:%M:%S.%f|%m/%d/%Y %H:%M:%S.%f|%Y/%m/%d %H:%M:%S.%f|%Y-%m-%dT%H:%M:%S.%fZ|
%Y-%m-%d %H:%M:%S.%f+01:00|%Y-%m-%d %H:%M:%S.%f +0100|%d-%m-%Y %H:%M:%S.%f|%d-%b-%Y %H:%M:%S.%f|%b %d %Y %H:%M:%S.%f|
%Y%m%dT%H%M%S.%f|%Y%m%d %H%M%S%f|%Y%m%d%H%M%S%f|%H:%M:%S.%f %d/%m/%Y|[%H:%M:%S.%f %d/%m/%Y]|%d.%m.%y %H:%M:%S.%f|
%m/%d/%Y %I:%M:%S.%f %p|%I:%M:%S.%f %p|%I:%M:%S.%f%p|%I:%M:%S.%f|%M:%S.%f|%H:%M:%S:%f|%Y-%m-%d_%H:%M:%S.%f|
'%H:%M:%S.%f'|%Y.%m.%d %H:%M:%S.%f|%Y-%m-%d, %H:%M:%S.%f|%d %B %Y %H:%M:%S.%f|"%Y-%m-%d %H:%M:%S.%f\"""".replace(
    "\n", ""
).split("|")
NIGHTS = [START, datetime.datetime(2024, 1, 31, 23, 59, 54), datetime.datetime(2024, 1, 31, 11, 59, 54)]
NIGHTS += [datetime.datetime(2024, 2, 29, 12, 59, 54)]


@pytest.mark.parametrize("form", DATES)
@pytest.mark.parametrize("start", NIGHTS)
def test_dates_and_clocks_over_midnight_noon_and_the_hour(tmp_path, form, start):
    quote = '"' if "," in form else ""

    def row(_i, a, v):
        return f"{quote}{(start + datetime.timedelta(seconds=a)).strftime(form)}{quote},{v:.4f}\n"

    recording = read_text(tmp_path, table("time,ECG\n", row))
    check(recording)
    if recording.start is not None:
        assert recording.start.replace(tzinfo=None) == start


def test_dates_in_two_columns(tmp_path):
    start = datetime.datetime(2024, 1, 31, 23, 59, 54)

    def row(_i, a, v):
        moment = start + datetime.timedelta(seconds=a)
        return f"{moment:%d.%m.%Y},{moment:%H:%M:%S.%f},{v:.4f}\n"

    for head, change in (("Date,Time,ECG\n", (",", ",")), ("", (",", " "))):
        recording = read_text(tmp_path, table(head, lambda *r, c=change: row(*r).replace(*c)))
        check(recording)
        assert recording.start == start


def test_daylight_saving(tmp_path):
    def at(base, hours, a):
        moment = base + datetime.timedelta(seconds=a + (3600 * hours if a >= 6 else 0))
        return moment.isoformat(sep=" ", timespec="milliseconds")

    spring, autumn = datetime.datetime(2024, 3, 31, 1, 59, 54), datetime.datetime(2024, 10, 27, 2, 59, 54)
    check(read_text(tmp_path, table("time,ECG\n", lambda i, a, v: f"{at(spring, 1, a)},{v:.4f}\n")))
    check(read_text(tmp_path, table("time,ECG\n", lambda i, a, v: f"{at(autumn, -1, a)},{v:.4f}\n")))
    zones = table("time,ECG\n", lambda i, a, v: f"{at(autumn, -1, a)}{'+02:00' if a < 6 else '+01:00'},{v:.4f}\n")
    check(read_text(tmp_path, zones))


WRITTEN = {
    "s": lambda a: f"{a:.3f}",
    "ms": lambda a: f"{a * 1000:.0f}",
    "iso": iso,
    "clock": lambda a: f"10:00:{a:06.3f}",
    "epoch ms": lambda a: f"{EPOCH * 1000 + round(a * 1000)}",
    "epoch ns": lambda a: f"{EPOCH * 10**9 + round(a * 1e9)}",
    "10 ms": lambda a: f"{a:.2f}",
    "1 s": lambda a: f"{int(a)}",
    "iso 1 s": lambda a: iso(int(a))[:19],
}


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("fs", [None, RATE])
def test_lost_rows_are_missing_samples_whether_the_rate_is_given_or_not(tmp_path, written, fs):
    text = table("timestamp,ECG\n", lambda i, a, v: "" if 1000 <= i < 1073 else f"{WRITTEN[written](a)},{v:.4f}\n")
    recording = read_text(tmp_path, text, fs=fs)
    assert (recording.fs, len(recording.samples), np.isnan(recording.samples).sum()) == (RATE, N, 73)
    if not written.endswith("1 s"):  # within a second nothing says where rows are lost
        check(recording, missing=73)


@pytest.mark.parametrize("written", ["s", "10 ms", "1 s", "iso 1 s"])
@pytest.mark.parametrize("fs", [None, RATE])
def test_rounded_times_make_no_gaps(tmp_path, written, fs):
    check(read_text(tmp_path, table("time,ECG\n", lambda i, a, v: f"{WRITTEN[written](a)},{v:.4f}\n"), fs=fs))


@pytest.mark.parametrize("fs", [128, 250, 256, 360, 500, 512, 1000, 129.6, 130.02, 1000 / 3])
@pytest.mark.parametrize("resolution", [1e-6, 1e-3, 1e-2, 1.0])
def test_the_rate_behind_rounded_times(fs, resolution):
    times = np.floor(np.arange(int(20 * fs)) / fs / resolution + 0.5) * resolution
    clock = clock_of(times, "f")
    exact = resolution <= 1e-3 or fs == round(fs)
    assert clock.rate == pytest.approx(fs, rel=1e-5 if exact else 3e-4) and not len(clock.lost)
    kept = np.r_[0:1000, 1073 : len(times)]
    assert clock_of(times[kept], "f").lost.sum() == 73


def test_a_given_rate_overrides(tmp_path):
    text = table("time,ECG\n", lambda i, a, v: f"{a:.3f},{v:.4f}\n")
    assert read_text(tmp_path, text, fs=500).fs == 500
    constant = table("time,ECG\n", lambda i, a, v: f"10:00:00,{v:.4f}\n")
    refused(lambda: read_text(tmp_path, constant), "a.csv", "'time'", "do not rise", "fs=", "--fs")
    check(read_text(tmp_path, constant, fs=RATE))


def test_packets_with_a_clock_that_jumps_beside_a_steady_one(tmp_path):
    def phone(i, a):
        return iso(a + 0.04 * (i // 73 % 3), sep="T")

    head = "Phone timestamp;sensor timestamp [ns];timestamp [ms];ecg [uV]\n"

    def row(i, a, v):
        return f"{phone(i, a)};{599636646177065964 + round(a * 1e9)};{a * 1000:.6f};{round(1000 * v)}\n"

    text = table(head, row, fs=130)
    recording = read_text(tmp_path, text)
    assert (recording.fs, len(recording.samples), recording.lead) == (130, 1560, "ecg")
    assert recording.start == START
    lost = table(head, lambda i, a, v: "" if 730 <= i < 803 else row(i, a, v), fs=130)
    recording = read_text(tmp_path, lost)
    assert (recording.fs, len(recording.samples), np.isnan(recording.samples).sum()) == (130, 1560, 73)
    alone = table("Phone timestamp;ecg [uV]\n", lambda i, a, v: f"{phone(i, a)};{round(1000 * v)}\n", fs=130)
    assert (read_text(tmp_path, alone).fs, len(read_text(tmp_path, alone).samples)) == (130, 1560)


def test_counters_of_microcontrollers_begin_anew(tmp_path):
    text = table("micros,ecg\n", lambda i, a, v: f"{(4294000000 + round(a * 1e6)) % 2**32},{v:.4f}\n")
    check(read_text(tmp_path, text))


def test_rows_from_the_newest_to_the_oldest_are_turned(tmp_path):
    text = table("time,ecg\n", lambda i, a, v: f"{100 - a:.3f},{v:.4f}\n")
    recording = read_text(tmp_path, text)
    np.testing.assert_allclose(recording.samples, spikes()[1][::-1], atol=1e-3)


@pytest.mark.parametrize(
    ("times", "sentence"),
    [
        ([1, 1, 1, 1], "do not rise"),
        ([0, 0.003, 0.006, 0.008], "too coarse to tell the sampling rate"),
        (np.cumsum(np.random.default_rng(0).exponential(1 / 130, 2600)), "are not regular"),
    ],
)
def test_times_that_tell_no_rate(times, sentence):
    with pytest.raises(edgeecg.InputError, match=f"^f .*{sentence}.*fs="):
        clock_of(np.array(times, float), "f")


def test_single_wrong_times_and_clocks_that_are_set_make_no_gaps():
    times = np.arange(5000) / 250
    for wrong in (0.0, 1e9):
        changed = times.copy()
        changed[2500] = wrong
        assert clock_of(changed, "f").rate == 250 and not len(clock_of(changed, "f").lost)
    assert clock_of(np.r_[times[:2500], times[:2500] + 8], "f").rate == 250


def test_gaps_are_bounded_by_the_size_of_the_file(tmp_path):
    text = "time,ecg\n" + "".join(f"{i / 250 + 1e6 * (i > 50):.3f},{i % 7}\n" for i in range(100))
    error = refused(lambda: read_text(tmp_path, text), "gaps of 250", "cut it at the gaps")
    assert "a.csv" in str(error)


@given(
    fs=st.sampled_from([100, 125, 128, 200, 250, 256, 500, 1000]),
    drops=st.lists(st.tuples(st.integers(1, 2900), st.integers(1, 300)), max_size=4),
    digits=st.sampled_from([6, 4]),
)
def test_any_lost_rows_of_an_exact_clock_are_found(fs, drops, digits):
    keep = np.ones(3000, bool)
    for first, count in drops:
        keep[first : min(first + count, 2999)] = False
    rows = np.flatnonzero(keep)
    clock = clock_of(np.round(rows / fs, digits), "f")
    assert clock.rate == fs
    place = (
        np.arange(len(rows))
        + np.concatenate([[0], np.cumsum(clock.lost)])[np.searchsorted(clock.before, np.arange(len(rows)), "right")]
    )
    np.testing.assert_array_equal(place, rows)


@given(st.datetimes(datetime.datetime(1980, 1, 1), datetime.datetime(2090, 1, 1)), st.sampled_from(["T", " "]))
def test_moments_are_read_as_they_are_written(moment, sep):
    text = moment.isoformat(sep=sep)
    assert is_time(text) and parse_moment(text) == moment


@given(st.text(max_size=60))
def test_any_text_is_a_time_or_none(text):
    is_time(text)
    parse_times(np.array([text.encode("utf-8", "replace")[:48] or b"x"]))


def test_a_file_of_a_regular_clock_keeps_its_rate_to_the_last_digit(tmp_path):
    np.savez(tmp_path / "a.npz", ecg=np.sin(np.arange(5000)), time=np.arange(5000) / 128.00049)
    assert io.read(tmp_path / "a.npz").fs == pytest.approx(128.00049, rel=1e-8)


@pytest.mark.parametrize("times", [[0, 1, 1e200], [-1e308, 0, 1e308], [0, 1e-320, 2e-320], [5e-324, 1e-323, 1.5e-323]])
def test_numbers_that_are_no_times_are_refused(times):
    refused(lambda: clock_of(np.array(times), "a.csv: column 't'"), "are no times", "fs=")
