"""Columns of times: how they are written, and the sampling rate that they mean."""

import re

import numpy as np

from ..errors import InputError

__all__ = ["is_index", "only_rises", "sampling_rate", "seconds", "time_scale"]

SECONDS_PER = {
    "s": 1.0,
    "sec": 1.0,
    "secs": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "ms": 1e-3,
    "msec": 1e-3,
    "millisecond": 1e-3,
    "milliseconds": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,
    "usec": 1e-6,
    "microsecond": 1e-6,
    "microseconds": 1e-6,
    "ns": 1e-9,
    "nanosecond": 1e-9,
    "nanoseconds": 1e-9,
}
TIME_NAMES = {"t", "time", "timestamp", "elapsed time", "date", "datetime"}
INDEX_NAMES = {"sample", "sample #", "sample number", "samples", "index", "idx", "n", "#"}
ENOUGH = 15  # steps up and none down that make a column a clock: no ECG rises so long


def time_scale(name: str | None, unit: str | None) -> float | None:
    """Seconds per unit of a column of times; None where name and unit do not say that it is one."""
    name, unit = plain(name), (unit or "").strip().lower()
    for text in (unit, name, name.rpartition(" ")[2] if name.startswith("t") else ""):
        if text in SECONDS_PER and (text != unit or name in TIME_NAMES or not name):
            return SECONDS_PER[text]
    return 1.0 if name in TIME_NAMES else None


def plain(name: str | None) -> str:
    return (name or "").strip().lower().replace("_", " ")


def is_index(name: str | None) -> bool:
    """Sample numbers, by name."""
    return plain(name) in INDEX_NAMES


def only_rises(values: np.ndarray) -> bool:
    """Whether a column can only be a clock or a count, whatever it is called: rounded, with jitter, gaps or blanks."""
    steps = np.diff(values[np.isfinite(values)])
    return int(np.count_nonzero(steps > 0)) >= ENOUGH and not np.any(steps < 0)


def seconds(cell: str, absent: set[str]) -> float:
    """A number, a clock time [h:]m:s, or an ISO date and time, as a number (of seconds where it is a time)."""
    if cell.lower() in absent:
        return np.nan
    if ":" not in cell:
        return float(cell)
    if "-" in cell:
        local = re.sub(r"(Z|[+-]\d\d:?\d\d)$", "", cell.strip("[]"))  # differences do not depend on the time zone
        moment = np.datetime64(local.replace(" ", "T"), "ns")
        return moment.astype(np.int64) / 1e9
    total = 0.0
    for part in cell.strip("[]").split(":"):
        total = total * 60 + float(part)
    return total


def sampling_rate(path, times: np.ndarray, name: str | None) -> float:
    """Hz from a column of times in seconds; InputError where they are not regular.

    Written times are rounded: where a whole number of Hz lies within that rounding, it is meant.
    """
    steps = np.diff(times)
    if not len(steps) or not np.all(np.isfinite(times)) or times[-1] <= times[0]:
        raise InputError(f"{path}: the times in column {name or 'one'!r} do not rise: give the sampling rate")
    step = (times[-1] - times[0]) / len(steps)
    resolution = np.abs(steps - step).max()
    if resolution > max(0.5 * step, 1.01e-3):
        row = int(np.argmax(np.abs(steps - step))) + 2
        raise InputError(
            f"{path}: the times in column {name or 'one'!r} are not regular (row {row} of the data): give the "
            "sampling rate"
        )
    rate, nearest = 1 / step, round(1 / step)
    resolution += np.spacing(abs(times[-1]))  # seconds since 1970 have a quarter of a microsecond
    uncertainty = float(2 * resolution / (times[-1] - times[0]) * rate)  # Hz
    if uncertainty > 0.5:
        raise InputError(
            f"{path}: the times in column {name or 'one'!r} are too coarse to tell the sampling rate: give it"
        )
    return float(nearest) if nearest and abs(nearest - rate) <= max(uncertainty, 1e-6 * rate) else float(rate)
