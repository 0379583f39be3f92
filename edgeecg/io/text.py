"""Text tables: what programs, devices and people write, one column a lead (or one row).

Found out from the rows themselves: the delimiter (comma, tab, semicolon, bar, blanks), the decimal mark of each column,
where the rows begin, which column is a clock, a count, a label or a lead. From the lines before: rate, unit, gain,
names, the moment of the first sample (OpenSignals, OpenBCI, LabChart, AcqKnowledge, BioSPPy, Shimmer, Polar, Apple
Watch and their like). In any encoding with ASCII in it, and UTF-16.
"""

import codecs
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..constants import PLAUSIBLE_MV
from ..errors import InputError
from ._files import File
from ._table import Column, Facts, table_source
from ._text_cells import Form, Rows, blocks, split_rows, to_floats
from ._text_head import Head, head_of
from ._text_layout import Layout, layout_of
from ._text_lists import list_variables
from ._text_wide import is_wide, wide_columns
from ._times import WIDEST
from ._variables import source_of as variables_source
from .recording import Source

__all__ = ["is_text", "open_source"]

HEAD_LINES = 2000
HEAD_BYTES = 1 << 19
SAMPLE = 1 << 13  # bytes from a place of a file by which its form is decided
SAMPLED_LINES = 60
NUMERIC = frozenset(b"0123456789+-.,;:|eE\"' \t/TZnaN")  # bytes of a line of data, most likely
BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SIGNS = ((b"\xe2\x88\x92", b"-"), (b"\xc2\xa0", b" "))  # a minus that is none, a blank that does not break


def is_text(head: bytes) -> bool:
    """Whether the first bytes of a file are text."""
    if any(head.startswith(bom) for bom, _ in BOMS) or encoding_without_bom(head):
        return True
    control = sum(head.count(bytes([code])) for code in (*range(1, 9), *range(14, 27), *range(28, 32)))
    return bool(head) and b"\0" not in head.rstrip(b"\0") and control <= len(head) // 1000


def encoding_without_bom(head: bytes) -> str | None:
    """UTF-16 whose every other byte is 0."""
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = head[first:400:2], head[1 - first : 400 : 2]
        if len(zeros) > 3 and zeros.count(0) > 0.9 * len(zeros) and others.count(0) == 0:
            return name
    return None


def open_source(file: File, keep_identity: bool = False) -> Source:
    """Open the file: its table, and what the lines before it tell.

    It keeps what the head says of the person. Raises InputError where there is no row of numbers, or a row is not like
    the others.
    """
    file.afford(2 * file.size, "the text")
    content = plain_text(file)
    lists = list_variables(file.name, content)
    if lists is not None:
        return variables_source(file.name, "text", lists, file.budget)
    lines = head_lines(content)
    if is_wide(content, lines):
        columns, head_only = wide_columns(file.name, content)
        head = head_of(file.name, head_only, keep_identity)
    else:
        layout = layout_of(file.name, lines, sample_lines(content))
        head = head_of(file.name, layout.head, keep_identity)
        columns = named(columns_of(file, content, layout), layout, head)
    if not columns or max((len(c.values) for c in columns if c.values is not None), default=0) == 0:
        raise InputError(f"{file.name}: no row of numbers")
    one_unit = head.units[0] if len(head.units) == 1 else None
    label = head.labels[0] if len(head.labels) == 1 else None
    facts = Facts(head.rate, one_unit, head.gain, label, head.start, head.identity)
    return table_source(file.name, "text", columns, facts, file.budget)


def plain_text(file: File) -> bytes:
    """The content with one kind of line end, in an encoding whose digits are ASCII's."""
    content = file.read()
    encoding = next((name for bom, name in BOMS if content.startswith(bom)), None) or encoding_without_bom(
        content[:400]
    )
    if encoding == "utf-8":
        content = content[len(codecs.BOM_UTF8) :]
    elif encoding:
        file.afford(8 * len(content), "the text")
        content = content.decode(encoding, "replace").encode()
    elif not is_text(content[:HEAD_BYTES]):
        raise InputError(f"{file.name}: this is not text")
    content = content.rstrip(b"\0\x1a")
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    for sign, meant in SIGNS:
        if sign in content:
            content = content.replace(sign, meant)
    return content


