"""A walk over the elements of a MATLAB 5 file in the order in which SciPy reads them.

SciPy looks up the type of a number in a table without asking whether the table has it, and a damaged file then ends the
process. Here every element that it would read is looked at first: its type, whether the file has all its bytes, and
what memory it asks for. Format: MAT-File Format, The MathWorks, chapter 1.
"""

import struct
import zlib
from typing import Final

from ..errors import InputError
from ._files import File

__all__ = ["check_elements", "is_version_5"]

MATRIX, COMPRESSED = 14, 15
NUMBERS: Final = frozenset([1, 2, 3, 4, 5, 6, 7, 9, 12, 13, 16, 17, 18])
CELL, STRUCT, OBJECT, CHAR, SPARSE, FUNCTION, OPAQUE = 1, 2, 3, 4, 5, 16, 17
NUMERIC: Final = range(6, 16)
DEEPEST = 32  # arrays in cells in cells
PIECE = 1 << 18


def is_version_5(content: bytes) -> bool:
    """As SciPy tells it: no zero in the first four bytes, and version 1 behind the text of the header."""
    return len(content) >= 128 and 0 not in content[:4] and 1 in (content[124], content[125])


def check_elements(file: File, content: bytes) -> None:
    """Check a file of version 5.

    Raises
    ------
    InputError
        Where an element is of no known type, is not all there, or would take more memory than the file may.
    """
    order = "<" if content[126:128] == b"IM" else ">"
    place, taken = 128, 0
    while place + 8 <= len(content):
        kind, size = struct.unpack_from(order + "II", content, place)
        place += 8
        if kind == COMPRESSED:
            inside = inflated(file, content[place : place + size], taken)
            taken += len(inside)
            Walk(file, inside, order).matrix(0)
        elif kind == MATRIX:
            Walk(file, content, order).matrix(place - 8)
        place += size


def inflated(file: File, packed: bytes, taken: int) -> bytes:
    """What a packed variable holds, where the file may take it."""
    inflate, pieces, total = zlib.decompressobj(), [], 0
    while packed and not inflate.eof:
        try:
            pieces.append(inflate.decompress(packed, PIECE))
        except zlib.error as error:
            raise InputError(f"{file.name}: not a readable MATLAB file: {error}") from None
        total += len(pieces[-1])
        file.afford(2 * (taken + total), "what is packed in it")
        packed = inflate.unconsumed_tail
    return b"".join(pieces)


class Walk:
    """Through the bytes of variables; each method takes the place of an element and returns the next one's."""

    def __init__(self, file: File, content: bytes, order: str):
        self.file, self.content, self.order = file, content, order

    def damaged(self, what: str) -> InputError:
        return InputError(f"{self.file.name}: not a readable MATLAB file: {what}")

    def numbers(self, place: int, count: int) -> tuple[int, ...]:
        """So many unsigned integers of 32 bits."""
        if place + 4 * count > len(self.content):
            raise self.damaged("it ends too early")
        return struct.unpack_from(f"{self.order}{count}I", self.content, place)

    def element(self, place: int) -> tuple[int, int, int, int]:
        """(type, first byte, bytes, next place) of an element of numbers or letters."""
        kind, size = self.numbers(place, 2)
        if kind >> 16:
            kind, size, start, after = kind & 0xFFFF, kind >> 16, place + 4, place + 8
        else:
            start, after = place + 8, place + 8 + size + -size % 8
        if kind not in NUMBERS:
            raise self.damaged(f"an element is of type {kind}")
        if size > 4 and start + size > len(self.content):
            raise self.damaged("it ends too early")
        return kind, start, size, after

    def matrix(self, place: int, depth: int = 0) -> int:
        """An array of any class, with what is in it."""
        kind, size = self.numbers(place, 2)
        if kind != MATRIX:
            raise self.damaged(f"an element is of type {kind} instead of an array")
        if size == 0:
            return place + 8
        if depth > DEEPEST:
            raise self.damaged(f"its arrays lie more than {DEEPEST} deep in each other")
        flags = self.numbers(place + 16, 2)[0]
        place, what = place + 24, flags & 0xFF
        if what == OPAQUE:
            for _ in range(3):  # a name, a system, a class
                place = self.element(place)[3]
            return self.matrix(place, depth + 1)
        count, place = self.product(place)
        place = self.element(place)[3]  # the name
        if what in NUMERIC or what in (CHAR, SPARSE):
            return self.values(place, what, bool(flags & 0x800), count)
        if what == FUNCTION:
            return self.matrix(place, depth + 1)
        if what == OBJECT:
            place = self.element(place)[3]
        if what in (STRUCT, OBJECT):
            fields, place = self.fields(place)
            self.file.afford(8 * count, f"a structure of {count}")
            count *= fields
        elif what != CELL:
            raise self.damaged(f"an array is of class {what}")
        for _ in range(count):
            place = self.matrix(place, depth + 1)
        return place

    def product(self, place: int) -> tuple[int, int]:
        """(number of entries, next place) of an element of dimensions."""
        _, start, size, place = self.element(place)
        count = 1
        for dimension in self.numbers(start, size // 4):
            count *= dimension
        return count, place

    def values(self, place: int, what: int, has_imaginary: bool, count: int) -> int:
        """The elements of an array of numbers or letters."""
        for _ in range((3 if what == SPARSE else 1) + (has_imaginary and what != CHAR)):
            _, _, size, place = self.element(place)
        if what == CHAR and size == 0:
            self.file.afford(8 * count, f"a text of {count} blanks")
        return place

    def fields(self, place: int) -> tuple[int, int]:
        """(number of fields, next place) of a structure."""
        _, start, size, place = self.element(place)
        width = self.numbers(start, 1)[0] if size == 4 else 0
        _, _, size, place = self.element(place)
        if not 0 < width < 1 << 31:
            raise self.damaged(f"the names of its fields are {width} letters wide")
        return size // width, place
