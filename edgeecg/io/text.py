"""Text tables: comma, tab, semicolon or blank separated, one column a lead.

Understood in the head of the file: comments `# fs: 250`, `# unit: uV`, `# gain: 200`, `# lead: II`; a row of column
names, with units as in `II (mV)`; a second row of units. A column of times (seconds, `time (ms)`, h:mm:ss.sss, ISO
dates) or of sample numbers is not a lead; times give the sampling rate.
"""

import csv
import os
import re

import numpy as np

from .._signal import FASTEST, SLOWEST
from ..errors import InputError
from ._clock import is_index, only_rises, sampling_rate, seconds, time_scale
from .recording import Lead, Source, normal_unit

__all__ = ["open_source"]

HEAD = 1 << 16  # characters in which the first data row must begin
ABSENT = {"", "-", "?", "na", "n/a", "nan", "null", "none"}
COMMENT = re.compile(r"^[#%;]+\s*([A-Za-z_ ]+?)\s*[:=]\s*(.+?)\s*$")
NAME_AND_UNIT = re.compile(r"^(.*?)[\s_]*[(\[]\s*([^)\]]+?)\s*[)\]]$")
RATE_NAMES = {"fs", "rate", "sfreq", "sampling rate", "sample rate", "sampling frequency", "samplerate"}


class Layout:
    """How a table is written: what its head says and where its data begin."""

    def __init__(self, path, text: str):
        self.path = path
        self.comments = {}
        lines = text.split("\n")  # as files iterate; splitlines() knows more ends of line
        self.skip = 0
        while self.skip < len(lines) and (
            not lines[self.skip].strip() or COMMENT.match(lines[self.skip]) or lines[self.skip][0] in "#%"
        ):
            found = COMMENT.match(lines[self.skip])
            if found:
                self.comments[found[1].strip().lower().replace("_", " ")] = found[2]
            self.skip += 1
        body = lines[self.skip :]
        self.delimiter = delimiter_of(body)
        self.decimal_comma = (
            self.delimiter in (";", "\t")
            and not any("." in line for line in body)
            and any("," in line for line in body)
        )
        head = []
        for line in body:
            row = self.split(line)
            if self.is_data(row):
                self.first = row
                break
            head.append(row)
            self.skip += 1
        else:
            raise InputError(f"{path}: no row of numbers in the first {HEAD // 1024} KiB of text")
        self.columns = len(self.first)
        self.names = head[0] if head and len(head[0]) == self.columns else [None] * self.columns
        self.units = head[1] if len(head) > 1 and len(head[1]) == self.columns else [None] * self.columns
        for i, name in enumerate(self.names):
            found = NAME_AND_UNIT.match(name or "")
            if found:
                self.names[i], self.units[i] = found[1].strip(), found[2]

    def split(self, line: str) -> list[str]:
        if self.delimiter is None:
            return [cell.strip("'\"") for cell in line.split()]
        return [cell.strip().strip("'\"").strip() for cell in next(csv.reader([line], delimiter=self.delimiter))]

    def value(self, cell: str) -> float:
        """A cell as a number, NaN where nothing was measured; ValueError otherwise."""
        if cell.lower() in ABSENT:
            return np.nan
        return float(cell.replace(",", ".") if self.decimal_comma else cell)

    def is_data(self, row: list[str]) -> bool:
        """The first cell may be a time of any form; the others must be numbers or absent, one at least a number."""
        try:
            values = [self.value(cell) for cell in (row[1:] if len(row) > 1 else row)]
        except ValueError:
            return False
        return bool(values) and not np.all(np.isnan(values))

    def number(self, *names) -> float | None:
        """A number from the comments."""
        for name in names:
            if name in self.comments:
                found = re.match(r"[-+0-9.eE]+", self.comments[name])
                try:
                    return float(found[0])
                except (TypeError, ValueError):
                    raise InputError(
                        f"{self.path}: the comment {name!r} must be a number, not {self.comments[name]!r}"
                    ) from None
        return None


