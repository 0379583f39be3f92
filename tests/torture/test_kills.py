"""kill -9 at random moments, and at each operation on a file, of every command that writes: nothing torn, nothing lost,
and the next run ends as if nothing had been. EDGEECG_KILLS: other than 100 at random moments of each.
"""

import itertools
import multiprocessing
import os
import shutil
import signal
import sys
import time

import numpy as np
import pytest

from tests.torture import commands

KILLS = int(os.environ.get("EDGEECG_KILLS", "100"))
OPERATIONS = ("open", "os.rename", "os.remove", "os.chmod", "os.mkdir")  # of Python's audit events
PRELOADED = ["tests.torture.commands", "edgeecg.cli", "edgeecg._core", "edgeecg.model"]
TRAINING = ["train.pretrain", "train.recipe"]


@pytest.fixture(scope="module")
def processes():
    """Processes that have imported everything: a moment then falls into the work, not into an import."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*PRELOADED, *TRAINING])
    return context


def work(command, folder, at):
    commands.quiet()
    count = 0

    def hook(event, arguments):
        nonlocal count
        if event in OPERATIONS and str(arguments[0]).startswith(str(folder)):
            count += 1
            if count == at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    command(folder)


def finished(processes, command, folder, after=None, at=0) -> bool:
    """Did the command end before the kill, `after` seconds or before operation `at` on a file? It must not fail."""
    process = processes.Process(target=work, args=(command, folder, at))
    process.start()
    process.join(after)
    process.kill()
    process.join()
    assert process.exitcode in (0, -9), f"{command.__name__} ended with {process.exitcode}"
    return process.exitcode == 0


def duration(processes, command, folder) -> float:
    """Seconds that the command takes; the first call may compile and build."""
    started = time.monotonic()
    assert finished(processes, command, folder)
    return time.monotonic() - started


@pytest.mark.parametrize("command", [commands.embed_npz, commands.embed_csv, commands.embed_parquet])
def test_a_table_is_the_old_one_or_the_new_one(command, processes, tmp_path, figure):
    commands.recording(tmp_path)
    out = tmp_path / f"out.{command.__name__.partition('_')[2]}"
    duration(processes, command, tmp_path)
    seconds, new = duration(processes, command, tmp_path), out.read_bytes()
    rng, old, killed, kept = np.random.default_rng(1), b"what was there before", 0, []

    def ended(**moment) -> bool:
        out.write_bytes(old)
        whole = finished(processes, command, tmp_path, **moment)
        content = out.read_bytes()
        assert content in (old, new), f"torn: {len(content)} bytes"
        kept.append(content == old and not whole)
        return whole

    while killed < KILLS:
        killed += not ended(after=rng.uniform(0, seconds))
    operation = next(at for at in itertools.count(1) if ended(at=at))
    left = len(list(tmp_path.iterdir())) - 2
    assert finished(processes, command, tmp_path) and out.read_bytes() == new
    figure(
        f"{killed} kills at random moments, {operation - 1} at operations on files: {sum(kept)} times the old file, "
        f"else the new one; {left} temporary files left"
    )


def files(folder) -> dict:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_an_exported_folder_has_whole_files_and_the_next_run_completes_it(processes, tmp_path, figure):
    duration(processes, commands.export_c, tmp_path)
    folder, operation, left, completed = tmp_path / "firmware", 0, 0, 0
    whole = files(folder)
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        operation += 1
        if finished(processes, commands.export_c, tmp_path, at=operation):
            break
        found = files(folder) if folder.exists() else {}
        assert all(found[name] == whole[name] for name in found.keys() & whole.keys())
        left += len(found.keys() - whole.keys())
        if operation % 5 == 0:
            assert finished(processes, commands.export_c, tmp_path)
            assert whole.items() <= files(folder).items()
            completed += 1
    figure(
        f"{operation - 1} kills, one at each operation on a file: whole files alone; {completed} folders completed, "
        f"{left} temporary files left"
    )


def test_an_archive_goes_on_to_the_tables_of_one_that_was_left_alone(processes, tmp_path, figure):
    rng, recordings = np.random.default_rng(5), 500
    (tmp_path / "in").mkdir()
    for i in range(recordings):
        np.save(tmp_path / "in" / f"r{i}.npy", rng.standard_normal(250 * 12).astype(np.float32))
    seconds = duration(processes, commands.embed_archive, tmp_path)
    tables = tmp_path / "tables"
    want = {name: content for name, content in files(tables).items() if name.endswith(".parquet")}
    killed = runs = lines = 0
    while killed < KILLS:
        shutil.rmtree(tables)
        while not finished(
            processes, commands.embed_archive, tmp_path, rng.uniform(0, seconds / 3) if killed < KILLS else None
        ):
            killed += 1
        runs += 1
        found = files(tables)
        assert {name: content for name, content in found.items() if name.endswith(".parquet")} == want
        assert not [name for name in found if name.endswith(".part")]
        done = [line for line in found["manifest.jsonl"].decode().splitlines()[1:] if '"done"' in line]
        lines += len(done) - len(set(done))
        assert len(set(done)) == recordings
    figure(
        f"{killed} kills in {runs} runs of {recordings} recordings: the same tables each time; {lines} embedded twice"
    )


def weights(path) -> str:
    from tests.train.short_runs import hash_of

    return hash_of(path)


@pytest.mark.parametrize("command", [commands.pretrain, commands.recipe])
def test_a_training_run_ends_with_the_weights_of_one_that_was_left_alone(command, processes, tmp_path, figure):
    pytest.importorskip("torch")
    from tests.train.short_runs import write_corpora

    write_corpora(tmp_path / "data")
    duration(processes, command, tmp_path)
    run, cache, rng, killed, runs = tmp_path / "run", tmp_path / "cache", np.random.default_rng(3), 0, 0
    want = weights(run / "encoder.safetensors")
    shutil.rmtree(run)
    seconds = duration(processes, command, tmp_path)
    while killed < KILLS:
        shutil.rmtree(run)
        shutil.rmtree(cache, ignore_errors=True)
        while not finished(processes, command, tmp_path, rng.uniform(0, seconds) if killed < KILLS else None):
            killed += 1
        runs += 1
        assert weights(run / "encoder.safetensors") == want
        assert not list(run.rglob("*.part")) and not list(cache.rglob("*.part"))
        print(f"{killed} kills, {runs} runs", file=sys.stderr)
    figure(f"{killed} kills in {runs} runs, caches included: the same weights each time")
