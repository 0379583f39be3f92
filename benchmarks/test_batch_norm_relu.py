"""Batch norm and ReLU of a training step, forward and backward: in one, and as two layers of torch."""

import pytest
import torch
import torch.nn.functional as F

from train.nets.batch_norm_relu import batch_norm_relu

WAYS = {"in one": batch_norm_relu, "torch": lambda norm, x: F.relu(norm(x), inplace=True)}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("channels, frames", [(16, 640), (64, 160), (128, 40)])
def test_training_step(benchmark, channels, frames, way):
    """Three of the layers of `edge`, at the 384 windows of a step of train/recipe.py."""
    torch.set_num_threads(1)
    norm = torch.nn.BatchNorm2d(channels)
    x = torch.randn(384, channels, 1, frames).contiguous(memory_format=torch.channels_last).requires_grad_()
    above = torch.randn(384, channels, 1, frames).contiguous(memory_format=torch.channels_last)

    def step():
        x.grad = None
        WAYS[way](norm, x).backward(above)

    benchmark.group = f"batch norm and ReLU, {channels} channels of {frames} frames"
    benchmark.pedantic(step, warmup_rounds=2, rounds=15)
