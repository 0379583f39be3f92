"""The models that come with the package: their golden vectors, their budgets, and what their cards state."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from edgeecg.encoder import bundled_models
from edgeecg.model import Model
from train.golden import check_compiled_core
from train.nets import ENCODERS

BUDGETS = {"default": (3.0e6, 96 * 1024), "nano": (0.7e6, 16 * 1024), "plus": (12e6, 400 * 1024)}  # multiply-accumulates, bytes without metadata
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
    for words in ("ODC-By 1.0", "CC BY 4.0", "Not in training: MIT-BIH DS2", "Not a medical device", "95 %", "must not be used"):
        assert words in card
