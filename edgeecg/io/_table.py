"""Columns to a recording, whatever they come from: which is a clock, which a count, which are leads, at what rate.

Text, Parquet, HDF5, MATLAB, arrays and data frames all end here, so that what a column is gets decided in one place.
"""

import dataclasses
import datetime
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError, RecordingWarning
from ._clock_columns import Seconds, as_seconds, is_count
from ._clock_names import is_index
from ._columns import Counter, counter_of, is_constant
from ._files import FLOOR
from ._leads import is_ecg
from ._rate import Clock, clock_of, fill, plausible
from ._repeats import repeated_rows
from .recording import MISSING, Lead, Source

__all__ = ["Column", "Facts", "table_source"]

Integers = npt.NDArray[np.int64]
AGREE = 0.05  # part by which a rate in the head and one by times may differ: packets that arrive are no clock
RAW = {"adc", "adu", "count", "counts", "raw", "au", "a.u.", "nu", "lsb", "bit", "bits", "none", "n/a", "-", "?", ""}


@dataclasses.dataclass
class Column:
    """One column.

    Attributes
    ----------
    name : str or None
        Its heading.
    unit : str or None
        As written.
    values : ndarray, shape (n,), or None
        Numbers, NaN (or the integer MISSING) where nothing stands; None of a column of text.
    cells : ndarray of bytes, shape (n,), or None
        The text of a column of times.
    gain, steps, offset : float
        Of integers, as in `Lead`.
    kind : str or None
        What else is said of it: "ECG" of a column that is called A2.
    """

    name: str | None
    unit: str | None = None
    values: npt.NDArray[Any] | None = None
    cells: npt.NDArray[np.bytes_] | None = None
    gain: float | None = None
    steps: float | None = None
    offset: float = 0.0
    kind: str | None = None


@dataclasses.dataclass
class Facts:
    """What is said beside the columns.

    Attributes
    ----------
    rate : float or None
        Hz.
    unit, gain : str, float or None
        Of leads that say nothing themselves.
    lead : str or None
        Name of a lead without a heading.
    start : datetime.datetime or None
        When the recording begins.
    identity : mapping of str to str
        What is said of the person.
    """

    rate: float | None = None
    unit: str | None = None
    gain: float | None = None
    lead: str | None = None
    start: datetime.datetime | None = None
    identity: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Parts:
    """The columns by what they are."""

    clocks: list[Seconds]
    counters: list[Counter]
    signals: list[Column]


def table_source(where: str, form: str, columns: Sequence[Column], facts: Facts, budget: int = FLOOR) -> Source:
    """A Source of columns of equal length.

    Parameters
    ----------
    where : str
        The file, for sentences.
    form : str
        Name of the format.
    columns : sequence of Column
    facts : Facts
    budget : int
        Bytes that missing samples may take.

    Raises
    ------
    InputError
        Where no column is a signal, or gaps would take too much memory.
    """
    columns = without_repeats(where, columns)
    parts = sorted_out(columns)
    if not parts.signals:
        raise InputError(f"{where}: there is no column of samples, only times, counts and text")
    best, why = best_clock(where, parts.clocks, facts.rate)
    rate, why = agreed(where, facts.rate, best, why)
    before, lost = lost_rows(best[1] if best else None, parts.counters)
    length = len(values_of(parts.signals[0]))
    missing = int(lost.sum()) if len(lost) else 0
    if 8.0 * missing > budget:
        raise InputError(
            f"{where}: the times leave gaps of {missing} samples among {length}, more than a file of this size may "
            "take: cut it at the gaps"
        )
    backwards = best is not None and best[0].backwards

    def load(index: int) -> npt.NDArray[Any]:
        values = values_of(parts.signals[index])
        return fill(
            np.ascontiguousarray(values[::-1] if backwards else values),
            before,
            lost,
            np.nan if values.dtype.kind == "f" else MISSING,
        )

    leads = tuple(lead_of(column, i, parts.signals, facts, rate) for i, column in enumerate(parts.signals))
    return Source(where, form, length + missing, leads, load, start_of(parts.clocks, best, facts), facts.identity, why)


def without_repeats(where: str, columns: Sequence[Column]) -> Sequence[Column]:
    """The columns without rows that were written twice, which a RecordingWarning counts."""
    arrays = [array for column in columns for array in (column.values, column.cells) if array is not None]
    if len(arrays) < 2 or len({len(array) for array in arrays}) > 1:
        return columns
    repeats = repeated_rows(arrays)
    if not len(repeats):
        return columns
    rows = f"row {repeats[0]} is" if len(repeats) == 1 else f"{len(repeats)} rows are"
    warnings.warn(f"{where}: {rows} there twice, time and all, and read once", RecordingWarning, stacklevel=2)
    return [
        dataclasses.replace(
            column,
            values=None if column.values is None else np.delete(column.values, repeats),
            cells=None if column.cells is None else np.delete(column.cells, repeats),
        )
        for column in columns
    ]


