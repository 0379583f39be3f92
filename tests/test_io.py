"""Recordings in: every format against bytes written by hand; tables out: every format reads back the same."""

import struct
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

import edgeecg
from edgeecg import io
from edgeecg.io.output import EmbeddingTable, save
from edgeecg.io.recording import Lead, choose_lead

pytest.importorskip("wfdb")
pytest.importorskip("edfio")


def write_record(folder, header: str, **files: bytes):
    """A WFDB record: header text and signal files."""
    (folder / f"{header.split(None, 1)[0].split('/')[0]}.hea").write_text(header)
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_bytes(content)


def int16(*values) -> bytes:
    return struct.pack(f"<{len(values)}h", *values)


class TestPhysionet:
    def test_integers_come_with_gain_and_without_baseline(self, tmp_path):
        write_record(
            tmp_path,
            "r 2 250 3\nr.dat 16 200(10)/mV 16 0 0 0 0 I\nr.dat 16 0.5(-4)/uV 12 0 0 0 0 II\n",
            r_dat=int16(110, 1, -32768, 2, 10, -32768),
        )
        first, second = io.read(tmp_path / "r.hea"), io.read(tmp_path / "r.dat", lead="ii")
        assert (first.fs, first.gain, first.lead, first.unit) == (250.0, 200.0, "I", "mV")
        assert first.samples.dtype == np.int32
        np.testing.assert_array_equal(first.samples, [100, io.MISSING, 0])
        np.testing.assert_array_equal(second.samples, [5, 6, io.MISSING])
        assert second.gain == 500.0
        np.testing.assert_allclose(second.millivolts(), [0.010, 0.012, np.nan])

    def test_a_record_is_found_by_header_signal_file_or_name(self, tmp_path):
        write_record(tmp_path, "r 1 128 2\nr.dat 16 1000/mV 16 0 0 0 0 ECG\n", r_dat=int16(7, 8))
        read = [io.read(tmp_path / name).samples.tolist() for name in ("r.hea", "r.dat", "r")]
        assert read == [[7, 8]] * 3

    def test_a_lead_with_several_samples_a_frame_keeps_its_own_rate(self, tmp_path):
        write_record(
            tmp_path,
            "r 2 100 2\nr.dat 16x3 200/mV 16 0 0 0 0 ECG\nr.dat 16 1/mmHg 16 0 0 0 0 ABP\n",
            r_dat=int16(1, 2, 3, 90, 4, 5, 6, 91),
        )
        recording = io.read(tmp_path / "r.hea")
        assert recording.fs == 300.0
        np.testing.assert_array_equal(recording.samples, [1, 2, 3, 4, 5, 6])

    def test_segments_are_joined_and_gaps_are_missing(self, tmp_path):
        write_record(tmp_path, "a 1 128 2\na.dat 16 200/mV 16 0 0 0 0 ECG\n", a_dat=int16(1, 2))
        write_record(tmp_path, "b 1 128 3\nb.dat 16 200/mV 16 0 0 0 0 ECG\n", b_dat=int16(3, 4, 5))
        write_record(tmp_path, "layout 1 128 0\n~ 16 200/mV 16 0 0 0 0 ECG\n")
        write_record(tmp_path, "m/4 1 128 7\nlayout 0\na 2\n~ 2\nb 3\n")
        recording = io.read(tmp_path / "m.hea")
        np.testing.assert_array_equal(recording.samples, [1, 2, io.MISSING, io.MISSING, 3, 4, 5])
        assert (recording.fs, recording.gain, recording.lead) == (128.0, 200.0, "ECG")

    def test_a_pressure_is_refused_and_a_voltage_is_preferred(self, tmp_path):
        write_record(
            tmp_path,
            "r 2 100 2\nr.dat 16 1/mmHg 16 0 0 0 0 ABP\nr.dat 16 200/mV 16 0 0 0 0 V5\n",
            r_dat=int16(90, 1, 91, 2),
        )
        assert io.read(tmp_path / "r.hea").lead == "V5"
        with pytest.raises(edgeecg.InputError, match="'ABP' is in 'mmHg', which is no voltage"):
            io.read(tmp_path / "r.hea", lead="ABP")

    def test_a_header_with_a_date_of_another_form_is_read(self, tmp_path):
        write_record(
            tmp_path, "r 1 300 2 2014-05-08 05:05:15 \nr.mat 16+24 1000/mV 16 0 0 0 0 ECG\n", r_mat=bytes(24) + int16(5, -6)
        )
        np.testing.assert_array_equal(io.read(tmp_path / "r.mat").samples, [5, -6])

    @pytest.mark.parametrize(
        ("header", "content", "sentence"),
        [
            ("r 1 100 2\nother.dat 16 200/mV 16 0 0 0 0 I\n", int16(1, 2), "not a readable WFDB record"),
            ("r 1 100 9000\nr.dat 16 200/mV 16 0 0 0 0 I\n", int16(1, 2), "not a readable WFDB record"),
            ("r one two\n", int16(1, 2), "not a readable WFDB record"),
            ("", int16(1, 2), "not a readable WFDB record"),
            ("r 0 100 2\n", int16(1, 2), "no signal"),
        ],
    )
    def test_a_damaged_record_ends_in_one_sentence(self, tmp_path, header, content, sentence):
        (tmp_path / "r.hea").write_text(header)
        (tmp_path / "r.dat").write_bytes(content)
        with pytest.raises(edgeecg.InputError, match=sentence) as caught:
            io.read(tmp_path / "r.hea")
        assert str(tmp_path / "r.hea") in str(caught.value) and "\n" not in str(caught.value)

    def test_a_signal_file_without_its_header(self, tmp_path):
        (tmp_path / "r.dat").write_bytes(b"1234")
        with pytest.raises(edgeecg.InputError, match=r"needs its header, and there is no .*r\.hea"):
            io.read(tmp_path / "r.dat")

    @pytest.mark.data
    def test_mitdb_100(self, data_dir):
        recording = io.read(data_dir / "mitdb/100.hea", lead="V5")
        assert (recording.fs, recording.gain, recording.lead, len(recording.samples)) == (360.0, 200.0, "V5", 650_000)
        # The header's own check: first value 1011 and the 16-bit sum of all samples 20052, with a baseline of 1024.
        assert recording.samples[0] == 1011 - 1024
        assert (int(recording.samples.sum()) + 1024 * 650_000 - 20052) % 2**16 == 0


