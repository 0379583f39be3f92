"""The facts that the package shares are those of the C core, and no module has a copy of them."""

import ast
import re
from pathlib import Path

import pytest

from edgeecg import Quality, constants

ROOT = Path(__file__).resolve().parent.parent
HEADERS = "\n".join(path.read_text() for path in sorted((ROOT / "csrc").rglob("*.h")))
IN_C = dict(re.findall(r"^#define EE_(\w+) +(-?\w+)", HEADERS, re.MULTILINE))


def number(text: str) -> int:
    return -(2**31) if text == "INT32_MIN" else int(text.rstrip("u"), 0)


@pytest.mark.parametrize("name", sorted(set(constants.__all__) & set(IN_C)))
def test_the_core_has_the_same_value(name):
    value = getattr(constants, name)
    assert number(IN_C[name]) == (len(value) if isinstance(value, tuple) else value)


def test_the_core_names_the_facts_that_its_users_see():
    assert {"RATE", "X_MAX", "MISSING", "BLOCK"} <= set(constants.__all__) & set(IN_C)


def test_quality_flags_have_the_bits_of_the_core():
    bits = dict(re.findall(r"EE_(?:QUALITY_)?(FLAT|CLIPPED|LEAD_OFF|MISS\w+|NOISY) = (\d+)", HEADERS))
    assert sorted(map(int, bits.values())) == [int(flag) for flag in Quality if flag]
    assert all(int(bit) == Quality["MISSING" if name.startswith("MISS") else name] for name, bit in bits.items())


@pytest.mark.parametrize("room", ["edgeecg", "benchmarks"])
def test_no_module_writes_them_out_again(room):
    """Those that cannot be meant for another number."""
    written = (constants.RATE_MHZ, constants.CANONICAL_PER_MV, constants.X_MAX)
    for path in sorted((ROOT / room).rglob("*.py")):
        numbers = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
        assert path.name == "constants.py" or not numbers & set(written), path


def test_the_module_imports_nothing():
    assert not any(
        isinstance(node, (ast.Import, ast.ImportFrom))
        for node in ast.walk(ast.parse((ROOT / "edgeecg/constants.py").read_text()))
    )
