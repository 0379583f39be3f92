"""The comparison: a grid whose cells make sense, a table that says what the runs gave, cell by cell."""

import json
from dataclasses import replace

import numpy as np
import pytest

from edgeecg.errors import InputError
from train.ablation.cells import CELLS, Cell, parse
from train.ablation.scoreboard import markdown, mean, spread
from train.objectives import OBJECTIVES
from train.studies.ablation import Config, run

SCORE = {"value": 0.5, "low": 0.4, "high": 0.6}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder like challenge2011: 120 records, of which those that are not acceptable are noise."""
    folder = tmp_path_factory.mktemp("data") / "challenge2011"
    folder.mkdir()
    rng, time = np.random.default_rng(0), np.arange(1280) / 128
    beats = np.maximum(0, np.sin(2 * np.pi * 1.1 * time)) ** 40 * 900
    good = np.arange(120) // 4 % 2 > 0
    signal = rng.normal(0, 30, (120, 4, 1280)) + np.where(
        good[:, None, None], beats, rng.normal(0, 400, (120, 1, 1280))
    )
    np.save(folder / "ecg_128hz_uV_int16.npy", signal.astype(np.int16))
    rows = [f"{i},{int(acceptable)}" for i, acceptable in enumerate(good)]
    (folder / "labels.csv").write_text("\n".join(["record,acceptable", *rows]) + "\n")
    return folder.parent


def config(folder, out, **changes) -> Config:
    options = {
        "cells": ("nt_xent/augment/nearby/3",),
        "steps": 12,
        "batch": 8,
        "corpora": ("challenge2011",),
        "tasks": ("quality_seta",),
        "baselines": ("random",),
        "projector": (16, 16),
    }
    return Config(**options | {"data": folder, "out": out, "cache": out / "cache"} | changes)


@pytest.mark.slow
def test_cells_are_trained_exported_and_probed_once(data, tmp_path):
    chosen = config(data, tmp_path / "out")
    text = run(chosen)
    results = {path: path.read_text() for path in sorted(tmp_path.glob("out/*/result.json"))}
    assert len(results) == 1 and (tmp_path / "out/nt_xent-augment-nearby-3/model/model.eecg").exists()
    for path, stored in results.items():
        value = json.loads(stored)["scores"]["quality_seta"]["value"]
        assert 0 <= value <= 1 and f"{value:.3f}".lstrip("0") in text, path
    assert "| nt_xent/augment/nearby/3 |" in (tmp_path / "out/table.md").read_text()
    assert (tmp_path / "out/table.png").read_bytes()[:4] == b"\x89PNG"
    assert "| *random* |" in text

    marked = tmp_path / "out/nt_xent-augment-nearby-3/result.json"
    changed = json.loads(marked.read_text())
    changed["scores"]["quality_seta"]["value"] = 0.123
    marked.write_text(json.dumps(changed))
    assert ".123" in run(chosen), "what is done is read, not made again"
    with pytest.raises(InputError, match="other values of steps"):
        run(replace(chosen, steps=3))
    with pytest.raises(InputError, match="another --out"):
        run(replace(chosen, tasks=("identity",)))


def test_a_run_that_fails_is_a_finding_and_not_the_end(data, tmp_path):
    text = run(config(data, tmp_path / "out", cells=("nt_xent/augment/nearby",), lr=1e30))
    assert "nt_xent/augment/nearby has no score: " in text and "lower --lr" in text and "| *random* |" in text


def test_an_autoencoder_shares_the_budget(data, tmp_path):
    run = config(data, tmp_path).of_cell(parse("autoencoder/denoising"), tmp_path)
    assert (run.kind, run.encoder, run.steps, run.batch, run.lr) == ("denoising", "edge", 12, 8, 2e-3)


def test_the_grid_has_every_objective_and_no_cell_twice():
    names = [cell.name for cell in CELLS]
    assert len(set(names)) == len(names)
    assert {cell.objective for cell in CELLS} >= set(OBJECTIVES) - {"masked_nt_xent", "patient_nce"}
    assert [parse(name) for name in names] == list(CELLS)
    assert {cell.view for cell in CELLS} >= {"augment", "vcg", "viewmaker"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nt_xent", "OBJECTIVE/VIEW/POSITIVES"),
        ("nothing/augment/nearby", "'nothing' is not one of"),
        ("nt_xent/augment/far", "'far' is not one of"),
        ("nt_xent/vcg/segment", "pieces of 10 s"),
        ("autoencoder/deep", "convolutional, denoising"),
    ],
)
def test_cells_that_mean_nothing_are_refused(name, words):
    with pytest.raises(InputError, match=words):
        parse(name)


def test_options_that_mean_nothing_are_refused(data, tmp_path):
    for wrong, words in (
        ({"tasks": ("x",)}, "task 'x'"),
        ({"baselines": ("x",)}, "baseline 'x'"),
        ({"data": None}, "--data"),
    ):
        with pytest.raises(InputError, match=words):
            config(data, tmp_path, **wrong)


def test_a_cells_name_leads_back_to_it():
    assert parse("cmlc/augment/lead/2") == Cell("cmlc", "augment", "lead", 2)
    assert Cell("nt_xent", "vcg", "window").folder == "nt_xent-vcg-window"


def test_the_table_sorts_by_mean_and_marks_the_best_of_each_column():
    cells = {
        "a": {"identity": SCORE, "quality_seta": SCORE | {"value": 0.7}},
        "b": {"identity": SCORE | {"value": 0.9}, "quality_seta": SCORE | {"value": 0.6}},
    }
    table = markdown(cells, {"random": {"identity": SCORE, "quality_seta": SCORE}}).splitlines()
    assert table[2] == "| b | **.900** | .600 | .750 |" and table[3] == "| a | .500 | **.700** | .600 |"
    assert table[4].startswith("| *random* |") and "| b | .400-.600 | .400-.600 |" in table
    assert mean(cells["a"]) == pytest.approx(0.6)


def test_the_spread_is_that_of_runs_which_differ_in_their_seed():
    values = {"x/augment/nearby": 0.5, "x/augment/nearby/1": 0.53, "x/augment/nearby/2": 0.51, "y/augment/nearby": 0.9}
    text = spread({name: {"identity": SCORE | {"value": value}} for name, value in values.items()})
    assert text == "x/augment/nearby, 3 seeds, largest minus smallest: identity .030; mean .030."
