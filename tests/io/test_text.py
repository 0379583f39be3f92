"""Text files: separators, headers, clocks, units."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

import edgeecg
from edgeecg import io


@pytest.mark.parametrize(
    ("text", "fs", "unit", "leads", "values"),
    [
        ("0.5\n-0.25\n", None, None, ["0"], [0.5, -0.25]),
        ("# fs: 250\n# unit: uV\n# lead: II\n5\n-6\n", 250, "uV", ["II"], [5, -6]),
        ("time,II\n0,0.5\n0.004,0.25\n0.008,1\n", 250, None, ["II"], [0.5, 0.25, 1]),
        ("time (ms),II [mV]\n0,0.5\n4,0.25\n8,1\n", 250, "mV", ["II"], [0.5, 0.25, 1]),
        ("t_ms;I (µV)\n0;0,5\n4;0,25\n8;1,0\n", 250, "uV", ["I"], [0.5, 0.25, 1]),
        ("'sample #','MLII','V5'\n'','mV','mV'\n0,0.5,1\n1,0.25,2\n", None, "mV", ["MLII", "V5"], [0.5, 0.25]),
        (
            "when,ECG\n2024-01-01T00:00:00.000,1\n2024-01-01T00:00:00.004,2\n2024-01-01T00:00:00.008,3\n",
            250,
            None,
            ["ECG"],
            [1, 2, 3],
        ),
        (
            "when,II\n" + "".join(f"2024-01-01 00:00:00.{4 * i:03}+01:00,{i % 7}\n" for i in range(20)),
            250,
            None,
            ["II"],
            [i % 7 for i in range(20)],
        ),
        (",ecg\n" + "".join(f"{i},{i * i}\n" for i in range(20)), None, None, ["ecg"], [i * i for i in range(20)]),
        ("".join(f"{i / 64},{i * i}\n" for i in range(20)), 64, None, ["1"], [i * i for i in range(20)]),
        *[
            (
                f"{name},ecg\n" + "".join(f"{1.7e9 + i / 256},{i * i}\n" for i in range(20)),
                256,
                None,
                ["ecg"],
                [i * i for i in range(20)],
            )
            for name in ("elapsed_time", "ts", "epoch", "unix_time", "Elapsed Time")
        ],
        *[
            (
                f"{name},ecg\n" + "".join(f"{step * i},{i * i}\n" for i in range(20)),
                None,
                None,
                ["ecg"],
                [i * i for i in range(20)],
            )
            for name, step in (("frame", 1), ("sample_index", 1), ("ticks", 4), ("counter", 3.9), ("", 4))
        ],
        (
            ",time,ecg\n" + "".join(f"{i},{i / 250},{i % 7}\n" for i in range(20)),
            250,
            None,
            ["ecg"],
            [i % 7 for i in range(20)],
        ),
        (
            "frame,time_ms,ecg\n" + "".join(f"{i},{4 * i},{i % 7}\n" for i in range(20)),
            250,
            None,
            ["ecg"],
            [i % 7 for i in range(20)],
        ),
        ("".join(f"{i},{i / 128},{i % 7}\n" for i in range(20)), 128, None, ["2"], [i % 7 for i in range(20)]),
        (
            "millis,ecg\n" + "".join(f"{round(i / 0.36)},{i % 7}\n" for i in range(40)),
            None,
            None,
            ["ecg"],
            [i % 7 for i in range(40)],
        ),
        (
            "k,ecg\n" + "".join(f"{'' if i == 5 else i + 9 * (i > 20)},{i % 7}\n" for i in range(40)),
            None,
            None,
            ["ecg"],
            [i % 7 for i in range(40)],
        ),
        (
            "elapsed_time (ms),ecg\n" + "".join(f"{4 * i},{i % 7}\n" for i in range(20)),
            250,
            None,
            ["ecg"],
            [i % 7 for i in range(20)],
        ),
        (
            "off,II\n" + "".join(f"{i > 9:d},{i % 7}\n" for i in range(40)),
            None,
            None,
            ["off", "II"],
            [i > 9 for i in range(40)],
        ),
        ("I II\n1 4\n2 5\n", None, None, ["I", "II"], [1, 2]),
        ("I,II\n" + "".join(f"{i % 9},{i}\n" for i in range(20)), None, None, ["I", "II"], [i % 9 for i in range(20)]),
        ("0.5\n# a remark\n-0.25\n", None, None, ["0"], [0.5, -0.25]),
        ("ecg\n0.5\n\n1.5\n", None, None, ["ecg"], [0.5, 1.5]),
        ("ecg,ppg\n0.5,1\n,2\nNaN,3\n", None, None, ["ecg", "ppg"], [0.5, np.nan, np.nan]),
        ("\ufeffecg\r\n0.5\r\n1.5\r\n", None, None, ["ecg"], [0.5, 1.5]),
    ],
)
def test_layouts(tmp_path, text, fs, unit, leads, values):
    path = tmp_path / "r.csv"
    path.write_text(text, "utf-8", newline="")
    source = io.open_source(path)
    recording = source.recording()
    assert [lead.name for lead in source.leads] == leads
    assert (recording.fs, recording.unit) == (fs, unit)
    np.testing.assert_array_equal(recording.samples, values)
    assert source.length == len(values)


@pytest.mark.parametrize("fs", [128, 250, 360, 129.6])
def test_the_rate_behind_clock_times_rounded_to_milliseconds(tmp_path, fs):
    path = tmp_path / "r.csv"
    times = (f"'{i / fs // 60:.0f}:{i / fs % 60:06.3f}'" for i in range(int(70 * fs)))
    path.write_text("'Elapsed time','MLII'\n'hh:mm:ss.mmm','mV'\n" + "".join(f"{time},0.5\n" for time in times))
    recording = io.read(path)
    assert recording.unit == "mV"
    assert recording.fs == (fs if fs == int(fs) else pytest.approx(fs, rel=1e-4))


def test_a_gain_makes_integers(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("# gain: 400\n# fs: 128\necg,x\n12,1\nnan,2\n-7,3\n")
    recording = io.read(path)
    assert (recording.gain, recording.samples.dtype) == (400.0, np.int32)
    np.testing.assert_array_equal(recording.samples, [12, io.MISSING, -7])
    path.write_text("12\n0.5\n")
    with pytest.raises(edgeecg.InputError, match="a gain needs samples that are whole numbers"):
        io.read(path, gain=400)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,b\n", "no row of numbers"),
        ("", "no row of numbers"),
        ("ecg\n1\ntwo\n", "line 3 is not a row of numbers"),
        ("I,II\n1,2\n3\n", "line 3 has 1 columns, not 2"),
        ("# fs: fast\n1\n2\n", "'fs' must be a number"),
        ("time,ecg\n0,1\n0.004,2\n0.5,3\n0.504,4\n", "are not regular"),
        ("time,ecg\n1,1\n1,2\n1,3\n", "do not rise"),
        ("time,ecg\n0,1\n0.003,2\n0.006,3\n0.008,4\n", "too coarse to tell the sampling rate"),
        ("1\0002\n", "this is not text"),
    ],
)
def test_faults_are_named(tmp_path, text, sentence):
    path = tmp_path / "r.csv"
    path.write_text(text)
    with pytest.raises(edgeecg.InputError, match=sentence) as caught:
        io.read(path)
    assert str(path) in str(caught.value)


@given(arrays_of.arrays(np.float64, st.integers(1, 50), elements=st.floats(-1e6, 1e6)), st.sampled_from(",;\t "))
def test_what_was_written_is_read(tmp_path_factory, values, delimiter):
    path = tmp_path_factory.mktemp("text") / "r.txt"
    rows = (f"{value!r}{delimiter}{-value!r}\n" for value in values.tolist())
    path.write_text(f"I{delimiter}II\n" + "".join(rows))
    np.testing.assert_array_equal(io.read(path, "I").samples, values)
    np.testing.assert_array_equal(io.read(path, "II").samples, -values)
