"""Ctrl-C: the step ends, what was reached is saved, the resumed run is the one that was left alone."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

from tests.train.engine.line import Line, describe, options
from tests.train.tensors import assert_same_tensors
from train.engine import fit
from train.engine.interrupt import Interrupts
from train.runs.checkpoint import load_tensors

ROOT = Path(__file__).resolve().parents[3]


class Interrupted(Line):
    """Sends itself a signal in the middle of a step."""

    at, number = 7, signal.SIGINT

    def forward(self, batch):
        if self.training:
            self.asked += 1
            if self.asked == self.at:
                os.kill(os.getpid(), self.number)
        return super().forward(batch)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_saves_where_it_is_and_goes_on_bit_for_bit(number, tmp_path, monkeypatch):
    monkeypatch.setattr(Interrupted, "number", number)
    whole, stopped = (options(tmp_path / name, save_every=100, evaluate_every=100) for name in ("whole", "stopped"))
    fit(Line, whole, describe, "whole")
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fit(Interrupted, stopped, describe, "stopped")
    assert load_tensors(stopped.out / "checkpoint.safetensors")[1]["step"] == 7
    assert signal.getsignal(signal.SIGINT) is before
    fit(Line, replace(stopped, resume=True), describe, "stopped")
    assert_same_tensors(whole.out / "checkpoint.safetensors", stopped.out / "checkpoint.safetensors")


def test_the_second_one_does_not_wait():
    with Interrupts() as interrupts:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        assert interrupts.requested
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize(("whom", "more"), [("command", []), ("group", ["--average-every", "3"])])
def test_processes_of_a_command_save_and_end_together(whom, more, tmp_path):
    """Ctrl-C reaches all processes, `kill` the command alone."""
    command = ["train/pretrain.py", "--workers", "2", "--steps", "100000", "--batch", "8", "--save-every", "100000"]
    command += ["--encoder", "nano", "--projector", "8", "8", "--cache", str(tmp_path / "cache"), "--log-every", "1"]
    process = subprocess.Popen(
        [sys.executable, *command, *more, "--out", str(tmp_path / "run")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    log, until = tmp_path / "run/log.jsonl", time.monotonic() + 120
    while (not log.exists() or len(log.read_text().splitlines()) < 3) and time.monotonic() < until:
        time.sleep(0.2)
    if whom == "group":
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.terminate()
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 1 and said.strip().endswith("stopped; go on with --resume"), said[-2000:]
    step = load_tensors(tmp_path / "run/checkpoint.safetensors")[1]["step"]
    assert 0 < step < 100000 and (not more or step % 3 == 0)
