"""XLI, the packing of Philips' ECGs: LZW of ten-bit codes, then second differences."""

import struct
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from ..errors import InputError

__all__ = ["unpacked_leads"]

BITS: Final = 10
LAST: Final = (1 << BITS) - 2  # codes beyond it end a lead
HEADER: Final = 8  # bytes before each lead: its size, two that are nothing, the first difference


def unpacked_leads(where: str, content: bytes, length: int) -> list[npt.NDArray[np.int64]]:
    """Each lead, `length` samples at most.

    Raises
    ------
    InputError
        Where a lead is longer than the content, or has no samples.
    """
    place, leads = 0, []
    while place + HEADER <= len(content):
        size, _, first = struct.unpack_from("<ihh", content, place)
        place += HEADER
        if not 0 < size <= len(content) - place:
            raise InputError(f"{where}: not a readable Philips file: a lead is longer than its samples")
        leads.append(summed(where, lzw(content[place : place + size], 2 * length), first)[:length])
        place += size
    return leads


def codes(packed: bytes) -> Iterator[int]:
    """Ten bits at a time, the highest first."""
    held, count = 0, 0
    for byte in packed:
        held, count = (held << 8 | byte) & 0xFFFFF, count + 8
        if count >= BITS:
            count -= BITS
            yield held >> count & (1 << BITS) - 1


def lzw(packed: bytes, most: int) -> bytes:
    """The bytes that the codes stand for, no more than `most` and one entry."""
    table = [bytes([code]) for code in range(256)]
    out, before = bytearray(), b""
    for code in codes(packed):
        if code > LAST or len(out) >= most or (code > len(table) or (code == len(table) and not before)):
            break
        entry = table[code] if code < len(table) else before + before[:1]
        if before and len(table) <= LAST:
            table.append(before + entry[:1])
        out += entry
        before = entry
    return bytes(out)


def summed(where: str, found: bytes, first: int) -> npt.NDArray[np.int64]:
    """High bytes, then low bytes, as second differences that are summed."""
    half = len(found) // 2
    if half < 2:
        raise InputError(f"{where}: not a readable Philips file: a lead has no samples")
    raw = np.frombuffer(found, np.uint8, 2 * half).astype(np.uint16)
    steps = (raw[:half] << 8 | raw[half:]).view(np.int16).tolist()
    x, y, last = steps[0], steps[1], first
    out = [x, y]
    for step in steps[2:]:
        x, y, last = y, 2 * y - x - last, step - 64
        out.append(y)
    return np.array(out, np.int64)
