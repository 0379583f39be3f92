"""Which lead is taken, and what a user knows better than the header."""

import pytest

import edgeecg
from edgeecg import io
from edgeecg.io.recording import Lead, choose_lead
from tests.files import int16, write_record

pytest.importorskip("wfdb")

LEADS = (Lead("II", "mV"), Lead("V1", "mV"), Lead("v1", "mV"), Lead("2"), Lead("Resp", "mmHg"))


@pytest.mark.parametrize(
    ("wanted", "index"), [("V1", 1), ("ii", 0), ("v1", 2), ("2", 3), (2, 3), ("0", 0), (None, 0), ("RESP", 4)]
)
def test_by_name_before_index(wanted, index):
    assert choose_lead(LEADS, wanted, "f") == index


def test_an_ecg_among_other_voltages_is_taken_where_none_is_named():
    others = [
        Lead("EEG Fp1", "uV"),
        Lead("ECGresp", "mV"),
        Lead("EOG", "uV"),
        Lead("EKG1-EKG2", "mV"),
        Lead("ECG II", "mV"),
    ]
    assert choose_lead(tuple(others), None, "f") == 3
    assert choose_lead((Lead("EEG", "uV"), Lead("ECG", "bpm")), None, "f") == 0, "no voltage"


@pytest.mark.parametrize(
    ("wanted", "sentence"), [("III", "no lead 'III'; there are II, V1"), (9, "no lead '9'"), ("-1", "no lead")]
)
def test_unknown(wanted, sentence):
    with pytest.raises(edgeecg.InputError, match=sentence):
        choose_lead(LEADS, wanted, "f")


def test_ambiguous():
    with pytest.raises(edgeecg.InputError, match=r"2 leads are called 'ECG': choose by index, one of \[0, 1\]"):
        choose_lead((Lead("ECG"), Lead("ECG")), "ECG", "f")


def test_the_user_knows_better_than_the_header(tmp_path):
    write_record(tmp_path, "r 1 100 2\nr.dat 16 200/NU 16 0 0 0 0 I\n", r_dat=int16(1, 2))
    recording = io.read(tmp_path / "r.hea", fs=128.5, gain=50)
    assert (recording.fs, recording.gain) == (128.5, 50.0)
    write_record(tmp_path, "r 1 100 2\nr.dat 16 200/mV 16 0 0 0 0 I\n")
    with pytest.raises(edgeecg.InputError, match="override the gain, not the unit"):
        io.read(tmp_path / "r.hea", unit="uV")
