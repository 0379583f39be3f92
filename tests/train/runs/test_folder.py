"""The folder of a run: its log, what a killed process left, what a new run must not replace."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("torch")

from edgeecg.errors import InputError
from train.runs.folder import clean_leftovers, read_log, run_folder


@dataclass(frozen=True)
class Config:
    out: Path
    resume: bool = False
    seed: int = 0


@pytest.mark.parametrize("damage", ['{"step": 3, "lo', "null", "[1]", '{"loss": 1}', '{"step": "x"}', "\x00\xff"])
def test_a_damaged_log_is_read_up_to_the_damage(damage, tmp_path):
    lines = [json.dumps({"step": n, "loss": 1.0}) for n in (1, 2)]
    (tmp_path / "log.jsonl").write_text("\n".join([*lines, damage, *lines]), encoding="latin-1")
    assert [line["step"] for line in read_log(tmp_path)] == [1, 2]


def test_what_a_killed_process_had_begun_is_removed(tmp_path):
    (tmp_path / "cells").mkdir()
    for name in (".report.md.77.part", "cells/.a.npz.78.part", ".curves.79.part.png"):
        (tmp_path / name).write_bytes(b"half")
    for name in ("report.md", "cells/a.npz", "a.part.md"):
        (tmp_path / name).write_bytes(b"whole")
    clean_leftovers(tmp_path)
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["a.npz", "a.part.md", "report.md"]


@pytest.mark.parametrize("content", ["", "{", "[]", "3", "null"])
def test_a_damaged_configuration_is_no_run(content, tmp_path):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(InputError, match="holds no run to resume"), run_folder(Config(tmp_path, resume=True), ()):
        pass


def test_a_run_goes_on_with_its_own_options(tmp_path):
    with run_folder(Config(tmp_path), ("resume",), "*.npz"):
        (tmp_path / "a.npz").write_bytes(b"work")
    with pytest.raises(InputError, match="holds a run already"), run_folder(Config(tmp_path), ("resume",), "*.npz"):
        pass
    other = Config(tmp_path, resume=True, seed=1)
    with pytest.raises(InputError, match=r"other values of seed \(0\)"), run_folder(other, ("resume",), "*.npz"):
        pass
    with run_folder(Config(tmp_path, resume=True), ("resume",), "*.npz"):
        pass
