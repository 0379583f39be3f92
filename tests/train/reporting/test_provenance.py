"""What a model states of its training: what was read, and sums that add up over several trainings."""

import numpy as np
import pytest

pytest.importorskip("torch")

from train.data import Cache
from train.data.corpora import NOISE, NOT_STATED, corpus
from train.reporting.provenance import sources, total_hours

MITDB, WARD = corpus("mitdb"), corpus("ward")


def test_a_recording_counts_once_whatever_its_leads():
    """Two leads of half an hour, one of which stops early; the same recording in another rhythm; a set of one lead."""
    half = 1800 * 128
    rows = [("a", "r1", half), ("a", "r1", half // 2), ("a", "r1", half), ("a", "r2", half), ("b", "r1", 2 * half)]
    names, records, lengths = (np.array(column) for column in zip(*rows, strict=True))
    cache = Cache(np.zeros(0, np.uint8), {"set": names, "record": records, "length": lengths, "start": lengths}, None)
    assert cache.hours_by_set() == {"a": 1.0, "b": 1.0} and cache.hours == 2.0
    assert cache.only(names == "b").hours == 1.0
    assert cache.summary() == "2.0 h of recordings (5 leads, 2.8 h of leads)"


def test_sources_of_both_trainings_are_named_once_for_each_use():
    known = {"name": NOISE.title, "licence": NOISE.licence, "use": "noise"}
    before = {"sources": [{"name": "ward", "licence": NOT_STATED, "use": "pretraining", "hours": 3.0}, known]}
    found = sources({WARD: 2.0, MITDB: 10.54}, "labels", True, before)
    assert [(s["name"], s["use"], s.get("hours")) for s in found] == [
        ("ward", "pretraining", 3.0),
        (NOISE.title, "noise", None),
        ("ward", "labels", 2.0),
        (MITDB.title, "labels", 10.5),
    ]
    assert sources({WARD: 1.0}, "pretraining", True, {})[-1] == known
    assert sources({WARD: 1.0}, "pretraining", False, {})[-1]["name"] == "ward"


def test_hours_add_up_over_several_trainings():
    before = {"hours": 13.5, "sources": sources({WARD: 3.0, MITDB: 10.5}, "pretraining", True, {})}
    again = sources({WARD: 4.0, corpus("qtdb"): 2.0}, "pretraining", False, before)
    assert total_hours(again, before) == 16.5, "4 of the ward, 10.5 that were met before, 2 that are new"
    assert total_hours(sources({WARD: 1.0}, "labels", False, before), before) == 13.5, "labels of what was met before"
    old = {"hours": 100.0, "sources": [{"name": "ward", "licence": NOT_STATED, "use": "pretraining"}]}
    assert total_hours(sources({WARD: 3.0, MITDB: 10.5}, "pretraining", False, old), old) == 110.5
