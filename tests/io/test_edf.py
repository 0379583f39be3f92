"""EDF and BDF files against bytes written by hand."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edgeecg
from edgeecg import io
from tests.files import edf, int16, refused_or_read
from tests.io.tables import refused

ECG = ("ECG", "mV", -5, 5, -2000, 2000, 3)  # 400 steps per mV


def test_integers_come_with_gain_and_without_baseline_each_lead_at_its_rate(tmp_path):
    signals = [
        ("EEG Fp1", "uV", -3200, 3200, -32000, 32000, 1),
        ECG,
        ("II", "\xb5V", 0, 1000, -100, 100, 2),
        ("SpO2", "%", 0, 100, 0, 100, 1),
    ]
    (tmp_path / "n.edf").write_bytes(
        edf(signals, [[9, 1, -2, 3, 100, -100, 97], [8, 4, 5, 2000, 0, 1, 98]], duration="0.01")
    )
    ecg, turned = io.read(tmp_path / "n.edf"), io.read(tmp_path / "n.edf", lead="ii")
    assert (ecg.lead, ecg.fs, ecg.gain, ecg.samples.dtype) == ("ECG", 300.0, 400.0, np.int32)
    np.testing.assert_array_equal(ecg.samples, [1, -2, 3, 4, 5, 2000])
    assert (turned.fs, turned.gain) == (200.0, 200.0), "0 to 1000 microvolts in 200 steps"
    np.testing.assert_array_equal(turned.samples, [200, 0, 100, 101])
    np.testing.assert_allclose(turned.millivolts(), [1.0, 0.0, 0.5, 0.505])
    assert io.read(tmp_path / "n.edf", lead=0).gain == 10000.0
    with pytest.raises(edgeecg.InputError, match="'SpO2' is in '%', which is no voltage"):
        io.read(tmp_path / "n.edf", lead="SpO2")


def test_a_lead_that_the_header_turns_round_is_turned(tmp_path):
    (tmp_path / "r.edf").write_bytes(edf([("ECG", "mV", 5, -5, -2000, 2000, 3)], [[1, -2, 2000]]))
    recording = io.read(tmp_path / "r.edf")
    assert recording.gain == 400.0
    np.testing.assert_array_equal(recording.samples, [-1, 2, -2000])


def test_24_bits(tmp_path):
    (tmp_path / "r.bdf").write_bytes(
        edf([("ECG", "uV", -250000, 250000, -8000000, 8000000, 3)], [[1, -8388608, 8388607]], width=3)
    )
    recording = io.read(tmp_path / "r.bdf")
    assert recording.gain == 32000.0
    np.testing.assert_array_equal(recording.samples, [1, -8388608, 8388607])


def test_annotations_are_no_lead_and_an_unknown_number_of_records_is_counted(tmp_path):
    notes = ("EDF Annotations", "", -1, 1, -32768, 32767, 8)
    records = [int16(1, 2, 3) + f"+{n}\x14\x14\0".encode().ljust(16, b"\0") for n in range(4)]
    (tmp_path / "r.edf").write_bytes(edf([ECG, notes], records, reserved="EDF+C", count=-1))
    source = io.open_source(tmp_path / "r.edf")
    assert [lead.name for lead in source.leads] == ["ECG"] and source.length == 12 and source.format == "EDF"
    np.testing.assert_array_equal(source.recording().samples, [1, 2, 3] * 4)


def in_pieces(tmp_path, *onsets, signals=((ECG, (1, 2, 3)),), reserved="EDF+D"):
    """A file of data records of one second that begin at these."""
    notes = ("EDF Annotations", "", -1, 1, -32768, 32767, 8)
    records = [
        int16(*(v for _, values in signals for v in values)) + f"+{at}\x14\x14\0".encode().ljust(16, b"\0")
        for at in onsets
    ]
    (tmp_path / "r.edf").write_bytes(edf([*(signal for signal, _ in signals), notes], records, reserved=reserved))
    return tmp_path / "r.edf"


def test_gaps_are_missing_samples_of_each_lead_at_its_rate(tmp_path):
    slow = ("V1", "mV", -5, 5, -2000, 2000, 1)
    path = in_pieces(tmp_path, 5, 6, 8.5, 9.5, 11.51, signals=((ECG, (1, 2, 3)), (slow, (7,))))
    missing = [io.MISSING]
    source = io.open_source(path)
    ecg, v1 = source.recording(), source.recording("V1")
    np.testing.assert_array_equal(ecg.samples, [1, 2, 3] * 2 + missing * 4 + [1, 2, 3] * 2 + missing * 3 + [1, 2, 3])
    np.testing.assert_array_equal(v1.samples, [7] * 2 + missing * 2 + [7] * 2 + missing + [7])
    assert ecg.samples.dtype == np.int32 and source.length == len(ecg.samples) and np.isnan(ecg.millivolts()).sum() == 7


def test_gaps_of_24_bits_with_the_notes_first_and_records_of_two_seconds(tmp_path):
    notes, ecg = (
        ("BDF Annotations", "", -1, 1, -8388608, 8388607, 5),
        ("ECG", "uV", -250000, 250000, -8000000, 8000000, 2),
    )
    records = [f"+{at}\x14\x14\0".encode().ljust(15, b"\0") + b"\1\0\0\2\0\0" for at in (0, 5)]
    (tmp_path / "r.bdf").write_bytes(edf([notes, ecg], records, duration="2", width=3, reserved="BDF+D"))
    np.testing.assert_array_equal(io.read(tmp_path / "r.bdf").samples, [1, 2] + [io.MISSING] * 3 + [1, 2])


def test_a_clock_that_drifts_or_is_rounded_makes_no_gap(tmp_path):
    for onsets in ([0, 1.04, 1.999, 3.0405, 4.08], range(5)):
        np.testing.assert_array_equal(io.read(in_pieces(tmp_path, *onsets)).samples, [1, 2, 3] * 5)


@pytest.mark.parametrize("reserved", ["EDF+C", ""])
def test_a_continuous_recording_may_leave_its_onsets_out(tmp_path, reserved):
    path = in_pieces(tmp_path, 0, "x", 2, reserved=reserved)
    np.testing.assert_array_equal(io.read(path).samples, [1, 2, 3] * 3)


@pytest.mark.parametrize(
    ("onsets", "sentence"),
    [
        ((0, 1, 1.5), "data record 2 begins before the one before it ends"),
        ((0, 1, 70_000_000), "a lead with its gaps would take"),
        ((0, "x", 2), "data record 1 does not say when it begins"),
    ],
)
def test_onsets_that_make_no_sense(tmp_path, onsets, sentence):
    refused(lambda: io.read(in_pieces(tmp_path, *onsets)), "r.edf", sentence)


def test_onsets_of_a_continuous_recording_that_overlap_are_not_believed(tmp_path):
    path = in_pieces(tmp_path, 0, 1, 1.5, reserved="EDF+C")
    np.testing.assert_array_equal(io.read(path).samples, [1, 2, 3] * 3)


def test_voltages_without_a_range_need_a_gain(tmp_path):
    for low, high in ((0, 0), ("nan", 1), ("", ""), (1, "inf")):
        (tmp_path / "r.edf").write_bytes(edf([("ECG", "mV", low, high, -2000, 2000, 3)], [[1, 2, 3]]))
        recording = io.read(tmp_path / "r.edf")
        assert (recording.gain, io.read(tmp_path / "r.edf", gain=100).gain, recording.unit) == (None, 100.0, None)
        refused(recording.millivolts, "r.edf", "'ECG'", "gain=", "--gain")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (edf([ECG], [[1, 2, 3]] * 4)[:-2], "the header tells of 4 data records, and the file holds 3 whole ones"),
        (edf([ECG], [[1, 2, 3]] * 3, count=2), "the header tells of 2 data records, and the file holds 3 whole ones"),
        (edf([ECG], [[1, 2, 3]] * 3, count=0), "the header tells of 0 data records, and the file holds 3 whole ones"),
        (edf([ECG], [[1, 2, 3]] * 4, count=-1)[:-2], "the header does not say how many data records"),
    ],
)
def test_whole_records_of_an_incomplete_file_are_read_with_a_warning(tmp_path, content, told):
    (tmp_path / "r.edf").write_bytes(content)
    with pytest.warns(edgeecg.RecordingWarning, match=f"r.edf: {told}"):
        recording = io.read(tmp_path / "r.edf")
    np.testing.assert_array_equal(recording.samples, [1, 2, 3] * 3)


@pytest.mark.parametrize("count", [-1, ""])
def test_a_recorder_that_was_not_stopped(tmp_path, count):
    (tmp_path / "r.edf").write_bytes(edf([ECG], [[1, 2, 3]] * 3, count=count))
    np.testing.assert_array_equal(io.read(tmp_path / "r.edf").samples, [1, 2, 3] * 3)


@pytest.mark.parametrize("duration", ["0", "-1", "nan", "", "x"])
def test_a_record_without_a_duration_has_no_rate_but_that_which_is_given(tmp_path, duration):
    (tmp_path / "r.edf").write_bytes(edf([ECG], [[1, 2, 3]], duration=duration))
    assert io.read(tmp_path / "r.edf").fs is None
    assert io.read(tmp_path / "r.edf", fs=300).fs == 300


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (edf([ECG], [[1, 2, 3]])[:300], "not a readable EDF file: the header ends too early"),
        (edf([ECG], [])[:512], "holds no whole data record"),
        (
            edf(
                [("EDF Annotations", "", -1, 1, -32768, 32767, 8)], [b"+0\x14\x14\0".ljust(16, b"\0")], reserved="EDF+C"
            ),
            "no signal",
        ),
        (edf([("ECG", "mV", -5, 5, -2000, 2000, "x")], [[]]), "does not say how many samples"),
        (edf([("ECG", "mV", 99999998, 99999999, -2000, 2000, 3)], [[1, 2, 3]]), "does not fit 32 bits"),
        (b"0       ", "not a readable EDF file"),
        (b"", "is empty"),
    ],
)
def test_faults_are_named(tmp_path, content, sentence):
    (tmp_path / "r.edf").write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", edgeecg.RecordingWarning)
        refused(lambda: io.read(tmp_path / "r.edf"), "r.edf", sentence)


DIMENSIONS = ["uV", "\xb5V", "\xc2\xb5V", "uV\0\0\0", "UV", "uVolt", "u V", "(uV)"]


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_dimensions(tmp_path, dimension):
    (tmp_path / "r.edf").write_bytes(edf([("ECG", dimension, -3200, 3200, -32000, 32000, 3)], [[10000, 0, -10]]))
    np.testing.assert_allclose(io.read(tmp_path / "r.edf").millivolts(), [1, 0, -0.001])


@pytest.mark.parametrize("dimension", ["", "microvol", "?V", "Microvlt"])
def test_a_dimension_that_nobody_knows_is_asked_for_and_the_scale_stays(tmp_path, dimension):
    (tmp_path / "r.edf").write_bytes(edf([("ECG", dimension, -3200, 3200, -32000, 32000, 3)], [[10000, 0, -10]]))
    refused(lambda: io.read(tmp_path / "r.edf"), "r.edf", "'ECG'", "unit=", "--unit")
    np.testing.assert_allclose(io.read(tmp_path / "r.edf", unit="uV").millivolts(), [1, 0, -0.001])


def test_a_zero_between_two_steps_and_decimal_commas(tmp_path):
    signals = [("ECG", "mV", "-1,0", "1,0", -32768, 32767, 3)]
    (tmp_path / "r.edf").write_bytes(edf(signals, [[-32768, 32767, 0]]))
    recording = io.read(tmp_path / "r.edf")
    np.testing.assert_allclose(recording.millivolts(), [-1, 1, 1 / 65535], rtol=1e-12)
    np.testing.assert_array_equal(recording.samples, [-32768, 32767, 0])


def test_start_and_person(tmp_path):
    content = bytearray(edf([ECG], [[1, 2, 3]], reserved="EDF+C"))
    content[8:88] = b"4711 F 02-MAY-1951 Jane_Doe".ljust(80)
    content[88:168] = b"Startdate 02-MAR-2102 X X X".ljust(80)
    (tmp_path / "r.edf").write_bytes(content)
    source = io.open_source(tmp_path / "r.edf")
    assert source.start.isoformat() == "2102-03-02T04:05:06" and source.identity == {}
    kept = io.open_source(tmp_path / "r.edf", keep_identity=True)
    assert kept.identity == {"patient": "4711 F 02-MAY-1951 Jane_Doe"}
    (tmp_path / "r.edf").write_bytes(edf([ECG], [[1, 2, 3]]).replace(b"01.02.03", b"99.99.99"))
    assert io.open_source(tmp_path / "r.edf").start is None


@pytest.mark.parametrize("width", [2, 3])
@given(data=st.data())
def test_as_pyedflib_reads_it(tmp_path_factory, width, data):
    pyedflib = pytest.importorskip("pyedflib")
    path = tmp_path_factory.mktemp("edf") / ("r.edf" if width == 2 else "r.bdf")
    top = 2 ** (8 * width - 1)
    limits = st.integers(-5000, 5000)
    signals = []
    for i in range(data.draw(st.integers(1, 3))):
        low, high = sorted(data.draw(st.lists(limits, min_size=2, max_size=2, unique=True)))
        first, last = sorted(data.draw(st.lists(st.integers(-top, top - 1), min_size=2, max_size=2, unique=True)))
        signals.append((f"ECG {i}", "uV", low, high, first, last, data.draw(st.integers(1, 5))))
    records = data.draw(st.integers(1, 4))
    body = [
        [data.draw(st.integers(signal[4], signal[5])) for signal in signals for _ in range(signal[6])]
        for _ in range(records)
    ]
    path.write_bytes(edf(signals, body, width=width))
    with pyedflib.EdfReader(str(path)) as theirs:
        ours = io.open_source(path)
        for i, signal in enumerate(signals):
            expected = theirs.readSignal(i) / 1000
            step = (signal[3] - signal[2]) / (signal[5] - signal[4]) / 1000
            np.testing.assert_allclose(ours.recording(i).millivolts(), expected, rtol=1e-9, atol=1e-6 * step)


@given(data=st.data())
def test_damaged_files(tmp_path_factory, data):
    content = bytearray(edf([ECG, ("V1", "uV", -1, 1, -9, 9, 1)], [[1, 2, 3, 4]] * 3))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "r.edf"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    refused_or_read(path)


FIELDS = st.one_of(
    st.integers(-(10**7), 10**7).map(str),
    st.sampled_from(["nan", "inf", "-inf", "1e300", "x", "", "-1", "\0", "9" * 8]),
)


@given(data=st.data())
def test_any_header_ends_in_a_recording_or_a_sentence(tmp_path_factory, data):
    signals = [list(ECG), ["V1", "uV", -1, 1, -9, 9, 1]]
    for _ in range(data.draw(st.integers(1, 3))):
        signals[data.draw(st.integers(0, 1))][data.draw(st.integers(0, 6))] = data.draw(FIELDS)
    content = edf(
        signals, [int16(1, 2, 3, 4)] * 3, data.draw(FIELDS), data.draw(st.sampled_from(["", "EDF+D", "EDF+C"]))
    )
    path = tmp_path_factory.mktemp("any") / "r.edf"
    path.write_bytes(content)
    refused_or_read(path)
