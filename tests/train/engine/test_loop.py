"""The engine: processes, optimizers, precision, early stopping, the range test, resume of all of it."""

import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgeecg.errors import InputError
from tests.train.engine.line import Line, describe, losses, options
from tests.train.tensors import assert_same_tensors
from train.engine import Options, fit
from train.engine.distributed import Processes
from train.engine.recorders import FolderRecorder
from train.engine.trainer import Trainer
from train.runs.checkpoint import load_tensors
from train.runs.folder import read_log

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_two_processes_give_the_curve_of_one(tmp_path):
    """The command itself under torchrun, in double precision: what differs is the order of sums."""
    command = "train/pretrain.py --batch 16 --steps 6 --projector 16 16 --log-every 1 --evaluate-every 3".split()
    command += "--encoder basic_cnn --accumulate 2 --optimizer lars --lr 0.1 --precision float64".split()
    command += ["--cache", str(tmp_path / "cache")]
    starts = {"one": [], "two": ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]}
    for name, start in starts.items():
        done = subprocess.run(
            [sys.executable, *start, *command, "--out", str(tmp_path / name)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert len(one) == 6 and len(set(one)) == 6
    np.testing.assert_allclose(two, one, rtol=1e-9)
    first, second = (load_tensors(tmp_path / name / "encoder.safetensors")[0] for name in starts)
    for name, tensor in first.items():
        torch.testing.assert_close(second[name], tensor, rtol=1e-7, atol=1e-9, msg=name)


@pytest.mark.parametrize(
    "changes", [{}, {"optimizer": "lars", "lr": 1.0}, {"precision": "bf16"}, {"accumulate": 3}, {"patience": 4}]
)
def test_a_resumed_run_is_the_run_that_was_left_alone(tmp_path, changes):
    whole = options(tmp_path / "whole", **changes)
    fit(Line, whole, describe, "whole")

    class Stopped(Line):
        def draw(self, count, place):
            self.asked += 1
            if self.asked > 8 * 13 * whole.accumulate and not place.validation:
                raise KeyboardInterrupt
            return super().draw(count, place)

    broken = replace(whole, out=tmp_path / "broken")
    with pytest.raises(KeyboardInterrupt):
        fit(Stopped, broken, describe, "broken")
    assert load_tensors(broken.out / "checkpoint.safetensors")[1]["step"] in (5, 10)
    fit(Line, replace(broken, resume=True), describe, "broken")
    for name in ("encoder", "best", "checkpoint"):
        assert_same_tensors(whole.out / f"{name}.safetensors", broken.out / f"{name}.safetensors")
    keep = [
        {k: v for k, v in line.items() if k not in ("seconds", "windows_per_second")} for line in read_log(whole.out)
    ]
    again = [
        {k: v for k, v in line.items() if k not in ("seconds", "windows_per_second")} for line in read_log(broken.out)
    ]
    assert keep == again and len(losses(whole.out)) == 20


def test_patience_ends_a_run_and_the_best_is_kept(tmp_path):
    config = options(tmp_path, steps=100, patience=3)
    fit(lambda: Line(turn=2), config, describe, "early")
    assert losses(tmp_path) and read_log(tmp_path)[-1]["step"] == 25, "validations at 5, 10 (the best), 15, 20, 25"
    assert load_tensors(tmp_path / "best.safetensors")[1]["step"] == 10
    assert load_tensors(tmp_path / "encoder.safetensors")[1]["step"] == 25
    report = (tmp_path / "report.md").read_text()
    assert "ended by --patience 3" in report and "at step 10" in report and "curves.png" in report
    assert (tmp_path / "curves.png").stat().st_size > 5000
    fit(lambda: Line(turn=2), replace(config, resume=True), describe, "early")
    assert read_log(tmp_path)[-1]["step"] == 25, "a run that ended is not continued"


def test_accumulated_batches_give_the_mean_gradient(tmp_path):
    """Of a loss that is a mean over rows, without batch norm: two batches of 16 are one of 32."""
    learner = Line()
    learner.encoder = nn.Linear(3, 1)
    trainer = Trainer(learner, options(tmp_path, accumulate=2, clip=1e9), Processes())
    both = [trainer.batch(1, turn) for turn in range(2)]
    learner({name: torch.cat([batch[name] for batch in both]) for name in both[0]})[0].backward()
    expected = [p.grad.clone() for p in trainer.parameters]
    trainer.step(1)
    assert not torch.equal(both[0]["x"], both[1]["x"])
    for p, grad in zip(trainer.parameters, expected, strict=True):
        torch.testing.assert_close(p.grad, grad)


def test_half_precision_follows_single(tmp_path):
    for precision in ("float32", "bf16"):
        fit(Line, options(tmp_path / precision, precision=precision, steps=40), describe, precision)
    single, half = (losses(tmp_path / name) for name in ("float32", "bf16"))
    assert single != half and abs(single[0] - half[0]) < 0.05 * single[0]
    assert np.mean(half[-5:]) < 0.7 * np.mean(half[:5])


def test_the_loss_scale_of_half_precision_is_resumed(tmp_path):
    """fp16 keeps its scale in the checkpoint: a run that continues starts from it."""
    try:
        fit(Line, options(tmp_path, precision="fp16", steps=5), describe, "fp16")
    except RuntimeError as error:
        pytest.skip(f"this torch has no fp16 on a CPU: {error}")
    scaler = load_tensors(tmp_path / "checkpoint.safetensors")[1]["scaler"]
    assert scaler["scale"] > 1 and "_growth_tracker" in scaler


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 0},
        {"accumulate": 0},
        {"patience": 0},
        {"minutes": math.nan},
        {"minutes": 0.0},
        {"lr": -1.0},
        {"warmup": 2.0},
    ],
)
def test_impossible_options_are_refused(changes):
    with pytest.raises(InputError, match=next(iter(changes))):
        Options(**changes)


