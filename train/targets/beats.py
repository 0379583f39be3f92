"""Heartbeats of every lead of the cache: where they are, and how each compares with its neighbors.

R peaks come from two detectors, sleepecg's and XQRS of the WFDB software. What one misses the other mostly finds, so
both are used; of peaks too close for two beats, the steepest counts. Each beat is measured against the median of the
beats around it, so a premature or wide beat stands out whatever the patient's own rhythm and QRS look like.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from edgeecg.constants import RATE
from edgeecg.errors import MissingDependencyError
from train.data.front_end import ZERO

BEFORE, AFTER = 32, 64  # samples of a beat around its R peak
QRS = slice(BEFORE - 12, BEFORE + 16)
GROUP = 30  # consecutive beats that share a template
NEIGHBORS = 9  # beats whose median RR interval is the local one
REFRACTORY = 32  # samples in which there is no second beat
STEEP = 0.35  # of the usual QRS: what rises and falls less is none


@dataclass(frozen=True)
class Beats:
    """One row a beat, (n,) each, in the order of `position`.

    `position` sample in the cache (int64); `rr` seconds since the beat before (0 for a lead's first); `ratio` that
    over the local median; `similarity` correlation of the QRS with the template; `width` seconds: root mean square
    distance of the QRS's slopes from the R peak; `amplitude` front-end units; `p_wave` deviation of the 80 to 220 ms
    before the R peak over the amplitude.
    """

    position: np.ndarray
    rr: np.ndarray
    ratio: np.ndarray
    similarity: np.ndarray
    width: np.ndarray
    amplitude: np.ndarray
    p_wave: np.ndarray


def find_beats(y: np.ndarray, offset: int = 0) -> Beats:
    """Beats of one lead, from the front end's bytes (n,) at 128 Hz; positions count from `offset`."""
    x = y.astype(np.float32) - ZERO
    peaks = find_peaks(x)
    if len(peaks) < 2:
        return Beats(*(np.zeros(0, np.int64 if f.name == "position" else np.float32) for f in fields(Beats)))
    segments = x[peaks[:, None] + np.arange(-BEFORE, AFTER)]
    rr = np.diff(peaks, prepend=peaks[0]) / RATE
    segments_qrs = segments[:, QRS]
    slope = np.square(np.diff(segments[:, BEFORE - 20 : BEFORE + 21], axis=1))
    time = np.arange(-20, 20) / RATE
    amplitude = np.ptp(segments_qrs, axis=1)
    width = np.sqrt((slope * time**2).sum(1) / np.maximum(slope.sum(1), 1e-6))
    p_wave = segments[:, BEFORE - 28 : BEFORE - 10].std(1) / np.maximum(amplitude, 1)
    ratio = np.where(rr > 0, rr / local_median(rr), 1.0)
    measures = (rr, ratio, similarity(segments_qrs), width, amplitude, p_wave)
    return Beats(peaks.astype(np.int64) + offset, *(m.astype(np.float32) for m in measures))


def find_peaks(x: np.ndarray) -> np.ndarray:
    """R peaks far enough from both ends to have a whole segment; none in a lead that is flat."""
    if len(x) < 3 * RATE or x.std() < 0.5:
        return np.zeros(0, np.int64)
    first, second = (align(x, p[(p >= BEFORE + 8) & (p < len(x) - AFTER - 8)]) for p in detect(x))
    return steepest(x, first, second)


def detect(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The QRS complexes found by sleepecg's detector and by XQRS of wfdb."""
    try:
        import sleepecg
        from wfdb.processing import XQRS
    except ImportError as error:
        raise MissingDependencyError("R peaks need sleepecg and wfdb: pip install 'edgeecg[train]'") from error
    x = x.astype(np.float64)
    xqrs = XQRS(sig=x, fs=RATE)
    xqrs.detect(verbose=False)
    return np.asarray(sleepecg.detect_heartbeats(x, RATE), np.int64), np.asarray(xqrs.qrs_inds, np.int64)


def steepest(x: np.ndarray, first: np.ndarray, second: np.ndarray, reach: int = 8) -> np.ndarray:
    """Of the peaks of two detectors those that are steep enough and no steeper one is near, ascending.

    Steepness is how far the signal goes up and down within `reach` samples; the usual one is that of the peaks both
    found.
    """
    peaks = np.union1d(first, second)
    if not len(peaks):
        return peaks
    change = np.abs(np.diff(x))
    steepness = change[peaks[:, None] + np.arange(-reach, reach)].sum(1)
    both = np.isin(peaks, first) & np.isin(peaks, second)
    usual = np.median(steepness[both] if both.any() else steepness)
    kept = np.zeros(len(peaks), bool)
    for i in np.argsort(-steepness, kind="stable"):
        if steepness[i] < STEEP * usual:
            break
        near = slice(*np.searchsorted(peaks, [peaks[i] - REFRACTORY, peaks[i] + REFRACTORY + 1]))
        kept[i] = not kept[near].any()
    return peaks[kept]


def align(x: np.ndarray, peaks: np.ndarray, reach: int = 6) -> np.ndarray:
    """Move each peak to the extreme near it, upwards or downwards as the lead's QRS mostly points."""
    if not len(peaks):
        return peaks
    around = x[peaks[:, None] + np.arange(-reach, reach + 1)]
    sign = 1.0 if np.median(around.max(1) + around.min(1)) >= 0 else -1.0
    return np.unique(peaks + np.argmax(sign * around, 1) - reach)


def local_median(rr: np.ndarray) -> np.ndarray:
    """Median of the RR intervals of the NEIGHBORS beats around each; the first beat's 0 is no interval."""
    padded = np.pad(np.where(rr > 0, rr, np.nan), NEIGHBORS // 2, constant_values=np.nan)
    return np.nanmedian(sliding_window_view(padded, NEIGHBORS), axis=1)


def similarity(qrs: np.ndarray) -> np.ndarray:
    """Correlation of each QRS (n, samples) with the median of its group of beats."""
    result = np.empty(len(qrs), np.float32)
    for group in np.array_split(np.arange(len(qrs)), max(1, len(qrs) // GROUP)):
        centered = qrs[group] - qrs[group].mean(1, keepdims=True)
        template = np.median(centered, axis=0)
        norm = np.linalg.norm(centered, axis=1) * np.linalg.norm(template)
        result[group] = centered @ template / np.maximum(norm, 1e-6)
    return result


def join(pieces: list[Beats]) -> Beats:
    return Beats(*(np.concatenate([getattr(p, f.name) for p in pieces]) for f in fields(Beats)))
