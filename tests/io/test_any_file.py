"""Whatever the bytes, a file is read or refused in one sentence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edgeecg
from edgeecg import io
from tests.files import refused_or_read

pytest.importorskip("wfdb")
pytest.importorskip("edfio")


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".hea", ".edf", ".bdf"])
@given(content=st.one_of(st.binary(max_size=300), st.text("0123456789 \n,.rdat/mV(-)#:", max_size=200).map(str.encode)))
def test_arbitrary_bytes_are_read_or_refused_in_one_sentence(tmp_path_factory, suffix, content):
    path = tmp_path_factory.mktemp("any") / f"r{suffix}"
    path.write_bytes(content)
    path.with_suffix(".dat").write_bytes(content)
    refused_or_read(path)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@given(data=st.data())
def test_damaged_numpy_files(tmp_path_factory, suffix, data):
    path = tmp_path_factory.mktemp("damaged") / f"r{suffix}"
    (np.save if suffix == ".npy" else np.savez)(path, np.arange(40.0))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    refused_or_read(path)


def test_files_that_are_not_there(tmp_path):
    (tmp_path / "d.csv").mkdir()
    for name in ("x.wav", "bare"):
        (tmp_path / name).write_bytes(b"1\n2\n")
    for name, sentence in (
        ("no.csv", "there is no such file"),
        ("no.hea", "there is no such file"),
        ("no", "there is no such file"),
        ("d.csv", "is a folder"),
        (".", "is a folder"),
        ("bare", "a file without a suffix is not known"),
        ("x.wav", "a file of the kind .wav is not known as a recording; known are .hea"),
    ):
        with pytest.raises(edgeecg.InputError, match=sentence):
            io.read(tmp_path / name)
