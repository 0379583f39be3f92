"""Which lead is taken, by name and unit; what a user says instead."""

import pytest

import edgeecg
from edgeecg.io._leads import choose_lead, is_ecg, is_other
from edgeecg.io.recording import Lead

ECG = """ECG|EKG|ECGL|ECGR|ECGII|ECGI-ECGII|ecg|EKG1|ECG1-ECG2|ECG LA-RA|ECG-LL|EKG-R|MLII|V5|ECG+|ECG V1|
EKG1-EKG2|ECG-0|EEG EKG1-REF|POL EKG|ECG_I|X1 ECG|DII|Ecg|EKG L|ECG AVF|LL-RA|ECGLA-ECGRA|ecg_raw|
ECG_filtered|EcgWaveform|ML2|CM5|
V|Raw ECG|electrocardiogram|ECG Lead 1|ECG Ch1|Lead II|lead_II|Lead I|aVR|avf|I|II|III|V1|V6|V3R|ECG_LA-RA_24BIT|ECGBIT|
vx|MCL1|Chest ECG"""
OTHER = """RESP|Pleth|PPG|EMG|EOG|SpO2|Respiration|abp|PPG_IR|Flow|temp|HR|Abdomen|Acc_X|EDA|GSR|Trigger|Marker|
Annotation|EEG C3-M2|EOG(L)|Chin EMG|Thor|C4-M1|Fp1-F7|Fp1|C3|Cz|O2-A1|LOC-A2|Status|Pulse|Position|ECG HR|
ECG rate|ecg_quality|
ECGresp|ECG lead off|heart rate|RR|Event|chest|E1-M2|A1-A2|accel x|Gyro Y|battery|ICP|CO2"""
UNKNOWN = "value|signal|EXG Channel 0|Channel 1|ch1|raw|data|a|0|1|voltage|A2|X|Y|chest_strap|AUX"


def listed(names):
    return names.replace("\n", "").split("|")


@pytest.mark.parametrize("name", listed(ECG))
def test_an_ecg_by_its_name(name):
    assert is_ecg(name) and not is_other(name)
    leads = (Lead("EEG C3-M2", "uV"), Lead("Resp", "mV"), Lead(name, "uV"))
    assert choose_lead(leads, None, "f") == 2


@pytest.mark.parametrize("name", listed(OTHER))
def test_another_signal_is_never_the_default(name):
    assert is_other(name) and not is_ecg(name)
    assert choose_lead((Lead(name, "uV"), Lead("value")), None, "f") == 1
    with pytest.raises(edgeecg.InputError, match=r"f: no signal is an ECG by its name and unit: .* lead= .--lead"):
        choose_lead((Lead(name, "uV"),), None, "f")
    assert choose_lead((Lead(name, "uV"),), name, "f") == 0


@pytest.mark.parametrize("name", listed(UNKNOWN))
def test_a_name_that_says_nothing_is_taken_where_it_is_the_only_one(name):
    assert not is_ecg(name) and not is_other(name)
    assert choose_lead((Lead("Resp"), Lead(name)), None, "f") == 1
    assert choose_lead((Lead(name, constant=True), Lead("other")), None, "f") == 1
    with pytest.raises(edgeecg.InputError, match="nothing says which signal is the ECG: choose one with lead="):
        choose_lead((Lead(name), Lead("other")), None, "f")


def test_units_of_no_voltage_are_never_the_default():
    assert choose_lead((Lead("a", "bpm"), Lead("b", "mmHg"), Lead("c", "%"), Lead("d", "mV")), None, "f") == 3
    assert choose_lead((Lead("ECG", "bpm"), Lead("II", "uV")), None, "f") == 1
    assert choose_lead((Lead("ECG", "?V"), Lead("x", "mV")), None, "f") == 0, (
        "a unit that nobody knows may be a voltage"
    )


def test_of_several_the_one_that_is_called_ecg_and_moves():
    assert choose_lead((Lead("I"), Lead("II"), Lead("ECG")), None, "f") == 2
    assert choose_lead((Lead("ECG1", constant=True), Lead("ECG2")), None, "f") == 1
    assert choose_lead((Lead("ECG", constant=True), Lead("Resp")), None, "f") == 0, "flat, and still the ECG"
    assert choose_lead((Lead("A1", kind="EDA"), Lead("A2", kind="ECG")), None, "f") == 1


LEADS = (Lead("II", "mV"), Lead("V1", "mV"), Lead("v1", "mV"), Lead("2"), Lead("Resp", "mmHg"), Lead("ECG Lead III"))


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ("V1", 1),
        ("ii", 0),
        ("v1", 2),
        ("2", 3),
        (2, 2),
        ("0", 0),
        ("RESP", 4),
        ("III", 5),
        ("lead iii", 5),
        ("Lead II", 0),
    ],
)
def test_a_name_goes_before_an_index_and_a_number_is_an_index(wanted, index):
    assert choose_lead(LEADS, wanted, "f") == index


@pytest.mark.parametrize("wanted", ["aVF", 9, "-1", -1, True, "9" * 5000])
def test_unknown(wanted):
    with pytest.raises(edgeecg.InputError, match=r"f: there is no lead .*; there are 'II', 'V1'"):
        choose_lead(LEADS, wanted, "f")


def test_ambiguous_and_none():
    with pytest.raises(edgeecg.InputError, match=r"2 leads are called 'ECG': choose by index, one of \[0, 1\]"):
        choose_lead((Lead("ECG"), Lead("ECG")), "ECG", "f")
    with pytest.raises(edgeecg.InputError, match="the file has no lead"):
        choose_lead((), None, "f")
