"""The model file: bytes as docs/format.md has them, read back as they were written, every range kept."""

import dataclasses
import json
import os
import re

import numpy as np
import pytest
from hypothesis import given

from edgeecg import reference
from edgeecg.errors import ModelError
from edgeecg.model import Model, describe, inspect
from tests import models

shapes = pytest.mark.parametrize("shape", models.SHAPES)


def assert_same(part, other):
    for field in dataclasses.fields(part):
        a, b = getattr(part, field.name), getattr(other, field.name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype and np.array_equal(a, b), field.name
        else:
            assert a == b, field.name


def assert_same_model(a: Model, b: Model):
    assert (a.name, a.meta, a.id) == (b.name, b.meta, b.id)
    assert_same(a.front, b.front)
    assert_same(a.head, b.head)
    assert len(a.layers) == len(b.layers)
    for one, other in zip(a.layers, b.layers, strict=True):
        assert_same(one, other)


@shapes
def test_reads_what_it_wrote(shape):
    model = models.SHAPES[shape]()
    again = Model.from_bytes(model.to_bytes())
    assert_same_model(model, again)
    assert again.to_bytes() == model.to_bytes()


@given(models.models())
def test_reads_what_it_wrote_for_any_model(model):
    assert_same_model(model, Model.from_bytes(model.to_bytes()))


def test_strip_keeps_the_id_and_drops_the_metadata():
    model = models.tiny()
    stripped = model.strip()
    assert stripped.id == model.id and stripped.meta == {}
    text = json.dumps(model.meta, separators=(",", ":"))
    assert len(stripped.to_bytes()) == model.weight_bytes == len(model.to_bytes()) - len(text)
    assert dataclasses.replace(model, name="other").id != model.id


def test_saves_at_once_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "model.eecg"
    model = models.tiny()
    model.save(path)
    assert_same_model(Model.load(path), model)
    assert os.listdir(tmp_path) == ["model.eecg"]

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        models.pooled().save(path)
    assert os.listdir(tmp_path) == ["model.eecg"]
    assert_same_model(Model.load(path), model)


def test_a_path_that_is_no_model_is_one_sentence(tmp_path):
    with pytest.raises(ModelError, match=r"cannot read model file '.*none.eecg': No such file"):
        Model.load(tmp_path / "none.eecg")
    for path in (tmp_path, "a\0b"):
        with pytest.raises(ModelError, match="cannot read model file"):
            Model.load(path)
    (tmp_path / "other.eecg").write_bytes(b"RIFF" * 1000)
    with pytest.raises(ModelError, match=r"not an .eecg model file"):
        Model.load(tmp_path / "other.eecg")
    (tmp_path / "longer.eecg").write_bytes(models.tiny().to_bytes() + b"more")
    with pytest.raises(ModelError, match="says it has 1038 bytes, but has more"):
        Model.load(tmp_path / "longer.eecg")


def test_counts_multiply_accumulates_of_a_known_net():
    """M1 of the TinyML literature's size: 1.70 M, from its own table of layers."""
    net = models.Net(0)
    last = net.conv(0, 16, kernel=7, stride=2)
    for cout in (32, 64, 96, 128):
        last = net.conv(last, net.channels[last], kernel=7, stride=2, groups=net.channels[last])
        last = net.conv(last, cout)
    model = net.model(pool=1)
    by_hand = 640 * 7 * 16 + 128 * 128
    for frames, cin, cout in ((320, 16, 32), (160, 32, 64), (80, 64, 96), (40, 96, 128)):
        by_hand += frames * (7 * cin + cin * cout)
    assert model.macs == by_hand == 1_697_024
    assert model.total_stride == 32


@shapes
def test_trunk_reach_is_what_a_frame_depends_on(shape):
    model = models.SHAPES[shape]()
    left, right = model.trunk_reach
    stride = model.total_stride
    rng = np.random.default_rng(0)
    frame = -(-left // stride) + 2
    n = frame * stride + right + 3 * stride
    y = rng.integers(0, 256, (n, model.front.channels)).astype(np.uint8)
    inside = slice(frame * stride - left, frame * stride + right + 1)
    other = rng.integers(0, 256, y.shape).astype(np.uint8)
    other[inside] = y[inside]
    assert np.array_equal(reference.trunk(y, model)[frame], reference.trunk(other, model)[frame])


def test_trunk_reach_is_not_larger_than_needed():
    """Positive weights and the smallest multipliers that pass them on: both ends of the field move the frame."""
    model = models.edge_like()
    layers = []
    for layer in model.layers:
        taps = layer.kernel * layer.cin // layer.groups
        weights = np.ones_like(layer.weights)
        bias = np.full(layer.cout, -128 * taps if layer.src_a == 0 else 0)
        layers.append(dataclasses.replace(layer, weights=weights, bias=bias, mult=np.full(layer.cout, 8191), zp_out=0))
    model = dataclasses.replace(model, layers=layers)
    left, right = model.trunk_reach
    frame = -(-left // model.total_stride) + 2
    middle = frame * model.total_stride
    y = np.full((middle + right + 9, 1), 128, np.uint8)
    for at, seen in (
        (middle - left, True),
        (middle - left - 1, False),
        (middle + right, True),
        (middle + right + 1, False),
    ):
        moved = y.copy()
        moved[at] = 255
        assert (reference.trunk(moved, model)[frame] != 0).any() == seen, at - middle


@shapes
def test_nothing_behind_the_lookahead_changes_a_window(shape):
    model = models.SHAPES[shape]()
    end = model.front.window + model.lookahead
    x = models.canonical(models.ecg(20 + end / 128, 128, seed=3, offset=0))
    missing = np.zeros(len(x), bool)
    other = x.copy()
    other[end:] = -other[end:] + 500_000
    first = reference.embed(x[: end + 640], missing[: end + 640], 128_000, model, 1 << 20)
    second = reference.embed(other[: end + 640], missing[: end + 640], 128_000, model, 1 << 20)
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[2], second[2])


def test_lookahead_is_used():
    model = models.edge_like()
    end = model.front.window + model.lookahead
    x = models.canonical(models.ecg(25, 128, seed=3, offset=0))
    missing = np.zeros(end + 640, bool)
    other = x.copy()
    other[end - 64 :] = 4_000_000
    embeddings = [reference.embed(v[: end + 640], missing, 128_000, model, 1 << 20)[0] for v in (x, other)]
    assert not np.array_equal(*embeddings)


def test_inspect_is_json_and_describe_is_a_table():
    model = models.resnet_like()
    info = inspect(model.to_bytes())
    added = json.loads(json.dumps(info))["layers"][3]
    assert (added["op"], added["from"], added["macs"]) == ("add", [3, 1], 0)
    assert info["id"] == model.id and info["file_size"] == len(model.to_bytes())
    text = describe(model)
    assert model.id[:16] in text and "0.43 M multiply-accumulates" in text
    assert len([line for line in text.splitlines() if re.match(r"\s+\d+ ", line)]) == len(model.layers)
