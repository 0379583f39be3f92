"""Times as people write them: clock times, dates in any order, AM and PM, time zones, durations.

A column is read at once: rows whose digits stand in the same places share a form, and a form is understood once.
"""

import dataclasses
import datetime
import re
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["Written", "is_time", "parse_moment", "parse_times"]

MONTHS: Final = {
    month: number
    for number, names in enumerate(
        (
            "jan ene gen januar january januari janvier enero gennaio",
            "feb fev fév februar february février febrero febbraio",
            "mar mär mrz märz march maart mars marzo",
            "apr avr abr april avril abril aprile",
            "may mai mei maggio mayo mag",
            "jun giu june juni juin junio giugno",
            "jul lug july juli juillet julio luglio",
            "aug ago aoû août august augustus agosto",
            "sep set sept september septembre septiembre settembre",
            "oct okt ott october oktober octobre octubre ottobre",
            "nov november novembre noviembre",
            "dec dez déc dic december dezember décembre diciembre dicembre",
        ),
        1,
    )
    for month in names.split()
}
NAME = r"[a-zäûé]{3,10}"
CLOCK = (
    r"(?P<h>\d{1,3})[:h](?P<mi>\d{2})(?:[:m](?P<s>\d{1,2})(?:[.,:](?P<f>\d{1,12}))?s?)?(?:\s?(?P<ap>[ap])\.?\s?m\.?)?"
)
ZONE = r"(?:\s?(?P<z>z|utc|gmt|[+-]\d{2}(?::?\d{2})?))?(?:\s?\[[a-z_/+-]{1,40}\]|\s[a-z]{2,5})?"
DATES = (
    r"(?P<y>\d{4})[-./](?P<mo>\d{1,2})[-./](?P<d>\d{1,2})",
    r"(?P<a>\d{1,2})(?P<mark>[-./])\s?(?P<b>\d{1,2})(?P=mark)\s?(?P<c>\d{4}|\d{2})",
    rf"(?:[a-z]{{3,9}}\.?,?\s)?(?P<d>\d{{1,2}})(?:st|nd|rd|th|\.)?[-.\s/]?(?P<name>{NAME})\.?[-.\s/,]{{0,2}}(?P<y>\d{{4}}|\d{{2}})",
    rf"(?:[a-z]{{3,9}}\.?,?\s)?(?P<name>{NAME})\.?[-.\s](?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?[-.\s](?P<y>\d{{4}})",
    r"(?P<y>(?:19|20)\d{2})(?P<mo>\d{2})(?P<d>\d{2})",
)
GAP = r"(?:\s?[t_,;@]\s?|\s|\s?at\s|\s?um\s|-|/)"
COMPACT = r"(?P<h>\d{2})(?P<mi>\d{2})(?P<s>\d{2})(?:[.,]?(?P<f>\d{1,9}))?"
FORMS = tuple(
    re.compile(form)
    for form in (
        rf"(?:(?P<days>\d{{1,6}})\sdays?,?\s\+?)?{CLOCK}{ZONE}",
        r"(?P<long>\d{1,4}):(?P<s>\d{1,2})[.,](?P<f>\d{1,12})",
        *(rf"{date}{GAP}{CLOCK}{ZONE}" for date in DATES),
        *(rf"{CLOCK}{ZONE}{GAP}{date}" for date in DATES),
        rf"{DATES[4]}[t_\s-]?{COMPACT}{ZONE}",
        *DATES,
        rf"(?:[a-z]{{3}})\s(?P<name>{NAME})\s{{1,2}}(?P<d>\d{{1,2}})\s{CLOCK}(?:\s[a-z]{{3,4}})?\s(?P<y>\d{{4}})",
    )
)
DAY = 86400.0
MOST_FORMS = 400  # different shapes in one column: more is no column of times
OUTSIDE: Final = np.frombuffer(b" []'\"\t\r\n", np.uint8)
WIDEST = 48  # characters of a time


@dataclasses.dataclass(frozen=True)
class Written:
    """A column of times.

    Attributes
    ----------
    seconds : ndarray, shape (n,)
        From the first one; NaN where nothing stands.
    start : datetime.datetime or None
        The first, where a date without ambiguity is written; with a time zone where that is.
    date_only, clock_only : bool
        Whether no time of day, or no date, is written.
    first_clock : float
        Seconds of the day of the first, for a date that stands elsewhere.
    """

    seconds: npt.NDArray[np.float64]
    start: datetime.datetime | None
    date_only: bool
    clock_only: bool
    first_clock: float


def is_time(cell: str) -> bool:
    """Whether a cell is written as a time or a date (never a plain number)."""
    text = plain(cell)
    if len(text) > WIDEST or (text.isdigit() and len(text) not in (14, 17, 20)):
        return False
    return form_of(text) is not None