def edf(signals, records, duration="1", reserved="", count=None, width=2) -> bytes:
    """An EDF file, or BDF with a width of 3: (label, unit, physical min, max, digital min, max, samples a record) of each signal;
    of each record the samples of all signals one after the other, or bytes."""
    fields = [("0" if width == 2 else "\xffBIOSEMI", 8), ("X", 80), ("X", 80), ("01.02.03", 8), ("04.05.06", 8), (256 * (len(signals) + 1), 8),
              (reserved, 44), (len(records) if count is None else count, 8), (duration, 8), (len(signals), 4)]  # fmt: skip
    columns = [[s[0] for s in signals], [""] * len(signals), *([s[k] for s in signals] for k in (1, 2, 3, 4, 5)), [""] * len(signals)]
    columns += [[s[6] for s in signals], [""] * len(signals)]
    for column, size in zip(columns, (16, 80, 8, 8, 8, 8, 8, 80, 8, 32), strict=True):
        fields += [(value, size) for value in column]
    head = b"".join(str(value).encode("latin-1").ljust(size) for value, size in fields)
    body = (r if isinstance(r, bytes) else b"".join(int(v).to_bytes(width, "little", signed=True) for v in r) for r in records)
    return head + b"".join(body)


class TestEdf:
    ECG = ("ECG", "mV", -5, 5, -2000, 2000, 3)  # 400 steps per mV

    def test_integers_come_with_gain_and_without_baseline_each_lead_at_its_rate(self, tmp_path):
        signals = [("EEG Fp1", "uV", -3200, 3200, -32000, 32000, 1), self.ECG, ("II", "\xb5V", 0, 1000, -100, 100, 2), ("SpO2", "%", 0, 100, 0, 100, 1)]
        (tmp_path / "n.edf").write_bytes(edf(signals, [[9, 1, -2, 3, 100, -100, 97], [8, 4, 5, 2000, 0, 1, 98]], duration="0.01"))
        ecg, turned = io.read(tmp_path / "n.edf"), io.read(tmp_path / "n.edf", lead="ii")
        assert (ecg.lead, ecg.fs, ecg.gain, ecg.samples.dtype) == ("ECG", 300.0, 400.0, np.int32)
        np.testing.assert_array_equal(ecg.samples, [1, -2, 3, 4, 5, 2000])
        assert (turned.fs, turned.gain) == (200.0, 200.0), "0 to 1000 microvolts in 200 steps"
        np.testing.assert_array_equal(turned.samples, [200, 0, 100, 101])
        np.testing.assert_allclose(turned.millivolts(), [1.0, 0.0, 0.5, 0.505])
        assert io.read(tmp_path / "n.edf", lead=0).gain == 10000.0
        with pytest.raises(edgeecg.InputError, match="'SpO2' is in '%', which is no voltage"):
            io.read(tmp_path / "n.edf", lead="SpO2")

    def test_a_lead_that_the_header_turns_round_is_turned(self, tmp_path):
        (tmp_path / "r.edf").write_bytes(edf([("ECG", "mV", 5, -5, -2000, 2000, 3)], [[1, -2, 2000]]))
        recording = io.read(tmp_path / "r.edf")
        assert recording.gain == 400.0
        np.testing.assert_array_equal(recording.samples, [-1, 2, -2000])

    def test_24_bits(self, tmp_path):
        (tmp_path / "r.bdf").write_bytes(edf([("ECG", "uV", -250000, 250000, -8000000, 8000000, 3)], [[1, -8388608, 8388607]], width=3))
        recording = io.read(tmp_path / "r.bdf")
        assert recording.gain == 32000.0
        np.testing.assert_array_equal(recording.samples, [1, -8388608, 8388607])

    def test_annotations_are_no_lead_and_an_unknown_number_of_records_is_counted(self, tmp_path):
        notes = ("EDF Annotations", "", -1, 1, -32768, 32767, 8)
        records = [int16(1, 2, 3) + f"+{n}\x14\x14\0".encode().ljust(16, b"\0") for n in range(4)]
        (tmp_path / "r.edf").write_bytes(edf([self.ECG, notes], records, reserved="EDF+C", count=-1))
        source = io.open_source(tmp_path / "r.edf")
        assert [lead.name for lead in source.leads] == ["ECG"] and source.length == 12 and source.format == "EDF"
        np.testing.assert_array_equal(source.recording().samples, [1, 2, 3] * 4)
        records[2:] = [r.replace(b"+2", b"+7").replace(b"+3", b"+8") for r in records[2:]]
        (tmp_path / "r.edf").write_bytes(edf([self.ECG, notes], records, reserved="EDF+D"))
        with pytest.raises(edgeecg.InputError, match=r"the recording has gaps \(EDF\+D\)"):
            io.read(tmp_path / "r.edf")

    def test_voltages_without_a_range_need_a_gain(self, tmp_path):
        (tmp_path / "r.edf").write_bytes(edf([("ECG", "mV", 0, 0, -2000, 2000, 3)], [[1, 2, 3]]))
        assert io.read(tmp_path / "r.edf").gain is None
        assert (io.read(tmp_path / "r.edf", gain=100).gain, io.read(tmp_path / "r.edf").unit) == (100.0, None)

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (edf([ECG], [[1, 2, 3]] * 4)[:-2], "the header tells of 4 data records, and the file holds 3 whole ones"),
            (edf([ECG], [[1, 2, 3]] * 4, count=2), "the header tells of 2 data records, and the file holds 4"),
            (edf([ECG], [[1, 2, 3]], duration="0"), "not a readable EDF file"),
            (edf([ECG], [[1, 2, 3]])[:300], "not a readable EDF file"),
            (edf([("EDF Annotations", "", -1, 1, -32768, 32767, 8)], [b"+0\x14\x14\0".ljust(16, b"\0")], reserved="EDF+C"), "no signal"),
            (b"0       ", "not a readable EDF file"),
        ],
    )
    def test_faults_are_named(self, tmp_path, content, sentence):
        (tmp_path / "r.edf").write_bytes(content)
        with pytest.raises(edgeecg.InputError, match=sentence):
            io.read(tmp_path / "r.edf")

    def test_without_the_package_it_is_named(self, tmp_path, monkeypatch):
        (tmp_path / "r.edf").write_bytes(edf([self.ECG], [[1, 2, 3]]))
        monkeypatch.setitem(sys.modules, "edfio", None)
        with pytest.raises(edgeecg.MissingDependencyError, match=r'need the package edfio: pip install "edgeecg\[io\]"'):
            io.read(tmp_path / "r.edf")

    @given(data=st.data())
    def test_damaged_files(self, tmp_path_factory, data):
        content = bytearray(edf([self.ECG, ("V1", "uV", -1, 1, -9, 9, 1)], [[1, 2, 3, 4]] * 3))
        for _ in range(data.draw(st.integers(1, 5))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path = tmp_path_factory.mktemp("damaged") / "r.edf"
        path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
        refused_or_read(path)


class TestText:
    @pytest.mark.parametrize(
        ("text", "fs", "unit", "leads", "values"),
        [
            ("0.5\n-0.25\n", None, None, ["0"], [0.5, -0.25]),
            ("# fs: 250\n# unit: uV\n# lead: II\n5\n-6\n", 250, "uV", ["II"], [5, -6]),
            ("time,II\n0,0.5\n0.004,0.25\n0.008,1\n", 250, None, ["II"], [0.5, 0.25, 1]),
            ("time (ms),II [mV]\n0,0.5\n4,0.25\n8,1\n", 250, "mV", ["II"], [0.5, 0.25, 1]),
            ("t_ms;I (µV)\n0;0,5\n4;0,25\n8;1,0\n", 250, "uV", ["I"], [0.5, 0.25, 1]),
            ("'sample #','MLII','V5'\n'','mV','mV'\n0,0.5,1\n1,0.25,2\n", None, "mV", ["MLII", "V5"], [0.5, 0.25]),
            ("when,ECG\n2024-01-01T00:00:00.000,1\n2024-01-01T00:00:00.004,2\n2024-01-01T00:00:00.008,3\n", 250, None, ["ECG"], [1, 2, 3]),  # noqa: E501
            ("when,II\n" + "".join(f"2024-01-01 00:00:00.{4 * i:03}+01:00,{i % 7}\n" for i in range(20)), 250, None, ["II"], [i % 7 for i in range(20)]),
            (",ecg\n" + "".join(f"{i},{i * i}\n" for i in range(20)), None, None, ["ecg"], [i * i for i in range(20)]),
            ("".join(f"{i / 64},{i * i}\n" for i in range(20)), 64, None, ["1"], [i * i for i in range(20)]),
            *[(f"{name},ecg\n" + "".join(f"{1.7e9 + i / 256},{i * i}\n" for i in range(20)), 256, None, ["ecg"], [i * i for i in range(20)])
              for name in ("elapsed_time", "ts", "epoch", "unix_time", "Elapsed Time")],
            *[(f"{name},ecg\n" + "".join(f"{step * i},{i * i}\n" for i in range(20)), None, None, ["ecg"], [i * i for i in range(20)])
              for name, step in (("frame", 1), ("sample_index", 1), ("ticks", 4), ("counter", 3.9), ("", 4))],
            (",time,ecg\n" + "".join(f"{i},{i / 250},{i % 7}\n" for i in range(20)), 250, None, ["ecg"], [i % 7 for i in range(20)]),
            ("frame,time_ms,ecg\n" + "".join(f"{i},{4 * i},{i % 7}\n" for i in range(20)), 250, None, ["ecg"], [i % 7 for i in range(20)]),
            ("".join(f"{i},{i / 128},{i % 7}\n" for i in range(20)), 128, None, ["2"], [i % 7 for i in range(20)]),
            ("millis,ecg\n" + "".join(f"{round(i / 0.36)},{i % 7}\n" for i in range(40)), None, None, ["ecg"], [i % 7 for i in range(40)]),
            ("k,ecg\n" + "".join(f"{'' if i == 5 else i + 9 * (i > 20)},{i % 7}\n" for i in range(40)), None, None, ["ecg"], [i % 7 for i in range(40)]),
            ("elapsed_time (ms),ecg\n" + "".join(f"{4 * i},{i % 7}\n" for i in range(20)), 250, None, ["ecg"], [i % 7 for i in range(20)]),
            ("off,II\n" + "".join(f"{i > 9:d},{i % 7}\n" for i in range(40)), None, None, ["off", "II"], [i > 9 for i in range(40)]),
            ("I II\n1 4\n2 5\n", None, None, ["I", "II"], [1, 2]),
            ("I,II\n" + "".join(f"{i % 9},{i}\n" for i in range(20)), None, None, ["I", "II"], [i % 9 for i in range(20)]),
            ("0.5\n# a remark\n-0.25\n", None, None, ["0"], [0.5, -0.25]),
            ("ecg\n0.5\n\n1.5\n", None, None, ["ecg"], [0.5, 1.5]),
            ("ecg,ppg\n0.5,1\n,2\nNaN,3\n", None, None, ["ecg", "ppg"], [0.5, np.nan, np.nan]),
            ("\ufeffecg\r\n0.5\r\n1.5\r\n", None, None, ["ecg"], [0.5, 1.5]),
        ],
    )  # fmt: skip
    def test_layouts(self, tmp_path, text, fs, unit, leads, values):
        path = tmp_path / "r.csv"
        path.write_text(text, "utf-8", newline="")
        source = io.open_source(path)
        recording = source.recording()
        assert [lead.name for lead in source.leads] == leads
        assert (recording.fs, recording.unit) == (fs, unit)
        np.testing.assert_array_equal(recording.samples, values)
        assert source.length == len(values)

    @pytest.mark.parametrize("fs", [128, 250, 360, 129.6])
    def test_the_rate_behind_clock_times_rounded_to_milliseconds(self, tmp_path, fs):
        path = tmp_path / "r.csv"
        times = (f"'{i / fs // 60:.0f}:{i / fs % 60:06.3f}'" for i in range(int(70 * fs)))
        path.write_text("'Elapsed time','MLII'\n'hh:mm:ss.mmm','mV'\n" + "".join(f"{time},0.5\n" for time in times))
        recording = io.read(path)
        assert recording.unit == "mV"
        assert recording.fs == (fs if fs == int(fs) else pytest.approx(fs, rel=1e-4))

    def test_a_gain_makes_integers(self, tmp_path):
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
    def test_faults_are_named(self, tmp_path, text, sentence):
        path = tmp_path / "r.csv"
        path.write_text(text)
        with pytest.raises(edgeecg.InputError, match=sentence) as caught:
            io.read(path)
        assert str(path) in str(caught.value)

    @given(arrays_of.arrays(np.float64, st.integers(1, 50), elements=st.floats(-1e6, 1e6)), st.sampled_from(",;\t "))
    def test_what_was_written_is_read(self, tmp_path_factory, values, delimiter):
        path = tmp_path_factory.mktemp("text") / "r.txt"
        rows = (f"{value!r}{delimiter}{-value!r}\n" for value in values.tolist())
        path.write_text(f"I{delimiter}II\n" + "".join(rows))
        np.testing.assert_array_equal(io.read(path, "I").samples, values)
        np.testing.assert_array_equal(io.read(path, "II").samples, -values)


class TestArrays:
    def test_npy_of_one_and_two_axes(self, tmp_path):
        x = np.arange(12, dtype=np.float32).reshape(2, 6)
        for array, lead, expected in ((x[0], None, x[0]), (x, 1, x[1]), (x.T, "1", x[1])):
            np.save(tmp_path / "r.npy", array)
            recording = io.read(tmp_path / "r.npy", lead)
            np.testing.assert_array_equal(recording.samples, expected)
            assert recording.fs is None

    def test_each_lead_of_an_npz_may_have_its_unit(self, tmp_path):
        path = tmp_path / "r.npz"
        np.savez(path, signal=np.zeros((2, 9)), fs=250, units=["mV", "uV"], leads=["I", "II"])
        assert [io.read(path, lead).unit for lead in ("I", "II")] == ["mV", "uV"]
        np.savez(path, signal=np.zeros((3, 9)), fs=250, unit=["mV", "mV"])
        assert io.read(path).unit == "mV"
        np.savez(path, signal=np.zeros((3, 9)), fs=250, unit=["mV", "uV"])
        with pytest.raises(edgeecg.InputError, match="is in 'mV, uV', which is no voltage: give the unit"):
            io.read(path)
        assert io.read(path, unit="uV").unit == "uV"

    @pytest.mark.parametrize("fs", [0, -1.0, np.nan, np.inf])
    def test_a_rate_that_cannot_be_is_not_stated(self, tmp_path, fs):
        np.savez(tmp_path / "r.npz", signal=np.zeros(9), fs=fs)
        assert io.read(tmp_path / "r.npz").fs is None

    def test_npz_with_what_belongs_to_the_signal(self, tmp_path):
        x = np.array([[1, 2, 3], [4, 5, 6]], np.int16)
        np.savez(tmp_path / "r.npz", signal=x, fs=250, gain=400.0, leads=["I", "II"], age=50)
        recording = io.read(tmp_path / "r.npz", "II")
        assert (recording.fs, recording.gain, recording.lead) == (250.0, 400.0, "II")
        np.testing.assert_array_equal(recording.samples, x[1])

    def test_npz_whose_signal_has_a_name_of_its_own(self, tmp_path):
        np.savez(tmp_path / "r.npz", chest_strap=np.arange(5.0), sfreq=130.0, unit="uV")
        recording = io.read(tmp_path / "r.npz")
        assert (recording.lead, recording.fs, recording.unit, len(recording.samples)) == ("chest_strap", 130.0, "uV", 5)

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            ({"a": np.arange(3.0), "b": np.arange(3.0)}, "cannot tell which array is the signal"),
            ({"signal": np.arange(8.0).reshape(2, 2, 2)}, "has the shape"),
            ({"signal": np.arange(3.0) + 1j}, "holds complex128"),
            ({"signal": np.array([1.5, None], object)}, "not a readable NumPy file"),
            ({"signal": np.arange(3.0), "fs": np.arange(2)}, "'fs' must be one number"),
        ],
    )
    def test_faults_are_named(self, tmp_path, fields, sentence):
        np.savez(tmp_path / "r.npz", **fields)
        with pytest.raises(edgeecg.InputError, match=sentence):
            io.read(tmp_path / "r.npz")


