"""The models that come with the package: their golden vectors, their budgets, and what their cards state."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")


import edgeecg
from edgeecg.loading import bundled_models
from edgeecg.model import Model
from train.data import PRETRAINING, open_cache
from train.data.corpora import corpus
from train.data.front_end import default_front_end, to_input, windows_to_bytes
from train.data.resample import cut_windows, resample
from train.nets import ENCODERS
from train.quantization.golden_vectors import check_compiled_core
from train.reporting.model_card import what_numbers_hold
from train.studies.write_model_card import MET, base_card, short_card
from train.targets import SIGNAL, signal_statistics

# multiply-accumulates, bytes without metadata
BUDGETS = {"default": (3.0e6, 96 * 1024), "nano": (0.7e6, 16 * 1024), "plus": (12e6, 400 * 1024)}
MODELS = bundled_models()


def test_every_bundled_model_has_a_budget():
    assert set(MODELS) == set(BUDGETS)


@pytest.mark.parametrize("name", MODELS)
def test_the_compiled_core_gives_the_golden_vectors(name):
    path = Path(MODELS[name])
    model = Model.load(path)
    with np.load(path.with_name(f"{name}.golden.npz"), allow_pickle=False) as file:
        vectors = dict(file)
    assert str(vectors["model_id"]) == model.id
    assert check_compiled_core(model, vectors) == []


@pytest.mark.parametrize("name", MODELS)
def test_size_and_work_stay_in_their_budget(name):
    model = Model.load(MODELS[name])
    macs, size = BUDGETS[name]
    assert ENCODERS[{"default": "edge"}.get(name, name)]().macs() <= macs
    bare = Model(model.name, model.front, model.layers, model.head)
    assert len(bare.to_bytes()) <= size


@pytest.mark.parametrize("name", MODELS)
def test_the_card_states_sources_licences_and_what_was_left_out(name):
    card = Path(MODELS[name]).with_name(f"{name}.card.md").read_text(encoding="utf-8")
    for words in (
        "ODC-By 1.0",
        "CC BY 4.0",
        "Not in training: MIT-BIH DS2",
        "Not a medical device",
        "95 %",
        "must not be used",
    ):
        assert words in card


@pytest.mark.parametrize("name", MODELS)
def test_both_cards_of_a_model_say_the_same(name):
    """The card inside is made of the metadata; the one beside the file begins as it does and has its figures.

    `python train/studies/write_model_card.py edgeecg/models/*.eecg` makes them so.
    """
    model = Model.load(MODELS[name])
    inside = model.meta["card"]
    beside = Path(MODELS[name]).with_name(f"{name}.card.md").read_text(encoding="utf-8")
    assert inside == short_card(model, name)
    assert beside.startswith(base_card(model, name).rstrip()) and MET in inside and MET in beside
    for line in inside[inside.index("|---") :].splitlines()[1:]:
        if line.startswith("|"):
            task, value = (cell.strip() for cell in line.strip("|").split("|"))
            row = next(other for other in beside.splitlines() if other.startswith(f"| {task} |"))
            assert row.split("|")[2].strip().replace("*", "") == value, (task, "the model's own column")


@pytest.mark.parametrize("name", MODELS)
def test_hours_are_hours_of_recordings_and_add_up(name):
    meta = Model.load(MODELS[name]).meta
    hours = [source["hours"] for source in meta["sources"] if source["use"] != "noise"]
    assert len(hours) == 6 and meta["training"]["hours"] == pytest.approx(sum(hours), abs=0.05 * (len(hours) + 1))


@pytest.mark.data
def test_hours_are_those_of_the_recordings(data_dir, tmp_path):
    cache = open_cache(data_dir, PRETRAINING, default_front_end(), tmp_path, quiet=True)
    stated = {source["name"]: source.get("hours") for source in Model.load(MODELS["default"]).meta["sources"]}
    for name, hours in cache.hours_by_set().items():
        assert stated[corpus(name).title] == round(hours, 1)


@pytest.mark.parametrize("name", MODELS)
def test_the_numbers_hold_what_the_model_says(name, toy_ecg):
    """Every number is in one group, and of the signal's each follows what it is named after better than its neighbor
    does.
    """
    model = Model.load(MODELS[name])
    groups = sorted(model.meta["dimensions"].values())
    assert [a for a, _ in groups] + [model.head.dim] == [0] + [b for _, b in groups]
    first, end = model.meta["dimensions"].get("levels", (model.head.dim, model.head.dim))
    assert end == model.head.dim and end - first == model.head.levels
    card = Path(MODELS[name]).with_name(f"{name}.card.md").read_text(encoding="utf-8")
    assert what_numbers_hold(model.meta)[0] in card
    signal = cut_windows(resample(*toy_ecg), hop=256)
    first, end = model.meta["dimensions"]["signal"]
    z = np.stack([edgeecg.load(name).embed(window, fs=128).reshape(-1) for window in signal]).astype(float)
    stated = signal_statistics(to_input(torch.from_numpy(windows_to_bytes(signal)))).numpy()
    assert end - first == SIGNAL
    follows = np.array(
        [[np.corrcoef(z[:, first + j + move], stated[:, j])[0, 1] for j in range(1, SIGNAL - 1)] for move in (-1, 0, 1)]
    )
    assert np.median(follows[1]) > 0.7 and np.median(follows[1]) > np.median(follows[[0, 2]]) + 0.2
