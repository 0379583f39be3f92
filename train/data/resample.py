"""Recordings of any rate as windows of 10 s at 128 Hz, by SciPy's polyphase filter, without the front end."""

from fractions import Fraction

import numpy as np

from edgeecg.constants import RATE, WINDOW


def resample(x: np.ndarray, fs: float) -> np.ndarray:
    """To 128 Hz by a polyphase filter: (..., n) -> float32."""
    from scipy.signal import resample_poly

    if fs == RATE:
        return np.asarray(x, np.float32)
    ratio = RATE / Fraction(fs).limit_denominator(1000)
    y = resample_poly(np.asarray(x, np.float64), ratio.numerator, ratio.denominator, axis=-1, padtype="line")
    return y.astype(np.float32)


def cut_windows(x: np.ndarray, hop: int = WINDOW) -> np.ndarray:
    """Windows (n, 1280) of a recording; a shorter one is filled up with its last value."""
    if len(x) < WINDOW:
        x = np.concatenate([x, np.repeat(x[-1:], WINDOW - len(x))])
    count = (len(x) - WINDOW) // hop + 1
    return np.stack([x[i * hop : i * hop + WINDOW] for i in range(count)])
