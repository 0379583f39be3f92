"""The fields of a model file lie where docs/format.md says."""

import dataclasses
import hashlib
import json
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from edgeecg._model import layout
from tests import models


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


def test_records_lie_where_the_document_says():
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


WIDTHS = {"u8": "B", "u16": "H", "u32": "I", "i32": "i"}


@pytest.mark.parametrize(
    ("title", "record"),
    [("Header", layout.HEADER), ("Front end", layout.FRONT), ("Layers", layout.LAYER), ("Head", layout.HEAD)],
    ids=["header", "front", "layer", "head"],
)
def test_every_field_has_the_name_the_place_and_the_type_of_the_document(title, record):
    text = (Path(__file__).resolve().parents[2] / "docs/format.md").read_text()
    section = re.search(rf"^## {title}\b.*?(?=^## )", text, re.M | re.S)[0]
    rows = re.findall(r"^\| (\d+) \| (\w+)(?:\[(\d+)\])? \| (\w+) \|", section, re.M)
    place = 0
    for (offset, kind, count, name), (field, code) in zip(rows, record.fields.items(), strict=True):
        bytes_ = kind == "u8" and count
        assert (int(offset), name, count + ("s" if bytes_ else WIDTHS[kind])) == (place, field, code)
        place += struct.calcsize("<" + code)
    assert place == record.size
