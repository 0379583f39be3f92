"""Whether beats can be those of a heart: for a signal whose sampling rate was not given."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["implausible_at"]

SECONDS = 60.0  # that are looked at
SLOWEST, FASTEST = 40.0, 230.0  # beats a minute of people at rest and in effort
SLOW_AND_WIDE = (52.0, 0.14)  # beats a minute and seconds of a QRS complex that together are no heart's
REFRACTORY = 0.2  # seconds between two beats, at least


def implausible_at(x: NDArray[Any], fs: float) -> str | None:
    """What is implausible of the beats of a signal sampled at `fs`; None where they are plausible or none are found.

    The slope's magnitude, averaged over a tenth of a second, has a peak at each beat; peaks that do not stand out from
    what lies between them, or that come at no rhythm, are none.
    """
    y = x[: int(SECONDS * fs)].astype(np.float64)
    known = np.isfinite(y) & (np.abs(y) < 2.0**31 - 1)
    if np.count_nonzero(known) < 0.9 * len(y):
        return None
    slope = np.abs(np.diff(np.where(known, y, 0.0)))
    slope[~known[1:] | ~known[:-1]] = 0.0
    width = max(3, int(0.1 * fs))
    total = np.concatenate([[0.0], np.cumsum(slope)])
    envelope = (total[width:] - total[:-width]) / width
    peaks = peaks_of(envelope, int(REFRACTORY * fs))
    if len(peaks) < 4:
        return None
    intervals = np.diff(peaks) / fs
    usual = float(np.median(intervals))
    if np.median(np.abs(intervals - usual)) > 0.12 * usual:
        return None
    rate, wide = 60 / usual, qrs_width(envelope, peaks, fs) - width / fs
    if rate > FASTEST or rate < SLOWEST or (rate < SLOW_AND_WIDE[0] and wide > SLOW_AND_WIDE[1]):
        return f"the heart would beat {rate:.0f} times a minute"
    return None


def peaks_of(envelope: NDArray[np.float64], apart: int) -> NDArray[np.int64]:
    """Places of peaks that stand out, `apart` from each other at least."""
    high, middle = float(np.quantile(envelope, 0.985)), float(np.median(envelope))
    if not high > 4 * middle:
        return np.empty(0, np.int64)
    above = envelope > 0.4 * high
    edges = np.flatnonzero(np.diff(np.concatenate([[False], above, [False]])))
    places: list[int] = []
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        top = int(begin) + int(np.argmax(envelope[begin:end]))
        if places and top - places[-1] < apart:
            if envelope[top] > envelope[places[-1]]:
                places[-1] = top
        else:
            places.append(top)
    return np.array(places, np.int64)


def qrs_width(envelope: NDArray[np.float64], peaks: NDArray[np.int64], fs: float) -> float:
    """Seconds for which a peak is higher than a third of itself, usually."""
    widths = []
    for peak in peaks:
        low = envelope < envelope[peak] / 3
        before, after = np.flatnonzero(low[:peak]), np.flatnonzero(low[peak:])
        if len(before) and len(after):
            widths.append((peak + after[0] - before[-1]) / fs)
    return float(np.median(widths)) if widths else 0.0
