"""What README shows works as it stands there."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import edgeecg
from edgeecg import cli

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def test_the_python_blocks_run(tmp_path, toy_ecg):
    """In a process of their own, so that no other test has imported for them."""
    pytest.importorskip("wfdb")
    counts = np.round(toy_ecg[0][:8000] * 400).astype("<i2")
    np.save(tmp_path / "counts.npy", counts)
    (tmp_path / "100.dat").write_bytes(counts.tobytes())
    (tmp_path / "100.hea").write_text(f"100 1 250 {len(counts)}\n100.dat 16 400/mV 16 0 0 0 0 V5\n")
    before = (
        "import numpy\ncounts = numpy.load('counts.npy')\nsignal = counts / 400\ndevice = numpy.split(signal, 20)\n"
    )
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) >= 3
    (tmp_path / "readme.py").write_text("\n".join([before, *blocks, "numpy.save('z.npy', z)"]))
    subprocess.run(
        [sys.executable, "readme.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    np.testing.assert_array_equal(np.load(tmp_path / "z.npy"), edgeecg.embed(counts, fs=250, gain=400))


def test_the_command_lines_are_understood():
    lines = re.findall(r"^    (?:\.venv/bin/)?edgeecg (.*?)(?:\s+#.*)?$", README, re.MULTILINE)
    assert len(lines) >= 6
    for line in lines:
        cli.build_parser().parse_args(shlex.split(line))


def test_the_make_targets_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", README)) <= targets
