"""`make model` on recordings as PhysioNet publishes them, from the first command to the card, with few steps."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import edgeecg

ROOT = Path(__file__).parents[2]
FEW = {
    "RECIPE_ARGS": "--steps 6 --batch 8 --workers 1 --average-every 1 --evaluate-every 3 --validation 0.3",
    "EXPORT_ARGS": "--windows 48 --cosine -1",  # after six steps there is nothing that int8 could follow
    "PROBE_ARGS": "--seeds 1",
}


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
def test_a_model_is_made_from_published_files(published, tmp_path):
    out, cache = tmp_path / "model", f"--cache {tmp_path / 'cache'}"
    args = {name: f"{text} {'' if name == 'PROBE_ARGS' else cache}" for name, text in FEW.items()}
    environment = os.environ | {"EDGEECG_DATA": str(published), "PYTHONPATH": str(ROOT)}
    asked = ["make", "-n", "model", f"MODEL_DIR={out}", *(f"{name}={text}" for name, text in args.items())]
    said = subprocess.run(asked, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    commands = [line for line in said.splitlines() if "bin/python train/" in line]
    assert [Path(line.split()[1]).stem for line in commands] == ["recipe", "export", "evaluate", "write_model_card"]
    for command in commands:  # with this interpreter: make would first set up an environment of its own
        line = command.replace(command.split()[0], sys.executable, 1)
        done = subprocess.run(line, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (line, done.stderr[-2000:])
    model = edgeecg.load(out / "default.eecg").model
    assert model.meta["training"]["steps"] == 6 and len(model.meta["probes"]["results"]) == 10
    assert {source["name"] for source in model.meta["sources"]} >= {"PTB-XL 1.0.3 (subset)", "QT Database"}
    assert "| identity, 126 recordings (rank-1) |" in (out / "default.card.md").read_text()
    assert len(json.loads((out / "probes.json").read_text())["results"]) == 30, "ten tasks: integers, floats, both"
    assert (out / "report.md").is_file() and (out / "curves.png").is_file()
