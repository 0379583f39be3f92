"""What runtimes without a front end are given. Imports NumPy alone: they may run where there is nothing else."""

from pathlib import Path

import numpy as np


def network_input(folder: Path, work: str) -> np.ndarray:
    """(windows, 1280) float32 of the work: "one" (a single window), "batch" (256 windows) or "hour" (360 in a row)."""
    x = np.load(folder / "input.npy")
    return {"one": x[:1], "batch": x, "hour": np.concatenate([x, x])[:360]}[work].copy()


def calibration_rows(folder: Path, n: int = 16) -> list[np.ndarray]:
    """Windows for calibration, (1, 1280) each."""
    return list(np.load(folder / "input.npy")[:n, None])