def plain(cell: str) -> str:
    return cell.strip().strip("[]'\"").strip().lower()


def form_of(text: str) -> re.Match[str] | None:
    """The first form that a text has and that makes sense as a time."""
    for form in FORMS:
        found = form.fullmatch(text)
        if found and sensible(found.groupdict()):
            return found
    return None


def sensible(parts: dict[str, str | None]) -> bool:
    """Whether the numbers of a form are in the ranges of a clock and a calendar."""
    for name, most in (("mi", 59), ("s", 60), ("mo", 12), ("d", 31), ("a", 31), ("b", 31)):
        if int(parts.get(name) or 0) > most:
            return False
    return parts.get("name") is None or parts["name"] in MONTHS


def parse_moment(text: str | None) -> datetime.datetime | None:
    """A date and time written in a header; None where it is none or ambiguous."""
    written = parse_times(np.array([plain(text or "").encode("utf-8")[:WIDEST]])) if text else None
    return written.start if written is not None and not written.clock_only else None


def parse_times(cells: npt.NDArray[np.bytes_]) -> Written | None:
    """A column of times as seconds.

    Parameters
    ----------
    cells : ndarray, shape (n,), bytes
        UTF-8; empty where nothing stands.

    Returns
    -------
    Written or None
        None where a cell is no time.
    """
    width = cells.dtype.itemsize
    if not cells.size or not 0 < width <= WIDEST:
        return None
    matrix = np.array(cells).view(np.uint8).reshape(len(cells), width)
    if np.isin(matrix[:, 0], OUTSIDE).any() or np.isin(matrix[:, -1], OUTSIDE).any():
        return parse_times(np.char.strip(cells, OUTSIDE.tobytes()))
    matrix[(matrix >= ord("A")) & (matrix <= ord("Z"))] |= 32
    shapes = matrix.copy()
    shapes[(matrix >= ord("0")) & (matrix <= ord("9"))] = ord("0")
    fields = Fields(len(cells))
    left = np.flatnonzero(matrix[:, 0] != 0)
    for _ in range(MOST_FORMS):
        if not len(left):
            return fields.written()
        same = (shapes[left] == shapes[left[0]]).all(axis=1)
        rows, left = left[same], left[~same]
        if not fields.read(matrix, rows):
            return None
    return None


