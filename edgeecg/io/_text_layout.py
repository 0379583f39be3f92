"""How a text table is written: its delimiter, decimal marks, where its rows begin, what its columns are called."""

import collections
import dataclasses
import re
from collections.abc import Sequence

from ..errors import InputError
from ._clock_names import SECONDS_PER
from ._leads import is_ecg
from ._text_cells import Form, is_absent, is_number, split_line
from ._text_head import is_fact, is_remark, tells_one_lead
from ._times import is_time
from ._units import normal_unit, split_unit

__all__ = ["Layout", "layout_of"]

DELIMITERS = (b"\t", b";", b"|", b",", None)
SAMPLED = 80  # rows by which the form is decided
RUN = 12  # rows one after the other that begin the data
MARKS = re.compile(r"^\s*(?:[#%!]+|//)\s*")
OTHER_UNITS = frozenset(  # what a row of units may hold beside voltages and times
    "%|bpm|no_units|no units|unitless|hz|ohm|kohm|g|m/s^2|m/(s^2)|deg/s|°c|c|degc|mmhg|hh:mm:ss.mmm|hh:mm:ss|adc|"
    "counts|hh:mm:ss.sss|yyyy/mm/dd hh:mm:ss.000|raw|l/min|lpm|local_flux|u/min|n/a|au|nu|unix|iso8601|siemens".split(
        "|"
    )
)


@dataclasses.dataclass
class Layout:
    """Where and how.

    Attributes
    ----------
    form : Form
    first : int
        Line of the first row of data, from 0.
    names, units : list
        Of each column, None where nothing is written.
    head : list of str
        The lines before, without those of names and units.
    header : str or None
        The line of names, which may be repeated among the data.
    """

    form: Form
    first: int
    names: list[str | None]
    units: list[str | None]
    head: list[str]
    header: str | None


def layout_of(where: str, lines: Sequence[str], sample: Sequence[str]) -> Layout:
    """Layout of a table from its first lines and some from its middle.

    Raises
    ------
    InputError
        Where no row of numbers is found.
    """
    rows = [line for line in sample if line.strip() and not MARKS.match(line)]
    form = form_of(where, lines, rows)
    first = first_row(lines, form) if form is not None else None
    if form is None or first is None:
        raise InputError(f"{where}: no row of numbers in the first {len(lines)} lines of text")
    first += looks_like_names(lines, first, form)
    names, units, used, header = headings(lines, first, form)
    return Layout(form, first, names, units, [line for i, line in enumerate(lines[:first]) if i not in used], header)


def form_of(where: str, lines: Sequence[str], rows: Sequence[str]) -> Form | None:
    """The delimiter with which most rows have as many cells, and fewest columns are text."""
    quote = next((mark for mark in "\"'" if any(mark in row for row in rows)), None)
    forms = [form for form in (form_with(delimiter, rows) for delimiter in DELIMITERS) if form is not None]
    if not forms:
        return with_quote(form_with(b"\0", rows), quote)
    found = min(forms, key=lambda form: (form.kinds.count("text"), DELIMITERS.index(form.delimiter)))
    if found.delimiter == b",":
        found = with_decimal_commas(where, lines, rows, found) or found
    return with_quote(found, quote)


def with_quote(form: Form | None, quote: str | None) -> Form | None:
    if form is not None and quote is not None:
        form.quote = quote.encode()
    return form


def form_with(delimiter: bytes | None, rows: Sequence[str], paired: bool = False) -> Form | None:
    """The form of rows with this delimiter; None where they are no table of numbers."""
    trial = Form(delimiter, [], paired)
    cells = [split_line(row, trial) for row in rows]
    counts = collections.Counter(map(len, cells))
    if not counts:
        return None
    columns, often = counts.most_common(1)[0]
    if often < 0.8 * len(cells) - 1 or (columns < 2 and delimiter != b"\0"):
        return None
    regular = [row[:columns] for row in cells if len(row) >= columns]
    kinds = [kind_of([row[i] for row in regular]) for i in range(columns)]
    if not any(kind in ".," for kind in kinds):
        return None
    return Form(delimiter, kinds, paired)


def kind_of(cells: Sequence[str]) -> str:
    """What most of a column's cells are."""
    known = [cell for cell in cells if not is_absent(cell)]
    if not known:
        return "empty"
    for decimal in ".,":
        if sum(is_number(cell, decimal) for cell in known) >= 0.8 * len(known):
            long_times = all(len(cell) in (14, 17, 20) and cell[:2] in ("19", "20") and is_time(cell) for cell in known)
            return "time" if long_times else decimal
    return "time" if sum(map(is_time, known)) >= 0.8 * len(known) else "text"


