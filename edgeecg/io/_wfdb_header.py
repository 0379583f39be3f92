"""Headers of WFDB records, as header(5) describes them and as people write them.

https://physionet.org/physiotools/wag/header-5.htm
"""

import dataclasses
import datetime
import math
import re
from collections.abc import Sequence
from typing import Final

from ..errors import InputError
from ._files import File
from ._text_head import head_of

__all__ = ["FORMATS", "Header", "Segment", "Signal", "read_header"]

FORMATS: Final = (0, 8, 16, 24, 32, 61, 80, 160, 212, 310, 311, 508, 516, 524)
DEFAULT_RATE, DEFAULT_GAIN = 250.0, 200.0  # of header(5), where none is written
MOST_BYTES: Final = 4 << 20
MOST_SIGNALS: Final = 10_000
STORED = re.compile(r"(\d{1,3})(?:x(\d{1,6}))?(?::(\d{1,12}))?(?:\+(\d{1,18}))?")
SCALE = re.compile(
    r"([-+]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][-+]?\d{1,3})?)?(?:\(([-+]?\d{1,30})\))?(?:/(\S{1,60}))?"
)
NUMBER = re.compile(r"[-+]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][-+]?\d{1,3})?")
CLOCK = re.compile(r"(?:(\d{1,2}):)?(\d{1,2}):(\d{1,2})(?:\.(\d{1,9}))?")
DAYS = (
    re.compile(r"(?P<d>\d{1,2})[/.](?P<m>\d{1,2})[/.](?P<y>\d{4})"),
    re.compile(r"(?P<y>\d{4})[-/](?P<m>\d{1,2})[-/](?P<d>\d{1,2})"),
)


@dataclasses.dataclass(frozen=True)
class Signal:
    """A signal line.

    Attributes
    ----------
    file : str
    format : int
    per_frame, skew, start : int
        Samples a frame; frames that the file is late; bytes before the first sample.
    gain : float
        ADC units per unit, below 0 where the signal is turned round.
    baseline, initial : int
    unit, name : str
    """

    file: str
    format: int
    per_frame: int
    skew: int
    start: int
    gain: float
    baseline: int
    initial: int
    unit: str
    name: str


@dataclasses.dataclass(frozen=True)
class Segment:
    """A line of a record of several segments: its name ("~" for a gap) and its frames."""

    name: str
    frames: int


@dataclasses.dataclass(frozen=True)
class Header:
    """A header.

    Attributes
    ----------
    name : str
    rate : float or None
        Frames a second; None where what is written is no rate.
    written_rate : str
    frames : int or None
        None where they are not told.
    signals : tuple of Signal
        Of one segment.
    segments : tuple of Segment
        Of a record of several.
    count : int
        Signals that the record line tells of.
    start : datetime.datetime or None
    identity : dict
    """

    name: str
    rate: float | None
    written_rate: str
    frames: int | None
    signals: tuple[Signal, ...]
    segments: tuple[Segment, ...]
    count: int
    start: datetime.datetime | None
    identity: dict[str, str]


def read_header(file: File, keep_identity: bool = False) -> Header:
    """A header.

    Raises
    ------
    InputError
        Where a line is missing or makes no sense; the sentence names it.
    """
    if file.size > MOST_BYTES:
        raise InputError(f"{file.name}: not a readable WFDB record: a header of {file.size} bytes is none")
    content = file.read().replace(b"\0", b" ").lstrip(b"\xef\xbb\xbf")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    all_lines = [line.strip() for line in re.split(r"\r\n|\r|\n", text)]
    lines = [line for line in all_lines if line and not line.startswith("#")]
    if not lines:
        raise InputError(f"{file.name}: not a readable WFDB record: the header is empty")
    record, segments, count, rest = record_line(file.name, lines[0], file.stem)
    rate, written = rate_of(rest[0]) if rest else (DEFAULT_RATE, "")
    frames = whole(rest[1]) if len(rest) > 1 else None
    needed = segments if segments is not None else count
    if len(lines) - 1 < needed:
        what = "segments" if segments is not None else "signals"
        raise InputError(
            f"{file.name}: not a readable WFDB record: the header tells of {needed} {what} and has {len(lines) - 1} "
            "lines for them"
        )
    signals: tuple[Signal, ...] = ()
    parts: tuple[Segment, ...] = ()
    if segments is None:
        signals = tuple(signal_line(file.name, line, i) for i, line in enumerate(lines[1 : count + 1]))
    else:
        parts = tuple(segment_line(file.name, line) for line in lines[1 : segments + 1])
    remarks = [line for line in all_lines if line.startswith("#")]
    identity = head_of(file.name, remarks, True).identity if keep_identity else {}
    return Header(record, rate, written, frames or None, signals, parts, count, start_of(rest[2:]), identity)