class TestAnyFile:
    @pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".hea", ".edf", ".bdf"])
    @given(content=st.one_of(st.binary(max_size=300), st.text("0123456789 \n,.rdat/mV(-)#:", max_size=200).map(str.encode)))
    def test_arbitrary_bytes_are_read_or_refused_in_one_sentence(self, tmp_path_factory, suffix, content):
        path = tmp_path_factory.mktemp("any") / f"r{suffix}"
        path.write_bytes(content)
        path.with_suffix(".dat").write_bytes(content)
        refused_or_read(path)

    @pytest.mark.parametrize("suffix", [".npy", ".npz"])
    @given(data=st.data())
    def test_damaged_numpy_files(self, tmp_path_factory, suffix, data):
        path = tmp_path_factory.mktemp("damaged") / f"r{suffix}"
        (np.save if suffix == ".npy" else np.savez)(path, np.arange(40.0))
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
        refused_or_read(path)

    def test_files_that_are_not_there(self, tmp_path):
        (tmp_path / "d.csv").mkdir()
        for name in ("x.wav", "bare"):
            (tmp_path / name).write_bytes(b"1\n2\n")
        for name, sentence in (
            ("no.csv", "there is no such file"), ("no.hea", "there is no such file"), ("no", "there is no such file"),
            ("d.csv", "is a folder"), (".", "is a folder"), ("bare", "a file without a suffix is not known"),
            ("x.wav", "a file of the kind .wav is not known as a recording; known are .hea"),
        ):  # fmt: skip
            with pytest.raises(edgeecg.InputError, match=sentence):
                io.read(tmp_path / name)


