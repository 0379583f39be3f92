"""HDF5: MATLAB 7.3, OpenSignals, files of people; what is too large, links out of the file."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edgeecg
from edgeecg import io
from tests.files import refused_or_read
from tests.io.tables import check, refused, spikes

h5py = pytest.importorskip("h5py")
T, V = spikes()


def written(path, make):
    with h5py.File(path, "w") as tree:
        make(tree)
    return path


def of_people(tree):
    tree["rec/ecg"] = V * 1000
    tree["rec/resp"] = np.sin(T)
    tree["rec/ecg"].attrs.update(units="uV", sampling_rate=250.0)


def of_matlab(tree):
    tree["ecg"], tree["fs"] = V[None], np.array([[250.0]])
    tree["unit"] = np.array([[ord("m")], [ord("V")]], np.uint16)
    tree["unit"].attrs["MATLAB_class"] = np.bytes_("char")


def opensignals(tree):
    device = tree.create_group("00:07:80:79:6F:DB")
    device.attrs.update({"sampling rate": 250, "resolution": [16], "channels": [1, 2], "date": b"2024-1-1"})
    device["raw/channel_1"] = (np.sin(T) * 900 + 32768).astype(np.uint16)[:, None]
    device["raw/channel_2"] = np.round(V * 30000).astype(np.uint16)[:, None]
    device["raw/channel_1"].attrs["sensor"], device["raw/channel_2"].attrs["sensor"] = "EDA", "ECG"
    device["raw/nSeq"] = np.arange(len(V), dtype=np.uint16)[:, None]
    device["digital/digital_1"] = np.zeros((len(V), 1), np.uint8)
    device["support/level_10/channel_1/mean"] = np.zeros((len(V) // 10, 1))


def test_datasets_and_attributes(tmp_path):
    check(io.read(written(tmp_path / "r.h5", of_people)), lead="ecg")
    check(io.read(written(tmp_path / "r.mat", of_matlab)))
    path = written(tmp_path / "o.h5", opensignals)
    check(io.read(path, gain=30000), lead="channel_2")
    refused(io.read(path).millivolts, "'channel_2'", "gain=")


def test_faults_and_links_out_of_the_file(tmp_path, monkeypatch):
    def links(tree):
        tree["other"] = h5py.ExternalLink("/etc/passwd", "/x")
        tree["loop"] = h5py.SoftLink("/")

    refused(lambda: io.read(written(tmp_path / "r.h5", links)), "holds no dataset of numbers")
    path = written(tmp_path / "r.h5", lambda tree: tree.create_dataset("ecg", (10**10,), "f8", compression="gzip"))
    refused(lambda: io.read(path), "r.h5", "what it holds would take")
    (tmp_path / "r.h5").write_bytes(path.read_bytes()[:500])
    refused(lambda: io.read(tmp_path / "r.h5"), "not a readable HDF5 file")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(edgeecg.MissingDependencyError, match=r'need the package h5py: pip install "edgeecg\[hdf5\]"'):
        io.read(path)


@given(data=st.data())
def test_damaged_files(tmp_path_factory, data):
    path = written(tmp_path_factory.mktemp("damaged") / "r.h5", of_matlab)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, 2047))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    refused_or_read(path)
