"""Which windows a step of the recipe sees: sampling weights, and which window makes a pair with each."""

import numpy as np
import torch

from edgeecg.constants import WINDOW
from edgeecg.errors import InputError
from train.data import Cache
from train.data.positives import RowGroups, recordings
from train.targets import Bank

# Fraction of the windows by corpus; other corpora get 0.05. Sampled by hours, cinc2018 and qtdb would crowd out the
# 12-lead recordings, which hold most patients and diagnoses.
SHARES = {"ptbxl": 0.33, "cinc2018": 0.25, "mitdb": 0.15, "qtdb": 0.12, "challenge2011": 0.09, "cinc2017": 0.06}
EVENTFUL = 3.0  # a window with a premature beat is drawn this many times as often as another of its corpus
PREMATURE = 0.85  # of the local median interval


class WeightedWindowSampler:
    """Draws windows near the grid of the bank. `kept` (leads,) bool: the rows of the cache that may be drawn.

    `copies`: how many times over the cache holds all its leads (train/views/rhythm_cache.py: 2).
    """

    def __init__(self, cache: Cache, bank: Bank, kept: np.ndarray, copies: int = 1):
        self.bank = bank
        self.first = cache.index["start"].astype(np.int64)
        self.length = cache.index["length"].astype(np.int64)
        self.patient = cache.patients()
        rows = np.arange(len(self.first))
        copy = (rows * copies // len(rows)).astype(str)
        self.recording = RowGroups(np.char.add(recordings(cache, rows), np.char.add("/", copy)))
        of_set = cache.index["set"][bank.row]
        weight, often = np.zeros(len(bank.row)), np.where(self.eventful(), EVENTFUL, 1.0)
        for name in np.unique(of_set):
            rows = (of_set == name) & kept[bank.row]
            weight[rows] = SHARES.get(str(name), 0.05) * often[rows] / max(1, often[rows].sum())
        if not weight.any():
            raise InputError("no recording of at least 10 s to train on")
        self.weight = weight

    def eventful(self) -> np.ndarray:
        """Whether a premature beat lies in each window of the grid."""
        beats = self.bank.beats
        early = beats.position[(beats.rr > 0) & (beats.ratio < PREMATURE)]
        low, high = np.searchsorted(early, [self.bank.start, self.bank.start + WINDOW])
        return high > low

    def draw(
        self, count: int, margin: int, neighbors: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rows (N,) and starts (2 N,) of first and second crops; with a margin only where the signal goes on."""
        weight = np.where(self.length[self.bank.row] >= WINDOW + 2 * margin, self.weight, 0.0)
        at = np.searchsorted(np.cumsum(weight), rng.random(count) * weight.sum(), side="right").clip(
            max=len(weight) - 1
        )
        row = self.bank.row[at]
        low, high = self.first[row] + margin, self.first[row] + self.length[row] - WINDOW - margin
        first = np.clip(self.bank.start[at] + rng.integers(-192, 193, count), low, high)
        far = rng.random(count) < neighbors
        move = np.where(far, rng.integers(-3840, 3841, count), rng.integers(-48, 49, count))
        return row, np.concatenate([first, np.clip(first + move, low, high)])

    def other_leads(self, row: np.ndarray, start: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
        """Starts (N,) where a share of the windows `start` of `row` is the same moment of another lead of its
        recording.
        """
        if not share:
            return start
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        other = self.recording.other(torch.from_numpy(row), generator).numpy()
        return np.where(rng.random(len(row)) < share, start - self.first[row] + self.first[other], start)
