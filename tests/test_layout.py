"""How the rooms of the code lie to one another, and how large files and functions are.

The floors of train/ and what must not import what are contracts in pyproject.toml ([tool.importlinter]).
"""

import ast
import graphlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def test_imports_keep_the_contracts():
    """No circles, imports of train/ go down only, no command imports another, edgeecg imports neither."""
    pytest.importorskip("importlinter")
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and " 0 broken" in done.stdout, done.stdout + done.stderr


def test_only_commands_lie_at_the_top_of_train():
    files = [*(ROOT / "train").glob("*.py"), *(ROOT / "train/studies").glob("*.py")]
    files = [path for path in files if path.name != "__init__.py"]
    assert len(files) > 15
    assert [path.name for path in files if 'if __name__ == "__main__":' not in path.read_text()] == []


def test_no_c_files_include_each_other():
    """But where a comment in the including file says why: "circle: ..."."""
    files = {path.name: path for path in (ROOT / "csrc").rglob("*.[ch]")}
    edges = {}
    for name, path in files.items():
        text = path.read_text()
        found = set(re.findall(r'#include "(?:.*/)?([\w.]+)"', text)) & set(files)
        edges[name] = set() if "circle:" in text else found
    assert len(edges) > 30
    list(graphlib.TopologicalSorter(edges).static_order())  # raises CycleError and names the files


SOURCES = [p for s in ("py", "pyx", "pxi", "pyi", "c", "h") for p in sorted(ROOT.rglob(f"*.{s}"))]
OURS = [
    p
    for p in SOURCES
    if not any(part.startswith(".") or part in ("build", "node_modules", "dist") for part in p.relative_to(ROOT).parts)
]


def test_no_file_is_longer_than_400_lines():
    assert [str(p.relative_to(ROOT)) for p in OURS if len(p.read_text(encoding="utf-8").splitlines()) > 400] == []


def test_functions_fit_a_screen():
    """None over 60 lines, the median below 10."""
    sizes = {}
    for path in OURS:
        if path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                sizes[f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"] = node.end_lineno - node.lineno + 1
    assert {name: size for name, size in sizes.items() if size > 60} == {}
    assert sorted(sizes.values())[len(sizes) // 2] < 10


def test_a_rule_is_switched_off_for_a_stated_reason_only():
    """`# noqa: CODE (reason)`, and no line that the formatter must leave alone."""
    bare = re.compile(r"#\s*noqa(?!: [A-Z]+\d+(?:, [A-Z]+\d+)* \(.+)|#\s*fmt: skip")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in OURS
        if path.suffix in (".py", ".pyi") and path != Path(__file__).resolve()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if bare.search(line)
    ]
    assert found == []
