"""NumPy files."""

import numpy as np
import pytest

import edgeecg
from edgeecg import io


def test_npy_of_one_and_two_axes(tmp_path):
    x = np.arange(12, dtype=np.float32).reshape(2, 6)
    for array, lead, expected in ((x[0], None, x[0]), (x, 1, x[1]), (x.T, "1", x[1])):
        np.save(tmp_path / "r.npy", array)
        recording = io.read(tmp_path / "r.npy", lead)
        np.testing.assert_array_equal(recording.samples, expected)
        assert recording.fs is None


def test_each_lead_of_an_npz_may_have_its_unit(tmp_path):
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
def test_a_rate_that_cannot_be_is_not_stated(tmp_path, fs):
    np.savez(tmp_path / "r.npz", signal=np.zeros(9), fs=fs)
    assert io.read(tmp_path / "r.npz").fs is None


def test_npz_with_what_belongs_to_the_signal(tmp_path):
    x = np.array([[1, 2, 3], [4, 5, 6]], np.int16)
    np.savez(tmp_path / "r.npz", signal=x, fs=250, gain=400.0, leads=["I", "II"], age=50)
    recording = io.read(tmp_path / "r.npz", "II")
    assert (recording.fs, recording.gain, recording.lead) == (250.0, 400.0, "II")
    np.testing.assert_array_equal(recording.samples, x[1])


def test_npz_whose_signal_has_a_name_of_its_own(tmp_path):
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
def test_faults_are_named(tmp_path, fields, sentence):
    np.savez(tmp_path / "r.npz", **fields)
    with pytest.raises(edgeecg.InputError, match=sentence):
        io.read(tmp_path / "r.npz")
