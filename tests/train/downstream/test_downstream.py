"""Classifiers on labeled windows: measures against their definitions, splits by patient, verdicts, the commands."""

import importlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

sklearn_metrics = pytest.importorskip("sklearn.metrics")
tyro = pytest.importorskip("tyro")

import edgeecg
from edgeecg.errors import InputError
from tests.models import resnet_like
from train import finetune
from train.classifiers import metrics
from train.classifiers.labeled import Labeled, one_hot
from train.classifiers.network import Classifier, embed, logits_of, mlp, probabilities, random_encoder
from train.classifiers.training import Training, class_loss, fit, shuffled_batches
from train.downstream import predictions
from train.downstream import tasks as task_module
from train.downstream.arms import Arms
from train.downstream.predictions import Predictions, difference, predict_split, verdict
from train.downstream.report import compare, read_run
from train.downstream.splits import make_splits, with_labels
from train.downstream.tasks import SNOMED
from train.finetune import Config, Runner, main
from train.nets import Conv, Encoder, Head, Spec
from train.runs.checkpoint import load_encoder, save_encoder

QUICK = Training(epochs=2, batch=16, least_steps=4)


def labeled(n=120, classes=3, windows=3, single=True, seed=0, **changes) -> Labeled:
    """Synthetic patients of some windows each; the class is the rate of a sine wave in noise."""
    rng = np.random.default_rng(seed)
    group = np.arange(n) // windows
    label = rng.integers(0, classes, group.max() + 1)[group]
    truth = one_hot(label, classes)
    if not single:
        truth |= one_hot(rng.integers(0, classes, n), classes)
    wave = np.sin(2 * np.pi * (1 + 2 * label[:, None]) * np.arange(1280) / 128)
    signal = (wave + 0.3 * rng.standard_normal((n, 1280))).astype(np.float32)
    names = tuple("abcdefgh"[:classes])
    return Labeled("synthetic", names, signal, truth, group, single, **changes)


def tiny_encoder() -> Encoder:
    torch.manual_seed(0)
    return Encoder(Spec("tiny", (Conv(0, 1, 8, 9, 8), Conv(1, 8, 8, 5, 4)), Head("mean_max", 16)))


@pytest.fixture
def task(monkeypatch) -> str:
    monkeypatch.setitem(task_module.TASKS, "synthetic", lambda data: labeled())
    return "synthetic"


@given(st.integers(0, 10_000))
def test_auroc_and_confusion_are_sklearns(seed):
    rng = np.random.default_rng(seed)
    truth, p = rng.integers(0, 2, (40, 3)), rng.integers(0, 6, (40, 3)) / 5.0  # with ties
    truth[:2] = [[0, 0, 0], [1, 1, 1]]
    expected = [sklearn_metrics.roc_auc_score(truth[:, c], p[:, c]) for c in range(3)]
    np.testing.assert_allclose(metrics.auroc(truth, p), expected)
    decided = (p > 0.5).astype(np.int64)
    np.testing.assert_allclose(
        metrics.f1(truth, decided), sklearn_metrics.f1_score(truth, decided, average=None, zero_division=0)
    )
    label, given_label = rng.permutation(np.arange(40) % 3), rng.integers(0, 3, 40)
    single, hit = one_hot(label, 3), one_hot(given_label, 3)
    expected = sklearn_metrics.balanced_accuracy_score(label, given_label)
    assert metrics.balanced_accuracy(single, hit, single=True) == pytest.approx(expected)
    matrix = sklearn_metrics.confusion_matrix(label, given_label, normalize="true")
    np.testing.assert_allclose(metrics.confusion(single, hit), matrix)
    pairs = [sklearn_metrics.balanced_accuracy_score(truth[:, c], decided[:, c]) for c in range(3)]
    assert metrics.balanced_accuracy(truth, decided, single=False) == pytest.approx(np.mean(pairs))


def test_a_class_that_is_not_there_does_not_count():
    truth = np.array([[1, 0], [0, 0], [1, 0]])
    p = np.array([[0.9, 0.5], [0.1, 0.5], [0.8, 0.5]])
    assert np.isnan(metrics.auroc(truth, p)[1])
    assert metrics.mean(metrics.auroc(truth, p)) == 1.0
    assert metrics.frozen_thresholds(truth, p)[1] == 0.5


@given(st.integers(0, 10_000))
def test_no_other_threshold_has_a_better_f1(seed):
    rng = np.random.default_rng(seed)
    truth, p = rng.integers(0, 2, 30), rng.random(30)
    truth[0] = 1
    best = metrics.best_threshold(truth, p)
    score = [sklearn_metrics.f1_score(truth, p >= t, zero_division=0) for t in (best, *p)]
    assert score[0] == pytest.approx(max(score))


