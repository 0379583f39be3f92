"""MATLAB files: variables by their names, structures, exports of LabChart and AcqKnowledge, archives."""

import struct
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edgeecg
from edgeecg import io
from tests.files import refused_or_read
from tests.io.tables import check, refused, spikes

matlab = pytest.importorskip("scipy.io")
T, V = spikes()


def text(*words):
    return np.array(words, dtype=object)


FILES = {
    "version 5": ({"ecg": V, "fs": 250}, {}, {}),
    "packed": ({"ecg": V, "Fs": 250.0}, {"do_compression": True}, {}),
    "version 4": ({"ecg": V, "fs": 250.0}, {"format": "4"}, {}),
    "structure": ({"ECG": {"data": V, "srate": 250, "unit": "mV"}}, {}, {}),
    "times": ({"t": T, "ecg_uV": V * 1000}, {}, {}),
    "labels": ({"data": np.stack([np.sin(T), V], 1), "fs": 250, "labels": text("Resp", "ECG")}, {}, {}),
    "counts": ({"val": np.round(V * 2000)}, {"format": "4"}, {"fs": 250, "gain": 2000}),
    "AcqKnowledge": (
        {
            "data": np.stack([np.sin(T), V], 1),
            "isi": 4.0,
            "isi_units": "ms",
            "labels": text("RSP", "ECG"),
            "units": text("Volts", "mV"),
            "start_sample": 0.0,
        },
        {},
        {},
    ),
    "LabChart": (
        {
            "data": np.concatenate([np.sin(T), V])[None],
            "datastart": np.array([[1.0], [len(V) + 1.0]]),
            "dataend": np.array([[float(len(V))], [2.0 * len(V)]]),
            "titles": np.array(["Resp", "ECG "]),
            "samplerate": np.array([[250.0], [250.0]]),
            "unittext": np.array(["V ", "mV"]),
            "unittextmap": np.array([[1.0], [2.0]]),
        },
        {},
        {},
    ),
}


@pytest.mark.parametrize("kind", FILES)
def test_variables(tmp_path, kind):
    variables, written, given_ = FILES[kind]
    matlab.savemat(tmp_path / "r.mat", variables, **written)
    check(io.read(tmp_path / "r.mat", **given_))


def test_faults(tmp_path, monkeypatch):
    path = tmp_path / "r.mat"
    matlab.savemat(path, {"fs": 250})
    refused(lambda: io.read(path), "cannot tell which array is the signal")
    variables = dict(FILES["LabChart"][0])
    variables |= {"datastart": np.ones((2, 2)), "dataend": np.ones((2, 2))}
    matlab.savemat(path, variables)
    refused(lambda: io.read(path), "holds 2 blocks, between which time passed")
    matlab.savemat(path, {"ecg": V, "fs": np.array([1, 2])})
    refused(lambda: io.read(path), "'fs' must be one number")
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(
        edgeecg.MissingDependencyError, match=r'need the package scipy: pip install "edgeecg\[matlab\]"'
    ):
        io.read(path)


def test_what_unpacks_to_more_than_the_file_may_take_is_refused(tmp_path):
    matlab.savemat(tmp_path / "r.mat", {"ecg": np.zeros(5_000_000)}, do_compression=True)
    assert (tmp_path / "r.mat").stat().st_size < 400_000
    refused(lambda: io.read(tmp_path / "r.mat"), "r.mat", "what is packed in it would take")
    packed = zlib.compress(bytes(10**8))
    head = b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM"
    (tmp_path / "r.mat").write_bytes(head + struct.pack("<II", 15, len(packed)) + packed)
    refused(lambda: io.read(tmp_path / "r.mat"), "what is packed in it would take")


@given(data=st.data(), packed=st.booleans(), version=st.sampled_from(["4", "5"]))
def test_damaged_files(tmp_path_factory, data, packed, version):
    path = tmp_path_factory.mktemp("damaged") / "r.mat"
    matlab.savemat(path, {"ecg": V[:40], "fs": 250.0}, format=version, do_compression=packed and version == "5")
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    refused_or_read(path)


def test_an_element_of_no_known_type_is_refused(tmp_path):
    """SciPy looks such a type up behind the end of a table, which ends the process."""
    matlab.savemat(tmp_path / "r.mat", {"ecg": V, "fs": 250.0})
    content = (tmp_path / "r.mat").read_bytes()
    place = content.index(b"ecg\0") + 4  # of the tag of the numbers
    for kind in (0, 8, 10, 14, 15, 19, 20, 93, 1000, 65535):
        damaged = content[:place] + kind.to_bytes(4, "little") + content[place + 4 :]
        refused(lambda damaged=damaged: io.read(damaged), "not a readable MATLAB file", "type")
    assert io.read(content).fs == 250


def cells(count: int, depth: int = 0) -> bytes:
    """A variable of cells in cells, and of more cells than there are."""
    inside = cells(count, depth - 1) if depth else b""
    head = struct.pack("<IIIIIIII", 6, 8, 1, 0, 5, 8, 1, count) + struct.pack("<HH4s", 1, 1, b"a")
    return struct.pack("<II", 14, len(head) + len(inside)) + head + inside


def test_cells_that_are_not_there_or_too_deep_are_refused():
    head = b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM"
    refused(lambda: io.read(head + cells(2**31 - 1)), "it ends too early")
    refused(lambda: io.read(head + cells(1, 500)), "deep in each other")
    structure = struct.pack("<IIIIIIII", 6, 8, 2, 0, 5, 8, 2**15, 2**15) + struct.pack("<HH4s", 1, 1, b"a")
    structure += struct.pack("<HHIHHI", 5, 4, 8, 1, 0, 0)
    whole = head + struct.pack("<II", 14, len(structure)) + structure
    refused(lambda: io.read(whole), "a structure of", "MiB of memory")


def test_what_unpacks_to_too_much_is_refused_whatever_its_header_says(tmp_path):
    matlab.savemat(tmp_path / "r.mat", {"ecg": np.zeros(5_000_000)}, do_compression=True)
    content = b"of another program".ljust(124) + (tmp_path / "r.mat").read_bytes()[124:]
    refused(lambda: io.read(content), "packed in it", "MiB of memory")
