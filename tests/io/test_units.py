"""Units as people spell them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeecg.io._units import UNITS_PER_MV, normal_unit, split_unit

SPELLED = {
    "uV": "uV UV uv µV μV uVolt uVolts microV MicroVolts microvolt microvolts Âµv ÂµV Î¼V uV/LSB uV/bit 1e-6V 10^-6V "
    "(uV) [uV] &micro;V",
    "mV": "mV MV mv millivolt Millivolts mVolt mVolts milliV 1e-3V",
    "V": "V v Volt volts",
    "nV": "nV nanovolt nV/LSB 1e-9V",
}


@pytest.mark.parametrize(("unit", "text"), [(unit, text) for unit, texts in SPELLED.items() for text in texts.split()])
def test_spelled(unit, text):
    assert normal_unit(text) == unit
    assert normal_unit(f" {text}\0\0") == unit


@pytest.mark.parametrize(
    "text", ["", None, "?V", "mmHg", "%", "bpm", "uS", "kV?", "foo", "adc", "mA", "m", "u", "V/V", "VV"]
)
def test_no_voltage(text):
    assert normal_unit(text) is None


@pytest.mark.parametrize(
    ("heading", "found"),
    [
        ("ECG (mV)", ("ECG", "mV")),
        ("time [s]", ("time", "s")),
        ("ecg_uV", ("ecg", "uV")),
        ("ECG/mV", ("ECG", "mV")),
        ("ECG, mV", ("ECG", "mV")),
        ("ECG in mV", ("ECG", "mV")),
        ("ECGmV", ("ECG", "mV")),
        ("uV", ("", "uV")),
        ("V", ("V", None)),
        ("lead V", ("lead V", None)),
        ("ecg_V", ("ecg_V", None)),
        ("II", ("II", None)),
        ("ECG (chest)", ("ECG", "chest")),
    ],
)
def test_headings(heading, found):
    assert split_unit(heading) == found


@given(st.text(max_size=400))
def test_any_text(text):
    assert normal_unit(text) in (None, *UNITS_PER_MV)
    split_unit(text)
