"""The last linear layer of a trained encoder, assembled so that a small linear probe finds what it needs.

A probe fitted on few patients overfits if the embedding separates patients and spreads what the probe should learn over
many dimensions. So the most informative statistics of the heads get one dimension each. The other dimensions hold the
contrastive embedding: its principal axes, after shrinking directions that vary between two windows of one recording
(the square root of Hatch and Stolcke's within-class covariance normalization, Interspeech 2006), randomly rotated so
that standardizing each dimension does not inflate small axes. No label is used: pairs of windows within 30 s are a
class.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from edgeecg.constants import WINDOW
from edgeecg.model import LEVELS
from train.data.front_end import to_input
from train.nets import Encoder
from train.targets import SIGNAL, STATISTICS
from train.targets.heads import Heads

# Statistics with a dimension of their own: many measures of premature beats, which hardly vary without such beats, and
# the most informative others. Each helps its task and costs identity (docs/experiments/002-assembled-last-layer.md).
NUMBERS = (
    *(name for name in STATISTICS if name.startswith("alike_")),
    "unlike_10",
    "unlike_sum",
    "unlike_most",
    "early_most",
    "size_most",
    "unlike_early",
    "qrs_strangest",
    "rr_change_50ms",
    "rr_deviation",
    "rr_successive",
    "rr_scatter",
    "p_wave_mean",
    "p_range",
    "p_size",
    "p_repeats",
    "amplitude",
)
# added if at least half of the dimensions remain contrastive
MORE = ("rr_15", "rr_scatter_share", "similarity_mean", "p_strange")
SIGNALS = range(SIGNAL)  # the spectrum and evenness of the view as it is: noise included
PAIRS = 8000
CONTRAST = 2.0  # standard deviation of the contrastive embedding relative to the pooled features
FLOOR = 0.05  # fraction of the mean variance within pairs, added to that of each direction


@torch.no_grad()
def assemble(
    encoder: Encoder, pooled: nn.BatchNorm1d, heads: Heads, first: Tensor, second: Tensor, levels: bool
) -> dict[str, list[int]]:
    """Replace `encoder.linear`. With `levels` three dimensions stay free for the levels, as the spec then states.

    Returns the dimensions of each group: the first, and the one after the last.
    `first`, `second` (N, features): pooled features of pairs of windows of one recording.
    """
    dim = encoder.linear.out_features - levels * len(LEVELS)
    names = (*NUMBERS, *MORE)
    if 2 * (len(names) + len(SIGNALS) + 1) > dim:
        names = NUMBERS
    kept = {"statistics": [STATISTICS.index(name) for name in names], "signal": list(SIGNALS), "noise": [0]}
    weight = torch.cat([heads.linear[name].weight[rows] for name, rows in kept.items()])
    bias = torch.cat([heads.linear[name].bias[rows] for name, rows in kept.items()])
    count = dim - len(weight)
    if count < 1:
        raise ValueError(f"{len(weight)} numbers leave none of the {dim} dimensions to the contrast")
    standard = 1 / (pooled.running_var + pooled.eps).sqrt()
    embedded = encoder.linear(torch.cat([first, second]))
    share = CONTRAST / embedded.std(0).square().sum().sqrt()
    both = torch.cat([torch.diag(standard) / len(standard) ** 0.5, share * encoder.linear.weight])
    turn = steady_axes(*((z @ both.T).double().numpy() for z in (first, second)), count)
    weight = torch.cat([weight * standard, torch.from_numpy(turn).to(weight.dtype) @ both])
    bias = torch.cat([bias, torch.zeros(count)]) - weight @ pooled.running_mean
    encoder.linear = nn.Linear(encoder.linear.in_features, dim)
    encoder.linear.bias.copy_(bias)
    encoder.linear.weight.copy_(weight)
    encoder.spec = replace(encoder.spec, head=replace(encoder.spec.head, dim=dim, levels=levels))
    sizes = {name: len(rows) for name, rows in kept.items()} | {"contrast": count, "levels": levels * len(LEVELS)}
    ends = np.cumsum(list(sizes.values())).tolist()
    return {name: [end - size, end] for (name, size), end in zip(sizes.items(), ends, strict=True) if size}


def steady_axes(first: np.ndarray, second: np.ndarray, count: int) -> np.ndarray:
    """(count, dim): rows that map an embedding to its `count` principal axes, shrunk where pairs vary."""
    within, directions = np.linalg.eigh(np.cov(first - second, rowvar=False) / 2)
    smaller = (directions * (within + max(FLOOR * within.mean(), 1e-9)) ** -0.25) @ directions.T
    axes = np.linalg.eigh(np.cov(np.concatenate([first, second]) @ smaller, rowvar=False))[1][:, ::-1][:, :count]
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((count, count)))[0]
    return turn @ axes.T @ smaller


@torch.no_grad()
def pair_features(encoder: Encoder, samples: np.ndarray, start: np.ndarray) -> Tensor:
    """Pooled features of the windows that start at samples `start` (N,) of the cache: (N, features)."""
    encoder.eval()
    pieces = np.array_split(start, max(1, len(start) // 256))
    windows = (to_input(torch.from_numpy(samples[p[:, None] + np.arange(WINDOW)])) for p in pieces)
    return torch.cat([encoder.pool(encoder.tensors(x)[-1][:, :, 0]) for x in windows])