def test_thresholds_come_from_validation_alone():
    data = labeled(n=40, classes=2, windows=1)
    rng = np.random.default_rng(0)
    validation, test = np.arange(20), np.arange(20, 40)
    p = rng.random((40, 2))
    made = predict_split(data, 0, {"validation": (validation, p[:20]), "test": (test, p[20:])})
    other = predict_split(data, 0, {"validation": (validation, p[:20]), "test": (test, rng.random((20, 2)))})
    assert np.array_equal(made.threshold, other.threshold)
    assert np.array_equal(made.threshold[0], metrics.frozen_thresholds(data.truth[:20], p[:20]))


@pytest.mark.parametrize("given_test", [False, True])
def test_no_patient_is_on_two_sides(given_test):
    data = labeled(n=150)
    data = replace(data, test=data.group >= 40) if given_test else data
    splits = make_splits(data, 4)
    for split in splits:
        sides = [set(data.group[rows]) for rows in (split.train, split.validation, split.test)]
        assert not sides[0] & sides[1] and not sides[0] & sides[2] and not sides[1] & sides[2]
        assert sum(map(len, (split.train, split.validation, split.test))) == 150
        assert data.truth[split.validation].any(0).all()
        few = with_labels(data, split.train, 0.1, seed=0)
        assert set(few) < set(split.train) and not set(data.group[few]) & set(
            data.group[np.setdiff1d(split.train, few)]
        )
    tested = np.concatenate([split.test for split in splits])
    assert len(tested) == (4 * 30 if given_test else 150)
    if not given_test:
        assert np.array_equal(np.sort(tested), np.arange(150))


def test_windows_of_a_record_are_one_sample_where_they_are_pooled():
    data = labeled(n=12, pooled=True)
    p = np.random.default_rng(0).random((12, 3))
    row, group, truth, mean = data.pool(np.arange(12), p)
    assert np.array_equal(group, np.arange(4)) and np.array_equal(row, [0, 3, 6, 9])
    np.testing.assert_allclose(mean[1], p[3:6].mean(0))
    assert np.array_equal(truth, data.truth[::3])


def made_predictions(strength: float, seed: int, people=60) -> Predictions:
    group = np.repeat(np.arange(people), 2)
    truth = one_hot(group % 2, 2)
    p = strength * truth + np.random.default_rng(seed).random(truth.shape)
    return Predictions(group % 3, np.arange(len(group)), group, truth, p, np.full(p.shape, 0.5))


def test_the_verdict_tells_a_better_classifier_from_another_draw():
    weak, strong, same = made_predictions(0.1, 0), made_predictions(0.8, 1), made_predictions(0.1, 2)
    for measure in predictions.MEASURES:
        assert verdict(difference(weak, strong, measure)) == "better"
        assert verdict(difference(strong, weak, measure)) == "worse"
        gap = difference(weak, weak, measure)
        assert (gap.value, gap.low, gap.high) == (0, 0, 0)
    assert verdict(difference(weak, same, "macro AUROC")) == "no difference shown"


def test_a_paired_interval_is_narrower_than_two_single_ones():
    first = made_predictions(0.3, 0)
    second = replace(first, p=first.p + 0.05 * first.truth)
    gap = difference(first, second, "macro AUROC")
    alone = predictions.score(first)["macro AUROC"]
    assert gap.low > 0 and gap.high - gap.low < 0.5 * (alone.high - alone.low)


def test_runs_on_other_windows_cannot_be_compared():
    first = made_predictions(0.3, 0)
    with pytest.raises(InputError, match="same windows"):
        difference(first, made_predictions(0.3, 0, people=30), "macro AUROC")
    with pytest.raises(InputError, match="other labels"):
        difference(first, replace(first, truth=1 - first.truth), "macro AUROC")


def test_class_weights_let_each_class_count_alike():
    truth = torch.zeros(100, 2)
    truth[:90, 0] = truth[90:, 1] = 1
    loss, undecided = class_loss(truth, single=True), torch.zeros(100, 2)
    always_first = undecided + torch.tensor([2.0, 0.0])
    always_second = undecided + torch.tensor([0.0, 2.0])
    assert float(loss(always_first, truth)) == pytest.approx(float(loss(always_second, truth)), rel=1e-5)
    many = class_loss(truth, single=False)  # the rare class: nine negatives a positive
    ones, none = truth[:, 1:] * 0 + 1.5, truth[:, 1:] * 0 - 1.5
    rare = class_loss(truth[:, 1:], single=False)
    assert float(rare(ones, truth[:, 1:])) == pytest.approx(float(rare(none, truth[:, 1:])), rel=1e-5)
    assert torch.isfinite(many(undecided, truth))


