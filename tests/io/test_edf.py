"""EDF and BDF files against bytes written by hand."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edgeecg
from edgeecg import io
from tests.files import edf, int16, refused_or_read

pytest.importorskip("edfio")

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
        ((0, 1, 700_000), "gaps .EDF.D. of more than 7 days"),
        ((0, "x", 2), "data record 1 does not say when it begins"),
    ],
)
def test_onsets_that_make_no_sense(tmp_path, onsets, sentence):
    with pytest.raises(edgeecg.InputError, match=f"not a readable EDF file: {sentence}"):
        io.read(in_pieces(tmp_path, *onsets))


def test_voltages_without_a_range_need_a_gain(tmp_path):
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
        (
            edf(
                [("EDF Annotations", "", -1, 1, -32768, 32767, 8)], [b"+0\x14\x14\0".ljust(16, b"\0")], reserved="EDF+C"
            ),
            "no signal",
        ),
        (b"0       ", "not a readable EDF file"),
    ],
)
def test_faults_are_named(tmp_path, content, sentence):
    (tmp_path / "r.edf").write_bytes(content)
    with pytest.raises(edgeecg.InputError, match=sentence):
        io.read(tmp_path / "r.edf")


def test_without_the_package_it_is_named(tmp_path, monkeypatch):
    (tmp_path / "r.edf").write_bytes(edf([ECG], [[1, 2, 3]]))
    monkeypatch.setitem(sys.modules, "edfio", None)
    with pytest.raises(edgeecg.MissingDependencyError, match=r'need the package edfio: pip install "edgeecg\[io\]"'):
        io.read(tmp_path / "r.edf")


@given(data=st.data())
def test_damaged_files(tmp_path_factory, data):
    content = bytearray(edf([ECG, ("V1", "uV", -1, 1, -9, 9, 1)], [[1, 2, 3, 4]] * 3))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "r.edf"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    refused_or_read(path)
