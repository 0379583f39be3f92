"""What the probes owe to single people: who is left out is left out, and one man is one man."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from edgeecg.errors import InputError
from train.probes.tasks.base import Task, Windows
from train.studies.leave_one_subject_out import Config, rank_one, without


def side(group, label) -> Windows:
    return Windows(np.zeros((len(group), 1280), np.float32), np.array(label), np.array(group))


def test_a_teacher_or_a_test_person_is_left_out():
    # people 0 and 1 teach that the first feature is the label, person 2, who is loud, that its opposite is
    train = side([0] * 20 + [1] * 20 + [2] * 20, [0, 1] * 30)
    sign = np.where(train.group == 2, -30.0, 1.0)
    z = (sign * (2 * train.label - 1))[:, None] + np.random.default_rng(0).normal(0, 0.1, (60, 1))
    test = side([0] * 20 + [1] * 20, [0, 1] * 20)
    shown = (2.0 * test.label - 1)[:, None]
    shown[test.group == 1] *= -1  # of whom the truth is the opposite
    task = Task(train, test)
    assert without(task, (z, shown), teacher=2, tested=1) == 1.0
    assert without(task, (z, shown), tested=1) == 0.0
    assert without(task, (z, shown), teacher=2, tested=0) == 0.0


def test_who_finds_the_other_recording_of_one_man_is_right():
    axes = np.eye(4)
    task = Task(side(range(4), range(4)), side(range(4), range(4)), kind="identity")
    shown = axes[[1, 0, 3, 3]]  # 0 and 1 are taken for each other, 2 for 3
    assert rank_one(task, (axes, shown), [0, 1]) == (0.25, 0.75)
    assert rank_one(task, (axes, shown), []) == (0.25, 0.25)


def test_without_recordings_it_ends_in_a_sentence(tmp_path):
    with pytest.raises(InputError, match="EDGEECG_DATA"):
        Config(data=tmp_path / "none")
