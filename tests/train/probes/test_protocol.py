"""The protocol on features whose answer is known."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from edgeecg.errors import InputError
from tests.train.probes.made_tasks import split_task, windows
from train.probes.protocol import fitted, nearest_centroid, run_task, scored, subsample_groups
from train.probes.tasks.base import Task


def test_a_feature_that_is_the_label_scores_one_and_noise_scores_a_half():
    rng = np.random.default_rng(0)
    task = split_task(rng)
    known = [t.label[:, None] + 0.1 * rng.standard_normal((400, 3)) for t in (task.train, task.test)]
    noise = [rng.standard_normal((400, 3)) for _ in range(2)]
    assert run_task(task, *known).value > 0.999
    score = run_task(task, *noise)
    assert score.low < 0.5 < score.high
    assert score.low < score.value < score.high


def test_folds_never_train_on_the_group_they_score():
    rng = np.random.default_rng(1)
    group = np.arange(200) // 4
    label = (group % 2).astype(int)
    memory = np.eye(50)[group]  # tells who it is, and nothing else: of no use for a person never met
    task = Task(windows(label, group), kind="folds", folds=4)
    assert run_task(task, memory + 0.01 * rng.standard_normal(memory.shape), None).value < 0.65
    assert run_task(task, label[:, None] + 0.0 * memory, None).value == 1.0


def test_pooled_folds_see_mean_and_deviation_of_a_record():
    rng = np.random.default_rng(2)
    group = np.repeat(np.arange(90), 5)
    label = group % 3
    spread = rng.standard_normal((450, 1)) * (1 + 3 * label[:, None])  # only the deviation tells the class
    task = Task(windows(label, group), kind="folds", folds=5, pooled=True)
    assert run_task(task, spread, None).value > 0.8


def test_multilabel_folds_average_the_classes():
    rng = np.random.default_rng(3)
    label = rng.integers(0, 2, (300, 2))
    z = np.column_stack([label[:, 0], rng.standard_normal(300)])  # one class known, one not
    task = Task(windows(label, np.arange(300)), kind="folds", folds=4)
    assert run_task(task, z, None).value == pytest.approx(0.75, abs=0.06)


def test_nearest_centroid_finds_people_by_direction():
    rng = np.random.default_rng(4)
    people = rng.standard_normal((20, 16))
    label = np.repeat(np.arange(20), 6)
    train, test = (people[label] + 0.2 * rng.standard_normal((120, 16)) for _ in range(2))
    assert (nearest_centroid(train, label, test) == label).mean() > 0.95


def test_few_labels_keep_whole_groups_and_both_classes():
    group, label = np.repeat(np.arange(100), 3), np.repeat(np.arange(100) == 7, 3).astype(int)
    keep = subsample_groups(group, label, 0.01, seed=0)
    assert set(label[keep]) == {0, 1}
    assert all(keep[group == g].all() or not keep[group == g].any() for g in range(100))
    assert subsample_groups(group, label, 1.0, seed=0).all()


def test_folds_with_few_labels_know_less():
    rng = np.random.default_rng(8)
    label = rng.integers(0, 3, 200)
    z = np.eye(3)[label] + 0.7 * rng.standard_normal((200, 3))
    task = Task(windows(label, np.arange(200)), kind="folds", folds=2)
    few, all_labels = (run_task(task, z, None, fraction).value for fraction in (0.05, 1.0))
    assert 0.5 < few < all_labels
    assert run_task(task, z, None, 0.05, seed=1).value != few, "another draw of labeled patients"


def test_a_class_that_few_labels_miss_gets_no_probability():
    z, label = np.arange(6.0)[:, None], np.array([0, 0, 1, 1, 2, 2])
    group = np.array([0, 0, 0, 0, 1, 1])
    seed = next(s for s in range(20) if not subsample_groups(group, label, 0.5, s)[5])
    p = fitted(z, label, group, z, 0.5, seed)
    assert p.shape == (6, 3) and (p[:, 2] == 0).all() and np.allclose(p.sum(1), 1)


def test_a_split_of_many_classes_is_a_mean_over_them():
    rng = np.random.default_rng(9)
    label = rng.integers(0, 3, 300)
    task = Task(windows(label, np.arange(300)), windows(label[::-1], np.arange(300)))
    known = np.eye(3)[label]
    assert run_task(task, known, known[::-1]).value == 1.0
    assert run_task(task, known[:, :1], known[::-1, :1]).value == pytest.approx(0.87, abs=0.05), (
        "one class of three is known"
    )


def test_retrieval_ranks_inside_or_outside_of_the_record():
    """Each record marks its positive windows by a direction of its own: found at home, not elsewhere."""
    rng = np.random.default_rng(10)
    group, label = np.repeat(np.arange(40), 20), np.tile(np.arange(20) < 6, 40).astype(int)
    own = label[:, None] * rng.standard_normal((40, 30))[group]
    z = own + 0.1 * rng.standard_normal(own.shape)
    at_home, elsewhere = (
        run_task(Task(windows(label, group), kind="retrieval", within=within), z, None) for within in (True, False)
    )
    assert at_home.value > 0.95 and elsewhere.value < 0.8
    assert run_task(Task(windows(label, group), kind="retrieval"), label[:, None] + 0.0 * z, None).value > 0.99
    with pytest.raises(InputError, match="both kinds"):
        run_task(Task(windows(label * 0 + 1, group), kind="retrieval"), z, None)


def test_the_interval_draws_groups_and_not_rows():
    hit, group = np.repeat([1.0, 0.0], 500), np.repeat([0, 1], 500)  # two patients: any share from 0 to 1 may come
    score = scored(lambda rows: float(hit[rows].mean()), group)
    assert (score.value, score.low, score.high) == (0.5, 0.0, 1.0)


def test_draws_without_one_of_the_classes_do_not_count_and_say_nothing(recwarn):
    truth, group = np.arange(40) < 20, np.arange(40) // 20  # one patient with the class, one without
    score = run_task(
        Task(windows(truth.astype(int), group), windows(truth.astype(int), group)), *[truth[:, None] * 1.0] * 2
    )
    assert (score.value, score.low, score.high) == (1.0, 1.0, 1.0)
    assert not [w for w in recwarn if "one class" in str(w.message)]


def test_a_probe_fitted_on_one_form_is_scored_on_the_other():
    rng = np.random.default_rng(6)
    label = np.arange(200) % 2
    real = label[:, None] + 0.1 * rng.standard_normal((200, 4))
    task = Task(windows(label, np.arange(200)), kind="folds", folds=4)
    same = run_task(task, real, None)
    assert run_task(task, real, None, shown=real) == same
    assert run_task(task, real, None, shown=1 - real).value < 0.01  # what it sees is turned around


def test_features_with_nan_are_refused():
    task = split_task(np.random.default_rng(5))
    with pytest.raises(InputError, match="NaN"):
        run_task(task, np.full((400, 2), np.nan), np.zeros((400, 2)))
