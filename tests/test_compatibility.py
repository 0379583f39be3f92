"""Model files of earlier versions (tests/data): every engine reads them and gives the bytes of that time."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

import edgeecg
from edgeecg.model import Model

DATA = Path(__file__).parent / "data"


@pytest.mark.parametrize("backend", ["c", "numba", "numpy"])
@pytest.mark.parametrize("name", ["edge", "residual", "plain"])
def test_a_model_file_of_the_first_version(name, backend):
    if backend == "numba":
        pytest.importorskip("numba")
    then = np.load(DATA / f"{name}.npz")
    encoder = edgeecg.load(DATA / f"{name}.eecg", backend)
    assert encoder.model.id == str(then["id"])
    assert encoder.model.to_bytes() == (DATA / f"{name}.eecg").read_bytes()
    now = encoder.analyze(then["signal"], float(then["fs"]), hop=4, gain=400)
    for field in ("embedding", "int8", "quality"):
        np.testing.assert_array_equal(getattr(now, field), then[field])


@pytest.mark.parametrize("version", [0, 2, 65535])
def test_a_file_of_another_version_is_named(version, tmp_path):
    content = bytearray((DATA / "edge.eecg").read_bytes())
    struct.pack_into("<H", content, 8, version)
    struct.pack_into("<I", content, 16, zlib.crc32(content[20:]))
    path = tmp_path / "later.eecg"
    path.write_bytes(content)
    for read in (Model.load, edgeecg.load):
        with pytest.raises(edgeecg.ModelError, match=rf"of format version {version}, this reader knows 1$"):
            read(path)
