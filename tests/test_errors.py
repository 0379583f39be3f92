"""What is raised is one sentence that a terminal can show, whatever a file put into it."""

import pickle

import pytest

import edgeecg
from edgeecg.errors import LONGEST


@pytest.mark.parametrize("kind", [edgeecg.InputError, edgeecg.ModelError, edgeecg.MissingDependencyError])
def test_control_characters_are_spelled_and_long_names_cut(kind):
    assert str(kind("a\nb\x1b[31m\x85\u2028\udcff é")) == r"a\nb\x1b[31m\x85\u2028\udcff é"
    long = str(kind("x" * 10**6 + "the end"))
    assert len(long) < LONGEST and long.endswith("the end")
    assert str(pickle.loads(pickle.dumps(kind("one sentence")))) == "one sentence"
