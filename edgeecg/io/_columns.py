"""What a column of numbers is, by its values: a signal, a clock or count, or labels and constants."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Counter", "counter_of", "is_constant", "only_rises"]

Floats = npt.NDArray[np.float64]
ENOUGH = 15  # steps up and none down that make a column a clock: no ECG rises so long
FEW = 6  # different whole numbers in long runs are labels, not volts


@dataclasses.dataclass(frozen=True)
class Counter:
    """Sample numbers: `lost` (gaps,) samples are missing `before` (gaps,) these rows."""

    before: npt.NDArray[np.int64]
    lost: npt.NDArray[np.int64]


def only_rises(values: Floats) -> bool:
    """Whether a column can only be a clock or a count, whatever it is called: rounded, with jitter, gaps or blanks."""
    steps = np.diff(values[np.isfinite(values)])
    return int(np.count_nonzero(steps > 0)) >= ENOUGH and not np.any(steps < 0)


def is_constant(values: npt.NDArray[Any]) -> bool:
    """Whether values are constant, all missing, or labels: a few whole numbers that change seldom, or two that may."""
    known = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if len(known) == 0 or (known[0] == known[-1] and np.all(known == known[0])):
        return True
    if len(known) <= ENOUGH:
        return False
    sample = known[:: max(1, len(known) // 100_000)]
    distinct = np.unique(sample[:1000])
    if len(distinct) > FEW:
        return False
    distinct = np.unique(sample)
    if len(distinct) <= 2:
        return True
    changes = np.count_nonzero(np.diff(known)) / len(known)
    return bool(len(distinct) <= FEW and np.all(distinct == np.rint(distinct)) and changes < 0.1)


def counter_of(values: Floats) -> Counter | None:
    """Sample or packet numbers, also such that begin anew (0 ... 255, 0 ...); None for anything else.

    An ECG never takes nine steps of ten up by the same whole number.
    """
    rows = np.flatnonzero(np.isfinite(values))
    known = values[rows]
    if len(known) <= ENOUGH or np.any(known != np.rint(known)) or np.abs(known).max() >= 2.0**53:
        return None
    steps, apart = np.diff(known), np.diff(rows)
    usual = float(np.median(steps))
    if usual == 0:
        return Counter(*np.empty((2, 0), np.int64)) if is_staircase(known, steps) else None
    regular = steps == usual
    if usual < 0 or np.count_nonzero(regular) < 0.6 * len(steps):
        return None
    falls = steps < 0
    if not falls.any():
        lost = np.rint(steps / usual) - apart
    else:
        span = wrap(known, usual)
        if np.count_nonzero(regular | falls) < 0.6 * len(steps) or np.count_nonzero(falls) > 0.34 * len(steps):
            return None
        lost = np.rint((steps - usual * apart) % span / usual)
        if np.median(lost[falls]) != 0:  # it falls to anywhere: no counter that wraps
            return None
    gaps = np.flatnonzero(lost >= 1)
    return Counter(rows[gaps + 1].astype(np.int64), lost[gaps].astype(np.int64))


def wrap(known: Floats, usual: float) -> float:
    """After how much a counter begins anew."""
    return float(known.max() - known.min() + usual)


def is_staircase(known: Floats, steps: Floats) -> bool:
    """Packet numbers: rows of a packet share one, the next is one more, the last is followed by the first."""
    up, down = steps[steps > 0], steps[steps < 0]
    if len(up) < ENOUGH or np.any(up != up[0]) or not len(down):
        return False
    landed = known[1:][steps < 0]
    return bool(np.all(landed == known.min())) and len(up) > 4 * len(down)
