"""Contrastive correction: what is mined, what the losses do, what the generator's knobs mean, the command."""

import sys
import types
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

pytest.importorskip("sklearn")

from edgeecg.errors import InputError, MissingDependencyError
from train.classifiers import metrics
from train.classifiers.labeled import one_hot
from train.classifiers.training import Training
from train.correct import Config, main
from train.correction.classifiers import all_scores, every_class
from train.correction.mining import make_pairs, mine
from train.correction.network import Correction, CorrectionOptions, PairLoss, train_correction
from train.correction.synthetic import synthetic
from train.downstream.maps import project
from train.downstream.splits import make_splits

QUICK = Training(epochs=2, batch=32, least_steps=10)
OPTIONS = CorrectionOptions(epochs=5, batch=64, lr=2e-3, hidden=32)


def judged():
    """Six windows of two classes: 0 and 3 are right and sure, 1 is wrong, 2 right but unsure."""
    truth = one_hot([0, 0, 0, 1, 1, 1], 2)
    sure = np.array([0.9, 0.2, 0.55, 0.9, 0.8, 0.7])
    p = np.where(truth == 1, sure[:, None], 1 - sure[:, None])
    return p, truth


def spread(truth: np.ndarray, rng) -> np.ndarray:
    """Probabilities of two or more classes, the true one's between .3 and .9: some windows are hard."""
    sure = rng.uniform(0.3, 0.9, (len(truth), 1))
    return np.where(truth == 1, sure, (1 - sure) / (truth.shape[1] - 1))


def test_hard_windows_are_wrong_or_unsure():
    hard, sure = mine(*judged(), confidence=0.6)
    assert hard.tolist() == [False, True, True, False, False, False]
    assert sure.tolist() == [True, False, False, True, True, True]
    hard, sure = mine(*judged(), confidence=0.85)
    assert sure.tolist() == [True, False, False, True, False, False]
    hard, sure = mine(*judged(), confidence=0.95)  # never so sure: the surer half of what is right
    assert sure.tolist() == [True, False, False, True, True, False] and np.array_equal(hard, ~sure)


def test_pairs_join_an_anchor_with_what_was_right():
    p, truth = judged()
    rows = np.arange(100, 106)
    pairs = make_pairs(rows, p, truth, 0.6, 3, np.random.default_rng(0))
    label = dict(zip(rows, truth.argmax(1), strict=True))
    sure = {100, 103, 104, 105}
    assert {101, 102} <= set(pairs.left) and set(pairs.right) <= sure
    for left, right, different in zip(pairs.left, pairs.right, pairs.different, strict=True):
        assert left != right and different == (label[left] != label[right])
    anchors = pairs.left[np.isin(pairs.left, [101, 102])]
    assert len(anchors) == 2 * 2 * 3  # two anchors, true and false, three each
    with pytest.raises(InputError, match="right of no window"):
        make_pairs(rows, 1.0 - truth, truth, 0.6, 3, np.random.default_rng(0))


def test_the_correction_begins_as_the_identity():
    z = torch.randn(20, 8)
    assert torch.equal(Correction(8, 16)(z), z)


@pytest.mark.parametrize("name", ["margin", "soft_nn", "sigmoid"])
def test_closer_true_pairs_cost_less(name):
    rng = np.random.default_rng(0)
    x, data = synthetic(noise=6.0, similarity=0.5, classes=2, patients=20, windows=5, dim=16)
    label = data.truth.argmax(1)
    pairs = make_pairs(np.arange(len(x)), spread(data.truth, rng), data.truth, 0.6, 4, rng)
    loss = PairLoss(name, label, CorrectionOptions())
    centers = torch.stack([x[label == c].mean(0) for c in (0, 1)])[label]
    at = np.arange(len(pairs.left))
    identity = Correction(16, 8).eval()
    with torch.no_grad():
        values = [float(loss(identity, x + share * (centers - x), pairs, at)) for share in (-0.3, 0.0, 0.3, 0.6)]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("name", ["margin", "soft_nn", "sigmoid"])
def test_a_correction_lowers_its_loss_on_patients_it_has_not_met(name):
    x, data = synthetic(noise=2.0, similarity=0.8, classes=3, patients=200, windows=3, dim=16)
    split = make_splits(data, 3)[0]
    rng = np.random.default_rng(0)
    p = spread(data.truth, rng)
    sides = [make_pairs(rows, p[rows], data.truth[rows], 0.6, 4, rng) for rows in (split.train, split.validation)]
    model, curves = train_correction(name, x, data.truth.argmax(1), *sides, OPTIONS, seed=0)
    assert curves["train"][-1] < curves["train"][0]
    at = np.arange(len(sides[1].left))
    loss = PairLoss(name, data.truth.argmax(1), OPTIONS)
    with torch.no_grad():
        before = float(loss(Correction(16, 8).eval(), x, sides[1], at))
        after = float(loss(model, x, sides[1], at))
    assert after < before and not model.training


