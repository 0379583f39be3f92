"""kill -9 at random moments of every command that writes: nothing torn, nothing lost, and the next run ends as if
nothing had been.
"""

import multiprocessing
import shutil
import sys
import time

import numpy as np
import pytest

from tests.torture import commands

KILLS = 100
PRELOADED = ["tests.torture.commands", "edgeecg.cli", "edgeecg._core", "edgeecg.model"]
TRAINING = ["train.pretrain", "train.recipe"]


@pytest.fixture(scope="module")
def processes():
    """Processes that have imported everything: a moment then falls into the work, not into an import."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*PRELOADED, *TRAINING])
    return context


def work(command, folder):
    commands.quiet()
    command(folder)


def finished(processes, command, folder, after=None) -> bool:
    """Did the command end before the kill, `after` seconds? It must not fail."""
    process = processes.Process(target=work, args=(command, folder))
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
    rng, old, killed, kept = np.random.default_rng(1), b"what was there before", 0, 0
    while killed < KILLS:
        out.write_bytes(old)
        killed += not finished(processes, command, tmp_path, rng.uniform(0, seconds))
        content = out.read_bytes()
        assert content in (old, new), f"torn: {len(content)} bytes"
        kept += content == old
    left = len(list(tmp_path.iterdir())) - 2
    assert finished(processes, command, tmp_path) and out.read_bytes() == new
    figure(f"{killed} kills, {kept} times the old file, else the new one; {left} temporary files left")


def files(folder) -> dict:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_an_exported_folder_has_whole_files_and_the_next_run_completes_it(processes, tmp_path, figure):
    duration(processes, commands.export_c, tmp_path)
    folder, rng, killed, unfinished, left = tmp_path / "firmware", np.random.default_rng(2), 0, 0, 0
    whole = files(folder)
    shutil.rmtree(folder)
    seconds = duration(processes, commands.export_c, tmp_path)
    while killed < KILLS:
        shutil.rmtree(folder)
        killed += not finished(processes, commands.export_c, tmp_path, rng.uniform(0, seconds))
        found = files(folder) if folder.exists() else {}
        assert all(found[name] == whole[name] for name in found.keys() & whole.keys())
        unfinished += not whole.keys() <= found.keys()
        left += len(found.keys() - whole.keys())
        assert finished(processes, commands.export_c, tmp_path)
        found = files(folder)
        assert {name: found[name] for name in whole} == whole
    figure(f"{killed} kills, {unfinished} unfinished folders, all completed; {left} temporary files left")


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
