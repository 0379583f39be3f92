"""Text in which a recording is a list in one cell, as pandas writes a column of lists."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from ._text_cells import to_floats

__all__ = ["list_variables"]

LEAST = 100  # numbers of a list that is a recording
LIST = re.compile(rb"\"?'?\[([^\[\]]+)\]'?\"?")
MARK = b"\x01"
MOST_LINES = 10_000
CLASSES = ("label", "labels", "class", "diagnosis", "rhythm")  # of the recording: no name of a lead


def list_variables(where: str, content: bytes) -> dict[str, Any] | None:
    """Names and values of the one row of a table whose cells hold lists; None where this is no such table.

    Raises InputError where there are several rows, or a list holds something that is no number.
    """
    begin = content[: 1 << 16].find(b"[")
    if begin < 0 or b"\n" not in content[:begin] or content.count(b"[") > MOST_LINES or MARK in content:
        return None
    lists = [found[1] for found in LIST.finditer(content)]
    if max((len(re.split(rb"[,;\s]+", found.strip())) for found in lists), default=0) < LEAST:
        return None
    rest = LIST.sub(lambda found: MARK, content)  # lists may hold line ends
    lines = [line for line in rest.decode("utf-8", "replace").split("\n") if line.strip()]
    if len(lines) < 2 or MARK.decode() in lines[0] or any(len(line) > 1 << 16 for line in lines):
        return None
    heading, *rows = cells_of(lines)
    if not rows or any(len(row) != len(heading) for row in rows) or not all(heading[1:]):
        return None
    if len(rows) > 1:
        raise InputError(f"{where}: holds {len(rows)} recordings, one a row: give a file with one")
    arrays, variables = iter(lists), {}
    for name, cell in zip(heading, rows[0], strict=True):
        own = [next(arrays) for _ in range(cell.count(MARK.decode()))]
        if name.lower() not in CLASSES:
            alone = cell.strip() == MARK.decode()
            variables[name or "index"] = numbers(where, name, own[0]) if alone else value(cell)
    return variables


def cells_of(lines: Sequence[str]) -> list[list[str]]:
    """The cells of each line; nothing where a quote is not closed for too long."""
    mark = max(",;\t|", key=lines[0].count)
    try:
        return [[cell.strip() for cell in row] for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=mark)]
    except csv.Error:
        return [[]]


def numbers(where: str, name: str, text: bytes) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The numbers of a list, which commas or blanks separate."""
    cells = text.split(b",") if b"," in text else text.split()
    found = to_floats([cell.strip(b" \"'\n") for cell in cells], ".")
    if isinstance(found, int):
        raise InputError(f"{where}: column {name!r}, number {found + 1} of its list is no number")
    return found


def value(cell: str) -> str | float:
    """A number where it is one."""
    try:
        return float(cell)
    except ValueError:
        return cell
