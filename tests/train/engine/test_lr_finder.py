"""The learning-rate range test."""

import json

import numpy as np
import pytest
import torch

from edgeecg.errors import EdgeECGError
from tests.train.engine.line import Line, describe, options
from train.engine import fit
from train.engine.distributed import Processes
from train.engine.lr_finder import steepest, sweep
from train.engine.trainer import Trainer


def test_the_range_test_finds_where_the_loss_falls_fastest(tmp_path):
    rates = np.geomspace(1e-5, 1, 101)
    curve = 1 / (1 + (rates / 1e-2) ** 2)  # steepest against log(rate) at 1e-2
    assert 0.7e-2 < steepest(rates, curve) < 1.4e-2
    torch.manual_seed(0)
    tried, seen = sweep(Trainer(Line(), options(tmp_path, steps=10**6), Processes()), 1e-5, 1e4)
    assert 20 < len(tried) == len(seen) < 100, "it ends when the loss runs away, not at the first noise"
    curve[70:] += np.linspace(0, -0.5, 31) ** 2 * np.where(np.arange(31) % 2, 3, 1)
    assert 0.7e-2 < steepest(rates, curve) < 1.4e-2, "what falls again behind the lowest loss does not count"
    with pytest.raises(EdgeECGError, match="ran away"):
        steepest(rates[:5], curve[:5])


def test_the_range_test_leaves_a_picture_and_trains_nothing(tmp_path):
    picture = fit(Line, options(tmp_path / "a", find_lr=True), describe, "find")
    table = json.loads((tmp_path / "a" / "lr_finder.json").read_text())
    assert picture.read_bytes()[:4] == b"\x89PNG" and 1e-6 < table["suggestion"] < 1
    assert not (tmp_path / "a" / "encoder.safetensors").exists()
