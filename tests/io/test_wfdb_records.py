"""WFDB records against bytes written by hand."""

import numpy as np
import pytest

import edgeecg
from edgeecg import io
from tests.files import int16, write_record

pytest.importorskip("wfdb")


def test_integers_come_with_gain_and_without_baseline(tmp_path):
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


def test_a_record_is_found_by_header_signal_file_or_name(tmp_path):
    write_record(tmp_path, "r 1 128 2\nr.dat 16 1000/mV 16 0 0 0 0 ECG\n", r_dat=int16(7, 8))
    read = [io.read(tmp_path / name).samples.tolist() for name in ("r.hea", "r.dat", "r")]
    assert read == [[7, 8]] * 3


def test_a_lead_with_several_samples_a_frame_keeps_its_own_rate(tmp_path):
    write_record(
        tmp_path,
        "r 2 100 2\nr.dat 16x3 200/mV 16 0 0 0 0 ECG\nr.dat 16 1/mmHg 16 0 0 0 0 ABP\n",
        r_dat=int16(1, 2, 3, 90, 4, 5, 6, 91),
    )
    recording = io.read(tmp_path / "r.hea")
    assert recording.fs == 300.0
    np.testing.assert_array_equal(recording.samples, [1, 2, 3, 4, 5, 6])


def test_segments_are_joined_and_gaps_are_missing(tmp_path):
    write_record(tmp_path, "a 1 128 2\na.dat 16 200/mV 16 0 0 0 0 ECG\n", a_dat=int16(1, 2))
    write_record(tmp_path, "b 1 128 3\nb.dat 16 200/mV 16 0 0 0 0 ECG\n", b_dat=int16(3, 4, 5))
    write_record(tmp_path, "layout 1 128 0\n~ 16 200/mV 16 0 0 0 0 ECG\n")
    write_record(tmp_path, "m/4 1 128 7\nlayout 0\na 2\n~ 2\nb 3\n")
    recording = io.read(tmp_path / "m.hea")
    np.testing.assert_array_equal(recording.samples, [1, 2, io.MISSING, io.MISSING, 3, 4, 5])
    assert (recording.fs, recording.gain, recording.lead) == (128.0, 200.0, "ECG")


def test_a_pressure_is_refused_and_a_voltage_is_preferred(tmp_path):
    write_record(
        tmp_path,
        "r 2 100 2\nr.dat 16 1/mmHg 16 0 0 0 0 ABP\nr.dat 16 200/mV 16 0 0 0 0 V5\n",
        r_dat=int16(90, 1, 91, 2),
    )
    assert io.read(tmp_path / "r.hea").lead == "V5"
    with pytest.raises(edgeecg.InputError, match="'ABP' is in 'mmHg', which is no voltage"):
        io.read(tmp_path / "r.hea", lead="ABP")


def test_a_header_with_a_date_of_another_form_is_read(tmp_path):
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
def test_a_damaged_record_ends_in_one_sentence(tmp_path, header, content, sentence):
    (tmp_path / "r.hea").write_text(header)
    (tmp_path / "r.dat").write_bytes(content)
    with pytest.raises(edgeecg.InputError, match=sentence) as caught:
        io.read(tmp_path / "r.hea")
    assert str(tmp_path / "r.hea") in str(caught.value) and "\n" not in str(caught.value)


def test_a_signal_file_without_its_header(tmp_path):
    (tmp_path / "r.dat").write_bytes(b"1234")
    with pytest.raises(edgeecg.InputError, match=r"needs its header, and there is no .*r\.hea"):
        io.read(tmp_path / "r.dat")


@pytest.mark.data
def test_mitdb_100(data_dir):
    recording = io.read(data_dir / "mitdb/100.hea", lead="V5")
    assert (recording.fs, recording.gain, recording.lead, len(recording.samples)) == (360.0, 200.0, "V5", 650_000)
    # The header's own check: first value 1011 and the 16-bit sum of all samples 20052, with a baseline of 1024.
    assert recording.samples[0] == 1011 - 1024
    assert (int(recording.samples.sum()) + 1024 * 650_000 - 20052) % 2**16 == 0
