"""How the C sources are put together: what holds wherever somebody compiles them, and what keeps them readable."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CSRC = Path(__file__).resolve().parents[2] / "csrc"
FILES = sorted(path for path in CSRC.rglob("*.[ch]") if "ports" not in path.parts)
PRIVATE = [path for path in FILES if (CSRC / "src") in path.parents]
INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)
LONGEST_FILE, LONGEST_FUNCTION = 400, 60


def included(path: Path) -> list[Path]:
    """The files of ours that it includes, as a compiler without any include path finds them."""
    return [Path(os.path.normpath(path.parent / name)) for name in INCLUDE.findall(path.read_text())]


@pytest.mark.parametrize("path", PRIVATE, ids=lambda path: path.relative_to(CSRC / "src").as_posix())
def test_private_files_find_each_other_without_an_include_path(path):
    """Quotes look beside the including file first: an application's headers of the same names never come between."""
    for target in included(path):
        assert target.is_file(), f"{path.name} includes {target}"


@pytest.mark.parametrize("kind", ["host", "device"])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_they_compile_without_a_warning_and_without_an_include_path(compiler, kind):
    command = shutil.which(compiler) or shutil.which(f"{compiler}-14")
    if command is None:
        pytest.skip(f"needs {compiler}")
    flags = [
        "-std=c99",
        "-fsyntax-only",
        "-Wall",
        "-Wextra",
        "-Werror",
        *(["-DEE_NO_HOST=1"] if kind == "device" else []),
    ]
    sources = [path for path in PRIVATE if path.suffix == ".c"]
    done = subprocess.run([command, *flags, *map(str, sources)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("standard", ["c++11", "c++17"])
@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_cpp_takes_the_public_header(compiler, standard, tmp_path):
    command = shutil.which(compiler) or shutil.which(f"{compiler}-14")
    if command is None:
        pytest.skip(f"needs {compiler}")
    (tmp_path / "application.cpp").write_text('#include "edgeecg.h"\nint main() { return EE_QUALITY_FLAT - 1; }\n')
    flags = [f"-std={standard}", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{CSRC / 'include'}"]
    done = subprocess.run([command, *flags, tmp_path / "application.cpp"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_core_needs_no_file_of_hosts_or_model_files():
    """An exported folder holds core/ and device/ alone."""
    for path in PRIVATE:
        if path.parent.name in ("core", "device"):
            assert {target.parent.name for target in included(path)} <= {"core", "device", "include"}, path.name


def module_of(path: Path) -> Path:
    """A header and the source of its name are one module."""
    return path.with_suffix("")


def test_no_module_includes_itself_in_a_circle():
    uses = {}
    for path in PRIVATE:
        uses.setdefault(module_of(path), set()).update(module_of(target) for target in included(path))
    done, path = set(), []

    def visit(module):
        assert module not in path, " -> ".join(m.name for m in [*path[path.index(module) :], module])
        if module in done:
            return
        path.append(module)
        for target in uses.get(module, set()) - {module}:
            visit(target)
        path.pop()
        done.add(module)

    for module in uses:
        visit(module)
    assert len(done) > 40


def functions(text: str) -> list[tuple[str, int]]:
    """(first line, number of lines) of every function, in the braces that clang-format gives them."""
    lines, found, first, inside = text.splitlines(), [], 0, False
    for at, line in enumerate(lines):
        if not inside and (line == "" or line.startswith(("#", "/*", " *"))):
            first = at + 1
        elif line == "{":
            inside = True
        elif line == "}":
            found.append((lines[first], at - first + 1))
            inside, first = False, at + 1
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(CSRC).as_posix())
def test_no_file_or_function_is_too_long(path):
    text = path.read_text()
    assert text.count("\n") <= LONGEST_FILE
    for name, length in functions(text):
        assert length <= LONGEST_FUNCTION, name


def test_functions_are_found():
    text = """#include <a.h>

/* Says so. */
static int f(int a,
             int b)
{
#ifdef A

    return a;
#endif
}

int g(void)
{
}
"""
    assert functions(text) == [("static int f(int a,", 8), ("int g(void)", 3)]
