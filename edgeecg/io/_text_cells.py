"""Cells of text: what is a number, what is absent, and whole columns of them at once."""

import csv
import re
from collections.abc import Sequence
from itertools import repeat
from typing import Final

import numpy as np
import numpy.typing as npt

from ..errors import InputError

__all__ = ["ABSENT", "Form", "blocks", "is_absent", "is_number", "split_line", "split_rows", "to_floats"]

ABSENT: Final = frozenset(
    "|-|--|---|?|.|*|na|n/a|#n/a|nan|-nan|+nan|nan()|null|nil|none|missing|inf|-inf|+inf|infinity|-infinity|"
    "1.#qnan|-1.#ind|1.#ind|1.#inf|-1.#inf|nan(ind)|-nan(ind)|#div/0!|#value!|#num!|<na>|undefined".split("|")
)
ABSENT_BYTES: Final = np.array(sorted(token.encode() for token in ABSENT))
NUMBER = re.compile(r"[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,4})?")
GROUPED = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+(?:,\d*)?")
WIDEST = 64  # letters of a number or a time; what is longer is neither
BLOCK = 1 << 20
COMMENTS = (b"#", b"%", b"//")


class Form:
    """How rows are written.

    Attributes
    ----------
    delimiter : bytes or None
        None is blanks; of a single column b"\\0", which no text has.
    kinds : list of str
        Of each column: "." or "," for numbers with this decimal mark, "time", "text", or "empty".
    paired : bool
        Whether commas both separate cells and stand in them: two pieces are one cell.
    quote : bytes or None
        What cells may stand in.
    """

    def __init__(self, delimiter: bytes | None, kinds: list[str], paired: bool = False, quote: bytes | None = None):
        self.delimiter, self.kinds, self.paired, self.quote = delimiter, kinds, paired, quote

    @property
    def columns(self) -> int:
        """Cells of a row."""
        return len(self.kinds)

    @property
    def pieces(self) -> int:
        """Pieces between delimiters in a row."""
        return self.columns * (2 if self.paired else 1)


def is_absent(cell: str) -> bool:
    return cell.strip().lower() in ABSENT


def is_number(cell: str, decimal: str = ".") -> bool:
    """Whether a cell is a plain number."""
    cell = cell.strip()
    if decimal == ",":
        if GROUPED.fullmatch(cell):
            return True
        if "." in cell:
            return False
        cell = cell.replace(",", ".")
    return len(cell) <= WIDEST and NUMBER.fullmatch(cell) is not None


def split_line(line: str, form: Form) -> list[str]:
    """The cells of one line of the head, without quotes."""
    if form.delimiter is None:
        return [cell.strip("\"'") for cell in line.split()]
    if form.delimiter == b"\0":
        return [line.strip().strip("\"'").strip()]
    mark = form.delimiter.decode()
    try:
        cells = next(csv.reader([line], delimiter=mark, skipinitialspace=True), [])
    except csv.Error:
        cells = line.split(mark)
    cells = [cell.strip().strip("'\"").strip() for cell in cells]
    if form.paired and len(cells) % 2 == 0:
        return [f"{a}.{b}" if b.isdigit() else f"{a},{b}" for a, b in zip(cells[::2], cells[1::2], strict=True)]
    return cells


def blocks(content: bytes, start: int) -> list[tuple[int, int]]:
    """(begin, end) of pieces of whole lines."""
    found = []
    while start < len(content):
        end = len(content) if len(content) - start <= BLOCK else content.rfind(b"\n", start, start + BLOCK) + 1
        if end <= start:
            end = content.find(b"\n", start) + 1 or len(content)
        found.append((start, end))
        start = end
    return found


class Rows:
    """Lines that are no row of data, taken out; what is wrong is named with its line."""

    def __init__(self, where: str, form: Form, header: bytes | None):
        self.where, self.form, self.header = where, form, header

    def clean(self, lines: list[bytes], first: int, at_end: bool) -> list[bytes]:
        """The rows among lines; `first` is the number of the first, counted from 1."""
        kept = []
        for number, line in enumerate(lines, first):
            bare = line.strip()
            if not bare or bare.startswith(COMMENTS) or (self.header is not None and bare == self.header):
                continue
            row, cells = line, self.count(line)
            if (
                cells == self.form.pieces + 1
                and self.form.delimiter
                and bare.endswith(self.form.delimiter.strip() or b"\0")
            ):
                row, cells = line.rstrip()[:-1], cells - 1
            if cells > self.form.pieces and self.form.delimiter:
                pieces = line.split(self.form.delimiter)
                if pieces[self.form.pieces].strip(b" \"'").startswith(b"#"):  # a remark behind the row
                    row, cells = self.form.delimiter.join(pieces[: self.form.pieces]), self.form.pieces
            if cells != self.form.pieces:
                if at_end and number == first + len(lines) - 1 and cells < self.form.pieces:
                    continue  # the last line was cut off
                raise InputError(f"{self.where}: line {number} has {cells} columns, not {self.form.pieces}")
            kept.append(row)
        return kept

    def count(self, line: bytes) -> int:
        return len(line.split()) if self.form.delimiter is None else line.count(self.form.delimiter) + 1


