"""The layout of an .eecg file is written four times: docs/format.md, the C headers, Python's structs and its ranges.

They say the same. What a reader does with it is in tests/test_hostile_files.py and tests/test_model_ranges.py.
"""

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from edgeecg._model import check as _model_check
from edgeecg._model import layout as _model_format

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = {"header": "Header", "front": "Front end", "layer": "Layers", "head": "Head"}
STRUCTS = {name: getattr(_model_format, name.upper()) for name in SECTIONS}
CASES = {  # the cases of the document that a table of model_ranges.h is for; none: the general one
    "front_kind_0": ["`kind` 0"],
    "front_kind_1": ["`kind` 1"],
    "layer_conv": ["conv"],
    "layer_plain": ["add", "max pool"],
    "layer_add": ["add"],
    "layer_max_pool": ["max pool"],
    "head_without_mean": ["without mean"],
}
BY_CODE = {("header", "version")}
"""Single numbers that model_check.c compares itself, because their status is not that of a table."""
WIDTHS = {"u8": 1, "u16": 2, "u32": 4, "i32": 4}


def document() -> dict[str, dict[str, tuple[int, int, str]]]:
    """{record: {field: (offset, bytes, what is allowed)}} of docs/format.md."""
    text, records = (ROOT / "docs/format.md").read_text(), {}
    for record, title in SECTIONS.items():
        section = re.search(rf"^## {title}\b.*?(?=^## )", text, re.M | re.S)[0]
        records[record] = {}
        for offset, kind, count, field, allowed in re.findall(
            r"^\| (\d+) \| (\w+?)(?:\[(\d+)\])? \| (\w+) \| (.*) \|$", section, re.M
        ):
            records[record][field] = (int(offset), WIDTHS[kind] * int(count or 1), allowed)
    return records


def cases(allowed: str) -> dict[str, str]:
    """{case: its part of a cell}, the general one under ''."""
    found = {}
    for part in allowed.split("; "):
        names, colon, text = part.partition(": ")
        known = colon and all(
            name in ("conv", "add", "max pool", "without mean", "`kind` 0", "`kind` 1") for name in names.split(", ")
        )
        for name in names.split(", ") if known else [""]:
            found[name] = text if known else part
    return found


def numbers(text: str) -> tuple[int, int] | None:
    """The lowest and highest number that a cell begins with; None where it depends on other fields."""
    text = re.sub(r"(?<=\d) (?=\d{3}\b)", "", text).replace("2^30", str(1 << 30)).replace("0xFFFF", "65535")
    if ".." in text:
        span = re.match(r"(\d+) \.\. (\d+)\b(?! \*)", text)
        return (int(span[1]), int(span[2])) if span else None
    if re.match(r"\d+ (\+|with)", text):
        return None
    values = []
    for part in re.split(", | or ", text):
        number = re.match(r"\d+\b", part)
        if not number:
            break
        values.append(int(number[0]))
    return (min(values), max(values)) if values else None


@pytest.fixture(scope="module")
def printed(tmp_path_factory) -> list[list[str]]:
    """What csrc/test/print_model_ranges.c prints of csrc/src/model_file/model_ranges.h, in words."""
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    program = tmp_path_factory.mktemp("ranges") / "print_model_ranges"
    subprocess.run(["gcc", "-std=c99", str(ROOT / "csrc/test/print_model_ranges.c"), "-o", str(program)], check=True)
    lines = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.split() for line in lines]


@pytest.fixture(scope="module")
def ranges(printed) -> list[tuple[str, int, int, int, int]]:
    """(table, offset, width, minimum, maximum) of every row."""
    rows = [(row[0].removesuffix("_ranges"), *map(int, row[1:5])) for row in printed if len(row) == 6]
    assert len(rows) > 50
    return rows


def test_the_fields_are_where_the_document_says():
    header = (ROOT / "csrc/src/model_file/model_file.h").read_text()
    for record, fields in document().items():
        named = dict(re.findall(rf"EE_AT_{record.upper()}_(\w+) = (\d+)", header))
        assert named.pop("NAME_LAST", "119") == "119"
        assert {name: int(offset) for name, offset in named.items()} == {
            field.upper(): offset for field, (offset, _, _) in fields.items()
        }
        size = re.search(rf"#define EE_{record.upper()}_BYTES +(\d+)u", header)[1]
        assert int(size) == STRUCTS[record].size == sum(width for _, width, _ in fields.values())


def test_python_reads_the_same_fields():
    for record, fields in document().items():
        at, found = 0, []
        for count, code in re.findall(r"(\d*)([a-zA-Z])", STRUCTS[record].format.lstrip("<")):
            width = struct.calcsize(f"<{count}{code}")
            found.append((at, width))
            at += width
        assert found == [(offset, width) for offset, width, _ in fields.values()]


def test_the_ranges_of_c_are_those_of_the_document(ranges):
    fields = {
        (r, offset): (name, width, allowed)
        for r, f in document().items()
        for name, (offset, width, allowed) in f.items()
    }
    for table, offset, width, minimum, maximum in ranges:
        record = table.split("_")[0]
        if (record, offset) == ("header", 119):  # the end of the name
            continue
        name, bytes_, allowed = fields[record, offset]
        assert width == bytes_, (table, name)
        for case in CASES.get(table, [""]):
            text = cases(allowed)[case]
            if (table, name) == ("layer_conv", "groups"):  # a divisor of cin is no larger than cin
                assert text == "divides `cin` and `cout`" and (minimum, maximum) == (1, 1024)
            else:
                assert numbers(text) == (minimum, maximum), (table, name, text)


def test_no_range_of_the_document_is_left_out(ranges):
    checked = {(table, offset) for table, offset, *_ in ranges}
    for record, fields in document().items():
        for name, (offset, _, allowed) in fields.items():
            for case, text in cases(allowed).items():
                if numbers(text) is None or (record, name) in BY_CODE:
                    continue
                tables = [t for t, of in CASES.items() if case in of and t.startswith(record)] if case else [record]
                assert any((table, offset) in checked for table in tables), (record, name, case, text)


def test_the_limits_of_python_are_those_of_c(printed, ranges):
    rows = {(table, offset): (low, high) for table, offset, _, low, high in ranges}
    assert rows["header", 76] == (1, _model_check.MAX_LAYERS)
    assert rows["head", 2] == (1, _model_check.MAX_FRAMES)
    limits = {row[0]: int(row[1]) for row in printed if len(row) == 2}
    assert limits == {
        name: getattr(_model_check, name) for name in ("BIAS_MAX", "MULT_MAX", "MULT32_MAX", "MAX_STRIDE")
    }


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("1 .. 64", (1, 64)),
        ("64 000 .. 128 000 mHz", (64000, 128000)),
        ("16, 32, 64, 128 or 256", (16, 256)),
        ("0 plain, 1 full", (0, 1)),
        ("1 conv, 2 add, 3 max pool", (1, 3)),
        ("1 mean, 2 max, 3 mean then max", (1, 3)),
        ("1 .. window / 32", None),
        ("224 + 64 * n_layers", None),
        ("0 (no window is `NOISY`) .. 186 * window / 32, in steps", None),
        ("0 .. kernel - 1", None),
        ("0 with requant 0, int32[cout] with requant 1", None),
        ("any", None),
    ],
)
def test_cells_are_read_as_they_are_meant(text, span):
    assert numbers(text) == span