def refused_or_read(path):
    """No other exception, no warning of ours; a recording where one is read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy and wfdb may warn of what they make of damaged files
        try:
            recording = io.read(path)
        except edgeecg.EdgeECGError as error:
            assert "\n" not in str(error)
        else:
            assert recording.samples.ndim == 1


class TestLead:
    LEADS = (Lead("II", "mV"), Lead("V1", "mV"), Lead("v1", "mV"), Lead("2"), Lead("Resp", "mmHg"))

    @pytest.mark.parametrize(("wanted", "index"), [("V1", 1), ("ii", 0), ("v1", 2), ("2", 3), (2, 3), ("0", 0), (None, 0), ("RESP", 4)])
    def test_by_name_before_index(self, wanted, index):
        assert choose_lead(self.LEADS, wanted, "f") == index

    def test_an_ecg_among_other_voltages_is_taken_where_none_is_named(self):
        others = [Lead("EEG Fp1", "uV"), Lead("ECGresp", "mV"), Lead("EOG", "uV"), Lead("EKG1-EKG2", "mV"), Lead("ECG II", "mV")]
        assert choose_lead(tuple(others), None, "f") == 3
        assert choose_lead((Lead("EEG", "uV"), Lead("ECG", "bpm")), None, "f") == 0, "no voltage"

    @pytest.mark.parametrize(("wanted", "sentence"), [("III", "no lead 'III'; there are II, V1"), (9, "no lead '9'"), ("-1", "no lead")])
    def test_unknown(self, wanted, sentence):
        with pytest.raises(edgeecg.InputError, match=sentence):
            choose_lead(self.LEADS, wanted, "f")

    def test_ambiguous(self):
        with pytest.raises(edgeecg.InputError, match=r"2 leads are called 'ECG': choose by index, one of \[0, 1\]"):
            choose_lead((Lead("ECG"), Lead("ECG")), "ECG", "f")

    def test_the_user_knows_better_than_the_header(self, tmp_path):
        write_record(tmp_path, "r 1 100 2\nr.dat 16 200/NU 16 0 0 0 0 I\n", r_dat=int16(1, 2))
        recording = io.read(tmp_path / "r.hea", fs=128.5, gain=50)
        assert (recording.fs, recording.gain) == (128.5, 50.0)
        write_record(tmp_path, "r 1 100 2\nr.dat 16 200/mV 16 0 0 0 0 I\n")
        with pytest.raises(edgeecg.InputError, match="override the gain, not the unit"):
            io.read(tmp_path / "r.hea", unit="uV")


def table(int8=False) -> EmbeddingTable:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(5, 128)).astype(np.float32)
    return EmbeddingTable(
        file=np.array(["a.hea", "a.hea", "b, c.csv", "b, c.csv", 'd"q"'], dtype=np.str_), start=np.arange(5) * 2.5,
        quality=np.array([0, 1, 2, 12, 0], np.uint8), embedding=(values * 40).astype(np.int8) if int8 else values,
        scale=0.03125 if int8 else None, about={"model": "default", "model_id": "ab" * 32, "hop": 2.5},
    )  # fmt: skip


class TestOutput:
    @pytest.mark.parametrize("int8", [False, True])
    def test_every_format_gives_back_the_same_table(self, tmp_path, int8):
        pandas = pytest.importorskip("pandas")
        parquet = pytest.importorskip("pyarrow.parquet")
        written = table(int8)
        for suffix in ("npz", "csv", "parquet"):
            save(written, tmp_path / f"t.{suffix}")
        names = [name for name, _ in written.columns()]
        frame = pandas.read_csv(tmp_path / "t.csv")
        arrow = parquet.read_table(tmp_path / "t.parquet")
        with np.load(tmp_path / "t.npz", allow_pickle=False) as archive:
            for name in ("file", "start", "quality", "embedding"):
                np.testing.assert_array_equal(archive[name], getattr(written, name))
                assert archive[name].dtype == getattr(written, name).dtype
            assert str(archive["model_id"]) == "ab" * 32
            assert ("scale" in archive) == int8
        assert list(frame.columns) == arrow.column_names == names
        for name, values in written.columns():
            np.testing.assert_array_equal(frame[name].to_numpy().astype(values.dtype), values)
            np.testing.assert_array_equal(arrow[name].to_numpy(), values)
        assert arrow.schema.metadata[b"edgeecg.model"] == b"default"

    def test_a_failed_write_leaves_what_was_there(self, tmp_path, monkeypatch):
        path = tmp_path / "t.npz"
        path.write_bytes(b"before")

        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.replace", full)
        with pytest.raises(edgeecg.InputError, match="cannot be written: No space left on device"):
            save(table(), path)
        assert path.read_bytes() == b"before"
        assert [p.name for p in tmp_path.iterdir()] == ["t.npz"]

    @pytest.mark.parametrize(("name", "sentence"), [("t.txt", "ends in .npz, .csv, .parquet"), ("no/t.csv", "there is no folder")])
    def test_outputs_that_cannot_be(self, tmp_path, name, sentence):
        with pytest.raises(edgeecg.InputError, match=sentence):
            save(table(), tmp_path / name)
