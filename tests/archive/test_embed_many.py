"""Archives: resumption, bad files, processes that die, options that differ."""

import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edgeecg
from edgeecg import archive, cli
from edgeecg.archive import Options, embed_many, read_manifest
from edgeecg.archive.inputs import found_inputs, outputs_of
from edgeecg.archive.manifest import MANIFEST
from tests.models import ecg

pytest.importorskip("pyarrow")
OPTIONS = Options(fs=128, hop=5)


@pytest.fixture
def folder(tmp_path):
    """Six recordings in two folders, a text without numbers, an empty file."""
    for i in range(6):
        path = tmp_path / "in" / ("deep/er" if i % 2 else ".") / f"r{i}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savetxt(path, ecg(15 + i, 128, i), fmt="%.4f", header="ecg_mV", comments="")
    (tmp_path / "in" / "notes.csv").write_text("nothing\nhere\n")
    (tmp_path / "in" / "empty.csv").write_text("")
    return tmp_path / "in"


def tables(place):
    return {
        os.path.relpath(os.path.join(root, name), place): Path(root, name).read_bytes()
        for root, _, names in os.walk(place)
        for name in names
        if name.endswith((".parquet", ".npz", ".csv"))
    }


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_folder(folder, tmp_path, jobs):
    import pyarrow.parquet

    seen = []
    summary = embed_many(folder, tmp_path / "out", OPTIONS, jobs, seen.append)
    assert (summary.done, summary.failed, summary.skipped) == (6, len(seen) - 6, 0) and summary.failed in (1, 2)
    assert sorted(tables(tmp_path / "out")) == sorted(
        [*(f"r{i}.csv.parquet" for i in (0, 2, 4)), *(f"deep/er/r{i}.csv.parquet" for i in (1, 3, 5))]
    )
    table = pyarrow.parquet.read_table(tmp_path / "out" / "r4.csv.parquet")
    numbers = table["embedding"].combine_chunks().values.to_numpy(zero_copy_only=True).reshape(-1, 128)
    expected = edgeecg.load().analyze(str(folder / "r4.csv"), fs=128, hop=5)
    np.testing.assert_array_equal(numbers, expected.embedding)
    assert table.schema.field("start").metadata[b"unit"] == b"s"
    assert summary.windows == sum(entry.windows for entry in seen) and summary.seconds == pytest.approx(105)
    made_of, entries = read_manifest(tmp_path / "out")
    assert made_of["hop"] == 5 and {e.state for e in entries.values()} == {"done", "failed"}
    assert all(entry.error.startswith(entry.input) for entry in entries.values() if entry.state == "failed")


def test_a_second_run_goes_on(folder, tmp_path):
    out = tmp_path / "out"
    embed_many(folder, out, OPTIONS)
    before = tables(out)
    times = {name: os.stat(out / name).st_mtime_ns for name in before}
    (out / "r0.csv.parquet").unlink()
    np.savetxt(folder / "r2.csv", ecg(30, 128, 9), fmt="%.4f", header="ecg_mV", comments="")
    seen = []
    summary = embed_many(folder, out, OPTIONS, report=seen.append)
    assert summary.skipped == 4 and summary.done == 6
    again = {os.path.basename(entry.input) for entry in seen if entry.state == "done"}
    assert again == {"r0.csv", "r2.csv"}
    after = tables(out)
    assert {name for name in after if after[name] != before.get(name)} == {"r2.csv.parquet"}
    untouched = set(before) - {"r0.csv.parquet", "r2.csv.parquet"}
    assert all(os.stat(out / name).st_mtime_ns == times[name] for name in untouched)


