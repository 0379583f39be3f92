"""Files of tensors compared."""

from pathlib import Path

import torch

from train.runs.checkpoint import load_tensors


def assert_same_tensors(a: Path, b: Path) -> None:
    first, second = load_tensors(a)[0], load_tensors(b)[0]
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name
