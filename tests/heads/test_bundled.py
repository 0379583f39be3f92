"""The heads that come with the package."""

import numpy as np
import pytest

import edgeecg
from edgeecg import heads
from edgeecg._bundled import bundled_heads
from tests.models import ecg

CLASSES = {"ectopy": ("V", "S"), "rhythm": ("A", "N", "O", "~"), "usable": ("unusable",)}


@pytest.mark.parametrize("name", CLASSES)
def test_each_belongs_to_the_default_model_and_says_what_it_was_trained_on(name):
    head = heads.load(name, edgeecg.load())
    assert (head.name, head.classes) == (name, CLASSES[name])
    assert "diagnosis" in head.info["note"] and "ODC-By" in head.info["licence"] and head.info["metrics"]
    assert len(heads.to_bytes(head)) < 5000


def test_there_are_no_others():
    assert set(bundled_heads()) == set(CLASSES)


def test_a_steady_heart_is_normal_and_has_no_ectopic_beat():
    result = edgeecg.load().analyze(ecg(60, 250, 3), fs=250, hop=5, heads=list(CLASSES))
    names = heads.load("rhythm").names(result.heads["rhythm"].verdict)
    assert np.mean(names == "N") > 0.5
    assert not (result.heads["ectopy"].verdict[:, 0] == 1).any()


@pytest.mark.data
def test_ventricular_beats_are_found_in_people_it_was_not_fitted_on(data_dir):
    """Record 233 of DS2 has 831 of them, 100 one."""
    pytest.importorskip("wfdb")
    found = {}
    for record in ("233", "100"):
        result = edgeecg.load().analyze(data_dir / "mitdb" / f"{record}.hea", heads=["ectopy"])
        found[record] = np.mean(result.heads["ectopy"].verdict[:, 0] == 1)
    assert found["233"] > 0.9 and found["100"] < 0.1
