"""What the other leads of a recording show: from one lead, the heart that all leads look at.

The target of a window of PTB-XL is the mean beat of every lead of its record over the same ten seconds, as principal
components. Where a lead's own beat says little (an anterior infarct in lead I), this asks for what goes with it.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from train.data import Cache
from train.targets.statistics import BeatTargets

CORPUS = "ptbxl"  # records of 10 s, all with the same leads
COMPONENTS = 48


@dataclass(frozen=True)
class Leads:
    """`number` (rows of the cache,) of the record's target or -1; `target` (records, COMPONENTS) of unit variance;
    `share` (COMPONENTS,) the deviation each component had, over their mean."""

    number: np.ndarray
    target: np.ndarray
    share: np.ndarray

    def of(self, row: np.ndarray) -> tuple[Tensor, Tensor]:
        """(N, COMPONENTS) targets of rows of the cache, and (N,) whether there is one."""
        number = self.number[row]
        return torch.from_numpy(self.target[np.maximum(number, 0)]), torch.from_numpy(number >= 0)


def lead_targets(cache: Cache, beats: BeatTargets) -> Leads:
    """Targets of every record of CORPUS; none where the cache has too few of them."""
    number = np.full(len(cache.index["start"]), -1)
    rows = np.flatnonzero(cache.index["set"] == CORPUS)
    names, record, leads = np.unique(cache.index["record"][rows], return_inverse=True, return_counts=True)
    if len(names) < COMPONENTS or len(set(leads)) != 1:
        return Leads(number, np.zeros((1, COMPONENTS), np.float32), np.ones(COMPONENTS, np.float32))
    start = cache.index["start"][rows[np.argsort(record, kind="stable")]].astype(np.int64)
    beat = np.concatenate([beats.mean_beat(piece).numpy() for piece in np.array_split(start, -(-len(start) // 1024))])
    beat = (beat / (np.abs(beat).max(1, keepdims=True) + 0.5)).reshape(len(names), -1)  # each lead counts alike
    left, singular, _ = np.linalg.svd(beat - beat.mean(0), full_matrices=False)
    number[rows] = record
    share = singular[:COMPONENTS] / singular[:COMPONENTS].mean()
    return Leads(number, (left[:, :COMPONENTS] * np.sqrt(len(names))).astype(np.float32), share.astype(np.float32))
