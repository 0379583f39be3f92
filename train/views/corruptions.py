"""Disturbances of a recording: each is a list of steps, from mild to severe, of windows (n, 1280) in mV."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from edgeecg.constants import RATE
from edgeecg.errors import InputError
from train.data.corpora import find_folder
from train.data.noise import NOISES, noise_millivolts

RAIL = 5.0  # mV: where an amplifier stops when its electrode is off
Change = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


def draw_noise(x: np.ndarray, noise: np.ndarray, decibel: float, rng: np.random.Generator) -> np.ndarray:
    """A random segment of a random noise for each row, scaled to the signal-to-noise ratio."""
    kind = rng.integers(len(noise), size=len(x))
    start = rng.integers(noise.shape[1] - x.shape[1], size=len(x))
    piece = noise[kind[:, None], start[:, None] + np.arange(x.shape[1])]
    size = x.std(1, keepdims=True) / np.maximum(piece.std(1, keepdims=True), 1e-9)
    return piece * size * 10 ** (-decibel / 20)


def second_halves(data: Path, kinds: tuple[str, ...] = NOISES) -> np.ndarray | None:
    """The leads of these noises from the middle on: (leads, samples) mV at 128 Hz; None where nstdb is not there."""
    if find_folder(data, "nstdb") is None:
        return None
    halves = [lead[len(lead) // 2 :] for kind in kinds for lead in noise_millivolts(data, kind)]
    return np.stack([half[: min(map(len, halves))] for half in halves])


def noisy(x: np.ndarray, decibel: float, rng: np.random.Generator, noise: np.ndarray) -> np.ndarray:
    """Recorded noise, a random segment of a random lead per window, at an SNR of standard deviations (dB)."""
    return x + draw_noise(x, noise, decibel, rng)


def lead_off(x: np.ndarray, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """One segment of each window at the rail."""
    size = round(seconds * RATE)
    start = rng.integers(0, x.shape[1] - size + 1, (len(x), 1))
    time = np.arange(x.shape[1])
    return np.where((time >= start) & (time < start + size), RAIL, x)


def clipped(x: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Limits at a share of the largest distance from the window's median, on both sides."""
    middle = np.median(x, 1, keepdims=True)
    limit = share * np.abs(x - middle).max(1, keepdims=True)
    return middle + np.clip(x - middle, -limit, limit)


def resampled(x: np.ndarray, fs: float, rng: np.random.Generator) -> np.ndarray:
    """Recorded at a lower rate (Hz) and resampled to 128 Hz: frequencies above half the rate are gone."""
    from scipy.signal import resample_poly

    y = resample_poly(x, int(fs), RATE, axis=1, padtype="line")
    return resample_poly(y, RATE, int(fs), axis=1, padtype="line")[:, : x.shape[1]]


def quantized(x: np.ndarray, step: float, rng: np.random.Generator) -> np.ndarray:
    """Rounded to steps of this many microvolts."""
    return np.round(x * 1000.0 / step) * step / 1000.0


PLAIN: dict[str, tuple[tuple[float, ...], Change]] = {
    "lead off, s": ((1, 2, 4, 8), lead_off),
    "clipping at share of peak": ((0.75, 0.5, 0.25, 0.1), clipped),
    "sampling rate, Hz": ((100, 64, 50, 32), resampled),
    "amplitude step, uV": ((10, 50, 100, 200, 500), quantized),
}
NOISES = {"em": "electrode motion", "ma": "muscle", "bw": "baseline wander"}
SNRS = (24, 12, 6, 0, -6)


def corruptions(noise: dict[str, np.ndarray]) -> dict[str, tuple[tuple[float, ...], Change]]:
    """Title -> (steps, change); `noise` (leads, samples) mV by its name in nstdb."""
    recorded = {f"{NOISES[kind]} noise, dB": (SNRS, partial(noisy, noise=leads)) for kind, leads in noise.items()}
    return recorded | PLAIN


def corrupted(
    x: np.ndarray, steps: tuple[float, ...], change: Change, seed: int = 0
) -> Iterator[tuple[float, np.ndarray]]:
    """(step, windows float32); the random draws are the same for every feature."""
    if x.ndim != 2:
        raise InputError("windows are rows")
    for number, step in enumerate(steps):
        yield step, change(x.astype(np.float64), step, np.random.default_rng([seed, number])).astype(np.float32)
