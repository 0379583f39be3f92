"""The probe bench: what is kept, what is counted, the table, the command."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

from edgeecg.errors import InputError
from tests.train.probes.made_tasks import split_task
from train.evaluate import Config
from train.probes.evaluation import Result, aligned, column_titles, evaluate, results_table, settings
from train.probes.protocol import Score, row_cosines
from train.probes.tasks.base import Task, Windows
from train.probes.tasks.registry import LEADS_TASKS, MORE_TASKS, TASKS, TITLES, read_task
from train.probes.tasks.transfer import TRANSFER_TASKS

ROOT = Path(__file__).resolve().parents[3]


def pulses(rng, label):
    """Windows of 1 or 2 pulses a second."""
    time = np.arange(1280) / 128
    phase = rng.random((len(label), 1))
    return np.exp(-(((time * (1 + label[:, None]) + phase) % 1 - 0.5) ** 2) / 0.002).astype(np.float32)


@pytest.mark.parametrize("kind", ["split", "folds", "identity"])
def test_a_network_trained_on_labels_learns_them(kind, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    import train.probes.supervised as twin

    monkeypatch.setattr(twin, "TRAINING", replace(twin.TRAINING, batch=16))
    rng = np.random.default_rng(12)
    label = np.arange(72) % 2
    sides = [Windows(pulses(rng, label), label, np.arange(72) // 2) for _ in range(2)]
    task = Task(sides[0], None if kind == "folds" else sides[1], kind, folds=2, pooled=False)
    score = twin.supervised(task, tmp_path, 60)
    assert score.value > 0.8 and score.low <= score.value <= score.high
    if kind == "split":
        assert twin.supervised(task, tmp_path, 60) == score, "drawn from the seed alone"
        assert twin.supervised(task, tmp_path, 1) != score
        with pytest.raises(InputError, match="no labels"):
            twin.supervised(Task(sides[0], kind="retrieval"), tmp_path, 60)


def test_a_second_call_goes_on_where_the_first_stopped(tmp_path, monkeypatch):
    import train.probes.evaluation as bench

    calls, rng = [], np.random.default_rng(13)

    def read(name, data):
        calls.append(name)
        return split_task(rng)

    monkeypatch.setattr(bench, "read_task", read)
    monkeypatch.setattr(bench, "features_by_name", lambda name, seed=0: lambda w: np.zeros((len(w), 2)) + seed)
    monkeypatch.setattr(bench, "run_task", lambda *_: Score(0.5, 0.4, 0.6))
    options = {"model": (), "baselines": ("random", "hrv"), "data": tmp_path, "json": tmp_path / "out.json", "seeds": 2}
    first = evaluate(Config(tasks=("V_ds1_ds2",), fractions=(0.5, 1.0), **options))
    assert [(r.feature, r.fraction) for r in first] == [(f, s) for f in ("random", "hrv") for s in (0.5, 1.0)]
    second = evaluate(Config(tasks=("V_ds1_ds2", "S_ds1_ds2"), fractions=(0.5, 1.0), **options))
    assert second[:4] == first and calls == ["V_ds1_ds2", "S_ds1_ds2"]
    kept = options["json"].read_bytes()
    with pytest.raises(InputError, match=r"out.json holds results of other models or options, which would be lost"):
        evaluate(Config(tasks=("V_ds1_ds2",), **options))
    assert options["json"].read_bytes() == kept and len(calls) == 2


def test_the_number_of_updates_is_a_setting_of_the_network_that_labels_train_alone(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    import train.probes.evaluation as bench

    asked = []
    monkeypatch.setattr(bench, "read_task", lambda name, data: split_task(np.random.default_rng(14)))
    monkeypatch.setattr(
        bench,
        "supervised",
        lambda task, data, updates, fraction, seed: asked.append((updates, fraction, seed)) or Score(0.5, 0.4, 0.6),
    )
    evaluate(Config(model=(), baselines=("supervised",), tasks=("V_ds1_ds2",), data=tmp_path, updates=1600, seeds=2))
    assert asked == [(1600, 1.0, 0), (1600, 1.0, 1)]
    few, many = (Config(model=(), baselines=("supervised",), data=tmp_path, updates=n) for n in (400, 1600))
    assert settings(few) != settings(many)
    assert "updates" not in settings(Config(model=(), baselines=("hrv",), data=tmp_path))
    with pytest.raises(InputError, match="at least 1"):
        Config(model=(), baselines=("supervised",), data=tmp_path, updates=0)


def test_the_twin_is_left_out_where_a_window_has_leads(tmp_path, monkeypatch):
    import train.probes.evaluation as bench

    leads = Task(*(Windows(np.zeros((4, 2, 1280), np.float32), np.arange(4) % 2, np.arange(4)) for _ in range(2)))
    monkeypatch.setattr(bench, "read_task", lambda name, data: leads)
    assert evaluate(Config(model=(), baselines=("supervised",), tasks=("quality_seta_leads",), data=tmp_path)) == []


def test_float_embeddings_are_brought_to_the_integers_dimensions():
    rng = np.random.default_rng(7)
    real = rng.standard_normal((500, 6)) * np.arange(1, 7) + 3
    integer = (real - 3) / np.arange(1, 7) + 0.01 * rng.standard_normal((500, 6))
    factor, offset = aligned(real, integer)
    assert np.allclose(factor, 1 / np.arange(1, 7), rtol=0.01)
    assert row_cosines(real * factor + offset, integer).min() > 0.99


def test_names_of_groups_stand_for_their_tasks(tmp_path):
    assert Config(tasks=("identity", "leads"), data=tmp_path).tasks == ("identity", *LEADS_TASKS)
    assert Config(tasks=("more",), data=tmp_path).tasks == tuple(MORE_TASKS)
    assert Config(tasks=("transfer",), data=tmp_path).tasks == tuple(TRANSFER_TASKS)
    assert set(TITLES) == {*TASKS, *MORE_TASKS, *LEADS_TASKS, *TRANSFER_TASKS}


def test_wrong_names_end_in_a_sentence(tmp_path):
    with pytest.raises(InputError, match="task 'nothing' is not one of V_ds1_ds2"):
        Config(tasks=("nothing",), data=tmp_path)
    with pytest.raises(InputError, match="baseline 'x' is not one of random"):
        Config(baselines=("x",), data=tmp_path)
    with pytest.raises(InputError, match="EDGEECG_DATA"):
        Config(data=None)
    with pytest.raises(InputError, match="recordings that are not there"):
        read_task("cinc2017_cv5", tmp_path)


def test_columns_of_equal_file_names_have_their_folder():
    runs = ["runs/a/encoder.safetensors", "runs/b/encoder.safetensors@mean", "default@mean", "default", "models/x.eecg"]
    assert column_titles(runs) == ["a/encoder.safetensors", "b/encoder.safetensors@mean", *runs[2:4], "x.eecg"]


def test_the_table_marks_the_best():
    results = [
        Result("identity", "a.eecg", 1.0, Score(0.9, 0.8, 0.95), 128, 10, 0.1),
        Result("identity", "hrv", 1.0, Score(0.7, 0.6, 0.8), 15, 10, 0.1),
    ]
    row = results_table(results).splitlines()[2]
    assert row == "| identity, 126 recordings (rank-1) | **.900** (.800-.950) | .700 (.600-.800) |"


def test_shares_of_labels_are_read_as_numbers(tmp_path):
    import tyro

    config = tyro.cli(Config, args=["--fractions", "0.01", "1", "--float", "a.safetensors", "--data", str(tmp_path)])
    assert config.fractions == (0.01, 1.0) and config.float == (Path("a.safetensors"),)


def test_the_command_explains_itself():
    done = subprocess.run(
        [sys.executable, "train/evaluate.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "--baselines" in done.stdout and "exported ones" in done.stdout


@pytest.mark.data
def test_bench_runs_on_the_recordings(data_dir, model_file):
    config = Config(model=(str(model_file),), baselines=("hrv",), tasks=("quality_seta",), data=data_dir)
    results = evaluate(config)
    assert [Path(r.feature).name for r in results] == ["edge_like.eecg", "hrv"]
    assert read_task("af_ds1_ds2", data_dir).test.label.sum() == 609  # windows mostly in AF or flutter
    for side in (noisy := read_task("noise_type", data_dir)).train, noisy.test:
        assert set(side.label) == {0, 1, 2, 3}
    assert not set(noisy.train.group) & set(noisy.test.group)
    one, four = (read_task(name, data_dir) for name in ("quality_seta", "quality_seta_leads"))
    assert four.test.signal.shape == (250, 4, 1280) and np.array_equal(four.test.signal[:, 1], one.test.signal)
    one, eight = (read_task(name, data_dir).train for name in ("ptbxl_super_II_cv4", "ptbxl_super_leads_cv4"))
    assert eight.signal.shape == (2230, 8, 1280) and np.array_equal(eight.signal[:, 1], one.signal)
    every = read_task("quality_cv5", data_dir).train
    assert len(set(every.group)) == len(every.label) == 998 and every.label.sum() == 773
    # the same features under an independent implementation of the protocol
    assert results[1].score.value == pytest.approx(0.739, abs=0.002)
