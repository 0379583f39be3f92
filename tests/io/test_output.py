"""Tables out: every format reads back the same."""

import numpy as np
import pytest

import edgeecg
from edgeecg.io.output import EmbeddingTable, save


def table(int8=False) -> EmbeddingTable:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(5, 128)).astype(np.float32)
    return EmbeddingTable(
        file=np.array(["a.hea", "a.hea", "b, c.csv", "b, c.csv", 'd"q"'], dtype=np.str_),
        start=np.arange(5) * 2.5,
        quality=np.array([0, 1, 2, 12, 0], np.uint8),
        embedding=(values * 40).astype(np.int8) if int8 else values,
        scale=0.03125 if int8 else None,
        about={"model": "default", "model_id": "ab" * 32, "hop": 2.5},
    )


@pytest.mark.parametrize("int8", [False, True])
def test_every_format_gives_back_the_same_table(tmp_path, int8):
    pandas = pytest.importorskip("pandas")
    parquet = pytest.importorskip("pyarrow.parquet")
    written = table(int8)
    for suffix in ("npz", "csv", "parquet"):
        save(written, tmp_path / f"t.{suffix}")
    names = [name for name, _ in written.columns()]
    frame = pandas.read_csv(tmp_path / "t.csv")
    arrow = parquet.read_table(tmp_path / "t.parquet")
    with np.load(tmp_path / "t.npz", allow_pickle=False) as archive:
        for name in ("file", "start", "quality", "embedding"):
            np.testing.assert_array_equal(archive[name], getattr(written, name))
            assert archive[name].dtype == getattr(written, name).dtype
        assert str(archive["model_id"]) == "ab" * 32
        assert ("scale" in archive) == int8
    assert list(frame.columns) == arrow.column_names == names
    for name, values in written.columns():
        np.testing.assert_array_equal(frame[name].to_numpy().astype(values.dtype), values)
        np.testing.assert_array_equal(arrow[name].to_numpy(), values)
    assert arrow.schema.metadata[b"edgeecg.model"] == b"default"


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "t.npz"
    path.write_bytes(b"before")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(edgeecg.InputError, match="cannot be written: No space left on device"):
        save(table(), path)
    assert path.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["t.npz"]


@pytest.mark.parametrize(
    ("name", "sentence"), [("t.txt", "ends in .npz, .csv, .parquet"), ("no/t.csv", "there is no folder")]
)
def test_outputs_that_cannot_be(tmp_path, name, sentence):
    with pytest.raises(edgeecg.InputError, match=sentence):
        save(table(), tmp_path / name)
