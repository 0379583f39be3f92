"""Labels of one's own in every command that takes labels: one split by subject, kept in the run."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("wfdb")

from edgeecg.errors import InputError
from tests.train.own_labels import SUBJECTS, write_clinic
from train import correct, evaluate, finetune, siamese
from train.classifiers.training import Training
from train.correction.network import CorrectionOptions
from train.data.labels import read_labels
from train.probes.tasks.registry import TASKS

QUICK = Training(epochs=2, least_steps=20, batch=16)


@pytest.fixture(scope="module")
def clinic(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "clinic"
    write_clinic(folder)
    return folder


def sides(path) -> dict[tuple[str, str], str]:
    """(split, subject) -> side."""
    with open(path, newline="") as file:
        return {(row.get("split", "0"), row["subject"]): row["side"] for row in csv.DictReader(file)}


def test_fine_tuning_keeps_its_split_and_refuses_other_labels(clinic, tmp_path):
    own = tmp_path / "labels.csv"
    own.write_text((clinic / "labels.csv").read_text())
    config = finetune.Config(
        encoder="nano",
        labels=str(own),
        data=clinic,
        arms=("linear", "random"),
        fractions=(1.0,),
        splits=3,
        training=QUICK,
        out=tmp_path / "run",
    )
    finetune.main(config)
    found, folds = sides(config.out / "split.csv"), read_labels(str(own), clinic)
    assert {name for _, name in found} == set(folds.subject.tolist()) and len(found) == 3 * SUBJECTS
    tested = {name: int(split) for (split, name), side in found.items() if side == "test"}
    assert tested == dict(zip(folds.subject.tolist(), folds.folds(3).tolist(), strict=True)), "by the subject's hash"
    scores = json.loads((config.out / "scores.json").read_text())
    assert scores["linear-1"]["macro AUROC"]["value"] > 0.95, "broad beats are told from narrow ones"
    report = (config.out / "report.md").read_text()
    assert report.startswith("# labels.csv: with and without") and "PTB-XL" not in report
    assert "24 predictions for 12 test patients" in report, "a recording is one sample"
    finetune.main(replace(config, resume=True))
    own.write_text(own.read_text().replace("p00a,narrow", "p00a,wide"))
    with pytest.raises(InputError, match=r"labels\.csv is not what .*run began with"):
        finetune.main(replace(config, resume=True))


def test_the_probe_bench_takes_them_and_goes_on_with_the_same_ones_only(clinic, tmp_path):
    config = evaluate.Config(
        model=("nano",), baselines=("hrv",), labels=str(clinic / "labels.csv"), data=clinic, json=tmp_path / "a.json"
    )
    evaluate.main(config)
    results = json.loads(config.json.read_text())["results"]
    assert [(r["task"], r["feature"]) for r in results] == [("labels.csv", "nano"), ("labels.csv", "hrv")]
    assert results[0]["score"]["value"] > 0.95
    beats = evaluate.Config(
        model=("nano",), labels="atr", data=clinic, json=tmp_path / "b.json", markdown=tmp_path / "b.md"
    )
    evaluate.main(beats)
    assert (tmp_path / "b.md").read_text().splitlines()[2].startswith("| atr | ")
    with pytest.raises(InputError, match="would be lost"):
        evaluate.main(replace(beats, json=config.json, tasks=tuple(TASKS)))
    with pytest.raises(InputError, match="in place of --tasks"):
        replace(config, tasks=("identity",))
    assert replace(config).tasks == ("labels.csv",)


def linear_layer(labels, data, out) -> finetune.Config:
    """The quickest fine-tuning: one arm on all labels, two splits."""
    how = {"arms": ("linear",), "fractions": (1.0,), "splits": 2, "training": QUICK}
    return finetune.Config(encoder="nano", labels=str(labels), data=data, out=out, **how)


def test_a_set_that_the_table_names_is_the_test(clinic, tmp_path):
    rows = (clinic / "labels.csv").read_text().splitlines()
    split = ["split", *(("test" if int(row[1:3]) >= 8 else "train") for row in rows[1:])]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(f"{row},{side}" for row, side in zip(rows, split, strict=True)) + "\n")
    config = evaluate.Config(model=("nano",), labels=str(path), data=clinic, json=tmp_path / "a.json")
    evaluate.main(config)
    assert json.loads(config.json.read_text())["results"][0]["windows"] == 2 * SUBJECTS * 3
    tuned = linear_layer(path, clinic, tmp_path / "run")
    finetune.main(tuned)
    found = sides(tuned.out / "split.csv")
    assert {name for (_, name), side in found.items() if side == "test"} == {"s08", "s09", "s10", "s11"}


def test_correction_takes_them(clinic, tmp_path):
    config = correct.Config(
        model="nano",
        labels=str(clinic / "labels.csv"),
        data=clinic,
        losses=("margin",),
        splits=2,
        maps=("PCA",),
        classifier=QUICK,
        correction=CorrectionOptions(epochs=1),
        out=tmp_path / "run",
        confidence=0.99,
    )
    correct.main(config)
    assert len(sides(config.out / "splits" / "labels.csv" / "split.csv")) == 2 * SUBJECTS
    scores = json.loads((config.out / "scores.json").read_text())
    assert scores["labels.csv/original/logistic regression"]["macro AUROC"]["value"] > 0.95


@pytest.mark.slow
def test_siamese_pairs_by_them(clinic, tmp_path):
    config = siamese.Config(
        labels=str(clinic / "labels.csv"),
        data=clinic,
        encoder="nano",
        start="nano",
        steps=12,
        batch=16,
        evaluate_every=6,
        out=tmp_path / "run",
        cache=tmp_path / "cache",
    )
    assert config.pairs == "label"
    siamese.main(config)
    found = sides(config.out / "split.csv")
    own = read_labels(str(clinic / "labels.csv"), clinic)
    fold = dict(zip(own.subject.tolist(), own.folds(5).tolist(), strict=True))
    assert found == {("0", name): {0: "test", 1: "score"}.get(k, "train") for name, k in fold.items()}
    judged = json.loads((config.out / "siamese.json").read_text())
    assert judged["held_out"] and judged["held-out patients"]["siamese"]["auc"]["value"] > 0.8
    assert (config.out / "pair_score.json").is_file()


def test_pairs_need_one_label_a_window(clinic, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text((clinic / "labels.csv").read_text().replace("p00a,narrow", "p00a,narrow;wide"))
    config = siamese.Config(labels=str(path), data=clinic, out=tmp_path / "run", cache=tmp_path / "cache")
    with pytest.raises(InputError, match="one label a window"):
        siamese.main(config)
    with pytest.raises(InputError, match="one label a window"):
        correct.main(correct.Config(labels=str(path), data=clinic, out=tmp_path / "c"))
    several = linear_layer(path, clinic, tmp_path / "f")
    finetune.main(several)
    assert np.isfinite(json.loads((several.out / "scores.json").read_text())["linear-1"]["macro AUROC"]["value"])
