"""Other libraries' losses, as test-only peers; a test that asks for one that is absent is skipped."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch


def lightly_loss(module):
    """A module of lightly's losses, from its own file: the package as a whole imports torchvision."""
    package = importlib.util.find_spec("lightly")
    if package is None:
        pytest.skip("lightly is not installed")
    path = Path(package.origin).parent / "loss" / f"{module}.py"
    spec = importlib.util.spec_from_file_location(f"lightly_{module}", path)
    loaded = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(loaded)
    except ImportError as error:
        pytest.skip(f"lightly's {module} cannot be imported alone: {error}")
    return loaded


def metric_learning():
    """pytorch-metric-learning's losses."""
    return pytest.importorskip("pytorch_metric_learning.losses")


def assert_same(ours, theirs, *arrays):
    """Same value and same gradients from our kernel and from a torch callable, in float64."""
    leaves = [torch.tensor(z, dtype=torch.float64, requires_grad=True) for z in arrays]
    expected = theirs(*leaves)
    value, grads = ours(*arrays)
    assert value == pytest.approx(expected.item(), rel=1e-6)
    for grad, right in zip(grads, torch.autograd.grad(expected, leaves), strict=True):
        np.testing.assert_allclose(grad, right.numpy(), atol=1e-6 * right.abs().max().item())