def with_decimal_commas(where: str, lines: Sequence[str], rows: Sequence[str], found: Form) -> Form | None:
    """The form of rows whose commas are decimal marks, where head or digits tell that; else None."""
    cells = [row.split(",") for row in rows]
    before = next((i for i, line in enumerate(lines) if line.strip() == rows[0].strip()), 0)
    head = [line for line in lines[: before or None] if line.strip() and not first_number(line)]
    named = len(head[-1].split(",")) if head and is_heading(head[-1]) else None
    if named is not None and found.columns == 2 * named and named > 1 and all(map(fractions, cells)):
        return form_with(b",", rows, paired=True)
    if any(len(row) > 2 for row in cells) or not all(map(fractions, cells)):
        return None
    behind = [row[1] for row in cells if len(row) == 2]
    padded = any(len(part) > 1 and part[0] == "0" for part in behind)
    counted = all(row[0].lstrip("-").isdigit() for row in cells) and [row[0] for row in cells] == sorted(
        {row[0] for row in cells}, key=int
    )
    widths = {len(part) for part in behind}
    padded = padded or any(row[0].strip() == "-0" for row in cells)
    alone = padded or (len(widths) == 1 and min(widths) > 1 and tells_one_lead(head))
    single = named == 1 or (named is None and alone and not counted and len(widths) < 5)
    small = all(len(row[0].strip().lstrip("+-")) == 1 for row in cells)
    if not single and named is None and not counted and small and len(widths) == 1 and min(widths) > 1:
        raise InputError(
            f"{where}: its commas may be decimal marks or stand between columns: write a line of headings before them"
        )
    return form_with(b"\0", rows) if single else None


def fractions(row: Sequence[str]) -> bool:
    """Whether pieces between commas may be whole numbers and the digits behind their decimal marks."""
    return all(piece.strip().lstrip("+-").isdigit() for piece in row[::2]) and all(
        piece.strip().isdigit() for piece in row[1::2]
    )


def first_number(line: str) -> bool:
    return is_number(line.split(",")[0].strip().strip("\"'"))


def is_heading(line: str) -> bool:
    """Whether a line may be one of names: no fact, no remark."""
    return not MARKS.match(line) and not is_fact(re.split(r"[,;\t]", line))


def first_row(lines: Sequence[str], form: Form) -> int | None:
    """The first of a dozen lines that are all rows of data."""
    fitting = [None if not line.strip() or MARKS.match(line) else fits(split_line(line, form), form) for line in lines]
    known = [(i, fit) for i, fit in enumerate(fitting) if fit is not None]
    for at, (i, fit) in enumerate(known):
        following = [good for _, good in known[at : at + RUN]]
        if fit and sum(following) >= 0.9 * len(following) - (len(known) - at < RUN):
            first = i
            while first > 0 and is_empty_row(lines[first - 1], form):
                first -= 1
            return first
    return None


def is_empty_row(line: str, form: Form) -> bool:
    """Whether a line is a row in which nothing was measured."""
    if not line.strip() or MARKS.match(line):
        return False
    cells = split_line(line, form)
    return len(cells) == form.columns and all(map(is_absent, cells))


def fits(cells: Sequence[str], form: Form) -> bool:
    """Whether cells are a row: each column of its kind or empty, and not all empty."""
    if not form.columns <= len(cells) <= form.columns + 1 or any(cells[form.columns :]):
        return False
    filled = 0
    for cell, kind in zip(cells, form.kinds, strict=False):
        if is_absent(cell):
            continue
        if kind in ".,":
            if not is_number(cell, kind):
                return False
        elif kind == "time":
            if not is_time(cell):
                return False
        else:
            continue
        filled += 1
    return filled > 0


def looks_like_names(lines: Sequence[str], first: int, form: Form) -> int:
    """1 where the first row of numbers is one of names, as pandas writes them: ",0" or "0,1,2"."""
    rows = [split_line(line, form) for line in lines[first : first + 6] if line.strip()]
    rows = [row for row in rows if len(row) >= form.columns]
    if len(rows) < 3:
        return 0
    top, rest = rows[0], rows[1:]
    numbers = [i for i, kind in enumerate(form.kinds) if kind in ".,"]
    if is_absent(top[0]) and form.kinds[0] != "text" and all(not is_absent(row[0]) for row in rest):
        return int(all(top[i].isdigit() or is_absent(top[i]) for i in range(1, form.columns)))
    counted = all(top[i] == str(i) for i in numbers) and numbers == list(range(form.columns))
    written = any("." in row[i] or "," in row[i] for row in rest for i in numbers)
    return int(
        counted
        and written
        and all("." in row[i] or "," in row[i] or is_absent(row[i]) for row in rest for i in numbers)
    )


