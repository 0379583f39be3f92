"""Cross-validation by subject, thresholds for an aim, and the scores, against scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edgeecg
from edgeecg.fit import Aim, Examples, Label, examples_of, fit
from edgeecg.fit.cross_validation import folds_of
from edgeecg.fit.examples import Windows
from edgeecg.fit.head_of import compare, head_of
from edgeecg.fit.scores import auc, confusion, f1, interval, roc

metrics = pytest.importorskip("sklearn.metrics")


@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=40))
def test_scores_are_those_of_scikit_learn(rows):
    y, score = np.array([r[0] for r in rows]), np.array([float(r[1]) for r in rows])
    if y.any() and not y.all():
        assert auc(y, score) == pytest.approx(metrics.roc_auc_score(y, score))
        alarms, sensitivity = roc(y, score)
        assert np.trapezoid(sensitivity, alarms) == pytest.approx(auc(y, score))
        assert (alarms[-1], sensitivity[-1]) == (1, 1)
    else:
        assert np.isnan(auc(y, score))
    verdict = np.array([r[1] % 3 for r in rows])
    np.testing.assert_allclose(
        f1(y * 2, verdict, 3), metrics.f1_score(y * 2, verdict, labels=[0, 1, 2], average=None, zero_division=0)
    )
    np.testing.assert_array_equal(
        confusion(y * 2, verdict, 3), metrics.confusion_matrix(y * 2, verdict, labels=[0, 1, 2])
    )


def examples(classes=2, subjects=40, each=10, signal=1.0, seed=0, of_recordings=False):
    """Rows whose class moves the first dimensions, and whose subject moves all."""
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(subjects), each)
    y = subject % classes
    x = rng.normal(0, 1, (len(y), 128)) + rng.normal(0, 0.5, (subjects, 128))[subject]
    x[np.arange(len(y)), y] += signal * 6
    x = np.round(x * 4096 / 16).clip(-32767, 32767) * 16 / 4096
    start = np.full(len(y), np.nan) if of_recordings else np.tile(np.arange(each) * 10.0, subjects)
    names = np.array([f"s{i:03}" for i in subject])
    return Examples(
        x.astype(np.float32), y.astype(np.int64), names, np.zeros(len(y), bool), names, start, tuple("NAO~"[:classes])
    )


def test_a_subject_is_in_one_fold_alone():
    rows = examples(3)
    fold = folds_of(rows)
    assert set(fold) == set(range(5))
    for one in np.unique(rows.subject):
        assert len(set(fold[rows.subject == one])) == 1


def test_no_score_of_a_subject_that_was_trained_on():
    """Labels that only tell subjects apart cannot be learnt: by row the AUC would be 1."""
    rng = np.random.default_rng(3)
    rows = examples(2, subjects=60, signal=0.0)
    label = rng.permutation(60) % 2
    rows = Examples(**{**vars(rows), "y": label[np.repeat(np.arange(60), 10)].astype(np.int64)})
    fitted = fit(rows)
    assert 0.3 < auc(rows.y == fitted.positive, fitted.logits[:, 0]) < 0.7


@pytest.mark.parametrize("classes", [2, 4])
def test_what_can_be_learnt_is(classes):
    encoder = edgeecg.load()
    rows = examples(classes)
    fitted = fit(rows)
    assert np.mean(fitted.verdict == rows.y) > 0.9
    head = head_of(fitted, rows, encoder, "h", {})
    comparison = compare(head, fitted, rows, encoder)
    assert comparison.same >= 0.999 and comparison.auc_change <= 0.002
    assert head.classes == (
        ("A",) if classes == 2 and fitted.positive == 1 else ("N",) if classes == 2 else tuple("NAO~")
    )


def test_thresholds_reach_their_aim():
    rows = examples(2, signal=0.4, subjects=200)
    positive = rows.y == 1
    for sensitivity in (0.8, 0.95, 1.0):
        fitted = fit(rows, Aim("sensitivity", sensitivity), positive="A")
        assert np.mean(fitted.verdict[positive] == 1) == pytest.approx(sensitivity, abs=0.03)
    fitted = fit(rows, Aim("false-alarms-per-day", 86.4), positive="A")  # a hundredth of the windows of 10 s
    assert np.mean(fitted.verdict[~positive] == 1) == pytest.approx(0.01, abs=0.01)
    f1_of = {aim: f1(rows.y, fit(rows, aim, positive="A").verdict, 2)[1] for aim in (Aim(), Aim("sensitivity", 1.0))}
    assert f1_of[Aim()] > f1_of[Aim("sensitivity", 1.0)]


def test_one_class_against_the_rest():
    fitted = fit(examples(4), positive="O")
    assert fitted.examples.classes == ("rest", "O") and fitted.positive == 1


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: fit(examples(2, subjects=3)), "3 subjects are too few"),
        (lambda: fit(examples(4, subjects=5)), "class 'A' has 1 subjects"),
        (lambda: fit(examples(4), Aim("sensitivity", 0.9)), "--positive, of N, A, O, ~"),
        (lambda: fit(examples(4), positive="X"), "no class 'X'; there are N, A, O, ~"),
    ],
)
def test_what_cannot_be_fitted_is_named(call, said):
    with pytest.raises(edgeecg.InputError, match=said):
        call()


def test_rows_of_labels():
    nothing = Windows(np.empty(0), np.empty((0, 128), np.float32))
    windows = {"a": Windows(np.arange(0, 60, 10.0), np.eye(6, 128, dtype=np.float32)), "b": nothing}
    said = []
    spans = [Label("a", "N", "1", 0, 24), Label("a", "A", "1", 24, 45), Label("b", "A", "2")]
    rows = examples_of(spans, windows, 10.0, said.append)
    assert rows.start.tolist() == [0, 10, 20, 30] and rows.y.tolist() == [1, 1, 0, 0] and not rows.of_recordings
    assert said == ["edgeecg: 1 labels are left out: no window of theirs can be read"]
    windows["b"] = Windows(np.zeros(1), np.ones((1, 128), np.float32))
    whole = examples_of([Label("a", "N", "1"), Label("b", "A", "2", test=True)], windows, 10.0)
    assert whole.of_recordings and whole.test.tolist() == [False, True]
    np.testing.assert_allclose(whole.x[0], windows["a"].embedding.mean(0))
    with pytest.raises(edgeecg.InputError, match="two classes"):
        examples_of([Label("a", "N", "1"), Label("a", "A", "1", 100, 110)], windows, 10.0, said.append)


def test_intervals_draw_subjects():
    subject = np.repeat(["a", "b"], 50)
    right = np.repeat([1.0, 0.0], 50)
    assert interval(subject, lambda rows: float(right[rows].mean())) == (0.0, 1.0)
