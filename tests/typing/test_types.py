"""A user's program and the binding to the core, as a type checker sees them."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy", reason="needs mypy (make lint installs it)")

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_a_users_program_is_checked_strictly():
    """Wrong calls in it are marked `type: ignore`, and mypy says where that is not needed."""
    said = run("mypy", "--config-file=", "--strict", "--follow-imports=silent", "tests/typing/use.py")
    assert said.strip() == "Success: no issues found in 1 source file"


def test_the_stub_of_the_core_is_what_it_has(tmp_path):
    (tmp_path / "allowed").write_text(r"edgeecg\._core\..*__\w+__")  # what Cython adds to every module and class
    options = ("--mypy-config-file", "pyproject.toml", "--allowlist", f"{tmp_path}/allowed", "--ignore-disjoint-bases")
    assert run("mypy.stubtest", "edgeecg._core", *options).strip() == "Success: no issues found in 1 module"
