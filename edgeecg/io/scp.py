"""SCP-ECG (EN 1064, ISO 11073-91064): the rhythm of section 6, with the reference beats of section 5 put back.

Samples as they are, as first or second differences, in Huffman codes of the standard or of the file. Bimodal
compression, which keeps no rhythm outside the beats, is refused.
"""

import datetime
import struct
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ._files import File
from ._huffman import Table, decode, tables_of
from .recording import Lead, Source

__all__ = ["open_source"]

HEADER: Final = 16  # bytes of each section before its content
MOST_LEADS: Final = 85
NAMES: Final = dict(  # EN 1064, table 5
    enumerate(
        (
            "unknown I II V1 V2 V3 V4 V5 V6 V7 V2R V3R V4R V5R V6R V7R X Y Z CC5 CM5 LA RA LL I E C A M F H I-cal "
            "II-cal V1-cal V2-cal V3-cal V4-cal V5-cal V6-cal V7-cal V2R-cal V3R-cal V4R-cal V5R-cal V6R-cal V7R-cal "
            "X-cal Y-cal Z-cal CC5-cal CM5-cal LA-cal RA-cal LL-cal I-cal E-cal C-cal A-cal M-cal F-cal H-cal III aVR "
            "aVL aVF -aVR V8 V9 V8R V9R D A J"
        ).split()
    )
)


def open_source(file: File, keep_identity: bool = False) -> Source:
    """Open the file: the rhythm of each lead.

    Of the person it keeps: name, number and birth date of the patient. Raises InputError where a section is missing,
    cut off or packed in a way that is not read.
    """
    content = file.read()
    sections = sections_of(file, content)
    missing = [number for number in (3, 6) if number not in sections]
    if missing:
        raise InputError(f"{file.name}: not a readable SCP file: section {missing[0]} is missing")
    tables = tables_of(file.name, sections[2]) if 2 in sections else None
    layout = leads_of(file, sections[3])
    flags = sections[3][1]
    rhythm = Block(file, sections[6], layout, tables, 6)
    if sections[6][5] and version_of(content) < 30:
        raise InputError(f"{file.name}: is packed bimodally, which is not read: store it with the whole rhythm")
    samples, step = rhythm.samples, rhythm.nanovolts
    if flags & 1:
        if 4 not in sections or 5 not in sections:
            raise InputError(f"{file.name}: not a readable SCP file: its beats are taken out, and not stored")
        samples, step = with_beats(file, rhythm, Block(file, sections[5], layout, tables, 5), sections[4])
    leads = tuple(Lead(name, "nV", 1e6 / step, 1e6 / rhythm.microseconds, kind="ECG") for name, _, _ in layout)

    def load(index: int) -> npt.NDArray[Any]:
        return samples[index].astype(np.int32)

    said = tags_of(sections.get(1, b""))
    identity = identity_of(said) if keep_identity else {}
    return Source(file.name, "SCP-ECG", max(map(len, samples)), leads, load, start_of(said), identity)


def version_of(content: bytes) -> int:
    """Of the protocol, times ten: 13, 20, 30; that of section 0."""
    return content[6 + 9] if len(content) > 15 else 0


def sections_of(file: File, content: bytes) -> dict[int, bytes]:
    """What stands in each section that is there."""
    found: dict[int, bytes] = {}
    if len(content) < 6 + HEADER:
        raise InputError(f"{file.name}: not a readable SCP file: it ends too early")
    length = struct.unpack_from("<I", content, 6 + 4)[0]
    for place in range(6 + HEADER, min(6 + length, len(content)) - 9, 10):
        number, size, first = struct.unpack_from("<HII", content, place)
        if size <= HEADER or not first or number in found or number > 1000:
            continue
        if first - 1 + size > len(content):
            raise InputError(f"{file.name}: not a readable SCP file: section {number} is cut off")
        found[number] = content[first - 1 + HEADER : first - 1 + size]
    return found


def leads_of(file: File, section: bytes) -> list[tuple[str, int, int]]:
    """(name, first, last sample, counted from 1) of each lead."""
    count = section[0] if section else 0
    if not 0 < count <= MOST_LEADS or len(section) < 2 + 9 * count:
        raise InputError(f"{file.name}: not a readable SCP file: it does not say what its leads are")
    rows = [struct.unpack_from("<IIB", section, 2 + 9 * i) for i in range(count)]
    return [(NAMES.get(code, str(code)), first, last) for first, last, code in rows]


