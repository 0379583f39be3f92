"""The header of EDF and BDF files, read as generously as recorders write it."""

import dataclasses
import datetime
import math
import re
import struct
from typing import Final

from ..errors import InputError
from ._files import File

__all__ = ["Header", "Signal", "read_header"]

MOST_SIGNALS: Final = 4096
FIELDS: Final = (
    ("label", 16),
    ("transducer", 80),
    ("dimension", 8),
    ("pmin", 8),
    ("pmax", 8),
    ("dmin", 8),
    ("dmax", 8),
    ("filters", 80),
    ("samples", 8),
    ("reserved", 32),
)  # bytes of each signal
STARTDATE = re.compile(r"Startdate (\d{1,2})-([A-Z]{3})-(\d{4})", re.IGNORECASE)
MONTHS: Final = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()


@dataclasses.dataclass(frozen=True)
class Signal:
    """One signal.

    Attributes
    ----------
    label, dimension : str
    low, high : float
        Physical minimum and maximum.
    digital_low, digital_high : float
    samples : int
        In each data record.
    place : int
        Bytes of a data record before it.
    """

    label: str
    dimension: str
    low: float
    high: float
    digital_low: float
    digital_high: float
    samples: int
    place: int

    @property
    def is_annotation(self) -> bool:
        """Whether it holds texts."""
        return self.label.lower() in ("edf annotations", "bdf annotations")

    def scale(self) -> float:
        """Physical units of a digital step: below 0 where the header turns the lead, 0 where it gives no range."""
        steps, extent = self.digital_high - self.digital_low, self.high - self.low
        return extent / steps if steps > 0 and math.isfinite(extent) and math.isfinite(steps) else 0.0


@dataclasses.dataclass(frozen=True)
class Header:
    """What the header says of the whole.

    Attributes
    ----------
    form : str
        "EDF" or "BDF".
    width : int
        Bytes of a sample, 2 or 3.
    size : int
        Bytes before the first data record.
    record : int
        Bytes of a data record.
    stated : int or None
        Data records by the header; None where it does not say.
    duration : float or None
        Seconds of a data record; None where it does not say.
    interrupted : bool
        EDF+D.
    signals : tuple of Signal
    start : datetime.datetime or None
    patient : str
        As written; of a person.
    """

    form: str
    width: int
    size: int
    record: int
    stated: int | None
    duration: float | None
    interrupted: bool
    signals: tuple[Signal, ...]
    start: datetime.datetime | None
    patient: str


def text_of(field: bytes) -> str:
    """Letters of a field: UTF-8 where it is that, else latin-1, whose letter is the micro sign."""
    field = field.replace(b"\0", b" ").strip()
    try:
        return field.decode()
    except UnicodeDecodeError:
        return field.decode("latin-1")


def number_of(field: bytes) -> float:
    """A number, with a decimal comma too; NaN where there is none."""
    try:
        return float(text_of(field).replace(",", ".").replace(" ", ""))
    except ValueError:
        return math.nan


def whole_of(field: bytes) -> int | None:
    value = number_of(field)
    return int(value) if math.isfinite(value) and value == int(value) and abs(value) < 2**31 else None


def read_header(file: File) -> Header:
    """The header of a file.

    Raises
    ------
    InputError
        Where it tells of no signals, or of more than the file holds.
    """
    head = file.read(0, 256)
    bdf = head[:1] == b"\xff"
    form, width = ("BDF", 3) if bdf else ("EDF", 2)
    count = whole_of(head[252:256])
    if len(head) < 256 or count is None:
        raise InputError(f"{file.name}: not a readable {form} file: the header ends too early")
    if not 0 < count <= MOST_SIGNALS:
        raise InputError(f"{file.name}: not a readable {form} file: the file has no signal")
    size = 256 * (count + 1)
    table = file.read(256, 256 * count)
    if len(table) < 256 * count:
        raise InputError(f"{file.name}: not a readable {form} file: the header ends too early")
    signals = signals_of(file, form, table, count, width)
    record = width * sum(signal.samples for signal in signals)
    if record == 0:
        raise InputError(f"{file.name}: not a readable {form} file: the file has no signal")
    stated_size = whole_of(head[184:192])
    if stated_size and stated_size > size and (file.size - size) % record and not (file.size - stated_size) % record:
        size = stated_size
    stated = whole_of(head[236:244])
    duration = number_of(head[244:252])
    return Header(
        form,
        width,
        size,
        record,
        stated if stated is not None and stated >= 0 else None,
        duration if 0 < duration < math.inf else None,
        b"+D" in head[192:236],
        signals,
        start_of(head),
        text_of(head[8:88]),
    )


def signals_of(file: File, form: str, table: bytes, count: int, width: int) -> tuple[Signal, ...]:
    columns, place = {}, 0
    for name, size in FIELDS:
        columns[name] = struct.unpack(f"{size}s" * count, table[place : place + size * count])
        place += size * count
    signals, place = [], 0
    for i in range(count):
        samples = whole_of(columns["samples"][i])
        if samples is None or samples < 0:
            raise InputError(
                f"{file.name}: not a readable {form} file: signal {i} does not say how many samples it has"
            )
        low, high = number_of(columns["pmin"][i]), number_of(columns["pmax"][i])
        digital_low, digital_high = number_of(columns["dmin"][i]), number_of(columns["dmax"][i])
        label, dimension = text_of(columns["label"][i]), text_of(columns["dimension"][i])
        signals.append(Signal(label, dimension, low, high, digital_low, digital_high, samples, place))
        place += width * samples
    return tuple(signals)


def start_of(head: bytes) -> datetime.datetime | None:
    """Date and time at which the recording began; None where they are not written or taken out."""
    recording, day, clock = text_of(head[88:168]), text_of(head[168:176]), text_of(head[176:184])
    digits = [int(part) for part in re.findall(r"\d{1,4}", f"{day} {clock}")]
    long = STARTDATE.match(recording)
    if len(digits) != 6 or recording.startswith("Startdate X"):
        return None
    d, m, y, hour, minute, second = digits
    y += 1900 if 85 <= y < 100 else 2000 if y < 85 else 0
    if long and long[2].upper() in MONTHS:
        d, m, y = int(long[1]), MONTHS.index(long[2].upper()) + 1, int(long[3])
    try:
        return datetime.datetime(y, m, d, hour, minute, second)
    except ValueError:
        return None
