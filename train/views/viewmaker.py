"""A viewmaker: a network that learns bounded perturbations of an ECG that are hardest for the encoder.

Tamkin, Wu, Goodman, "Viewmaker Networks: Learning Views for Unsupervised Representation Learning", ICLR 2021. The
network y = f(x, noise) gives the view x + d with d = tanh(y) eps s / mean|tanh(y)|, so that mean|d| = eps s for any
weights: the L1 budget; s is the window's largest absolute value. A noise channel enters at each stage, so that one
window has many views. Encoder and viewmaker train in the same step: the gradient that reaches the viewmaker is reversed
(Ganin and Lempitsky, "Unsupervised Domain Adaptation by Backpropagation", ICML 2015), so it climbs the loss that the
encoder descends.

In the domain "dct" the network reads and writes the window's cosine coefficients, and tanh(y) is transformed back
before it is scaled to its budget: perturbations are then spread over time and local in frequency.
"""

import functools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edgeecg.errors import InputError
from train.data.front_end import SCALE, ZERO
from train.plots.figure import new_figure, save
from train.views.augment import quantize

LEAST = 1 / SCALE  # a flat window's scale: one step of the front end
LOWEST, HIGHEST = -ZERO / SCALE, (ZERO - 1) / SCALE


@dataclass(frozen=True)
class ViewmakerOptions:
    """The network that makes the views, and its budget."""

    budget: float = 0.05  # mean absolute perturbation, as a fraction of the window's largest absolute value
    domain: Literal["time", "dct"] = "time"
    width: int = 16  # channels of the first stage; later stages have twice as many
    blocks: int = 2  # residual blocks at an eighth of the rate

    def __post_init__(self):
        if not 0 < self.budget <= 1:
            raise InputError("viewmaker: the budget lies above 0 and is at most 1")
        if self.width < 1 or self.blocks < 0:
            raise InputError("viewmaker: width is at least 1 and blocks at least 0")


class ReverseGradient(torch.autograd.Function):
    """The identity with a reversed gradient."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        return -grad


class Stage(nn.Module):
    """Noise channel, convolution, instance norm, ReLU. (N, C, 1, L) -> (N, cout, 1, ceil(L / stride)).

    Convolutions are 2-D in channels-last memory, as in train/nets/encoder.py: on a CPU that is the quick form.
    """

    def __init__(self, cin: int, cout: int, kernel: int, stride: int = 1):
        super().__init__()
        self.conv = convolution(cin + 1, cout, kernel, stride)
        self.norm = nn.InstanceNorm2d(cout, affine=True)

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(with_noise(x, noise))))


def convolution(cin: int, cout: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(cin, cout, (1, kernel), (1, stride), padding=(0, kernel // 2))


def with_noise(x: Tensor, noise: Tensor) -> Tensor:
    """One channel more: the noise (N, L)."""
    return torch.cat([x, noise[:, None, None].to(x)], 1).contiguous(memory_format=torch.channels_last)


class Viewmaker(nn.Module):
    """`viewmaker(x, noise)`: network input (N, L) or (N, leads, L) -> a view of each, of the same shape, on the
    device's grid.

    The leads of a window are perturbed together, each with a budget of its own. `noise` is what `draw_noise` gives.
    """

    def __init__(self, options: ViewmakerOptions, leads: int = 1):
        super().__init__()
        self.options = options
        width, wide = options.width, 2 * options.width
        self.down = nn.ModuleList([Stage(leads, width, 9, 4), Stage(width, wide, 5, 2)])
        self.blocks = nn.ModuleList([Stage(wide, wide, 3) for _ in range(options.blocks)])
        self.up = Stage(wide, width, 5)
        self.last = convolution(width + leads + 1, leads, 9)
        self.to(memory_format=torch.channels_last)

    def draw_noise(self, count: int, length: int, generator: torch.Generator) -> Tensor:
        """Uniform noise for views of `count` windows: one row a window, all stages in it."""
        return torch.rand(count, sum(self.lengths(length)), generator=generator)

    def lengths(self, length: int) -> list[int]:
        """Of the tensor that enters each stage, in the order of `network`."""
        quarter, eighth = -(-length // 4), -(-length // 8)
        return [length, quarter, *[eighth] * len(self.blocks), quarter, length]

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        """Rounding lets gradients pass as if it were not there; the limits of the device's range do not."""
        view = (x + ReverseGradient.apply(self.perturbation(x, noise))).clamp(LOWEST, HIGHEST)
        return view + (quantize(view.detach() * SCALE) - view).detach()

    def perturbation(self, x: Tensor, noise: Tensor) -> Tensor:
        """d, shaped as x, with mean|d| = budget times max|x| for each lead of each window."""
        leads = x.reshape(len(x), -1, x.shape[-1])
        inside = torch.tanh(self.network(dct(leads) if self.options.domain == "dct" else leads, noise))
        shape = dct(inside, inverse=True) if self.options.domain == "dct" else inside
        scale = leads.abs().amax(-1, keepdim=True).clamp(min=LEAST)
        size = shape.abs().mean(-1, keepdim=True).clamp(min=1e-12)
        return (shape * (self.options.budget * scale / size)).reshape(x.shape)

    def network(self, x: Tensor, noise: Tensor) -> Tensor:
        """y: (N, leads, L) -> (N, leads, L)."""
        pieces = iter(noise.split(self.lengths(x.shape[-1]), 1))
        given = (x / x.abs().mean(-1, keepdim=True).clamp(min=LEAST))[:, :, None]
        half = self.down[0](given, next(pieces))
        h = self.down[1](half, next(pieces))
        for block in self.blocks:
            h = h + block(h, next(pieces))
        h = self.up(F.interpolate(h, size=half.shape[2:]), next(pieces))
        h = torch.cat([F.interpolate(h, size=given.shape[2:]), given], 1)
        return self.last(with_noise(h, next(pieces)))[:, :, 0]


