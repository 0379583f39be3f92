"""The sampling rate behind a column of times, and the rows that it says are lost.

Times may be rounded, arrive a packet at a time, jump and stop. Each time that differs from the one before it is an
anchor: between two anchors `dt` seconds pass and `dk` rows stand. Steps of the usual length tell the rate; a step that
is longer, behind which the clock stays ahead, is a gap.
"""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from ..constants import FASTEST, SLOWEST
from ..errors import InputError

__all__ = ["Clock", "clock_of", "fill"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
HORIZON = 16  # stretches in which a clock may come back from a jump, which then is no gap
WINDOW = 24  # anchors on each side of a gap that say how long it is
EARLY = 0.02  # part of the steps that may be too short in a clock that only has gaps
IMPOSSIBLE = 1e100  # seconds, whose square is still a number
COARSE = 0.5  # Hz: a rate that is not known better has to be given


@dataclasses.dataclass(frozen=True)
class Clock:
    """What a column of times says.

    Attributes
    ----------
    rate : float
        Hz; a whole number where one lies within what rounding and jitter allow.
    jitter : float
        Rows by which the usual step is longer or shorter than a regular one, at most.
    before, lost : ndarray of int64, shape (gaps,)
        So many samples are missing before these rows.
    uncertainty : float
        Hz.
    """

    rate: float
    jitter: float
    before: Integers
    lost: Integers
    uncertainty: float


def clock_of(times: Floats, where: str, rate: float | None = None) -> Clock:
    """Rate and gaps of a column of times.

    Parameters
    ----------
    times : ndarray, shape (n,)
        Seconds; NaN where nothing stands.
    where : str
        File and column, for the sentence.
    rate : float, optional
        Hz, where it is known better.

    Raises
    ------
    InputError
        Where the times do not rise, are not regular or too coarse to tell a rate.
    """
    rows = np.flatnonzero(np.isfinite(times))
    known = times[rows]
    if len(rows) < 2 or known[-1] <= known[0]:
        raise InputError(f"{where} do not rise: give the sampling rate with fs= (--fs)")
    if np.abs(known).max() > IMPOSSIBLE or known[-1] - known[0] < 1 / IMPOSSIBLE:
        raise InputError(f"{where} are no times: give the sampling rate with fs= (--fs)")
    regular = even_clock(rows, known)
    if regular is not None:
        return regular
    stretch = Anchors(*anchors(rows, known))
    stretch.fit(rate)
    if stretch.rate * (known[-1] - known[0]) > 6 * (rows[-1] - rows[0]) or stretch.rate > 1.5 * FASTEST:
        stretch = Anchors(*bursts(rows, known))  # packets, not gaps
        stretch.fit(rate)
    stretch.settle()
    before, lost, breaks = stretch.gaps()
    if stretch.spread > 0.5 * stretch.pace + 0.5 or (stretch.spread > 0.5 and len(lost) > 0.02 * len(rows)):
        raise InputError(f"{where} are not regular: give the sampling rate with fs= (--fs)")
    found, uncertainty, resolution = stretch.refined(before, lost, breaks)
    if not found > 0:
        raise InputError(f"{where} do not rise: give the sampling rate with fs= (--fs)")
    if rate is None and 0.3 * uncertainty > COARSE:
        raise InputError(f"{where} are too coarse to tell the sampling rate: give it with fs= (--fs)")
    found = snapped(found, max(uncertainty, resolution, 1e-6 * found))
    if rate is None and len(lost) > 0.1 * len(stretch.rows) and found != round(found, 1):
        raise InputError(f"{where} are not regular: give the sampling rate with fs= (--fs)")
    return Clock(found, stretch.spread, before.astype(np.int64), lost.astype(np.int64), uncertainty)


def even_clock(rows: Integers, known: Floats) -> Clock | None:
    """The clock of times that are all within a tenth of a row of regular ones: most are, and it is quick."""
    n, none = len(rows), np.empty(0, np.int64)
    if rows[-1] - rows[0] != n - 1:
        return None
    rate = (n - 1) / float(known[-1] - known[0])
    off = known - known[0]
    off *= rate
    off -= np.arange(n)
    largest = float(max(off.max(), -off.min()))
    if largest > 0.1:
        return None
    centered_rows = np.arange(n) - 0.5 * (n - 1)
    rate /= 1 + float(centered_rows @ off) / float(centered_rows @ centered_rows)  # least squares over all rows
    resolution = min(2 * largest / (n - 1), 5e-4) * rate + float(np.spacing(abs(known[-1]))) * rate * rate / n
    return Clock(snapped(rate, max(resolution, 1e-6 * rate)), largest, none, none, resolution)


def anchors(rows: Integers, known: Floats) -> tuple[Integers, Floats]:
    """The rows at which the time changes; of a coarse clock without the first, which is in the middle of its step."""
    new = np.concatenate([[True], known[1:] != known[:-1]])
    kept, times = rows[new], known[new]
    coarse = len(kept) > 3 and float(np.median(np.diff(kept))) > 1
    return (kept[1:], times[1:]) if coarse else (kept, times)


def bursts(rows: Integers, known: Floats) -> tuple[Integers, Floats]:
    """The first rows of packets, whose rows have times of their own that are those of the arrival."""
    mean = (known[-1] - known[0]) / (len(rows) - 1)
    new = np.concatenate([[True], np.diff(known) > 2 * mean])
    return (rows[new], known[new]) if np.count_nonzero(new) > 3 else (rows, known)


class Anchors:
    """Rows at which the time changes, and their times.

    Attributes
    ----------
    rate : float
        Hz by the steps of the usual length.
    pace : float
        Rows from one anchor to the next, usually.
    spread : float
        Rows that a step of the usual length differs from what the rate tells, at most (the 98th percentile).
    """

    def __init__(self, rows: Integers, known: Floats):
        self.rows, self.known = rows, known
        self.dt, self.dk = np.diff(known), np.diff(rows).astype(float)
        self.pace = float(np.median(self.dk))
        self.coarse = bool(np.mean(self.dk > 1) > 0.02)  # times that repeat are rounded by more than a row
        self.rate, self.spread = 0.0, 0.0

    def fit(self, given: float | None) -> None:
        """Find rate and spread; a given rate is taken where the steps are about its length."""
        length = self.dt / self.dk
        rising = length > 0
        usual = float(np.median(length[rising]))
        near = rising & (length > 0.4 * usual) & (length < 1.6 * usual)
        self.rate = float(self.dk[near].sum() / self.dt[near].sum())
        if given is not None and abs(given - self.rate) <= 0.05 * self.rate:
            self.rate = given
        for _ in range(5):
            beyond = self.deviation() - np.median(self.deviation())
            away = np.abs(beyond)
            near = away <= max(1.05 if self.coarse else 0.75, 6 * float(np.median(away)))
            if np.mean(~near & (beyond < 0)) > EARLY:  # packets come early too: no gaps but a clock that jumps
                near = away <= np.quantile(away, 0.98)
            if given != self.rate and near.any() and self.dt[near].sum() > 0:
                self.rate = float(self.dk[near].sum() / self.dt[near].sum())
        self.spread = float(np.quantile(np.abs(self.deviation()[near]), 0.98)) if near.any() else 0.0

    def deviation(self) -> Floats:
        """Rows by which each step is longer than the rows that stand there."""
        found: Floats = self.dt * self.rate - self.dk
        return found

    def steps(self) -> Integers:
        """Anchors to which the step is not of the usual length."""
        return np.flatnonzero(np.abs(self.deviation()) >= max(0.6, 1.35 * self.spread)) + 1

    def settle(self) -> None:
        """The rate anew, from whole stretches of usual steps: what a sum of rounded steps gives drifts."""
        none = np.empty(0, np.int64)
        found, _, _ = self.refined(none, none, self.steps())
        if abs(found - self.rate) <= 0.01 * self.rate:
            self.rate = found

    def gaps(self) -> tuple[Integers, Integers, Integers]:
        """(rows, samples lost before them, anchors at which the clock jumps otherwise)."""
        steps = self.steps()
        none = np.empty(0, np.int64)
        if not len(steps):
            return none, none, none
        ahead = (self.known - self.known[0]) * self.rate - (self.rows - self.rows[0])  # rows that the clock is ahead
        begin, end = np.concatenate([[0], steps]), np.concatenate([steps, [len(self.rows)]])
        width = WINDOW if self.spread > 0.1 else 1
        after = windowed(ahead, begin, np.minimum(end, begin + width))
        until = windowed(ahead, np.maximum(begin, end - width), end)
        jump = after[1:] - until[:-1]
        back = -jump[jump < -0.5]
        noise = 1.5 * float(np.quantile(back, 0.9)) if len(back) > 1 else 0.0
        stays = future_lowest(np.minimum(after, until))[1:] - past_highest(np.maximum(after, until))[:-1]
        lost = np.rint(np.minimum(jump, stays))
        kept = (lost >= 1) & (jump > noise)
        explained = kept & (np.abs(jump - lost) <= max(1.0, self.spread))
        return self.rows[steps[kept]], lost[kept].astype(np.int64), steps[~explained]

    def refined(self, before: Integers, lost: Integers, breaks: Integers) -> tuple[float, float, float]:
        """(Hz, its uncertainty, what rounded times allow) by least squares over rows as they stand without gaps, each
        stretch between two breaks on its own.
        """
        place = self.rows + np.concatenate([[0], np.cumsum(lost)])[np.searchsorted(before, self.rows, "right")]
        edges = np.concatenate([[0], breaks, [len(place)]])
        group = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
        x, y = centered((place - place[0]).astype(float), group), centered(self.known - self.known[0], group)
        square = float(x @ x)
        step = float(x @ y) / square if square else 0.0
        if step <= 0:
            return 0.0, 0.0, 0.0
        residual = y - x * step
        error = float(np.sqrt(residual @ residual / max(1, len(x) - len(edges)) / square))
        largest = float(np.abs(residual).max()) + float(np.spacing(np.abs(self.known).max()))
        return 1 / step, 8 * error / step / step, min(2 * largest / float(np.ptp(y)), 5e-4) / step


def centered(values: Floats, group: Integers) -> Floats:
    """Values less the mean of their group."""
    mean: Floats = np.bincount(group, values) / np.bincount(group)
    return values - mean[group]


def windowed(values: Floats, begin: Integers, end: Integers) -> Floats:
    """Mean of values[begin:end] for each pair."""
    if np.all(end - begin == 1):
        return values[begin]
    total = np.concatenate([[0.0], np.cumsum(values)])
    found: Floats = (total[end] - total[begin]) / (end - begin)
    return found


def future_lowest(level: Floats) -> Floats:
    """The lowest of each level and those that follow it."""
    padded = np.concatenate([level, np.full(HORIZON - 1, np.inf)])
    found: Floats = np.lib.stride_tricks.sliding_window_view(padded, HORIZON).min(axis=1)
    return found


def past_highest(level: Floats) -> Floats:
    """The highest of each level and those before it."""
    return -future_lowest(-level[::-1])[::-1]


def snapped(rate: float, uncertainty: float) -> float:
    """The whole number of Hz, else the tenth, that is within the uncertainty."""
    for scale in (1, 2, 10):
        nearest = round(rate * scale) / scale
        if nearest and abs(nearest - rate) <= uncertainty / scale:
            return nearest
    return rate


def plausible(rate: float) -> bool:
    """Whether an ECG may have this rate."""
    return SLOWEST <= rate <= FASTEST


def fill(samples: npt.NDArray[Any], before: Integers, lost: Integers, missing: float) -> npt.NDArray[Any]:
    """Samples with `missing` ones where rows are lost."""
    return np.insert(samples, np.repeat(before, lost), missing) if len(before) else samples
