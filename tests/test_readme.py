"""What README shows works as it stands there."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import edgeecg
from edgeecg import cli

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def test_the_python_blocks_run(tmp_path, monkeypatch, toy_ecg):
    pytest.importorskip("wfdb")
    monkeypatch.chdir(tmp_path)
    counts = np.round(toy_ecg[0][:8000] * 400).astype(np.int16)
    Path("100.dat").write_bytes(counts.astype("<i2").tobytes())
    Path("100.hea").write_text(f"100 1 250 {len(counts)}\n100.dat 16 400/mV 16 0 0 0 0 V5\n")
    names = {"signal": counts / 400, "counts": counts, "device": np.split(counts / 400, 20)}
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(block, names)
    assert names["z"].shape == (3, 128)
    np.testing.assert_array_equal(names["z"], edgeecg.embed(counts, fs=250, gain=400))


def test_the_command_lines_are_understood():
    lines = re.findall(r"^    (?:\.venv/bin/)?edgeecg (.*?)(?:\s+#.*)?$", README, re.MULTILINE)
    assert len(lines) >= 6
    for line in lines:
        cli.build_parser().parse_args(shlex.split(line))


def test_links_lead_somewhere():
    for document in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_make_targets_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)", README)) <= targets
