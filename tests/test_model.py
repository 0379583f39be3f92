"""The model file: bytes as docs/format.md has them, read back as they were written, every range kept."""

import dataclasses
import hashlib
import json
import os
import re
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from scipy import signal

from edgeecg import reference
from edgeecg.errors import ModelError
from edgeecg.model import FrontEnd, Model, default_front_end, describe, inspect, kernel_table
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


def u16(data, offset):
    return struct.unpack_from("<H", data, offset)[0]


def u32(data, offset):
    return struct.unpack_from("<I", data, offset)[0]


def test_header_lies_where_the_document_says():
    model = dataclasses.replace(models.edge_like(), name="edge-é")
    data = model.to_bytes()
    n = len(model.layers)
    assert data[:8] == bytes.fromhex("89 45 45 43 47 0D 0A 1A")
    assert (u16(data, 8), u16(data, 10), u32(data, 12)) == (1, 128, len(data))
    assert u32(data, 16) == zlib.crc32(data[20:])
    assert u32(data, 20) == 0
    assert data[24:56] == hashlib.sha256(data[64 : u32(data, 56)]).digest() == bytes.fromhex(model.id)
    assert u32(data, 56) + u32(data, 60) == len(data)
    assert [u32(data, o) for o in (64, 68, 72)] == [128, 96, 224]
    assert (u16(data, 76), u16(data, 78)) == (n, 64)
    assert (u32(data, 80), u32(data, 84), u32(data, 88)) == (224 + 64 * n, 64, 288 + 64 * n)
    assert u32(data, 88) + u32(data, 92) == u32(data, 56)
    assert data[96:120] == "edge-é".encode().ljust(24, b"\0")
    assert json.loads(data[u32(data, 56) :]) == model.meta


def test_parts_lie_where_the_document_says():
    model = models.tiny()
    data = model.to_bytes()
    front = model.front
    assert list(data[128:130]) == [1, 1]
    assert [u16(data, 128 + o) for o in (2, 4, 6, 8, 10, 12, 14)] == [128, 64, 16, 32, 1, 4, 32]
    assert [u32(data, 128 + o) for o in (16, 24, 28, 32, 44)] == [100_000, front.floor, front.gain[0], 0, 0]
    assert [u16(data, 128 + o) for o in (48, 50, 52, 54)] == [48, 1, 1, 100]
    table = np.frombuffer(data, "<i2", 4 * 32 + 1, u32(data, 128 + 20))
    assert np.array_equal(table, front.table)

    conv, leaky, add, pool = (224 + 64 * i for i in range(4))
    assert [data[at] for at in (conv, leaky, add, pool)] == [1, 1, 2, 3]
    assert [data[at + 1] for at in (conv, leaky, add, pool)] == [0, 1, 0, 0]
    assert [u16(data, at + 4) for at in (conv, leaky, add, pool)] == [0, 1, 1, 3]
    assert [u16(data, at + 6) for at in (conv, leaky, add, pool)] == [0xFFFF, 0xFFFF, 2, 0xFFFF]
    assert [u16(data, conv + o) for o in (8, 10, 12, 14, 16, 18)] == [1, 2, 1, 3, 2, 1]
    layer = model.layers[1]
    arrays = [
        ("weights", "i1", 20),
        ("bias", "<i4", 24),
        ("mult", "<i4", 28),
        ("mult_neg", "<i4", 32),
        ("add", "<i4", 36),
    ]
    for name, dtype, field in arrays:
        array = getattr(layer, name)
        at = u32(data, leaky + field)
        assert at % 16 == 0
        assert np.array_equal(np.frombuffer(data, dtype, array.size, at), array.ravel()), name
    assert struct.unpack_from("<ii", data, add + 40) == (model.layers[2].m_a, model.layers[2].m_b)

    head = 224 + 64 * 4
    assert (data[head], data[head + 1], u16(data, head + 2), u16(data, head + 4), u16(data, head + 6)) == (
        3,
        0,
        16,
        2,
        12,
    )
    weights = np.frombuffer(data, "i1", 2 * 4, u32(data, head + 12))
    assert np.array_equal(weights, model.head.weights.ravel())


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


# The resampling kernel


@pytest.mark.parametrize("half", [4, 16, 32])
def test_kernel_table_is_a_kaiser_low_pass(half):
    """The oracle is SciPy's window method at 32 * 128 Hz."""
    table = kernel_table(half).astype(int)
    assert table.shape == (half * 32 + 1,) and table[-1] == 0
    taps = signal.firwin(2 * half * 32 + 1, 43, window=("kaiser", 5.4), fs=32 * 128) * 32 * 2**15
    assert np.abs(table[:-1] - taps[half * 32 : -1]).max() <= 2


def test_kernel_table_passes_the_ecg_and_stops_the_mains():
    table = kernel_table().astype(float)
    taps = np.concatenate([table[:0:-1], table]) / table[:1] / (2 * table.sum() / table[0] - 1)
    _, pass_band = signal.freqz(taps, worN=np.linspace(0.01, 36, 200), fs=4096)
    _, stop_band = signal.freqz(taps, worN=np.linspace(50, 2000, 4000), fs=4096)
    _, edge = signal.freqz(taps, worN=[43.0], fs=4096)
    assert np.abs(20 * np.log10(np.abs(pass_band))).max() < 0.05
    assert 20 * np.log10(np.abs(stop_band).max()) < -55
    assert abs(20 * np.log10(np.abs(edge[0])) + 6.02) < 0.05


def test_default_front_end_follows_a_shorter_window():
    assert (default_front_end().flat_blocks, default_front_end().off_blocks) == (20, 8)
    assert (default_front_end(window=64).flat_blocks, default_front_end(window=64).off_blocks) == (1, 2)
    assert default_front_end(kind=0, direct_gain=5).table.size == 0
    assert FrontEnd().gain == default_front_end().gain


def test_arrays_of_a_model_cannot_be_changed():
    model = Model.from_bytes(models.tiny().to_bytes())
    with pytest.raises(ValueError, match="read-only"):
        model.layers[0].weights[0] = 1
    weights = np.ones((2, 3, 1), np.int8)
    layer = dataclasses.replace(model.layers[0], weights=weights)
    weights[:] = 5
    assert (layer.weights == 1).all()