class Fields:
    """The numbers of a column of times, by what they mean; -1 where a row has none."""

    def __init__(self, n: int):
        self.value = {name: np.full(n, -1, np.int64) for name in (*"yabcdhs", "mo", "mi", "days", "long")}
        self.nanoseconds = np.zeros(n, np.int64)
        self.afternoon = np.full(n, -1, np.int8)  # 0 AM, 1 PM
        self.zone = np.full(n, np.iinfo(np.int32).min, np.int64)  # seconds east
        self.marks: set[str] = set()
        self.known = np.zeros(n, bool)

    def read(self, matrix: npt.NDArray[np.uint8], rows: npt.NDArray[Any]) -> bool:
        """Rows that share a shape."""
        text = matrix[rows[0]].tobytes().rstrip(b"\0").decode("utf-8", "replace")
        found = form_of(text) if text.isascii() or len(rows) == 1 else None
        if found is None:
            return False
        block = matrix if len(rows) == len(matrix) else matrix[rows]
        for name, part in found.groupdict().items():
            if part is None:
                continue
            begin, end = found.span(name)
            if name in self.value:
                self.value[name][rows] = number(block[:, begin:end])
            elif name == "f":
                digits = block[:, begin : min(end, begin + 9)]
                self.nanoseconds[rows] = number(digits) * 10 ** (9 - digits.shape[1])
            elif name == "ap":
                self.afternoon[rows] = part == "p"
            elif name == "name":
                self.value["mo"][rows] = MONTHS[part]
            elif name == "z":
                self.zone[rows] = zone_seconds(part, block[:, begin:end])
            elif name == "mark":
                self.marks.add(part)
        self.known[rows] = True
        return True

    def order_days(self) -> bool:
        """Fill day and month of dates like 05/01/2024; false where their order cannot be told."""
        rows = self.value["a"] >= 0
        if not rows.any():
            return True
        a, b, c = (self.value[name][rows] for name in "abc")
        first_is_day = a.max() > 12 or (a.min() != a.max() and b.min() == b.max())
        first_is_month = b.max() > 12 or (b.min() != b.max() and a.min() == a.max())
        if not first_is_day and not first_is_month:
            first_is_day, first_is_month = self.marks in ({"."}, {"-"}), bool((self.afternoon >= 0).any())
        day, month = (b, a) if first_is_month and not first_is_day else (a, b)
        if month.max() > 12:  # both orders occur: the one that can be
            day, month = np.where(month > 12, month, day), np.where(month > 12, day, month)
        self.value["d"][rows], self.value["mo"][rows] = day, month
        self.value["y"][rows] = c
        return bool(first_is_day != first_is_month)

    def written(self) -> Written | None:
        """Seconds from the first row; None where a date does not exist."""
        rows = self.known
        if not rows.any():
            return None
        certain = self.order_days()
        dated = self.value["y"][rows] >= 0
        timed = (self.value["h"][rows] >= 0) | (self.value["long"][rows] >= 0)
        if dated.any() != dated.all() or timed.any() != timed.all():
            return None
        clock = self.clock(rows)
        days = self.days(rows) if dated.all() else np.maximum(self.value["days"][rows], 0)
        zone = self.zone[rows]
        aware = bool((zone > np.iinfo(np.int32).min).all())
        total = days * 86_400_000_000_000 + clock - (zone * 1_000_000_000 if aware else 0)
        relative = (total - total[0]) / 1e9
        if not aware:
            relative = unwrapped(relative, bool(dated.all()), float(clock[0]) / 1e9)
        seconds = np.full(len(self.known), np.nan)
        seconds[rows] = relative
        start = moment(int(total[0]), aware, int(zone[0])) if dated.all() and certain else None
        return Written(seconds, start, not timed.any(), not dated.any(), float(clock[0]) / 1e9)

    def clock(self, rows: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Nanoseconds of the day."""
        h, mi, s = (np.maximum(self.value[name][rows], 0) for name in ("h", "mi", "s"))
        mi = np.where(self.value["long"][rows] >= 0, self.value["long"][rows], mi)
        no_seconds = self.value["s"][rows] < 0
        if no_seconds.all() and (self.value["y"][rows] < 0).all() and (self.value["h"][rows] >= 0).all():
            h, mi, s = np.zeros_like(h), h, mi  # "mm:ss"
        half = self.afternoon[rows]
        h = np.where(half >= 0, h % 12 + 12 * (half == 1), h)
        total: npt.NDArray[np.int64] = (h * 3600 + mi * 60 + s) * 1_000_000_000 + self.nanoseconds[rows]
        return total

    def days(self, rows: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Days since 1970."""
        y, mo, d = (self.value[name][rows] for name in ("y", "mo", "d"))
        y = np.where(y < 70, y + 2000, np.where(y < 100, y + 1900, y))
        months = (y - 1970).astype("M8[Y]").astype("M8[M]").astype(np.int64) + mo - 1
        return months.astype("M8[M]").astype("M8[D]").astype(np.int64) + d - 1


def number(digits: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """(n, k) letters that are digits, as n numbers."""
    total = np.zeros(len(digits), np.int64)
    for column in digits.T:
        total *= 10
        total += column - 48
    return total


def zone_seconds(text: str, block: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Seconds east of Greenwich; `block` holds the digits of all rows where `text` stands in the first."""
    if text[0] not in "+-":
        return np.zeros(len(block), np.int64)
    hours, minutes = number(block[:, 1:3]), number(block[:, -2:]) if len(text) > 3 else np.zeros(len(block), np.int64)
    return (hours * 3600 + minutes * 60) * (-1 if text[0] == "-" else 1)


def unwrapped(seconds: npt.NDArray[np.float64], dated: bool, first_clock: float) -> npt.NDArray[np.float64]:
    """Times of a wall clock as times that pass: over midnight, a 12-hour dial, the hour, and daylight saving."""
    steps = np.diff(seconds)
    usual = float(np.median(np.abs(steps))) if len(steps) else 0.0
    near = 60.0 + min(usual, 60.0)
    periods = (3600.0,) if dated else (DAY, DAY / 2, 3600.0, -0.0)
    for period in periods:
        if period:
            back = np.flatnonzero((steps < 0) & (steps + period >= 0) & (steps + period < near))
            steps[back] += period
    if dated:  # one hour forward at the full hour of a night is daylight saving
        moments = first_clock + np.cumsum(np.concatenate([[0.0], steps]))
        ahead = np.flatnonzero((steps > 3600 - 0.5 * usual) & (steps < 3600 + near / 60 + 2 * usual))
        at_hour = (moments[ahead + 1] % 3600 < 1 + usual) & (moments[ahead + 1] % DAY < 5 * 3600)
        steps[ahead[at_hour]] -= 3600
    return np.concatenate([[seconds[0]], seconds[0] + np.cumsum(steps)])


def moment(nanoseconds: int, aware: bool, zone: int) -> datetime.datetime | None:
    """A moment as a datetime; None where the calendar does not reach."""
    try:
        utc = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=nanoseconds // 1000)
        if not aware:
            return utc
        return utc.replace(tzinfo=datetime.UTC).astimezone(datetime.timezone(datetime.timedelta(seconds=zone)))
    except (OverflowError, ValueError):
        return None
