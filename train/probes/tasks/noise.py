"""Tasks on recorded noise: its kind, and its level."""

from pathlib import Path

import numpy as np

from train.data.noise import NOISES, noise_millivolts
from train.probes.tasks.base import Task, Windows
from train.probes.tasks.ptbxl import ptbxl_windows

SNRS = (24, 12, 6, 0)  # dB


def noise(data: Path, what: str) -> Task:
    """Windows of PTB-XL, lead II, with noise of nstdb: "type" (none or one of three, 6 dB) or "snr" (24, 12, 6, 0 dB).

    Patients are halved, and so are the noises' second halves (the first ones belong to training): neither the hearts
    nor the noise of the test were met by the probe.
    """
    signal, _, patient = ptbxl_windows(data, 1)
    pieces = [noise_millivolts(data, name) for name in NOISES]
    second = np.random.default_rng(0).permutation(np.unique(patient))[: len(np.unique(patient)) // 2]
    sides = []
    for number, rows in enumerate((~np.isin(patient, second), np.isin(patient, second))):
        rng = np.random.default_rng(number)
        quarter = [
            piece[:, piece.shape[1] * (2 + number) // 4 : piece.shape[1] * (3 + number) // 4] for piece in pieces
        ]
        x, label = signal[rows], rng.integers(len(NOISES) + 1 if what == "type" else len(SNRS), size=int(rows.sum()))
        kind = label - 1 if what == "type" else rng.integers(len(NOISES), size=len(x))
        decibel = np.full(len(x), 6) if what == "type" else np.array(SNRS)[label]
        noisy = [with_noise(w, quarter[k], d, rng) if k >= 0 else w for w, k, d in zip(x, kind, decibel, strict=True)]
        sides.append(Windows(np.stack(noisy).astype(np.float32), label, patient[rows]))
    return Task(*sides)


def with_noise(window: np.ndarray, piece: np.ndarray, decibel: float, rng: np.random.Generator) -> np.ndarray:
    """Add a random segment of a random lead of `piece` (leads, samples), at a signal-to-noise ratio."""
    start = rng.integers(piece.shape[1] - len(window) + 1)
    added = piece[rng.integers(len(piece)), start : start + len(window)]
    added = added - added.mean()
    return window + added * (window.std() / max(float(added.std()), 1e-9)) * 10 ** (-decibel / 20)
