"""Every command ends in one sentence: what was wrong, or how to go on."""

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from edgeecg.errors import InputError
from train.runs.command_line import from_json, known_names, options_of_run, run_command
from train.runs.folder import config_dict, write_config

ROOT = Path(__file__).parents[3]


@dataclass
class Options:
    steps: int = 1


@pytest.mark.parametrize(
    ("raised", "sentence"),
    [
        (InputError("steps must be at least 1"), "error: steps must be at least 1"),
        (FileNotFoundError(2, "No such file", "x.hea"), "error: .*x.hea"),
        (KeyboardInterrupt(), "stopped; go on with --resume"),
    ],
)
def test_a_sentence_for_each_way_to_end(raised, sentence, monkeypatch):
    def main(options):
        assert options.steps == 3
        raise raised

    monkeypatch.setattr(sys, "argv", ["command", "--steps", "3"])
    with pytest.raises(SystemExit, match=sentence):
        run_command(main, Options, "A command.")


def test_a_fault_of_the_program_is_not_hidden(monkeypatch):
    def main(options):
        raise ZeroDivisionError

    monkeypatch.setattr(sys, "argv", ["command"])
    with pytest.raises(ZeroDivisionError):
        run_command(main, Options, "A command.")


def test_names_that_are_not_known_are_listed():
    known_names("task", ["V", "S"], ["V", "S", "AF"])
    with pytest.raises(InputError, match="task 'X' is not one of V, S"):
        known_names("task", ["V", "X"], ["V", "S"])


@pytest.mark.parametrize("command", ["pretrain", "recipe", "autoencode", "siamese", "finetune", "correct"])
def test_options_of_a_run_are_read_back_as_they_were(command, tmp_path):
    """Paths, tuples, dataclasses inside, dictionaries, None: equal to what was written."""
    pytest.importorskip("torch")
    kind = __import__(f"train.{command}", fromlist=["Config"]).Config
    own = {
        "pretrain": {"corpora": ("a", "b"), "projector": (8,), "data": tmp_path, "minutes": 2.5, "view": "vcg"},
        "recipe": {"weights": {"contrast": 2.0}, "start": "nano", "data": None},
        "autoencode": {"snr": (1.0, 2.0), "between": (3, 4), "kind": "variational", "latent": (1.0, -2.0)},
        "siamese": {"tests": (), "labels": "atr"},
        "finetune": {"fractions": (0.5,), "arms": ("linear",), "against": tmp_path / "old", "data": tmp_path},
        "correct": {"noise": (1.0, 2.0), "synthetic": True, "data": tmp_path},
    }[command]
    config = kind(out=tmp_path / "run", seed=3, **own)
    assert from_json(kind, config_dict(config)) == config
    config.out.mkdir()
    write_config(config, models={"nano": "abc"})
    assert options_of_run(kind, config.out) == config


def test_resume_takes_what_is_not_said_from_the_run(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    from train import pretrain, recipe

    out = tmp_path / "run"
    out.mkdir()
    begun = pretrain.Config(out=out, batch=32, lr=0.01, corpora=("ward",), data=tmp_path, steps=77)
    write_config(begun)
    seen = []
    monkeypatch.setattr(sys, "argv", ["pretrain", "--resume", "--out", str(out)])
    run_command(seen.append, pretrain.Config, "")
    assert seen == [replace(begun, resume=True)]
    monkeypatch.setattr(sys, "argv", ["pretrain", "--resume", "--out", str(out), "--lr", "0.02"])
    run_command(seen.append, pretrain.Config, "")
    assert seen[1] == replace(begun, resume=True, lr=0.02), "which the run then refuses"
    with pytest.raises(SystemExit, match="holds a run of another command"):
        run_command(seen.append, recipe.Config, "")
    monkeypatch.setattr(sys, "argv", ["pretrain", "--resume", "--out", str(tmp_path)])
    with pytest.raises(SystemExit, match="holds no run to resume"):
        run_command(seen.append, pretrain.Config, "")


@pytest.mark.parametrize("command", ["pretrain.py", "studies/robustness.py"])
def test_without_torch_a_command_ends_in_one_sentence(command, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util\nreal = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'torch' else real(name, *rest)\n"
    )
    done = subprocess.run(
        [sys.executable, ROOT / "train" / command],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 1 and done.stderr.startswith("error: training needs torch: run `make test` once")
    assert done.stderr.count("\n") == 1
