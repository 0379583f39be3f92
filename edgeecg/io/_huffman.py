"""The Huffman codes of SCP-ECG (EN 1064, C.3): the table of the standard, and those that a file brings."""

import array
import struct
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import InputError

__all__ = ["STANDARD", "Table", "decode", "tables_of"]

DEFAULT: Final = 19999  # a number of tables that means that of the standard
LONGEST: Final = 32  # bits of a prefix
MOST_CODES: Final = 4096


class Code(NamedTuple):
    """One code: bits that follow the prefix and hold the value, or the value itself; or a table to go on with."""

    extra: int
    value: int
    table: int | None


Table = dict[tuple[int, int], Code]  # by (bits, prefix)


def standard() -> Table:
    """0 is 0, +-n is n + 1 ones, a zero and the sign for n up to 8; ten bits before values of 8 and of 16 bits."""
    table: Table = {(1, 0): Code(0, 0, None)}
    for n in range(1, 9):
        ones = (1 << n) - 1
        for sign in (0, 1):
            table[n + 2, ones << 2 | sign] = Code(0, -n if sign else n, None)
    table[10, 0b1111111110] = Code(8, 0, None)
    table[10, 0b1111111111] = Code(16, 0, None)
    return table


STANDARD: Final = standard()


def tables_of(where: str, section: bytes) -> list[Table]:
    """The tables of section 2.

    Raises
    ------
    InputError
        Where a table is cut off.
    """
    if len(section) < 2:
        raise InputError(f"{where}: not a readable SCP file: section 2 is cut off")
    count = struct.unpack_from("<H", section)[0]
    if count == DEFAULT:
        return [STANDARD]
    place, tables = 2, []
    for _ in range(count):
        table: Table = {}
        codes = struct.unpack_from("<H", section, place)[0] if place + 2 <= len(section) else MOST_CODES + 1
        place += 2
        if codes > MOST_CODES or place + 9 * codes > len(section):
            raise InputError(f"{where}: not a readable SCP file: section 2 is cut off")
        for _ in range(codes):
            prefix, total, is_value, value, bits = struct.unpack_from("<BBBhI", section, place)
            place += 9
            if not 0 < prefix <= LONGEST or total < prefix or total - prefix > 32:
                raise InputError(f"{where}: not a readable SCP file: section 2 has a code without bits")
            backwards = int(f"{bits:032b}"[::-1][:prefix], 2)  # the first bit is the lowest
            table[prefix, backwards] = Code(total - prefix, value, None if is_value else value - 1)
        tables.append(table)
    return tables or [STANDARD]


def decode(where: str, packed: bytes, tables: list[Table], most: int | None) -> npt.NDArray[np.int64]:
    """Values of the codes, `most` of them or as many as there are.

    Raises
    ------
    InputError
        Where bits are no code, or there are fewer values than there have to be.
    """
    held = int.from_bytes(packed, "big") if len(packed) <= 1 << 16 else 0
    total, place, table = 8 * len(packed), 0, tables[0]
    lengths = sorted({bits for bits, _ in table})
    out = array.array("i")
    while place < total and (most is None or len(out) < most):
        for bits in lengths:
            if place + bits > total:
                code = None
                break
            code = table.get((bits, held >> total - place - bits & (1 << bits) - 1))
            if code is not None:
                break
        else:
            raise InputError(f"{where}: not a readable SCP file: its samples are no Huffman codes")
        if code is None:
            break  # bits that fill the last byte
        place += bits
        if code.table is not None:
            if not 0 <= code.table < len(tables):
                raise InputError(f"{where}: not a readable SCP file: a code leads to no table")
            table = tables[code.table]
            lengths = sorted({bits for bits, _ in table})
            continue
        if place + code.extra > total:
            break
        value = code.value
        if code.extra:
            raw = held >> total - place - code.extra & (1 << code.extra) - 1
            value += raw - (1 << code.extra if raw >> code.extra - 1 else 0)
            place += code.extra
        out.append(value)
    if most is not None and len(out) < most:
        raise InputError(f"{where}: not a readable SCP file: it holds {len(out)} of {most} samples of a lead")
    return np.array(out, np.int64)