def decoded(text: bytes) -> str:
    """UTF-8, or what Windows writes."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("cp1252", "replace")


def head_lines(content: bytes) -> list[str]:
    """The first lines, whole ones."""
    part = content[:HEAD_BYTES]
    if len(part) < len(content):
        part = part[: part.rfind(b"\n") + 1] or part
    return [decoded(line) for line in part.split(b"\n")[:HEAD_LINES]]


def sample_lines(content: bytes) -> list[str]:
    """Lines that are data if any are: of three places of a long text, of a short one its second half."""
    if len(content) > 8 * SAMPLE:
        places = (content[len(content) * part // 4 :][:SAMPLE].split(b"\n")[1:-1][:SAMPLED_LINES] for part in (1, 2, 3))
        lines = [line for place in places for line in place]
        if len(lines) > 8:
            return [decoded(line) for line in lines]
    lines = [line for line in content.split(b"\n") if line.strip()]
    if len(lines) < SAMPLED_LINES:
        numbers = [line for line in lines if NUMERIC.issuperset(line) and line.translate(None, b"nNaTZ")]
        return [decoded(line) for line in numbers or lines[len(lines) // 2 :]]
    return [decoded(line) for line in lines[len(lines) // 2 :][:SAMPLED_LINES]]


def columns_of(file: File, content: bytes, layout: Layout) -> list[Column]:
    """Every column but text, read at once."""
    form = layout.form
    if form.quote is None and b'"' in content:  # in a row that was not looked at
        form.quote = b'"'
    start = place_of_line(content, layout.first)
    header = layout.header.strip().encode() if layout.header is not None else None
    rows = Rows(file.name, form, header)
    numbers: list[list[npt.NDArray[np.float64]]] = [[] for _ in form.kinds]
    times: list[list[npt.NDArray[np.bytes_]]] = [[] for _ in form.kinds]
    line = layout.first + 1
    for begin, end in blocks(content, start):
        cells, count = split_rows(rows, content[begin:end], line, end == len(content) and not content.endswith(b"\n"))
        for i, kind in enumerate(form.kinds):
            if kind == "empty":  # so far
                found = to_floats(cells[i :: form.columns], ".")
                if isinstance(found, int):
                    form.kinds[i], numbers[i] = "text", []
                else:
                    numbers[i].append(found)
            elif kind in ".,":
                numbers[i].append(floats_of(file.name, cells, i, form, layout, line))
            elif kind == "time":
                times[i].append(times_of(file.name, cells, i, form, line))
        line += count
    numbers = [found if any(np.isfinite(part).any() for part in found) else [] for found in numbers]
    columns = [
        Column(
            layout.names[i],
            layout.units[i],
            np.concatenate(numbers[i]) if numbers[i] else None,
            np.concatenate(times[i]) if times[i] else None,
        )
        for i in range(form.columns)
    ]
    while columns and form.kinds[len(columns) - 1] == "empty" and columns[-1].name is None:
        columns.pop()
    return without_empty_end(columns)


def place_of_line(content: bytes, line: int) -> int:
    """Where a line begins."""
    place = 0
    for _ in range(line):
        place = content.find(b"\n", place) + 1
    return place


def floats_of(
    where: str, cells: Sequence[bytes], i: int, form: Form, layout: Layout, line: int
) -> npt.NDArray[np.float64]:
    """Column i as numbers; a cell that is none is named by its line."""
    column = cells[i :: form.columns] if not form.paired else joined(cells, i, form)
    found = to_floats(column, form.kinds[i])
    if isinstance(found, int):
        name = f"column {layout.names[i]!r}" if layout.names[i] else f"column {i + 1}"
        raise InputError(f"{where}: about line {line + found}, {name}: a cell is no number")
    return found


def joined(cells: Sequence[bytes], i: int, form: Form) -> list[bytes]:
    """Whole numbers and the digits behind their commas, put together."""
    pairs = zip(cells[2 * i :: form.pieces], cells[2 * i + 1 :: form.pieces], strict=True)
    return [a.strip() + b"." + b.strip() for a, b in pairs]


def times_of(where: str, cells: Sequence[bytes], i: int, form: Form, line: int) -> npt.NDArray[np.bytes_]:
    """Column i as it is written, not wider than a time can be."""
    column = cells[i :: form.columns]
    widest = max(map(len, column), default=0)
    if widest > WIDEST + 16:
        at = next(k for k, cell in enumerate(column) if len(cell) > WIDEST + 16)
        raise InputError(f"{where}: about line {line + at}: a cell of {widest} letters is no time")
    return np.array(column, f"S{WIDEST if widest > WIDEST else max(1, widest)}")


def without_empty_end(columns: list[Column]) -> list[Column]:
    """The columns less the last rows in which nothing stands."""
    written = (column.values if column.values is not None else column.cells for column in columns)
    length = min((len(cells) for cells in written if cells is not None), default=0)
    filled = 0
    for column in columns:
        known: npt.NDArray[Any] | None = None
        if column.values is not None:
            known = np.isfinite(column.values[:length])
        elif column.cells is not None:
            known = column.cells[:length] != b""
        if known is not None and known.any():
            filled = max(filled, length - int(np.argmax(known[::-1])))
    for column in columns:
        column.values = column.values[:filled] if column.values is not None else None
        column.cells = column.cells[:filled] if column.cells is not None else None
    return columns


def named(columns: list[Column], layout: Layout, head: Head) -> list[Column]:
    """Columns with the names and units of the lines before, where no heading has them; raw ones as integers."""
    labels = head.columns if len(head.columns) == len(columns) else head.labels
    for given, field in ((labels, "name"), (head.units, "unit")):
        if len(given) > 1 or (given and field == "name" and given is head.columns):
            for column, text in zip(columns[-len(given) :], given[-len(columns) :], strict=True):
                if getattr(column, field) is None:
                    setattr(column, field, text)
    for column in columns:
        column.kind = head.sensors.get(column.name or "")
        if column.values is None or column.unit is not None or head.units or not whole(column.values):
            continue
        if head.raw or (head.gain is None and span(column.values) > PLAUSIBLE_MV[1]):  # counts of an ADC
            column.values = np.where(np.isnan(column.values), -(2.0**31), column.values).astype(np.int32)
    if head.raw and len(head.sensors):
        columns = [c for c in columns if c.kind is not None or c.name not in head.columns or c.name in NOT_SIGNALS]
    return columns


NOT_SIGNALS = ("nSeq",)


def span(values: npt.NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(np.ptp(known)) if len(known) else 0.0


def whole(values: npt.NDArray[np.float64]) -> bool:
    known = values[np.isfinite(values)]
    return bool(np.all(known == np.rint(known)) and np.all(np.abs(known) < 2.0**31))
