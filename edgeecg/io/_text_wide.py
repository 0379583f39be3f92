"""Text in which a recording stands in one row: a few lines of many numbers."""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ._table import Column
from ._text_cells import is_absent, is_number, to_floats
from ._units import split_unit

__all__ = ["is_wide", "wide_columns"]

MANY = 100  # numbers of a row that is a recording
DELIMITERS = (b"\t", b";", b"|", b",", None)


def is_wide(content: bytes, lines: Sequence[str]) -> bool:
    """Whether few lines hold many numbers each."""
    if content.count(b"\n", 0, 1 << 20) > 64:
        return False
    rows = [line for line in content.split(b"\n") if line.strip()]
    longest = max(rows, key=len, default=b"")
    if len(longest) < 2 * MANY:
        return False
    cells = pieces(longest[: 1 << 16], delimiter_of(longest))[1:-1]
    numbers = sum(number(cell) for cell in cells)
    return numbers >= MANY - 2 and numbers >= 0.9 * len(cells) and len(cells) > 4 * len(rows)


def number(cell: bytes) -> bool:
    text = cell.decode("latin-1").strip(" \"'[]")
    return is_number(text) or is_number(text, ",") or is_absent(text)


def delimiter_of(line: bytes) -> bytes | None:
    part = line[: 1 << 16]
    found = next((mark for mark in DELIMITERS[:3] if mark is not None and part.count(mark) >= MANY - 1), None)
    if found is not None:
        return found
    blanks = len(part.split())
    commas = part.count(b",")
    return (
        b","
        if commas >= MANY - 1 and not (blanks > MANY and re.search(rb"\d,\d+ ", part) and b", " not in part)
        else None
    )


def pieces(line: bytes, delimiter: bytes | None) -> list[bytes]:
    return line.split(delimiter) if delimiter is not None else line.split()


def wide_columns(where: str, content: bytes) -> tuple[list[Column], list[str]]:
    """(columns, the short lines before them) of text whose rows are recordings."""
    lines = [line.strip().strip(b"[]") for line in content.split(b"\n") if line.strip()]
    longest = max(lines, key=len)
    delimiter = delimiter_of(longest)
    least = len(longest) // 4
    head = [line.decode("utf-8", "replace") for line in lines if len(line) < least]
    columns = []
    for place, line in enumerate(line for line in lines if len(line) >= least):
        name, values = row_of(where, pieces(line, delimiter), place)
        title, unit = split_unit(name) if name else ("", None)
        columns.append(Column(title or None, unit, values))
    length = max(len(column.values) for column in columns if column.values is not None)
    if any(column.values is not None and len(column.values) != length for column in columns):
        raise InputError(f"{where}: its rows are recordings of different lengths: give one a file")
    return columns, head


def row_of(where: str, cells: list[bytes], place: int) -> tuple[str | None, npt.NDArray[np.float64]]:
    """Name and numbers of a row."""
    cells = [cell.strip(b" \"'") for cell in cells]
    if cells and not cells[-1]:
        cells.pop()
    name = None
    if cells and not number(cells[0]):
        name, cells = cells[0].decode("utf-8", "replace"), cells[1:]
    decimal = (
        "," if not any(b"." in cell for cell in cells[:1000]) and any(b"," in cell for cell in cells[:1000]) else "."
    )
    found = to_floats(cells, decimal)
    if isinstance(found, int):
        raise InputError(f"{where}: row {place + 1}, cell {found + 1} is no number")
    return name, np.asarray(found)
