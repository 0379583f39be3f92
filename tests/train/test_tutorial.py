"""The tutorial of docs/training.md: its commands, in its order, on small recordings and with few steps."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("sleepecg")
pytest.importorskip("onnxruntime")

import edgeecg
from tests.train.own_labels import write_clinic

ROOT = Path(__file__).parents[2]
RUN = "--steps 4 --batch 8 --projector 16 16 --evaluate-every 2"
# What makes a command short. Everything else is as the page says.
FEWER = {
    "prepare.py": "--cache cache",
    "pretrain.py": f"--cache cache {RUN}",
    "export.py": "--cache cache --windows 48 --cosine 0.5",
    "onnx_parity.py": "--windows 40",
    "evaluate.py": "--seeds 1",
    "finetune.py": "--arms linear finetune --fractions 1 --splits 2 --training.epochs 1 --training.least-steps 4",
    "siamese.py": "--cache cache --steps 4 --batch 8 --evaluate-every 2",
    "correct.py": "--splits 2 --maps PCA --losses margin --classifier.least-steps 20 --correction.epochs 2",
    "apply.py": "",
}


def tutorial() -> list[list[str]]:
    """The words of each command of train/ in the section."""
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    section = page.split("\n## Tutorial\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^```\w*\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    return [shlex.split(line) for line in "".join(blocks).splitlines() if line.startswith("python train/")]


@pytest.mark.slow
def test_the_tutorial_runs_from_top_to_bottom(published, tmp_path):
    (tmp_path / "train").symlink_to(ROOT / "train")
    (tmp_path / "DIR").symlink_to(published)
    table = write_clinic(tmp_path / "CLINIC")
    table.rename(tmp_path / "labels.csv")
    environment = {name: value for name, value in os.environ.items() if name != "EDGEECG_DATA"}
    environment |= {"PYTHONPATH": str(ROOT)}
    met = set()
    for words in tutorial():
        script = Path(words[1]).name
        met.add(script)
        fewer = [] if "--resume" in words else shlex.split(FEWER[script])  # a resumed run has the options of its run
        done = subprocess.run(
            [sys.executable, *words[1:], *fewer],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (words, done.stdout[-1000:], done.stderr[-2000:])
        if script == "pretrain.py" and "--resume" not in words:
            assert "Next: python train/export.py runs/" in done.stdout and "effective rank" in done.stdout
    assert met == set(FEWER)
    assert edgeecg.load(tmp_path / "models" / "edge.eecg").info["name"]
    for run in ("first", "a", "labels", "pairs", "correct"):
        assert (tmp_path / "runs" / run / "report.md").is_file(), run
    for run in ("labels", "pairs", "correct"):
        assert list((tmp_path / "runs" / run).rglob("split*.csv")), run
    assert (tmp_path / "runs" / "apply" / "encoder.txt").is_file()
