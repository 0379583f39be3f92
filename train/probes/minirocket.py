"""MiniRocket features: 84 fixed kernels, dilated, pooled by the proportion of positive values.

Dempster, Schmidt, Webb: MiniRocket: a very fast (almost) deterministic transform for time series classification,
KDD 2021. A baseline of the probe bench.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from edgeecg._compiled import compiled

TRIPLES = np.array(list(combinations(range(9), 3)), np.int64)  # where a kernel has weight 2; -1 elsewhere
GOLDEN = (np.sqrt(5) + 1) / 2


@dataclass(frozen=True)
class MiniRocket:
    """`dilations` (d,), `counts` (d,) features of each kernel at each dilation, `biases` (features,) float32."""

    dilations: np.ndarray
    counts: np.ndarray
    biases: np.ndarray

    @classmethod
    def fit(cls, windows: np.ndarray, features: int = 2000, seed: int = 0) -> "MiniRocket":
        """Biases are quantiles of the response of windows (N, L) drawn at random."""
        rng = np.random.default_rng(seed)
        per_kernel = max(1, features // len(TRIPLES))
        steps = 2 ** np.linspace(0, np.log2((windows.shape[1] - 1) / 8), min(per_kernel, 32))
        dilations, counts = np.unique(steps.astype(np.int64), return_counts=True)
        counts = np.floor(counts * per_kernel / counts.sum()).astype(np.int64)
        for place in range(per_kernel - counts.sum()):
            counts[place % len(counts)] += 1
        quantiles = (np.arange(1, len(TRIPLES) * per_kernel + 1) * GOLDEN) % 1
        biases, at = np.empty(len(quantiles), np.float32), 0
        for dilation, count in zip(dilations, counts, strict=True):
            for triple in TRIPLES:
                window = standardize(windows[rng.integers(len(windows))][None])[0]
                biases[at : at + count] = np.quantile(response(window, triple, dilation), quantiles[at : at + count])
                at += count
        return cls(dilations, counts, biases)

    def transform(self, windows: np.ndarray) -> np.ndarray:
        """(N, L) -> (N, features) float32."""
        out = np.empty((len(windows), len(self.biases)), np.float32)
        for start in range(0, len(windows), 1024):
            piece = standardize(windows[start : start + 1024])
            transform(piece, self.dilations, self.counts, self.biases, TRIPLES, out[start : start + 1024])
        return out


def standardize(windows: np.ndarray) -> np.ndarray:
    x = np.asarray(windows, np.float32)
    return (x - x.mean(1, keepdims=True)) / (x.std(1, keepdims=True) + 1e-6)


@compiled(fastmath=True, boundscheck=False)
def shifts(window, dilation, taps, total):
    """The window moved to each of the nine taps, zero outside, and minus their sum."""
    length = len(window)
    total[:] = 0
    for tap in range(9):
        move = (tap - 4) * dilation
        low, high = max(0, -move), min(length, length - move)
        taps[tap, :] = 0
        for i in range(low, high):
            taps[tap, i] = 3 * window[i + move]
        for i in range(low, high):
            total[i] -= window[i + move]


@compiled()
def response(window, triple, dilation):
    taps, total = np.empty((9, len(window)), np.float32), np.empty(len(window), np.float32)
    shifts(window, dilation, taps, total)
    return total + taps[triple[0]] + taps[triple[1]] + taps[triple[2]]


@compiled(fastmath=True, boundscheck=False)
def positive(values, bias, low, high):
    count = np.int32(0)
    for i in range(low, high):
        count += np.int32(values[i] > bias)
    return count / np.float32(high - low)


@compiled(fastmath=True, boundscheck=False)
def transform(windows, dilations, counts, biases, triples, out):
    length = windows.shape[1]
    taps, total = np.empty((9, length), np.float32), np.empty(length, np.float32)
    values = np.empty(length, np.float32)
    for n in range(len(windows)):
        at = 0
        for d in range(len(dilations)):
            shifts(windows[n], dilations[d], taps, total)
            margin = 4 * dilations[d]
            for k in range(len(triples)):
                a, b, c = taps[triples[k, 0]], taps[triples[k, 1]], taps[triples[k, 2]]
                for i in range(length):
                    values[i] = total[i] + a[i] + b[i] + c[i]
                whole = (d + k) % 2 == 0  # every other kernel sees the zeros around the window
                low, high = (0, length) if whole else (margin, length - margin)
                for _f in range(counts[d]):
                    out[n, at] = positive(values, biases[at], low, high)
                    at += 1