def split_rows(rows: Rows, block: bytes, first: int, at_end: bool) -> tuple[list[bytes], int]:
    """All cells of a block of lines, row after row, and how many lines there were."""
    form = rows.form
    lines = block.split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    total = len(lines)
    if form.quote is not None and form.quote in block:
        return quoted(rows, lines, first, at_end), total
    if form.delimiter is None:
        regular = all(map(form.pieces.__eq__, map(len, map(bytes.split, lines))))
    else:
        regular = all(map((form.pieces - 1).__eq__, map(bytes.count, lines, repeat(form.delimiter))))
    special = (rows.header is not None and rows.header in block) or form.pieces == 1
    if not regular or special or b"#" in block or b"%" in block or b"//" in block:
        lines = rows.clean(lines, first, at_end)
    if not lines:
        return [], total
    if form.delimiter is None:
        return b" ".join(lines).split(), total
    return form.delimiter.join(lines).split(form.delimiter), total


def quoted(rows: Rows, lines: list[bytes], first: int, at_end: bool) -> list[bytes]:
    """The same of lines in which cells may stand in quotes, with delimiters inside."""
    form = rows.form
    assert form.quote is not None
    if form.pieces == 1:
        lines = [line.replace(form.quote * 2, b"nan") for line in lines]
    bare = [line.replace(form.quote, b"") for line in lines]
    if form.delimiter is None or all(map((form.pieces - 1).__eq__, map(bytes.count, bare, repeat(form.delimiter)))):
        kept = rows.clean(bare, first, at_end)
        joined = (form.delimiter or b" ").join(kept)
        return (joined.split(form.delimiter) if form.delimiter else joined.split()) if kept else []
    between = form.quote + form.delimiter + form.quote
    if all(map((form.pieces - 1).__eq__, map(bytes.count, lines, repeat(between)))):  # every cell stands in quotes
        return between.join([line.strip()[1:-1] for line in lines]).split(between)
    reader = csv.reader(
        (line.decode("latin-1") for line in lines), delimiter=form.delimiter.decode(), quotechar=form.quote.decode()
    )
    cells: list[bytes] = []
    try:
        for number, found in enumerate(reader, first):
            row = found[:-1] if len(found) == form.columns + 1 and not found[-1].strip() else found
            if not row or row[0].lstrip().startswith(("#", "%")):
                continue
            if len(row) != form.columns:
                if at_end and number == first + len(lines) - 1 and len(row) < form.columns:
                    continue
                raise InputError(f"{rows.where}: line {number} has {len(row)} columns, not {form.columns}")
            cells += [cell.encode("latin-1") for cell in row]
    except csv.Error as error:
        raise InputError(f"{rows.where}: not a readable table from line {first} on: {error}") from None
    return cells


def to_floats(cells: Sequence[bytes], decimal: str) -> npt.NDArray[np.float64] | int:
    """A column of numbers, NaN where nothing stands; or the index of the first cell that is no number."""
    if not cells:
        return np.empty(0)
    widest = max(map(len, cells))
    if widest > WIDEST:
        return next(i for i, cell in enumerate(cells) if len(cell) > WIDEST)
    if b"" in cells:
        cells = [cell or b"nan" for cell in cells]
    text = np.array(cells, f"S{max(widest, 4)}")
    written = text.tobytes()
    if decimal == ",":
        if b"." in written:
            text = np.char.replace(text, b".", b"")
        text = np.frombuffer(text.tobytes().replace(b",", b"."), text.dtype)
    try:
        if b"_" in written:  # which Python takes for a number
            raise ValueError
        values: npt.NDArray[np.float64] = text.astype(np.float64)
    except ValueError:
        text = np.char.strip(np.char.lower(text), b" \t\"'\xa0").astype(f"S{max(widest, 4)}")
        text[np.isin(text, ABSENT_BYTES)] = b"nan"
        wrong = first_wrong(text)
        if wrong is not None:
            return wrong
        values = text.astype(np.float64)
    values[np.isinf(values)] = np.nan
    return values


def first_wrong(text: npt.NDArray[np.bytes_]) -> int | None:
    """The index of the first cell that is no number."""
    try:
        if b"_" not in text.tobytes():
            text.astype(np.float64)
            return None
    except ValueError:
        pass
    for i, cell in enumerate(text.tolist()):
        try:
            if b"_" in cell:
                return i
            float(cell)
        except ValueError:
            return i
    return None