def test_each_row_comes_before_any_comes_again():
    drawn = torch.cat(list(shuffled_batches(np.arange(10) + 5, 4, 5, torch.Generator().manual_seed(0))))
    assert sorted(drawn.tolist()) == sorted([*range(5, 15)] * 2)


def test_the_best_epoch_is_kept():
    data = labeled(n=90)
    x = torch.from_numpy(data.truth).float() + 0.5 * torch.randn(90, 3, generator=torch.Generator().manual_seed(0))
    split = make_splits(data, 3)[0]
    torch.manual_seed(0)
    model = Classifier(mlp(3, 3, hidden=8), 3)
    model.standardize(x[split.train])
    curves = fit(
        model, x, data, split.train, split.validation, Training(epochs=6, batch=16, least_steps=60, lr=0.05), seed=0
    )
    p = probabilities(logits_of(model, x, split.validation), single=True)
    kept = metrics.mean(metrics.auroc(data.truth[split.validation], p))
    assert kept == pytest.approx(curves["validation_auroc"].max()) and kept > 0.85
    assert all(len(values) == 7 for values in curves.values())


def test_a_frozen_embedding_keeps_its_standardization_and_a_trained_one_follows():
    x = torch.randn(50, 4, generator=torch.Generator().manual_seed(0)) * 3 + 1
    frozen, trained = Classifier(nn.Identity(), 4), Classifier(nn.Identity(), 4, encoder=nn.Identity())
    for model in (frozen, trained):
        model.standardize(x[:25])
        before = model.norm.running_mean.clone()
        model.train()
        model(x[25:])
        assert torch.equal(before, model.norm.running_mean) == (model is frozen)
    z = frozen.eval()(x[:25])
    torch.testing.assert_close(z.mean(0), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(z.std(0, unbiased=False), torch.ones(4), atol=1e-3, rtol=0)


def test_untrained_encoders_differ_by_seed_only():
    x = torch.randint(0, 255, (40, 1280), dtype=torch.uint8)
    made, spec = [], tiny_encoder().spec
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        made.append(random_encoder(spec, x)[0].linear.weight)
    assert torch.equal(made[0], made[1]) and not torch.equal(made[0], made[2])


def test_snomed_statements_are_23_and_share_no_code():
    codes = [code for same in SNOMED.values() for code in same]
    assert len(SNOMED) == 23 and len(codes) == len(set(codes))
    numbers = [name.split()[-1] for name in SNOMED]
    assert len(set(numbers)) == 23 and all(number.isdigit() for number in numbers)


@pytest.mark.slow
def test_a_run_resumes_after_its_last_finished_part_and_compares(task, tmp_path, monkeypatch, capsys):
    save_encoder(tmp_path / "encoder.safetensors", tiny_encoder(), {})
    options = {"encoder": str(tmp_path / "encoder.safetensors"), "task": task, "fractions": (0.2, 1.0), "splits": 2}
    whole = Config(**options, training=QUICK, data=tmp_path, out=tmp_path / "whole")
    main(whole)
    assert not (whole.out / "encoders").exists()
    names = sorted(path.name for path in (whole.out / "cells").glob("*.npz"))
    assert len(names) == 5 * 2 * 2
    broken = replace(whole, out=tmp_path / "broken")
    main(broken)
    for name in ("finetune-1-1.npz", "scratch-1-0.npz"):
        (broken.out / "cells" / name).unlink()
    kept = {path.name: path.stat().st_mtime_ns for path in (broken.out / "cells").glob("*.npz")}
    main(replace(broken, resume=True, against=whole.out))
    for name in names:
        assert name not in kept or (broken.out / "cells" / name).stat().st_mtime_ns == kept[name]
        for a, b in zip(*(list(np.load(run.out / "cells" / name).values()) for run in (whole, broken)), strict=True):
            assert np.array_equal(a, b), name
    text = (broken.out / "report.md").read_text()
    assert "## Against whole" in text and "better" not in text.split("## Against whole")[1]
    for picture in ("curves.png", "curves_frozen.png", "confusion.png"):
        assert (broken.out / picture).stat().st_size > 1000 and f"({picture})" in text
    assert json.loads((broken.out / "scores.json").read_text())["hrv-1"]["macro AUROC"]["value"] > 0
    steps = [json.loads(line)["step"] for line in (broken.out / "log.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps))
    assert "| 20 % | pretrained, frozen | macro AUROC | +0.000" in compare(read_run(whole.out), read_run(broken.out))
    with pytest.raises(InputError, match=r"splits \(2\): a resumed run keeps"):
        main(replace(broken, resume=True, splits=3))
    save_encoder(tmp_path / "encoder.safetensors", tiny_encoder(), {"trained": "again"})
    with pytest.raises(InputError, match=r"encoder.safetensors is not what .*broken began with: give another --out"):
        main(replace(broken, resume=True))
    capsys.readouterr()


def test_wrong_options_end_in_a_sentence(tmp_path):
    with pytest.raises(InputError, match="EDGEECG_DATA"):
        Config(data=None)
    with pytest.raises(InputError, match="arm 'x' is not one of linear"):
        Config(data=tmp_path, arms=("x",))
    with pytest.raises(InputError, match="at least one arm of linear"):
        Config(data=tmp_path, arms=())
    with pytest.raises(InputError, match="task 'x' is not one of superclass_I"):
        Config(data=tmp_path, task="x")
    with pytest.raises(InputError, match="holds no run"):
        read_run(tmp_path)


def test_a_model_file_is_evaluated_frozen_and_fine_tuned(task, tmp_path):
    config = Config(
        encoder="nano", task=task, fractions=(1.0,), splits=2, training=QUICK, data=tmp_path, out=tmp_path / "run"
    )
    main(replace(config, arms=("linear", "finetune"), keep=True))
    assert read_run(config.out).arms == ["linear", "finetune"]
    assert sorted(path.name for path in (config.out / "encoders").iterdir()) == ["1-0.safetensors", "1-1.safetensors"]
    encoder, meta = load_encoder(config.out / "encoders" / "1-0.safetensors")
    labels = next(source for source in meta["sources"] if source["use"] == "labels")
    assert labels["name"] == "PTB-XL 1.0.3 (subset)" and labels["hours"] > 0
    assert [s for s in edgeecg.load("nano").model.meta["sources"] if s not in meta["sources"]] == []
    arms = Arms(labeled(), "nano", ("finetune",))
    fitted, before = encoder.units["0"].conv.weight, arms.network.units["0"].conv.weight
    assert torch.allclose(fitted, before, atol=0.2) and not torch.allclose(fitted, before, atol=1e-4)
    integers, floats = arms.embedding, embed(arms.network, arms.windows)
    # sine waves saturate some
    assert integers.shape == floats.shape and nn.functional.cosine_similarity(integers, floats).mean() > 0.98
    assert torch.equal(Arms(labeled(), "nano", ("linear",)).embedding, integers)


@pytest.mark.parametrize("augment", [False, True])
def test_a_fine_tuned_encoder_states_the_noise_of_its_views(augment, task, tmp_path, monkeypatch):
    monkeypatch.setattr(finetune, "load_noise", lambda *_: torch.randn(2, 4000))
    save_encoder(tmp_path / "encoder.safetensors", tiny_encoder(), {"steps": 7})
    config = Config(encoder=str(tmp_path / "encoder.safetensors"), task=task, augment=augment, data=tmp_path)
    said = Runner(config, labeled()).stated(np.arange(720), 300, 90.0)
    assert [source["use"] for source in said["sources"]] == ["labels"] + ["noise"] * augment
    assert (said["steps"], said["hours"], said["minutes"]) == (307, 2.0, 1.5)


def test_integers_with_additions_are_evaluated_and_not_fine_tuned(tmp_path):
    path = tmp_path / "residual.eecg"
    resnet_like().save(path)
    arms = Arms(labeled(), str(path), ("linear", "random"))
    assert arms.network is None and arms.embedding.shape == (120, 128)
    with pytest.raises(
        InputError, match=r"cannot be trained on .*give encoder.safetensors of its run, or leave out finetune"
    ):
        Arms(labeled(), str(path), ("finetune",))


@pytest.mark.parametrize("name", ["finetune", "studies.compare_runs", "correct", "studies.robustness"])
def test_the_commands_explain_themselves(name, capsys):
    command = importlib.import_module(f"train.{name}")
    with pytest.raises(SystemExit) as stop:
        tyro.cli(command.Config, description=command.__doc__, args=["--help"])
    shown = capsys.readouterr().out
    assert stop.value.code == 0 and f"python train/{name.replace('.', '/')}.py" in shown and "usage" in shown


@pytest.mark.data
def test_tasks_read_the_recordings(data_dir):
    from train.data.corpora import DS1, DS2

    data = task_module.read_labeled("beats", data_dir)
    assert len(np.unique(data.group)) == len(DS1) - 1 + len(DS2)  # 201 is left out
    assert len(np.unique(data.group[data.test])) == len(DS2)
    many = task_module.read_labeled("snomed_II", data_dir)
    people = [len(np.unique(many.group[many.truth[:, c] == 1])) for c in range(23)]
    assert min(people) >= 14 and many.signal.shape == (len(many.truth), 1280)
