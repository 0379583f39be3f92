"""A viewmaker: a network that learns bounded perturbations of an ECG that are hardest for the encoder.

Tamkin, Wu, Goodman, "Viewmaker Networks: Learning Views for Unsupervised Representation Learning", ICLR 2021. The
network y = f(x, noise) gives the view x + d with d = tanh(y) eps s / mean|tanh(y)|, so that mean|d| = eps s for any
weights: the L1 budget; s is the window's largest absolute value. A noise channel enters at each stage. Noise channels
alone leave two views of a window almost alike (two perturbations correlated .95, because the network reads the window
and hardly uses the noise), so tanh(y) is also multiplied by a slow random curve around 0. Which of its features are
added, subtracted or left out is then random in each view, for any weights. Encoder and viewmaker train in the same
step: the gradient that reaches the viewmaker is reversed (Ganin and Lempitsky, "Unsupervised Domain Adaptation by
Backpropagation", ICML 2015), so it climbs the loss that the encoder descends.

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
SLOW = 32  # samples (or cosines) from one number of the random curve to the next
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
        self.options, self.leads = options, leads
        width, wide = options.width, 2 * options.width
        self.down = nn.ModuleList([Stage(leads, width, 9, 4), Stage(width, wide, 5, 2)])
        self.blocks = nn.ModuleList([Stage(wide, wide, 3) for _ in range(options.blocks)])
        self.up = Stage(wide, width, 5)
        self.last = convolution(width + leads + 1, leads, 9)
        self.to(memory_format=torch.channels_last)

    def draw_noise(self, count: int, length: int, generator: torch.Generator) -> Tensor:
        """Uniform noise for views of `count` windows: one row a window, that of all stages and of the curves in it."""
        return torch.rand(count, sum(self.lengths(length)) + self.leads * knots(length), generator=generator)

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
        stages, curves = noise.split([sum(self.lengths(x.shape[-1])), self.leads * knots(x.shape[-1])], 1)
        inside = torch.tanh(self.network(dct(leads) if self.options.domain == "dct" else leads, stages))
        inside = inside * slow_curve(curves.unflatten(1, (self.leads, -1)), x.shape[-1])
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


def knots(length: int) -> int:
    return -(-length // SLOW) + 1


def slow_curve(noise: Tensor, length: int) -> Tensor:
    """Uniform noise (N, leads, knots) as curves (N, leads, length) around 0, straight from one number to the next."""
    curve = F.interpolate(noise - 0.5, size=SLOW * (noise.shape[-1] - 1) + 1, mode="linear", align_corners=True)
    return curve[..., :length]


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
def likeness(viewmaker: Viewmaker, x: Tensor, draws: int = 30) -> tuple[Tensor, Tensor]:
    """Views (draws, N, ...) of windows x (N, ...) and |correlation| (pairs, N, leads) of every two perturbations."""
    generator, device = torch.Generator().manual_seed(0), viewmaker.last.weight.device
    drawn = [viewmaker.draw_noise(len(x), x.shape[-1], generator).to(device) for _ in range(draws)]
    x = x.to(device)
    views = torch.stack([viewmaker(x, noise) for noise in drawn]).cpu()
    made = (
        torch.stack([viewmaker.perturbation(x, noise) for noise in drawn]).cpu().reshape(draws, len(x), -1, x.shape[-1])
    )
    made = F.normalize(made - made.mean(-1, keepdim=True), dim=-1)
    first, second = torch.triu_indices(draws, draws, 1)
    return views, (made[first] * made[second]).sum(-1).abs()


def draw_views(viewmaker: Viewmaker, x: Tensor, path: Path) -> float:
    """Plot what was learned: for each window of x (n, L) or (n, leads, L), of which the first lead is shown, the
    original, many views of it, their differences and correlations. Returns the median |correlation| of two draws.
    """
    made, alike = likeness(viewmaker, x)
    x, made = x.reshape(len(x), -1, x.shape[-1])[:, 0], made.reshape(*made.shape[:2], -1, made.shape[-1])[:, :, 0]
    figure = new_figure((12, 1.9 * len(x)))
    axes = figure.subplots(len(x), 4, squeeze=False, width_ratios=[3, 3, 3, 2])
    time = torch.arange(x.shape[-1]) / 128
    for row, window in enumerate(x):
        axes[row, 0].plot(time, window, lw=0.7, color="black")
        for number, view in enumerate(made[:, row]):
            axes[row, 1].plot(time, view, lw=0.4, alpha=0.3, color="C0")
            axes[row, 2].plot(
                time, view - window, lw=0.5, alpha=0.9 if number < 2 else 0.15, color=f"C{min(number, 2)}"
            )
        axes[row, 3].hist(alike[:, row].flatten().numpy(), bins=20, range=(0, 1), color="C0")
        axes[row, 3].axvline(float(alike[:, row].median()), color="C3", lw=1)
        for axis in axes[row, :2]:
            axis.set_ylim(float(window.min()) - 1, float(window.max()) + 1)
    titles = ("window", f"{len(made)} views", "differences, two of them in color", "|correlation| of two differences")
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=10)
    for axis in axes[-1, :3]:
        axis.set_xlabel("s", fontsize=9)
    save(figure, path)
    return float(alike.median())