def values_of(column: Column) -> npt.NDArray[Any]:
    assert column.values is not None
    return column.values


def sorted_out(columns: Sequence[Column]) -> Parts:
    """Clocks, counters and signals; where all numbers rise, the last column is the signal."""
    parts = Parts([], [], [])
    numbers = [column for column in columns if column.values is not None and column.values.dtype.kind not in "Mm"]
    for column in columns:
        clock = as_seconds(column.name, column.unit, column.values, column.cells)
        if clock is not None:
            parts.clocks.append(clock)
        elif column.values is not None and column.values.dtype.kind not in "Mm":
            counter = as_counter(column)
            if counter is not None:
                parts.counters.append(counter)
            elif not is_count(column.name, column.values):
                parts.signals.append(column)
    if not parts.signals and numbers:
        last = numbers[-1]
        stated = as_seconds(last.name, last.unit, last.values, None)
        if not (stated and stated.stated) and not is_index(last.name):
            parts.signals.append(last)
            parts.clocks = [clock for clock in parts.clocks if clock.values is not last.values]
            if len(numbers) == 1:
                parts.counters = []
    return parts


def as_counter(column: Column) -> Counter | None:
    """Sample or packet numbers; what is called an ECG lead is none, but for a lone small "i"."""
    values = values_of(column)
    if is_ecg(column.name or "", column.unit) and column.name != "i":
        return None
    return counter_of(values.astype(np.float64))


def best_clock(
    where: str, clocks: Sequence[Seconds], rate: float | None
) -> tuple[tuple[Seconds, Clock] | None, str | None]:
    """The most regular of the clocks, and, where none is regular, why."""
    found: list[tuple[Seconds, Clock]] = []
    why = None
    for seconds in clocks:
        if seconds.date_only:
            continue
        title = f"the times in column {seconds.name!r}" if seconds.name else "the times in the column without a name"
        try:
            found.append((seconds, clock_of(seconds.times, f"{where}: {title}", rate)))
        except InputError as error:
            why = why or (str(error) if seconds.stated else None)
    usable = [pair for pair in found if pair[0].stated or plausible(pair[1].rate)]
    if not usable:
        return None, why
    return min(
        usable, key=lambda pair: (not plausible(pair[1].rate), round(pair[1].jitter, 1), not pair[0].stated)
    ), None


def agreed(
    where: str, said: float | None, best: tuple[Seconds, Clock] | None, why: str | None
) -> tuple[float | None, str | None]:
    """(rate, why there is none) of the rate in the head and that by the times."""
    if said is None or best is None:
        return (said, None) if said is not None else (best[1].rate, None) if best is not None else (None, why)
    rate = best[1].rate
    if abs(rate - said) <= AGREE * said or not best[0].stated or not plausible(rate):
        return said, None
    return None, (
        f"{where}: the head says {said:g} Hz, and the times in column {best[0].name!r} are those of {rate:.6g} Hz: say "
        "which with fs= (--fs)"
    )


def lost_rows(clock: Clock | None, counters: Sequence[Counter]) -> tuple[Integers, Integers]:
    """(rows, samples lost before them) by the clock, or by a counter where no clock is as exact."""
    if clock is not None and (clock.jitter <= 1.0 or not counters):
        return clock.before, clock.lost
    if counters:
        return counters[0].before, counters[0].lost
    return np.empty(0, np.int64), np.empty(0, np.int64)


def start_of(clocks: Sequence[Seconds], best: tuple[Seconds, Clock] | None, facts: Facts) -> datetime.datetime | None:
    """When the first sample was taken: by the clock that tells the rate, by another, or by the head."""
    dates = [clock.start for clock in clocks if clock.date_only and clock.start]
    times = [clock for clock in clocks if clock.clock_only]
    if dates and times:
        return dates[0] + datetime.timedelta(seconds=times[0].first_clock)
    if best is not None and best[0].start is not None:
        return best[0].start
    return next((clock.start for clock in clocks if clock.start and not clock.date_only), None) or facts.start


def lead_of(column: Column, index: int, signals: Sequence[Column], facts: Facts, rate: float | None) -> Lead:
    name = column.name or (facts.lead if len(signals) == 1 else None) or str(index)
    unit = column.unit or facts.unit
    if unit is not None and unit.strip().lower() in RAW:
        unit = None
    gain = column.gain if column.gain is not None else facts.gain
    return Lead(name, unit, gain, rate, column.steps, column.offset, is_constant(values_of(column)), column.kind)
