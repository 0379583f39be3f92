"""Statistics of a window's signal, disturbances included: spectrum, kurtosis, evenness."""

import itertools

import torch
from torch import Tensor

BANDS = (0.5, 1.5, 4.0, 8.0, 14.0, 20.0, 28.0, 40.0, 64.0)  # Hz
SIGNAL = len(BANDS) + 4


def signal_statistics(x: Tensor) -> Tensor:
    """Network input (N, 1280) -> (N, SIGNAL) float32 of order 1.

    Log share of the power in each band (the first from 0 Hz), log kurtosis, log of the largest and of the smallest
    block's mean absolute value over the mean one (blocks of 32 samples), and the share of blocks that are flat.
    """
    x = x - x.mean(1, keepdim=True)
    power = torch.fft.rfft(x).abs().square()
    total = power.sum(1, keepdim=True).clamp(min=1e-3)
    edges = [0, *(round(b * x.shape[1] / 128) for b in BANDS)]
    bands = [power[:, a:b].sum(1) for a, b in itertools.pairwise(edges)]
    shares = torch.stack(bands, 1) / total
    variance = x.square().mean(1).clamp(min=1e-4)
    kurtosis = (x.square().square().mean(1) / variance.square()).clamp(1, 100).log()
    blocks = x.abs().unflatten(1, (-1, 32)).mean(2) + 0.02
    mean = blocks.mean(1)
    flat = (x.unflatten(1, (-1, 32)).std(2) < 0.02).float().mean(1)
    rest = [kurtosis, (blocks.amax(1) / mean).log(), (blocks.amin(1) / mean).log(), 3 * flat]
    return torch.cat([(shares + 1e-3).log() / 2 + 1, torch.stack(rest, 1)], 1)