def delimiter_of(lines: list[str]) -> str | None:
    """Tab, semicolon or comma, whichever at least half of the lines have; None is blanks."""
    lines = [line for line in lines if line.strip()]
    return next((mark for mark in "\t;," if 2 * sum(mark in line for line in lines) >= max(1, len(lines))), None)


def open_source(path) -> Source:
    """Read the table; the first column, and those behind it, are no leads as long as they are clocks or counts."""
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        text = file.read(HEAD)
        complete = text if len(text) < HEAD else text[: text.rfind("\n") + 1]
    if "\0" in text:
        raise InputError(f"{path}: this is not text")
    layout = Layout(path, complete)
    table, first = read_table(path, layout)
    fs = layout.number(*RATE_NAMES)
    kept = list(range(layout.columns))
    while (
        len(kept) > 1 and (clock := clock_column(layout, kept[0], table[:, kept[0]] if kept[0] else first)) is not None
    ):
        fs = rate_of(path, layout, kept[0], clock) if fs is None else fs
        kept.pop(0)
    leads = tuple(lead_of(layout, i, fs) for i in kept)
    return Source(os.fspath(path), "text", len(table), leads, lambda index: np.ascontiguousarray(table[:, kept[index]]))


def rate_of(path, layout: Layout, column: int, clock: np.ndarray) -> float | None:
    """Hz; None of sample numbers, and where a column does not say what it counts and seconds give no rate that an ECG
    has.
    """
    name = layout.names[column]
    if is_index(name):
        return None
    stated = ":" in layout.first[column] or time_scale(name, layout.units[column]) is not None
    try:
        rate = sampling_rate(path, clock, name)
    except InputError:
        if stated:
            raise
        return None
    return rate if stated or SLOWEST <= rate <= FASTEST else None


def lead_of(layout: Layout, column: int, fs) -> Lead:
    unit = layout.units[column] or layout.comments.get("unit") or layout.comments.get("units")
    name = layout.names[column] or layout.comments.get("lead") or str(column)
    if normal_unit(unit) is None and unit and unit.lower() in ("adc", "adu", "counts", "raw"):
        unit = None
    return Lead(name, unit, layout.number("gain"), fs)


def read_table(path, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """((rows, columns) float64, the first column, in seconds where it is written as a time of day).

    The fast reader takes plain numbers only; a file with absent values, clock times or quotes goes the slow way.
    """
    try:
        if layout.decimal_comma:
            raise ValueError
        table = np.loadtxt(
            path, delimiter=layout.delimiter, skiprows=layout.skip, ndmin=2, comments=None, encoding="utf-8-sig"
        )
        first = table[:, 0]
    except ValueError:
        table, first = read_slowly(path, layout)
    return table, first


def read_slowly(path, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """The table cell by cell, and its first column as seconds; a fault is named with its line."""
    rows, first = [], []
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if number <= layout.skip or not line.strip() or line.lstrip().startswith("#"):
                continue
            row = layout.split(line)
            if len(row) != layout.columns:
                raise InputError(f"{path}: line {number} has {len(row)} columns, not {layout.columns}")
            try:
                first.append(seconds(row[0].replace(",", ".") if layout.decimal_comma else row[0], ABSENT))
                rows.append([first[-1], *map(layout.value, row[1:])])
            except ValueError:
                raise InputError(f"{path}: line {number} is not a row of numbers: {line.strip()[:60]!r}") from None
    return np.array(rows), np.array(first)


def clock_column(layout: Layout, column: int, values: np.ndarray) -> np.ndarray | None:
    """A column where it is a clock or a count (by its name, by its form, or because it only rises), in seconds if it
    says which.
    """
    name = layout.names[column]
    scale = time_scale(name, layout.units[column])
    written_as_time = ":" in layout.first[column]
    if scale is None and not (written_as_time or is_index(name) or only_rises(values)):
        return None
    return values * (1.0 if written_as_time or scale is None else scale)