def test_the_knobs_of_the_generator():
    x, data = synthetic(noise=0.0, similarity=0.7, classes=3, dim=64)
    label = data.truth.argmax(1)
    centers = np.stack([x[label == c][0].numpy() for c in range(3)]).astype(float)
    assert np.allclose(np.linalg.norm(centers, axis=1), 8.0, atol=1e-4)
    assert np.allclose((centers @ centers.T)[np.triu_indices(3, 1)] / 64, 0.7, atol=1e-4)
    assert data.truth.sum(0)[0] > data.truth.sum(0)[2] > 0
    noisy, _ = synthetic(noise=2.0, similarity=0.7, classes=3, dim=64)
    assert float((noisy - x).std()) == pytest.approx(2.0, rel=0.05)
    own = (noisy - x).reshape(120, 10, 64).mean(1).std()  # half of the variance is the patient's
    assert float(own) == pytest.approx(np.sqrt(2.0 + 2.0 / 10), rel=0.05)
    with pytest.raises(InputError, match="similarity"):
        synthetic(1.0, 1.0)
    with pytest.raises(InputError, match="classes do not fit"):
        synthetic(1.0, 0.5, classes=1)


def test_classifiers_find_what_is_there():
    x, data = synthetic(noise=2.0, similarity=0.2, classes=3, patients=60, windows=5, dim=32)
    split = make_splits(data, 3)[0]
    shown = {"validation": split.validation, "test": split.test}
    found = all_scores(x, data, split.train, shown, replace(QUICK, least_steps=60), seed=0)
    assert set(found) == {"MLP", "logistic regression", "linear SVM"}
    for sides in found.values():
        assert sides["test"].shape == (len(split.test), 3)
        assert metrics.mean(metrics.auroc(data.truth[split.test], sides["test"])) > 0.9


def test_a_class_that_training_never_met_is_never_chosen():
    class Two:
        classes_ = np.array([0, 2])

        def decision_function(self, z):
            return np.array([-1.0, 2.0])

    value = every_class(Two(), np.zeros((2, 1)), 3)
    assert value.argmax(1).tolist() == [0, 2] and (value[:, 1] < value.min(1) + 1e-9).all()


def test_without_umap_a_sentence_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(MissingDependencyError, match="umap-learn"):
        project(np.zeros((20, 4)), "UMAP")
    with pytest.raises(MissingDependencyError, match="umap-learn"):  # before anything is computed
        main(Config(synthetic=True, maps=("PCA", "UMAP"), out=tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_umap_is_asked_for_two_dimensions(monkeypatch):
    """A stand-in: the real one compiles for half a minute."""

    class UMAP:
        def __init__(self, n_neighbors=15, n_components=3, **options):
            assert n_neighbors == 15
            self.dimensions = n_components

        def fit_transform(self, z):
            return z[:, : self.dimensions]

    monkeypatch.setitem(sys.modules, "umap", types.SimpleNamespace(UMAP=UMAP))
    assert project(np.zeros((20, 4)), "UMAP").shape == (20, 2)


@pytest.mark.parametrize("method", ["PCA", "t-SNE"])
def test_maps_keep_groups_apart(method):
    rng = np.random.default_rng(0)
    label = np.arange(60) % 2
    points = project(rng.standard_normal((60, 8)) + 20 * label[:, None], method)
    inside = max(np.linalg.norm(points[label == c] - points[label == c].mean(0), axis=1).mean() for c in (0, 1))
    assert points.shape == (60, 2)
    assert np.linalg.norm(points[label == 0].mean(0) - points[label == 1].mean(0)) > 2 * inside


def test_a_correction_that_does_not_hold_is_not_made():
    rng = np.random.default_rng(0)
    x, label = torch.randn(80, 16), rng.integers(0, 2, 80)  # nothing to learn
    truth = one_hot(label, 2)
    sides = [
        make_pairs(rows, spread(truth[rows], rng), truth[rows], 0.6, 4, rng) for rows in np.split(np.arange(80), 2)
    ]
    model, curves = train_correction("margin", x, label, *sides, replace(OPTIONS, stay=0.0, lr=0.1), seed=0)
    assert curves["validation"].argmin() == 0
    assert torch.equal(model(x), x)


def test_the_command_runs_resumes_and_reports(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("train.correct.synthetic", partial(synthetic, patients=36, windows=4, dim=16))
    few = {"classifier": replace(QUICK, least_steps=40), "correction": OPTIONS, "splits": 2, "maps": ("PCA",)}
    config = Config(synthetic=True, noise=(4.0,), similarity=(0.5,), confidence=0.4, out=tmp_path, **few)
    main(config)
    folder = tmp_path / "splits" / "noise 4, similarity 0.5"
    text = (tmp_path / "report.md").read_text()
    assert len(list(folder.glob("*.npz"))) == 2 * (1 + 4 * 3)
    for picture in ("maps.png", "confusion.png", "curves.png"):
        assert (tmp_path / picture).stat().st_size > 1000 and f"({picture})" in text
    assert "Of 18 comparisons" in text and "| sigmoid | linear SVM |" in text
    kept = (folder / "0.npz").stat().st_mtime_ns
    (folder / "1.npz").unlink()
    main(replace(config, resume=True))
    assert (folder / "0.npz").stat().st_mtime_ns == kept
    assert (tmp_path / "report.md").read_text() == text
    capsys.readouterr()


def test_wrong_options_end_in_a_sentence(tmp_path):
    with pytest.raises(InputError, match="loss 'x' is not one of margin"):
        Config(losses=("x",), data=tmp_path)
    with pytest.raises(InputError, match="map 'x' is not one of PCA"):
        Config(maps=("x",), data=tmp_path)
    with pytest.raises(InputError, match="EDGEECG_DATA"):
        Config(data=None)
