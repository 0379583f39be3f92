"""How the rooms of the code lie to one another: imports go down only, no circles, no command imports another."""

import ast
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Folders of train/ from the top floor down: each may import those below it. docs/architecture.md says what each is for.
FLOORS = (
    ("studies",),
    ("commands",),
    ("ablation", "multitask", "pairs", "reconstruction"),
    ("reporting", "inference", "correction"),
    ("downstream",),
    ("probes",),
    ("classifiers",),
    ("quantization",),
    ("engine",),
    ("runs", "targets"),
    ("views",),
    ("data",),
    ("plots", "objectives", "nets"),
)
# A study that runs other commands, one after another
ORCHESTRATORS = {"train.studies.ablation": {"train.autoencode", "train.export", "train.pretrain"}}


@cache
def modules(package: str) -> dict[str, Path]:
    """Dotted name -> file of every module of a package of the checkout."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(name: str, path: Path, known) -> set[str]:
    """The modules of `known` that a file imports, inside functions too, but not for type checkers alone."""
    tree, found = ast.parse(path.read_text(encoding="utf-8")), set()
    unseen = {
        id(node)
        for test in ast.walk(tree)
        if isinstance(test, ast.If) and "TYPE_CHECKING" in ast.dump(test.test)
        for node in ast.walk(test)
    }
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if id(node) in unseen:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*up, *([base] if base else [])])
            found |= {f"{base}.{a.name}" if f"{base}.{a.name}" in known else base for a in node.names}
    return {module for module in found if module in known} - {name}


@cache
def graph(package: str) -> dict[str, set[str]]:
    known = modules(package)
    return {name: imported(name, path, known) for name, path in known.items()}


def circles(edges: dict[str, set[str]]) -> list[tuple[str, ...]]:
    """Groups of nodes that reach one another (Tarjan, "Depth-first search and linear graph algorithms", 1972)."""
    number, low, stack, found = {}, {}, [], []

    def visit(node: str) -> None:
        number[node] = low[node] = len(number)
        stack.append(node)
        for other in edges.get(node, ()):
            if other not in number:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], number[other])
        if low[node] == number[node]:
            at = stack.index(node)
            group = tuple(sorted(stack[at:]))
            del stack[at:]
            if len(group) > 1:
                found.append(group)

    for node in edges:
        if node not in number:
            visit(node)
    return found


def folder(name: str) -> str:
    """train.views.augment -> views; train.pretrain -> commands."""
    parts = name.split(".")
    return parts[1] if (ROOT / "/".join(parts[:2])).is_dir() else "commands"


def is_command(name: str) -> bool:
    """A file that people run."""
    return 'if __name__ == "__main__":' in modules("train")[name].read_text(encoding="utf-8")


@pytest.mark.parametrize("package", ["edgeecg", "train", "benchmarks"])
def test_no_files_import_each_other(package):
    whole = {name: others - {package} for name, others in graph(package).items() if name != package}
    assert circles(whole) == []


@pytest.mark.parametrize("package", ["edgeecg", "benchmarks"])
def test_no_folders_import_each_other(package):
    edges: dict[str, set[str]] = {}
    for name, others in graph(package).items():
        place = modules(package)[name].parent
        inside = {modules(package)[other].parent for other in others if other != package} - {place}
        edges.setdefault(str(place), set()).update(str(p) for p in inside if ROOT / package not in (p, place))
    assert circles(edges) == []


def test_imports_of_train_go_down():
    rank = {name: floor for floor, names in enumerate(FLOORS) for name in names}
    up = []
    for name, others in graph("train").items():
        for other in others - {"train"}:
            here, there = folder(name), folder(other)
            allowed = other in ORCHESTRATORS.get(name, ()) or here == there
            if name != "train" and not allowed and rank[there] <= rank[here]:
                up.append(f"{name} -> {other}")
    assert up == []


def test_no_command_imports_another():
    commands = {name for name in graph("train") if is_command(name)}
    assert len(commands) > 15
    wrong = {name: graph("train")[name] & commands - ORCHESTRATORS.get(name, set()) for name in commands}
    assert {name: others for name, others in wrong.items() if others} == {}
    library = {name: others & commands for name, others in graph("train").items() if name not in commands}
    assert {name: others for name, others in library.items() if others} == {}, "libraries import commands"


def test_only_commands_lie_at_the_top_of_train():
    top = [name for name in modules("train") if name.count(".") == 1 and modules("train")[name].name != "__init__.py"]
    assert [name for name in top if not is_command(name)] == []


def test_edgeecg_imports_neither_train_nor_benchmarks():
    for name, path in modules("edgeecg").items():
        assert not re.search(r"^\s*(from|import) (train|benchmarks|tests)\b", path.read_text(), re.MULTILINE), name


def test_no_c_files_include_each_other():
    """But where a comment in the including file says why: "circle: ..."."""
    files = {path.name: path for path in (ROOT / "csrc").rglob("*.[ch]")}
    edges = {}
    for name, path in files.items():
        text = path.read_text()
        edges[name] = set() if "circle:" in text else set(re.findall(r'#include "(?:.*/)?([\w.]+)"', text)) & set(files)
    assert circles(edges) == []


def test_a_circle_is_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [("a", "b", "c")]
    assert circles(dict(pairwise([{"x"}]))) == []


# ------------------------------------------------------------------------------------------------- sizes
SOURCES = [p for s in ("py", "pyx", "pyi", "c", "h") for p in sorted(ROOT.rglob(f"*.{s}"))]
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
