"""Parquet and Arrow files: columns, times, lists, and files whose rows are too many for their size."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edgeecg
from edgeecg import io
from tests.files import refused_or_read
from tests.io.tables import check, iso, refused, spikes

pandas = pytest.importorskip("pandas")
pytest.importorskip("pyarrow.parquet")
T, V = spikes()
MOMENTS = pandas.to_datetime(1704103200000 + T * 1000, unit="ms")
FRAMES = {
    "seconds": pandas.DataFrame({"time": T, "ECG": V}),
    "an index of times": pandas.DataFrame({"ECG": V}, index=MOMENTS),
    "a time zone": pandas.DataFrame({"time": MOMENTS.tz_localize("UTC"), "ECG [uV]": V * 1000}),
    "times as text": pandas.DataFrame({"time": [iso(a) for a in T.tolist()], "ECG": V, "note": "x"}),
    "decimals and flags": pandas.DataFrame({"time": T, "ECG": V.astype("f4"), "off": V > 2}),
}


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("suffix", [".parquet", ".feather", ""])
def test_tables(tmp_path, kind, suffix):
    frame, path = FRAMES[kind], tmp_path / f"r{suffix}"
    if suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.reset_index(drop=not isinstance(frame.index, pandas.DatetimeIndex)).to_feather(path)
    recording = io.read(path)
    check(recording)
    if kind in ("an index of times", "a time zone"):
        assert recording.start.isoformat().startswith("2024-01-01T10:00:00")


def test_nulls_are_missing(tmp_path):
    frame = pandas.DataFrame({"time": T, "ECG": np.where(np.arange(len(V)) < 5, np.nan, V)})
    frame.to_parquet(tmp_path / "r.parquet")
    check(io.read(tmp_path / "r.parquet"), missing=5)


def test_a_recording_in_a_cell(tmp_path):
    pandas.DataFrame({"signal": [V.tolist()], "patient": ["Jane Doe"]}).to_parquet(tmp_path / "r.parquet")
    check(io.read(tmp_path / "r.parquet", fs=250))
    pandas.DataFrame({"signal": [V.tolist()] * 3}).to_parquet(tmp_path / "r.parquet")
    refused(lambda: io.read(tmp_path / "r.parquet", fs=250), "'signal'", "a recording in each of 3 rows")


def test_faults(tmp_path, monkeypatch):
    path = tmp_path / "r.parquet"
    pandas.DataFrame({"ecg": np.zeros(30_000_000)}).to_parquet(path)
    assert path.stat().st_size < 400_000
    refused(lambda: io.read(path), "r.parquet", "its 30000000 rows would take")
    pandas.DataFrame({"note": ["x", "y"]}).to_parquet(path)
    refused(lambda: io.read(path), "r.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        edgeecg.MissingDependencyError, match=r'need the package pyarrow: pip install "edgeecg\[parquet\]"'
    ):
        io.read(path)


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
@given(data=st.data())
def test_damaged_files(tmp_path_factory, suffix, data):
    path = tmp_path_factory.mktemp("damaged") / f"r{suffix}"
    frame = pandas.DataFrame({"time": T[:40], "ECG": V[:40]})
    (frame.to_parquet if suffix == ".parquet" else frame.to_feather)(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    refused_or_read(path)
