"""The card takes the bench's figures; the model behind it does not change."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

from edgeecg import __file__ as package
from edgeecg.errors import InputError
from edgeecg.model import Model
from train.data.corpora import NOT_STATED
from train.probes.evaluation import Result
from train.probes.protocol import Score
from train.reporting.model_card import card
from train.studies.write_model_card import Config, run

BUNDLED = Path(package).parent / "models"


def write(path, feature, value=0.9):
    result = Result("identity", feature, 1.0, Score(value, 0.8, 0.95), 128, 10, 0.1)
    path.write_text(json.dumps({"settings": {}, "results": [asdict(result)]}))


def test_figures_enter_the_card_once(model_file, tmp_path):
    path, probes = tmp_path / "mine.eecg", tmp_path / "probes.json"
    original = Model.load(model_file)
    original.save(path)
    for value in (0.9, 0.91):
        write(probes, "runs/mine.eecg", value)
        (done,) = run(Config((path,), (probes,)))
    loaded = Model.load(path)
    card = loaded.meta["card"]
    assert "| identity, 126 recordings (rank-1) | .910 (.800-.950) |" in card
    assert card.count("What a linear probe finds") == 1
    assert loaded.id == original.id == done.id
    assert loaded.meta["probes"]["results"][0]["value"] == 0.91


def test_the_card_says_how_many_processes_took_the_steps():
    meta = Model.load(BUNDLED / "default.eecg").meta
    how = {"objective": "contrast", "steps": 20, "minutes": 2, "hours": 1}
    cards = [card(meta | {"training": how | more}) for more in ({"processes": 2}, {"processes": 1}, {})]
    assert "(contrast, 20 steps in each of 2 processes, 2 minutes)" in cards[0]
    assert all("(contrast, 20 steps, 2 minutes)" in text for text in cards[1:])


def test_the_card_claims_what_can_be_known():
    meta = Model.load(BUNDLED / "nano.eecg").meta
    assert "Not in training: MIT-BIH DS2" in card(meta) and "Pretrained without labels" in card(meta)
    somebodys = {"name": "ward", "licence": NOT_STATED, "use": "pretraining"}
    assert "Not in training" not in card(meta | {"sources": [*meta["sources"], somebodys]})
    labels = {"name": "PTB-XL", "licence": "CC BY 4.0", "use": "labels"}
    assert "Trained with and without labels" in card(meta | {"sources": [*meta["sources"], labels]})


def test_the_card_beside_the_file_has_every_table(model_file, tmp_path):
    path, own, more, moved = (tmp_path / name for name in ("mine.eecg", "own.json", "more.json", "moved.json"))
    Model.load(model_file).save(path)
    write(own, "runs/mine.eecg")
    write(more, "hrv", 0.7)
    change = {"change": "gain x4", "mean": 0.9991, "percentile_5": 0.99, "windows": 5, "superclass_auc": None}
    moved.write_text(json.dumps([change]))
    (done,) = run(Config((path,), (own, more), moved))
    card = (tmp_path / "mine.card.md").read_text()
    assert "| task | mine | HRV + shape |" in card
    assert "| identity, 126 recordings (rank-1) | **.900** (.800-.950) | .700 (.800-.950) |" in card
    assert "| gain x4 | 0.999 | 0.990 | 5 |  |" in card and "gain x4" not in done.meta["card"]
    assert "Few labels" not in card  # no file holds any
    with pytest.raises(InputError, match="no output of train/studies/invariance"):
        run(Config((path,), (own,), own))


def test_cards_are_written_anew_with_the_figures_they_have(model_file, tmp_path):
    """What the metadata say changes in both cards, the tables of the one beside the file stay."""
    path, own, more = (tmp_path / name for name in ("mine.eecg", "own.json", "more.json"))
    Model.load(model_file).save(path)
    write(own, "runs/mine.eecg")
    write(more, "hrv", 0.7)
    (before,) = run(Config((path,), (own, more)))
    text = (tmp_path / "mine.card.md").read_text()
    replace(before, meta=before.meta | {"card": "stale"}).save(path)
    (tmp_path / "mine.card.md").write_text(
        text.replace("# mine", "# stale").replace("Split by patient", "Split by patient, once")
    )
    (after,) = run(Config((path,)))
    assert (tmp_path / "mine.card.md").read_text() == text and "HRV + shape" in text
    assert Model.load(path).meta == after.meta == before.meta and after.id == before.id


def test_results_of_another_model_are_refused(model_file, tmp_path):
    path, probes = tmp_path / "mine.eecg", tmp_path / "probes.json"
    Model.load(model_file).save(path)
    write(probes, "default")
    with pytest.raises(InputError, match="no results of mine"):
        run(Config((path,), (probes,)))
    probes.write_text("[1]")
    with pytest.raises(InputError, match="no output of train/evaluate"):
        run(Config((path,), (probes,)))
