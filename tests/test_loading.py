"""Encoders by name, path or model."""

import numpy as np
import pytest

import edgeecg
from edgeecg.loading import bundled_models
from tests.models import ecg, edge_like


def test_names_paths_and_models_open_the_same_encoder(tmp_path):
    x = ecg(11, 128, seed=3)
    edgeecg.load("nano").model.save(tmp_path / "copy.eecg")
    expected = edgeecg.load("nano").embed(x)
    for way in (tmp_path / "copy.eecg", str(tmp_path / "copy.eecg"), edgeecg.load("nano").model):
        np.testing.assert_array_equal(edgeecg.load(way).embed(x), expected)


def test_bundled_models_are_listed():
    assert {"default", "nano", "plus"} <= set(bundled_models())
    assert all(edgeecg.load(name).model.name for name in bundled_models())


def test_what_cannot_be_opened_is_named():
    with pytest.raises(edgeecg.ModelError, match="no bundled model"):
        edgeecg.load("nothing")
    with pytest.raises(edgeecg.ModelError, match="cannot read model file"):
        edgeecg.load("/nowhere/x.eecg")
    with pytest.raises(edgeecg.InputError, match="backend"):
        edgeecg.load("default", backend="gpu")
    with pytest.raises(edgeecg.ModelError, match="a model is a name, a path or a Model, not int"):
        edgeecg.load(7)


def test_an_encoder_takes_a_model_or_the_bytes_of_its_file():
    for wrong in ("default", None):
        with pytest.raises(
            edgeecg.InputError, match=r'Encoder takes a Model, not \w+: edgeecg.load\("default"\) opens one'
        ):
            edgeecg.Encoder(wrong)
    with pytest.raises(edgeecg.ModelError, match="shorter than its header"):
        edgeecg.Encoder(b"abc")
    with pytest.raises(edgeecg.ModelError, match="its header alone has 128"):
        edgeecg.Encoder(b"abc", backend="numpy")
    model, x = edge_like(), ecg(11, 128, seed=3)
    for backend in ("c", "numpy"):
        encoder = edgeecg.Encoder(model.to_bytes(), backend)
        np.testing.assert_array_equal(encoder.embed(x), edgeecg.Encoder(model).embed(x))
        assert encoder.model.id == model.id
    assert edgeecg.Encoder(model).model is model
