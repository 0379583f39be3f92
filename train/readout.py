"""The last linear layer of a trained encoder, put together so that a small linear probe finds what it needs.

A probe that is fitted on few patients learns them by heart where the embedding's largest directions tell patients apart
and what it should learn is spread over many small ones. So each of the heads' most telling numbers gets a dimension of
its own, and the others are the linear discriminants of people (Fisher, "The use of multiple measurements in taxonomic
problems", 1936): directions of the pooled features in which two windows of a recording agree and different people differ.
Nobody's label takes part: pairs of windows within 30 s of a recording stand for a person.
"""

import numpy as np
import torch
from scipy.linalg import eigh
from torch import Tensor, nn

from train.data.front import to_input
from train.nets import Encoder
from train.nets.spec import WINDOW
from train.targets import STATISTICS
from train.targets.heads import Heads

# What gets a dimension: many measures of premature beats, which hardly move where there are none, and the most telling
# others. Each number more helps its task and blurs who it is (docs/results/quality.md).
NUMBERS = (
    *(name for name in STATISTICS if name.startswith("alike_")),
    "unlike_10", "unlike_sum", "early_most", "size_most", "unlike_early", "qrs_strangest",
    "rr_change_50ms", "rr_deviation", "rr_successive", "rr_scatter",
    "p_wave_mean", "p_range", "p_size", "p_repeats", "amplitude",
)  # fmt: skip
PAIRS = 6000
WITHIN = 0.05  # of the mean variance within people, added to each: keeps what was met in few people small


def assemble(encoder: Encoder, pooled: nn.BatchNorm1d, heads: Heads, first: Tensor, second: Tensor) -> None:
    """Replaces `encoder.linear`. `first`, `second` (N, features): pooled features of pairs of windows of one person."""
    kept = [STATISTICS.index(name) for name in NUMBERS]
    rows, bias = (p.detach()[kept] for p in (heads.linear["statistics"].weight, heads.linear["statistics"].bias))
    deviation = (pooled.running_var + pooled.eps).sqrt()
    first, second = ((z - pooled.running_mean) / deviation for z in (first, second))
    count = encoder.linear.out_features - len(rows)
    if count < 1:
        raise ValueError(f"{len(rows)} numbers leave no dimension of {encoder.linear.out_features} to tell people apart")
    directions = torch.from_numpy(discriminants(first.double().numpy(), second.double().numpy(), count))
    weight = torch.cat([rows, directions.T.to(rows.dtype)]) / deviation
    offset = torch.cat([bias, torch.zeros(count)]) - weight @ pooled.running_mean
    with torch.no_grad():
        encoder.linear.weight.copy_(weight)
        encoder.linear.bias.copy_(offset)


def discriminants(first: np.ndarray, second: np.ndarray, count: int) -> np.ndarray:
    """(features, count): the directions with the largest total variance over that within pairs, the best one first."""
    within = np.cov(first - second, rowvar=False) / 2
    total = np.cov(np.concatenate([first, second]), rowvar=False)
    within += max(WITHIN * np.trace(within) / len(within), 1e-6) * np.eye(len(within))
    return np.ascontiguousarray(eigh(total, within)[1][:, ::-1][:, :count])


@torch.no_grad()
def pair_features(encoder: Encoder, samples: np.ndarray, start: np.ndarray) -> Tensor:
    """Pooled features of the windows that start at samples `start` (N,) of the cache: (N, features)."""
    encoder.eval()
    pieces = np.array_split(start, max(1, len(start) // 256))
    windows = (to_input(torch.from_numpy(samples[p[:, None] + np.arange(WINDOW)])) for p in pieces)
    return torch.cat([encoder.pool(encoder.tensors(x)[-1][:, :, 0]) for x in windows])