def test_a_manifest_that_was_cut_off_is_mended(folder, tmp_path):
    out = tmp_path / "out"
    embed_many(folder, out, OPTIONS)
    expected = tables(out)
    content = (out / MANIFEST).read_bytes()
    for size in (0, 10, len(content) // 2, len(content) - 1):
        (out / MANIFEST).write_bytes(content[:size])
        summary = embed_many(folder, out, OPTIONS)
        assert summary.done == 6 and tables(out) == expected
        assert all(json.loads(line) for line in (out / MANIFEST).read_text().splitlines())
    (out / MANIFEST).write_text("hello\n")
    with pytest.raises(edgeecg.InputError, match="is no manifest"):
        embed_many(folder, out, OPTIONS)


@pytest.mark.parametrize(
    ("options", "said"),
    [(Options(fs=128, hop=4), "hop 5, and this is 4"), (Options(fs=128, hop=5, model="nano"), "model 'default'")],
)
def test_other_options_are_refused(folder, tmp_path, options, said):
    embed_many(folder, tmp_path / "out", OPTIONS)
    with pytest.raises(edgeecg.InputError, match=said):
        embed_many(folder, tmp_path / "out", options)


def hold(place, ready, done):
    from edgeecg._folder_lock import locked

    with locked(place):
        ready.set()
        done.wait(30)


def test_a_second_run_at_once_is_refused(folder, tmp_path):
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    process = context.Process(target=hold, args=(str(tmp_path / "out"), ready, done))
    process.start()
    assert ready.wait(30)
    with pytest.raises(edgeecg.InputError, match="written by another process"):
        embed_many(folder, tmp_path / "out", OPTIONS)
    done.set()
    process.join()


def killing(path, folder, output, options):
    """In place of embed_one: one recording ends its process."""
    if path.endswith("r3.csv"):
        os.kill(os.getpid(), signal.SIGKILL)
    return archive.worker.embed_one(path, folder, output, options)


def test_a_process_that_dies_takes_one_recording_with_it(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("edgeecg.archive.parallel.embed_one", killing)
    summary = embed_many([str(p) for p in folder.rglob("r*.csv")], tmp_path / "out", OPTIONS, 2)
    assert (summary.done, summary.failed) == (5, 1)
    _, entries = read_manifest(tmp_path / "out")
    (failed,) = [entry for entry in entries.values() if entry.state == "failed"]
    assert failed.error.endswith("r3.csv: its process died")


def test_a_recording_that_changes_while_it_is_read(folder, tmp_path, monkeypatch):
    read = archive.worker.io.read

    def changing(path, *args):
        recording = read(path, *args)
        os.utime(path, ns=(1, time.time_ns()))
        return recording

    monkeypatch.setattr(archive.worker.io, "read", changing)
    summary = embed_many(folder / "r0.csv", tmp_path / "out", OPTIONS)
    assert summary.failed == 1 and not tables(tmp_path / "out")


def test_inputs(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    everything = found_inputs(["."])
    assert len(everything) >= 7 and found_inputs(["r*.csv", "r0.csv"]) == ["r0.csv", "r2.csv", "r4.csv"]
    (tmp_path / "list.txt").write_text("# mine\nr0.csv\n\ndeep\n")
    assert found_inputs([f"@{tmp_path}/list.txt"])[0] == "r0.csv"
    for wrong, said in (("x*.csv", "holds no recording"), ("@nothere", "nothere: cannot be read")):
        with pytest.raises(edgeecg.InputError, match=said):
            found_inputs([wrong])


names = st.text("abAB.", min_size=1, max_size=3).filter(lambda name: name.strip("."))


@given(st.lists(st.lists(names, min_size=1, max_size=3).map("/".join), min_size=1, max_size=8, unique=True))
def test_no_two_tables_have_one_name(paths):
    outputs = outputs_of([f"/data/{path}" for path in paths], "parquet")
    assert len({name.lower() for name in outputs.values()}) == len(paths)
    assert not any(os.path.normpath(name).startswith(("/", "../")) for name in outputs.values())


class TestCommand:
    def run(self, capsys, *args):
        try:
            code = cli.main(["embed", *map(str, args)])
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return code, out, err

    def test_exit_codes_and_lines(self, folder, tmp_path, capsys):
        options = ["--fs", 128, "-o", tmp_path / "out"]
        code, out, err = self.run(capsys, folder, *options, "--jobs", 2)
        assert code == 3 and out.startswith("6 recordings (1:45 of ECG") and "notes.csv" in err
        assert self.run(capsys, folder / "r0.csv", folder / "deep", *options)[0] == 0
        code, out, _ = self.run(capsys, folder / "notes.csv", *options, "--json")
        assert code == 2 and [json.loads(line).get("state") for line in out.splitlines()] == ["failed", None]
        code, _, err = self.run(capsys, folder / "r0.csv", "-o", tmp_path / "out", "--hop", 3)
        assert code == 2 and "was made with" in err and err.count("\n") == 1
        assert self.run(capsys, folder / "r0.csv", "-o", "x.txt", "--fs", 128)[2].startswith(
            "edgeecg: x.txt: an output ends"
        )

    def test_heads_and_formats(self, folder, tmp_path, capsys):
        for form in ("npz", "csv"):
            call = [
                folder / "r0.csv",
                "--fs",
                128,
                "-o",
                tmp_path / form,
                "--format",
                form,
                "--head",
                "ectopy",
                "--int8",
            ]
            assert self.run(capsys, *call)[0] == 0
        with np.load(tmp_path / "npz" / "r0.csv.npz") as table:
            assert table["embedding"].dtype == np.int8 and table["ectopy"][0] == "none"