def headings(
    lines: Sequence[str], first: int, form: Form
) -> tuple[list[str | None], list[str | None], set[int], str | None]:
    """(names, units, lines that hold them, the line of names) from the lines right before the data."""
    none: list[str | None] = [None] * form.columns
    rows: list[tuple[int, list[str]]] = []
    for i in range(first - 1, max(-1, first - 7), -1):
        cells = fitted(lines[i], form, i == first - 1)
        if cells is None:
            if rows or lines[i].strip():
                break
            continue
        rows.append((i, cells))
    units: list[str | None] = list(none)
    used: set[int] = set()
    named: list[tuple[int, list[str]]] = []
    for place, (i, cells) in enumerate(rows):
        if is_units(cells, rows[place + 1][1] if place + 1 < len(rows) else None):
            units = [cell or None for cell in cells] if i not in used and not any(units) else units
            used.add(i)
        else:
            named.append((i, cells))
    if not named:
        return none, units, used, None
    line, cells = max(
        named, key=lambda row: (len({cell for cell in row[1] if cell and not cell.isdigit()}), -abs(row[0]))
    )
    used |= {
        i
        for i, row in named
        if i == line or len({cell for cell in row if cell}) <= 1 or all(not c or c.isdigit() for c in row)
    }
    names: list[str | None] = []
    for place, cell in enumerate(cells):
        name, unit = split_unit(cell)
        names.append(name or None)
        units[place] = units[place] or unit
    return names, units, used, lines[line]


def fitted(line: str, form: Form, nearest: bool) -> list[str] | None:
    """The cells of a line that may be one of names; None where it is not. The nearest to the data may lack one."""
    bare = MARKS.sub("", line).strip(" \r")
    remark = bare != line.strip(" \r")
    if form.columns == 1:
        bare = bare.strip()
        name, unit = split_unit(bare.strip("\"'"))
        doubtful = (remark or "=" in bare or ":" in bare) and not (unit or is_ecg(name))
        fact = doubtful or is_remark(line)
        return None if fact or not bare or len(bare) > 120 else [bare.strip("\"'").rstrip(",;")]
    cells = [cell.strip().strip("\"'") for cell in bare.split(",")] if form.paired else split_line(bare, form)
    if form.delimiter in (None, b"\t") and len(cells) != form.columns:  # rdsamp: blanks above tabs
        cells = re.split(r"\s{2,}", bare.strip()) if len(bare) < 2000 else cells
    while len(cells) > form.columns and not cells[-1]:
        cells.pop()
    if len(cells) == form.columns - 1 and form.kinds[-1] == "empty" and len(cells) > 1:
        cells = [*cells, ""]  # rows end in a delimiter
    elif len(cells) == form.columns - 1 and nearest and not remark and cells != [""]:
        cells = ["", *cells]  # R leaves out the name of the row names
    if len(cells) != form.columns or not any(cells) or any(len(cell) > 120 for cell in cells):
        return None
    return None if is_fact(cells) or cells[0].endswith(("=", ":")) else cells


def is_units(cells: Sequence[str], above: Sequence[str] | None = None) -> bool:
    """Whether a row is one of units: a voltage or a time among them, and nothing that is a name.

    "V" may be a lead or volts: it is a unit where the row `above` has a name in its place.
    """
    bare = [cell.strip().strip("()[]").lower() for cell in cells]
    filled = [cell for cell in bare if cell]
    known = [bool(normal_unit(cell)) or cell in SECONDS_PER or cell in OTHER_UNITS for cell in filled]
    if not filled or sum(known) < 0.6 * len(filled):
        return False
    if above is not None and not is_units(above):
        named = [
            cell == "v" and bool(name.strip()) and not name.isdigit() for cell, name in zip(bare, above, strict=True)
        ]
        filled = ["volt" if is_volts else cell for cell, is_volts in zip(bare, named, strict=True) if cell]
    certain = any(normal_unit(cell) and cell != "v" for cell in filled)
    return certain or (len(filled) > 1 and not any(cell == "t" or is_ecg(cell) for cell in filled))