def dct(x: Tensor, inverse: bool = False) -> Tensor:
    """Orthonormal cosine transform (type II) of the last axis, or its inverse (type III)."""
    matrix = cosines(x.shape[-1]).to(x)
    return x @ matrix if inverse else x @ matrix.T


@functools.lru_cache(maxsize=4)
def cosines(length: int) -> Tensor:
    """(L, L) float32: row k is the k-th cosine of unit length."""
    time, k = torch.arange(length, dtype=torch.double) + 0.5, torch.arange(length, dtype=torch.double)
    matrix = torch.cos(math.pi / length * k[:, None] * time) * math.sqrt(2 / length)
    matrix[0] /= math.sqrt(2)
    return matrix.float()


@torch.no_grad()
def draw_views(viewmaker: Viewmaker, x: Tensor, path: Path, views: int = 3) -> None:
    """Plot what was learned: for each window of x (n, L), the original, several views and their differences."""
    generator = torch.Generator().manual_seed(0)
    device = viewmaker.last.weight.device
    made = [viewmaker(x.to(device), viewmaker.draw_noise(len(x), x.shape[-1], generator)).cpu() for _ in range(views)]
    figure = new_figure((10, 1.9 * len(x)))
    axes = figure.subplots(len(x), 3, squeeze=False, sharex=True)
    time = torch.arange(x.shape[-1]) / 128
    for row, window in enumerate(x):
        axes[row, 0].plot(time, window, lw=0.7, color="black")
        for view in made:
            axes[row, 1].plot(time, view[row], lw=0.6, alpha=0.8)
            axes[row, 2].plot(time, view[row] - window, lw=0.6, alpha=0.8)
        for axis in axes[row, :2]:
            axis.set_ylim(float(window.min()) - 1, float(window.max()) + 1)
    for axis, title in zip(axes[0], ("window", f"{views} views", "difference"), strict=True):
        axis.set_title(title, fontsize=10)
    for axis in axes[-1]:
        axis.set_xlabel("s", fontsize=9)
    save(figure, path)
