"""What a user installs: numpy and nothing else, quick to import, with one sentence where it cannot be built."""

import importlib.metadata
import json
import os
import re
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import edgeecg

ROOT = Path(__file__).resolve().parent.parent
CHECKOUT = {**os.environ, "PYTHONPATH": str(ROOT)}

LOADED = """
import json, sys
before = set(sys.modules)
import edgeecg
names = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps(sorted(names - set(sys.stdlib_module_names))))
"""

# Each process measures both, in one order or the other: what one import loads, the other does not load again.
TIMED = """
import time
start = time.perf_counter(); import numpy
middle = time.perf_counter(); import edgeecg
end = time.perf_counter()
print((end - start) / (middle - start))
"""


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], env=CHECKOUT, check=True, capture_output=True, text=True).stdout


def test_importing_edgeecg_imports_numpy_and_nothing_else():
    foreign = {name for name in json.loads(python(LOADED)) if not name.startswith(("_cython_", "cython_runtime"))}
    assert foreign <= {"numpy", "edgeecg", "__mp_main__"}, foreign
    assert {"numpy", "edgeecg"} <= foreign


def test_importing_edgeecg_takes_at_most_1_3_times_what_numpy_takes():
    """The median of interleaved processes; a busy machine gets more tries, which cannot help a slow import."""
    python(TIMED)  # compile to bytecode, fill the disk cache
    ratios = []
    for _ in range(4):
        ratios += [float(python(TIMED)) for _ in range(7)]
        if statistics.median(ratios) <= 1.3:
            return
    pytest.fail(f"importing numpy and edgeecg takes {statistics.median(ratios):.2f} times importing numpy")


def test_the_only_dependency_is_numpy():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert [requirement.partition(">")[0] for requirement in project["dependencies"]] == ["numpy"]
    assert project["license"] == "MIT"


def test_every_library_of_the_extras_is_pinned_for_the_tests():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    wanted = {
        re.split(r"[\[>]", r)[0].lower() for extra in extras.values() for r in extra if not r.startswith("edgeecg")
    }
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.partition("==")[0].lower() for line in lines if not line.startswith("#")}
    assert wanted <= pinned
    assert "torch==2.13.0" in lines


def test_the_installed_metadata_are_those_of_this_checkout():
    try:
        installed = importlib.metadata.metadata("edgeecg")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("edgeecg is not installed, only on the path")
    assert installed["Version"] == edgeecg.__version__
    assert installed["License-Expression"] == "MIT"
    required = [r for r in importlib.metadata.requires("edgeecg") if "extra ==" not in r]
    assert required == ["numpy>=1.26"]
    scripts = importlib.metadata.entry_points(group="console_scripts", name="edgeecg")
    assert [script.value for script in scripts] == ["edgeecg.cli:main"]


def test_a_missing_compiler_ends_in_one_sentence(tmp_path):
    pytest.importorskip("Cython")
    built = subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--build-temp", tmp_path, "--build-lib", tmp_path, "--force"],
        cwd=ROOT,
        env={**os.environ, "CC": "no-such-compiler"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert built.returncode != 0
    last = built.stderr.strip().splitlines()[-1]
    assert "the C compiler 'no-such-compiler' is missing" in last and "apt-get install gcc python3-dev" in last
    assert "Traceback" not in built.stderr


def test_the_extension_is_of_the_stable_abi():
    from edgeecg import _core

    assert ".abi3." in Path(_core.__file__).name
