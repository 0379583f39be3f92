"""Columns that are clocks: written times, and numbers whose heading, size or course says that they count time."""

import dataclasses
import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ._clock_names import is_index, says_time, scale_of
from ._columns import ENOUGH, only_rises
from ._leads import is_ecg
from ._times import parse_times

__all__ = ["Seconds", "as_seconds", "is_count"]

Floats = npt.NDArray[np.float64]
SINCE_1970: Final = (9e8, 4.2e9)  # seconds: 1998 to 2103
SERIAL: Final = ((25569.0, 32000.0, 75000.0), (719529.0, 727000.0, 770000.0))  # Excel, MATLAB: day of 1970; range
SCALES: Final = (1.0, 1e-3, 1e-6, 1e-9)
RATES: Final = (20.0, 8192.0)  # Hz between which a scale is believed: less than a factor of 1000
WRAPS: Final = (2.0**16, 2.0**24, 2.0**31, 2.0**32)  # where counters of microcontrollers begin anew


@dataclasses.dataclass
class Seconds:
    """A column understood as times.

    Attributes
    ----------
    name : str or None
    times : ndarray, shape (n,)
        Seconds, rising; NaN where nothing stands.
    values : ndarray or None
        The column's own.
    start : datetime.datetime or None
        The moment of the first time.
    stated : bool
        Whether it is written that these are times.
    backwards : bool
        Whether the rows stand in the reverse order.
    date_only, clock_only, first_clock
        As in `Written`.
    """

    name: str | None
    times: Floats
    values: npt.NDArray[Any] | None
    start: datetime.datetime | None
    stated: bool
    backwards: bool = False
    date_only: bool = False
    clock_only: bool = False
    first_clock: float = 0.0


def as_seconds(
    name: str | None, unit: str | None, values: npt.NDArray[Any] | None, cells: npt.NDArray[np.bytes_] | None
) -> Seconds | None:
    """A column as times, or None where it is none."""
    if cells is not None:
        written = parse_times(cells)
        if written is None:
            return None
        found = Seconds(name, written.seconds, None, written.start, True)
        found.date_only, found.clock_only = written.date_only, written.clock_only
        found.first_clock = written.first_clock
        return forwards(found)
    if values is not None and values.dtype.kind in "Mm":
        return from_moments(name, values)
    if values is None or is_ecg(name or "", unit):
        return None
    return from_numbers(name, unit, values)


def from_moments(name: str | None, values: npt.NDArray[Any]) -> Seconds | None:
    """A column of datetimes or of durations."""
    known = ~np.isnat(values)
    if not known.any():
        return None
    first = values[known][0]
    times = np.full(len(values), np.nan)
    times[known] = (values[known] - first) / np.timedelta64(1, "ns") / 1e9
    start = None
    if values.dtype.kind == "M":
        micro = first.astype("M8[us]").item()
        start = micro if isinstance(micro, datetime.datetime) else None
    return forwards(Seconds(name, times, values, start, True))


def from_numbers(name: str | None, unit: str | None, values: npt.NDArray[Any]) -> Seconds | None:
    known = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    named = says_time(name) or (scale_of(None, unit) is not None and not name)
    steady = only_rises(values) or only_rises(-values.astype(np.float64))
    if len(known) < 2 or not (steady or named):
        return None
    if is_index(name) and np.all(known == np.rint(known)) and scale_of(None, unit) is None:
        return None
    base = known[0]
    relative = (values - base).astype(np.float64)
    relative = unwrapped(relative) if named and not steady else relative
    extent = float(np.nanmax(relative) - np.nanmin(relative))
    if not 0 < extent < np.inf:
        return None
    scale, start = scale_and_start(name, unit, float(base), relative, extent / (len(known) - 1), named)
    if scale is None:
        return None
    stated = scale_of(name, unit) is not None or says_time(name)
    return forwards(Seconds(name, relative * scale, values, start, stated))


def scale_and_start(
    name: str | None, unit: str | None, base: float, relative: Floats, step: float, named: bool
) -> tuple[float | None, datetime.datetime | None]:
    """Seconds per unit, and the moment of the first one where it counts from a known day."""
    stated = scale_of(name, unit)
    for scale in SCALES:
        since = base * scale
        if SINCE_1970[0] < since < SINCE_1970[1] and (stated == scale or RATES[0] < 1 / (step * scale) < RATES[1]):
            return scale, datetime.datetime.fromtimestamp(since, datetime.UTC)
    for of_1970, first, last in SERIAL:
        if first < base < last and RATES[0] < 1 / (step * 86400) < RATES[1]:
            moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(days=base - of_1970)
            return 86400.0, moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    if stated is not None:
        return stated, None
    by_one = np.diff(relative[np.isfinite(relative)])
    if float(np.median(by_one)) in (1.0, -1.0) and np.all(by_one == np.rint(by_one)):
        return None, None  # sample numbers, whatever they are called
    for scale in SCALES if named else SCALES[:1]:
        if RATES[0] < 1 / (step * scale) < RATES[1]:
            return scale, None
    return None, None


def unwrapped(values: Floats) -> Floats:
    """Counts of a microcontroller, which begin anew, as counts that go on."""
    known = np.isfinite(values)
    steps = np.diff(values[known])
    falls = steps < 0
    for wrap in WRAPS:
        if falls.any() and np.all(steps[falls] < -0.5 * wrap) and np.all(steps[falls] >= -wrap):
            out = values.copy()
            out[known] += np.concatenate([[0.0], np.cumsum(falls * wrap)])
            return out
    return values


def forwards(found: Seconds) -> Seconds:
    """Rows that stand in the reverse order, turned."""
    known = found.times[np.isfinite(found.times)]
    steps = np.diff(known)
    if len(known) > ENOUGH and np.count_nonzero(steps < 0) > 0.9 * np.count_nonzero(steps):
        found.times, found.backwards = found.times[::-1], True
        found.start = found.start + datetime.timedelta(seconds=float(known[-1] - known[0])) if found.start else None
    return found


def is_count(name: str | None, values: npt.NDArray[Any]) -> bool:
    """A column that only rises and tells no time, or is called an index: no signal."""
    if is_ecg(name or "") and name != "i":
        return False
    return only_rises(values) or (is_index(name) and bool(np.all(np.diff(values[np.isfinite(values)]) >= 0)))
