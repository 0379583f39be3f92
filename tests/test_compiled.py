"""Numba's cache is a convenience: without a place for it, on a full disk and after damage the kernels compile anew."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import edgeecg

PACKAGE = Path(edgeecg.__file__).parent
PROGRAM = """
import numpy as np, edgeecg, edgeecg.losses
from edgeecg.losses._kernels.pairs import siamese_pairs
value, _ = edgeecg.losses.siamese_contrastive(np.zeros((1, 2)), np.array([[3.0, 4.0]]), [0])
assert edgeecg.__file__.startswith({root!r}), edgeecg.__file__
print(value, sum(siamese_pairs.stats.cache_hits.values()))
"""
FULL_DISK = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
FULL_DISK += "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"


@pytest.fixture
def copy(tmp_path):
    """A copy of the package without any __pycache__, whose caches go nowhere but into it."""
    ignored = shutil.ignore_patterns("__pycache__", "models", "_export", "io")
    shutil.copytree(PACKAGE, tmp_path / "edgeecg", ignore=ignored)
    return tmp_path


def call(root, before="", program=PROGRAM):
    """What the program prints: the loss, and how often the cache had its kernel."""
    environment = {name: v for name, v in os.environ.items() if name not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", before + program.format(root=str(root))],
        capture_output=True,
        text=True,
        cwd=root,
        env={**environment, "HOME": "/proc/nonexistent", "PYTHONPATH": str(root)},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def forbid_caches(root):
    """A file where each __pycache__ would be: nobody can write into it, root included."""
    for folder in [root / "edgeecg", *(p for p in (root / "edgeecg").rglob("*") if p.is_dir())]:
        shutil.rmtree(folder / "__pycache__", ignore_errors=True)
        (folder / "__pycache__").write_text("")


def test_the_cache_is_used_where_it_can_be(copy):
    assert call(copy) == ["25.0", "0"]
    assert call(copy) == ["25.0", "1"]


def test_losses_compile_without_a_place_to_write(copy):
    forbid_caches(copy)
    assert call(copy) == ["25.0", "0"]
    assert call(copy) == ["25.0", "0"]


def test_the_numba_backend_compiles_without_a_place_to_write(copy):
    forbid_caches(copy)
    program = """
import numpy as np, edgeecg.jit as jit
x, missing = jit.samples(np.array([1.0, np.nan]))
print(*x, *missing)
"""
    assert call(copy, program=program) == ["8000", "8000", "False", "True"]


def test_a_full_disk_costs_the_cache_only(copy):
    assert call(copy, FULL_DISK) == ["25.0", "0"]


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("keep", [0, 10])
def test_a_damaged_cache_is_written_anew(copy, suffix, keep):
    call(copy)
    (damaged,) = (copy / "edgeecg").rglob(f"pairs.siamese_pairs*{suffix}")
    damaged.write_bytes(damaged.read_bytes()[:keep])
    assert call(copy) == ["25.0", "0"]
    assert call(copy) == ["25.0", "1"]
