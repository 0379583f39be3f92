"""A full disk, a read-only one, and each write that fails in turn: one sentence, and what was there before stays."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.torture import commands

ROOT = Path(__file__).resolve().parents[2]
OLD = b"what was there before"


@contextlib.contextmanager
def mounted(folder, options: str):
    """A file system of its own."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("may not mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def call(*arguments, limit: int | None = None) -> subprocess.CompletedProcess:
    """The command edgeecg; files may grow to `limit` bytes."""

    def prepare():
        if limit is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [sys.executable, "-m", "edgeecg", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, env=environment, preexec_fn=prepare, capture_output=True, text=True, timeout=120, check=False
    )


def assert_one_sentence(done):
    assert done.returncode in (1, 2), done.stderr
    assert "Traceback" not in done.stderr and len(done.stderr.strip().splitlines()) == 1, done.stderr


def embed(recording, out):
    return "embed", recording, "--fs", 250, "--hop", 0.1, "-q", "-o", out


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".parquet"])
def test_a_full_disk(suffix, tmp_path, figure):
    recording = commands.recording(tmp_path)
    with mounted(tmp_path / "disk", "size=64k") as disk:
        out = disk / f"out{suffix}"
        out.write_bytes(OLD)
        assert_one_sentence(call(*embed(recording, out)))
        assert out.read_bytes() == OLD and [p.name for p in disk.iterdir()] == [out.name]
        with (disk / "filler").open("wb") as file, contextlib.suppress(OSError):
            file.write(bytes(1 << 17))
        assert_one_sentence(call(*embed(recording, out)))
        assert out.read_bytes() == OLD
    figure("one sentence, the old file stays, nothing is left")


def test_a_full_disk_for_a_folder(tmp_path, figure):
    with mounted(tmp_path / "disk", "size=128k") as disk:
        assert_one_sentence(call("export-c", disk / "firmware"))
    figure("one sentence")


@pytest.mark.parametrize("what", ["embed", "export-c", "demo"])
def test_a_read_only_disk(what, tmp_path, figure):
    recording = commands.recording(tmp_path)
    with mounted(tmp_path / "disk", "size=1m,ro") as disk:
        arguments = {"embed": embed(recording, disk / "out.npz"), "export-c": ("export-c", disk / "firmware")}
        assert_one_sentence(call(*arguments.get(what, ("demo", "--out", disk / "out"))))
    figure("one sentence")


@pytest.mark.parametrize("suffix", [".npz", ".csv"])
def test_a_write_that_fails_at_any_byte(suffix, tmp_path, figure):
    """The limit on a file's size makes the write that reaches it fail, whoever writes."""
    recording = commands.recording(tmp_path)
    out = tmp_path / f"out{suffix}"
    assert call(*embed(recording, out)).returncode == 0
    size = out.stat().st_size
    before, limits = sorted(tmp_path.iterdir()), sorted({0, 1, 512, 4095, 4096, size // 3, size // 2, size - 1})
    out.write_bytes(OLD)
    for limit in limits:
        assert_one_sentence(call(*embed(recording, out), limit=limit))
        assert out.read_bytes() == OLD and sorted(tmp_path.iterdir()) == before
    assert call(*embed(recording, out), limit=size).returncode == 0
    figure(f"a write fails at {len(limits)} places of {size} bytes: one sentence, the old file stays")
