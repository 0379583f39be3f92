"""ISHNE Holter files: all leads interleaved in 16 bits, one of them read at a time.

Format: Badilini, The ISHNE Holter Standard Output File Format, Ann. Noninvasive Electrocardiol. 1998;3:263.
"""

import datetime
import struct
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ._files import File
from .recording import Lead, Source

__all__ = ["open_source"]

FIXED: Final = 522  # bytes before the block of variable length
NAMES: Final = "unknown bipolar X Y Z I II III aVR aVL aVF V1 V2 V3 V4 V5 V6 ES AS AI".split()
MOST_LEADS: Final = 12
NV_PER_MV: Final = 1e6
BLOCK: Final = 4 << 20


def open_source(file: File, keep_identity: bool = False) -> Source:
    """Open the file: each lead has its own resolution.

    Of the person it keeps: name, number and birth date. Raises InputError where the header makes no sense.
    """
    head = file.read(0, FIXED)
    if len(head) < FIXED:
        raise InputError(f"{file.name}: not a readable ISHNE file: the header ends too early")
    _, stated, _, place, _ = struct.unpack_from("<iiiih", head, 10)
    count = struct.unpack_from("<h", head, 156)[0]
    rate = struct.unpack_from("<H", head, 272)[0]
    if not 0 < count <= MOST_LEADS or not FIXED <= place <= file.size:
        raise InputError(f"{file.name}: not a readable ISHNE file: it tells of {count} leads from byte {place} on")
    held = (file.size - place) // (2 * count)
    # the standard's "number of samples" is of one lead, and of all of them in files of some recorders
    length = stated if 0 < stated <= held else held
    if not length:
        raise InputError(f"{file.name}: not a readable ISHNE file: it holds no samples")
    codes = struct.unpack_from(f"<{MOST_LEADS}h", head, 158)
    resolutions = struct.unpack_from(f"<{MOST_LEADS}h", head, 206)
    leads = tuple(
        Lead(
            NAMES[codes[i]] if 0 <= codes[i] < len(NAMES) else f"{i}",
            "nV" if resolutions[i] > 0 else None,
            NV_PER_MV / resolutions[i] if resolutions[i] > 0 else None,
            float(rate),
            kind="ECG",
        )
        for i in range(count)
    )

    def load(index: int) -> npt.NDArray[Any]:
        return read_lead(file, place, count, length, index)

    return Source(file.name, "ISHNE", length, leads, load, start_of(head), identity_of(head) if keep_identity else {})


def read_lead(file: File, place: int, count: int, length: int, index: int) -> npt.NDArray[np.int32]:
    """(n,) int32 of one lead."""
    out = np.empty(length, np.int32)
    with file.opener() as opened:
        opened.seek(place)
        for first in range(0, length, BLOCK // (2 * count)):
            rows = min(BLOCK // (2 * count), length - first)
            block = np.frombuffer(opened.read(2 * count * rows), "<i2")
            if len(block) < count * rows:
                raise InputError(f"{file.name}: became shorter while it was read")
            out[first : first + rows] = block.reshape(rows, count)[:, index]
    return out


def start_of(head: bytes) -> datetime.datetime | None:
    day, month, year = struct.unpack_from("<3h", head, 138)
    hour, minute, second = struct.unpack_from("<3h", head, 150)
    try:
        return datetime.datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None


def identity_of(head: bytes) -> dict[str, str]:
    """What the header says of the person."""
    texts = {"first_name": head[28:68], "last_name": head[68:108], "id": head[108:128]}
    found = {name: text.split(b"\0")[0].decode("latin-1").strip() for name, text in texts.items()}
    day, month, year = struct.unpack_from("<3h", head, 132)
    if year > 0:
        found["birth_date"] = f"{year:04}-{month:02}-{day:02}"
    return {name: text for name, text in found.items() if text}