def whole(text: str) -> int | None:
    found = re.match(r"\d{1,18}", text)
    return int(found[0]) if found else None


def record_line(where: str, line: str, stem: str) -> tuple[str, int | None, int, list[str]]:
    """(name, segments or None, signals, what follows); a name may have blanks, as that of the file."""
    words = line.split()
    own = stem.split()
    first = len(own) if words[: len(own)] == own else 1
    for i in range(first, len(words)):
        if words[i].isdecimal():
            name, _, segments = " ".join(words[:i]).partition("/")
            count = int(words[i][:9])
            if segments and (not segments.isdecimal() or int(segments[:9]) > MOST_SIGNALS * 100):
                break
            if count > MOST_SIGNALS:
                break
            return name, int(segments) if segments else None, count, words[i + 1 :]
    raise InputError(f"{where}: not a readable WFDB record: the first line does not tell of signals")


def rate_of(text: str) -> tuple[float | None, str]:
    """Frames a second; what follows a "/" is that of a counter."""
    found = NUMBER.match(text)
    value = float(found[0]) if found and text[found.end() : found.end() + 1] in ("", "/", "(") else math.nan
    return (value if 0 < value < math.inf else None), text[:40]


def start_of(words: Sequence[str]) -> datetime.datetime | None:
    """Time and date, in any order; None where there is no date."""
    clock = next((found for word in words if (found := CLOCK.fullmatch(word))), None)
    day = next((found for word in words for form in DAYS if (found := form.fullmatch(word))), None)
    if day is None:
        return None
    hour, minute, second = (int(clock[i] or 0) for i in (1, 2, 3)) if clock else (0, 0, 0)
    micro = int((clock[4] or "").ljust(6, "0")[:6]) if clock else 0
    try:
        return datetime.datetime(int(day["y"]), int(day["m"]), int(day["d"]), hour, minute, second, micro)
    except ValueError:
        return None


def segment_line(where: str, line: str) -> Segment:
    name, _, frames = line.rpartition(" ") if " " in line else line.rpartition("\t")
    frames = frames.strip()
    if not name or not frames.isdecimal():
        raise InputError(f"{where}: not a readable WFDB record: a segment does not say how long it is")
    return Segment(name.strip(), int(frames[:18]))


def signal_line(where: str, line: str, index: int) -> Signal:
    """A signal line; a file's name may have blanks."""
    words = line.split()
    place = next((i for i in range(1, len(words)) if is_storage(words[i])), None)
    if place is None:
        raise InputError(f"{where}: not a readable WFDB record: signal {index} has no format that is known")
    stored = STORED.fullmatch(words[place])
    assert stored is not None
    rest = words[place + 1 :]
    scale = SCALE.fullmatch(rest[0]) if rest else None
    if rest and scale is None:
        raise InputError(f"{where}: not a readable WFDB record: signal {index} has no readable gain")
    written, baseline, unit = scale.groups() if scale else (None, None, None)
    gain = float(written or 0) or DEFAULT_GAIN
    zero = integer(rest, 2) or 0
    base = int(baseline) if baseline is not None else zero
    if not abs(gain) < math.inf or abs(base) >= 2**31:
        raise InputError(f"{where}: not a readable WFDB record: signal {index} has no readable gain or baseline")
    name = description(line, words, place) or str(index)
    per_frame, skew, start = (
        int(part or default) for part, default in zip(stored.groups()[1:], (1, 0, 0), strict=True)
    )
    file = " ".join(words[:place])
    return Signal(
        file, int(stored[1]), max(1, per_frame), skew, start, gain, base, integer(rest, 3) or 0, unit or "mV", name
    )


def is_storage(word: str) -> bool:
    found = STORED.fullmatch(word)
    return found is not None and int(found[1]) in FORMATS


def integer(words: Sequence[str], place: int) -> int | None:
    """A whole number among the words of a signal line."""
    if place < len(words) and re.fullmatch(r"[-+]?\d{1,18}", words[place]):
        return int(words[place])
    return None


def description(line: str, words: Sequence[str], place: int) -> str:
    """What stands behind the eighth field: the signal's name, blanks and all."""
    fields = place + 8 - 1  # gain, resolution, zero, initial value, checksum and block size stand between
    if len(words) <= fields:
        return ""
    return re.sub(r"\s+", " ", line.split(None, fields)[fields]).strip()
