"""NumPy files."""

import io as bytes_io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edgeecg
from edgeecg import cli, io
from tests.files import refused_or_read
from tests.io.tables import refused, spikes


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
    assert io.read(path, lead=0).unit == "mV"
    np.savez(path, signal=np.zeros((3, 9)), fs=250, unit=["mV", "uV"])
    with pytest.raises(edgeecg.InputError, match="is in 'mV, uV', which is no voltage: give its unit"):
        io.read(path, lead=0)
    assert io.read(path, lead=0, unit="uV").unit == "uV"


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
        ({"a": np.arange(3.0), "b": np.arange(3.0)}, "nothing says which signal is the ECG: .* 'a', 'b'"),
        ({"n": np.int64(3)}, "cannot tell which array is the signal: name it 'signal' .there are: n."),
        ({"signal": np.arange(8.0).reshape(2, 2, 2)}, "has the shape"),
        ({"signal": np.arange(3.0) + 1j}, "holds complex128"),
        ({"signal": np.array([1.5, None], object)}, "holds Python objects .pickle., which are not read"),
        ({"signal": np.arange(3.0), "fs": np.arange(2)}, "'fs' must be one number"),
    ],
)
def test_faults_are_named(tmp_path, fields, sentence):
    np.savez(tmp_path / "r.npz", **fields)
    with pytest.raises(edgeecg.InputError, match=sentence):
        io.read(tmp_path / "r.npz")


@pytest.mark.parametrize("dtype", ["i1", "u1", "<i2", ">i2", "u2", "i4", "u4", "i8", "u8", "f2", "<f4", ">f8", "?"])
def test_every_type_of_number(tmp_path, dtype):
    values = np.array([0, 1, 1, 0, 1]).astype(dtype)
    np.save(tmp_path / "r.npy", values)
    recording = io.read(tmp_path / "r.npy", gain=100)
    assert recording.samples.dtype == np.int32
    np.testing.assert_array_equal(recording.samples, values.astype(int))


def test_rows_columns_records_and_times(tmp_path):
    t, v = spikes()
    table = np.array(list(zip(t, v, strict=True)), dtype=[("time", "f8"), ("ecg", "f4")])
    for array in (np.stack([t, v]), np.asfortranarray(np.stack([t, v], 1)), table):
        np.save(tmp_path / "r.npy", array)
        recording = io.read(tmp_path / "r.npy")
        assert recording.fs == 250
        np.testing.assert_allclose(recording.samples, v, atol=1e-6)
    for array in (v[:, None], v[None], v[None, None]):
        np.save(tmp_path / "r.npy", array)
        np.testing.assert_array_equal(io.read(tmp_path / "r.npy").samples, v)
    np.save(tmp_path / "r.npy", np.stack([np.sin(t), v]))
    refused(lambda: io.read(tmp_path / "r.npy"), "'0', '1'", "lead=")
    np.testing.assert_array_equal(io.read(tmp_path / "r.npy", 1).samples, v)
    np.savez(tmp_path / "r.npz", ecg_uV=v * 1000, timestamps=t)
    recording = io.read(tmp_path / "r.npz")
    assert (recording.fs, recording.unit, recording.lead) == (250, "uV", "ecg")


def test_what_unpacks_to_more_than_the_file_may_take_is_refused(tmp_path, capsys):
    path = tmp_path / "r.npz"
    np.savez_compressed(path, ecg=np.zeros(40_000_000), fs=250)
    assert path.stat().st_size < 400_000
    for call in (lambda: io.read(path), lambda: io.open_source(path)):
        refused(call, "r.npz", "what is packed in it would take 305 MiB")
    assert cli.main(["info", str(path)]) == 2
    assert "what is packed in it would take 305 MiB" in capsys.readouterr().err


def test_headers_that_promise_more_than_there_is(tmp_path):
    content = bytes_io.BytesIO()
    np.lib.format.write_array_header_1_0(content, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    for shape in (b"1000000000000", b"-100000000000"):
        (tmp_path / "r.npy").write_bytes(content.getvalue().replace(b"1000000000000", shape) + bytes(80))
        refused(lambda: io.read(tmp_path / "r.npy"), "not a readable NumPy file")


def test_members_that_are_no_arrays_are_left_out(tmp_path):
    path = tmp_path / "r.npz"
    np.savez(path, ecg=np.arange(9.0), fs=250)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x.npy", "hello")
        archive.writestr("remark.txt", "hello")
    assert len(io.read(path).samples) == 9
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", "hello")
    refused(lambda: io.read(path), "it holds no array")


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@given(data=st.data())
def test_damaged_files(tmp_path_factory, suffix, data):
    path = tmp_path_factory.mktemp("damaged") / f"r{suffix}"
    (np.save if suffix == ".npy" else np.savez)(path, np.arange(40.0))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    refused_or_read(path)


@pytest.mark.parametrize("order", "<>")
def test_letters_that_do_not_exist_are_refused(tmp_path, order):
    """NumPy makes a text of them that Python cannot hold."""
    unit = np.array([0x110000], f"{order}u4").view(f"{order}U1")
    np.savez(tmp_path / "r.npz", signal=np.zeros(9), unit=unit)
    refused(lambda: io.read(tmp_path / "r.npz"), "unit holds letters that do not exist")
