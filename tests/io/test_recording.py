"""A recording: what a user knows better than the header, and what its samples are in millivolts."""

import datetime

import numpy as np
import pytest

import edgeecg
from edgeecg import io
from edgeecg.io.recording import MISSING, Lead, Recording, Source
from tests.files import int16, write_record


def source(lead, samples=(100, MISSING, -50), dtype=np.int32):
    return Source("f", "test", len(samples), (lead,), lambda index: np.array(samples, dtype))


def test_the_user_knows_better_than_the_header(tmp_path):
    write_record(tmp_path, "r 1 100 2\nr.dat 16 200/NU 16 0 0 0 0 I\n", r_dat=int16(1, 2))
    recording = io.read(tmp_path / "r.hea", fs=128.5, gain=50)
    assert (recording.fs, recording.gain) == (128.5, 50.0)
    write_record(tmp_path, "r 1 100 2\nr.dat 16 200/mV 16 0 0 0 0 I\n")
    assert io.read(tmp_path / "r.hea", unit="uV").gain == 200_000.0, "the unit names the dimension, the scale stays"


def test_a_unit_keeps_the_scale_of_the_header():
    for lead in (Lead("a", "?V", steps=2.0), Lead("a", None, steps=2.0), Lead("a", "uV", 2000.0)):
        assert source(lead).recording(unit="uV").gain == 2000.0
    with pytest.raises(edgeecg.InputError, match=r"f: lead 'a' has a scale but no unit in the header: .*--unit"):
        source(Lead("a", None, steps=2.0)).recording()
    with pytest.raises(edgeecg.InputError, match=r"f: lead 'a' is in '\?V', which is no voltage: .*--unit.*--gain"):
        source(Lead("a", "?V", steps=2.0)).recording()
    with pytest.raises(edgeecg.InputError, match='f: unit is "mV", "uV", "V" or "nV", not \'furlong\''):
        source(Lead("a")).recording(unit="furlong")


@pytest.mark.parametrize(
    ("lead", "given", "values"),
    [
        (Lead("a", "mV", 200.0), {}, [0.5, np.nan, -0.25]),
        (Lead("a", "mV", 200.0, offset=0.5), {}, [0.5025, np.nan, -0.2475]),
        (Lead("a", "mV", 200.0, offset=0.5), {"gain": 100}, [1.005, np.nan, -0.495]),
        (Lead("a", None), {"gain": 100}, [1, np.nan, -0.5]),
        (Lead("a", None), {"unit": "uV"}, [0.1, np.nan, -0.05]),
        (Lead("a", "nV"), {}, [1e-4, np.nan, -5e-5]),
        (Lead("a", "V"), {}, [1e5, np.nan, -5e4]),
        (Lead("a", "V", 0.001), {}, [1e5, np.nan, -5e4]),
    ],
)
def test_integers_in_millivolts(lead, given, values):
    recording = source(lead).recording(**given)
    np.testing.assert_allclose(recording.millivolts(), values, rtol=1e-12)
    if recording.gain is not None:
        assert 0.25 <= recording.gain <= 2**24, "what the core takes"


def test_floats_in_millivolts():
    for unit, scale in (("mV", 1), ("uV", 1e-3), ("V", 1e3), ("nV", 1e-6), (None, 1)):
        recording = source(Lead("a", unit), (1.5, np.nan), np.float64).recording()
        np.testing.assert_allclose(recording.millivolts(), [1.5 * scale, np.nan])


def test_integers_of_no_unit_are_no_millivolts():
    with pytest.raises(edgeecg.InputError, match=r"f: lead 'a' holds integers, .* give gain= .--gain"):
        source(Lead("a")).recording().millivolts()


def test_a_rate_that_is_not_known():
    told = Source("f", "test", 1, (Lead("a"),), lambda index: np.zeros(1), no_rate="f: the times are odd")
    with pytest.raises(edgeecg.InputError, match="f: the times are odd"):
        told.recording()
    assert told.recording(fs=250).fs == 250
    with pytest.raises(edgeecg.InputError, match="the sampling rate is not known"):
        _ = source(Lead("a")).recording(gain=1).seconds
    assert [Lead("a", fs=fs).fs for fs in (0, -1.0, np.nan, np.inf)] == [None] * 4


def test_leads_of_equal_headers_are_not_mixed_up():
    leads = (Lead("ECG", "mV"), Lead("ECG", "mV"))
    two = Source("f", "test", 1, leads, lambda index: np.full(1, float(index)))
    assert [two.recording(i).samples[0] for i in (0, 1)] == [0, 1]


def test_how_it_shows():
    start = datetime.datetime(2024, 1, 1, 10)
    shown = repr(Recording(np.zeros(9), 250.0, "mV", None, "II", "f", start, identity={"name": "Jane Doe"}))
    assert shown == "<Recording f, lead II: 9 samples, 250 Hz, mV, from 2024-01-01 10:00:00>"
    assert repr(Recording(np.zeros(9), None)).endswith("rate unknown, unit unknown>")