@dataclass(frozen=True)
class Grown(Options):
    new: int = 1


def test_a_run_of_other_options_is_not_resumed(tmp_path):
    fit(Line, options(tmp_path, steps=2), describe, "x")
    now = vars(options(tmp_path, steps=2, resume=True))
    with pytest.raises(InputError, match="other values of new"):
        fit(Line, Grown(**now, new=2), describe, "x")
    fit(Line, Grown(**now), describe, "x")  # what is newer than the run had its default
    for changes in ({"steps": 5}, {"steps": 2, "minutes": 3.0}):
        with pytest.raises(InputError, match="was begun with 2 steps, which its learning rate follows"):
            fit(Line, options(tmp_path, resume=True, **changes), describe, "x")
    path = tmp_path / "config.json"
    path.write_text(json.dumps({name: value for name, value in json.loads(path.read_text()).items() if name != "code"}))
    with pytest.raises(InputError, match="was begun by another version of the training code"):
        fit(Line, options(tmp_path, steps=2, resume=True), describe, "x")


def test_a_new_run_does_not_replace_what_another_one_left(tmp_path):
    fit(Line, options(tmp_path, steps=2), describe, "x")
    held = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    with pytest.raises(
        InputError, match=r"holds a run already .best.safetensors.: go on with --resume, or give another --out"
    ):
        fit(Line, options(tmp_path, steps=2, seed=5), describe, "x")
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == held


def test_resume_says_what_it_does_and_a_plain_rerun_begins_nothing_anew(tmp_path, capsys):
    """Also where a run was killed before its first checkpoint: its log is there."""
    begun = options(tmp_path, steps=6, save_every=100)
    taken = []

    def dies(*_):
        taken.append(1)
        if len(taken) == 4:
            raise SystemExit
        return {}

    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(FolderRecorder, "update", dies)
        fit(Line, begun, describe, "line")
    assert read_log(tmp_path) and not (tmp_path / "checkpoint.safetensors").exists()
    with pytest.raises(InputError, match=r"holds a run already .log.jsonl.: go on with --resume"):
        fit(Line, begun, describe, "line")
    fit(Line, replace(begun, resume=True), describe, "line")
    assert f"{tmp_path} has no checkpoint yet: the run starts again" in capsys.readouterr().out
    fit(Line, replace(begun, resume=True), describe, "line")
    assert f"{tmp_path} is finished (6 steps): only its encoder and report are written again" in capsys.readouterr().out
    assert [line["step"] for line in read_log(tmp_path) if "loss" in line] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("log", [None, "", '{"step": 1}\n', '{"loss": 1'])
def test_a_run_whose_log_was_lost_ends_with_a_report_that_says_so(tmp_path, log):
    config = options(tmp_path, steps=3)
    fit(Line, config, describe, "line")
    (tmp_path / "log.jsonl").unlink()
    if log is not None:
        (tmp_path / "log.jsonl").write_text(log)
    fit(Line, replace(config, resume=True), describe, "line")
    assert "log.jsonl tells of no step" in (tmp_path / "report.md").read_text()