class Block:
    """Samples of all leads, of the rhythm or of the reference beat.

    Attributes
    ----------
    nanovolts, microseconds : int
        Of a step, between samples.
    samples : list of ndarray
    """

    def __init__(
        self, file: File, section: bytes, layout: list[tuple[str, int, int]], tables: list[Table] | None, number: int
    ):
        count = len(layout)
        if len(section) < 6 + 2 * count:
            raise InputError(f"{file.name}: not a readable SCP file: section {number} is cut off")
        self.nanovolts, self.microseconds, differences = struct.unpack_from("<HHB", section)
        if not self.nanovolts or not self.microseconds or differences > 2:
            raise InputError(f"{file.name}: not a readable SCP file: section {number} has no scale")
        sizes = struct.unpack_from(f"<{count}H", section, 6)
        place, self.samples = 6 + 2 * count, []
        for (name, first, last), size in zip(layout, sizes, strict=True):
            packed = section[place : place + size]
            place += size
            if len(packed) < size:
                raise InputError(f"{file.name}: not a readable SCP file: lead {name} is cut off")
            most = last - first + 1 if number == 6 and last >= first else None
            values = raw16(packed) if tables is None else decode(file.name, packed, tables, most)
            self.samples.append(summed(values[:most], differences))


def raw16(packed: bytes) -> npt.NDArray[np.int64]:
    return np.frombuffer(packed, "<i2", len(packed) // 2).astype(np.int64)


def summed(values: npt.NDArray[np.int64], differences: int) -> npt.NDArray[np.int64]:
    """Samples of their differences, in 16 bits as encoders compute."""
    if differences == 1:
        values = np.cumsum(values)
    elif differences == 2 and len(values) > 2:
        slopes = np.cumsum(np.concatenate([[values[1] - values[0]], values[2:]]))
        values = values[0] + np.concatenate([[0], np.cumsum(slopes)])
    return values.astype(np.int16).astype(np.int64) if differences else values


def with_beats(file: File, rhythm: Block, beat: Block, section: bytes) -> tuple[list[npt.NDArray[np.int64]], int]:
    """(samples, nanovolts of a step) of the rhythm with the reference beat in its places."""
    if beat.microseconds != rhythm.microseconds:
        raise InputError(f"{file.name}: has beats of another rate than its rhythm, which is not read")
    if len(section) < 6:
        raise InputError(f"{file.name}: not a readable SCP file: section 4 is cut off")
    _, fiducial, count = struct.unpack_from("<HHH", section)
    if len(section) < 6 + 14 * count:
        raise InputError(f"{file.name}: not a readable SCP file: section 4 is cut off")
    step = int(np.gcd(rhythm.nanovolts, beat.nanovolts))
    out = [values * (rhythm.nanovolts // step) for values in rhythm.samples]
    for i in range(count):
        kind, begin, place, end = struct.unpack_from("<HIII", section, 6 + 14 * i)
        if kind != 0 or not 0 < begin <= end:
            continue
        for values, shape in zip(out, beat.samples, strict=True):
            add_beat(values, shape * (beat.nanovolts // step), begin - 1, end, place - fiducial)
    return out, step


def add_beat(values: npt.NDArray[np.int64], shape: npt.NDArray[np.int64], begin: int, end: int, shift: int) -> None:
    """Add values of `shape`, moved by `shift`, from begin to end."""
    begin, end = max(begin, shift, 0), min(end, len(values), shift + len(shape))
    if begin < end:
        values[begin:end] += shape[begin - shift : end - shift]


def tags_of(section: bytes) -> dict[int, bytes]:
    """The fields of section 1: a number, a length and a content each, the last with number 255."""
    found: dict[int, bytes] = {}
    place = 0
    while place + 3 <= len(section) and section[place] != 255:
        tag, size = struct.unpack_from("<BH", section, place)
        found.setdefault(tag, section[place + 3 : place + 3 + size])
        place += 3 + size
    return found


def start_of(said: dict[int, bytes]) -> datetime.datetime | None:
    """Date (25) and time (26) of acquisition."""
    day, clock = said.get(25, b""), said.get(26, b"")
    try:
        year, month, date = struct.unpack("<HBB", day[:4])
        return datetime.datetime(year, month, date, *clock[:3])
    except (struct.error, ValueError, TypeError):
        return None


def identity_of(said: dict[int, bytes]) -> dict[str, str]:
    """Last name (0), first name (1), number (2) and birth date (5) of the patient."""
    found = {
        name: said.get(tag, b"").split(b"\0")[0].decode("latin-1").strip()
        for tag, name in ((0, "last_name"), (1, "first_name"), (2, "id"))
    }
    birth = said.get(5, b"")
    if len(birth) >= 4 and birth[:2] != b"\0\0":
        year, month, date = struct.unpack("<HBB", birth[:4])
        found["birth_date"] = f"{year:04}-{month:02}-{date:02}"
    return {name: text for name, text in found.items() if text}
