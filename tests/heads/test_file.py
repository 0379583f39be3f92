"""The `.eech` file: what is written is read, and nothing else."""

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edgeecg
from edgeecg import heads
from edgeecg._core import Classifier

KEPT = Path(__file__).parents[1] / "data" / "head_v1.eech"


def head():
    return heads.Head(
        name="rhythm",
        classes=("N", "A", "andere"),
        kind="softmax",
        weights=np.arange(-6, 6, dtype=np.int16).reshape(3, 4),
        bias=np.array([5, -(2**46) + 1, 2**46 - 1]),
        shift=12,
        thresholds=np.array([0, 2**15, 77], np.uint16),
        model_id=bytes(range(32)),
        smoothing=heads.Smoothing(2, 3, 1),
        info={"licence": "CC0", "text": "ä"},
    )


def same(a, b):
    arrays = all(np.array_equal(getattr(a, n), getattr(b, n)) for n in ("weights", "bias", "thresholds"))
    rest = "name classes kind shift model_id smoothing unreadable info".split()
    return arrays and all(getattr(a, n) == getattr(b, n) for n in rest)


def repaired(content):
    """The same with the CRC that it needs."""
    content = bytearray(content)
    content[16:20] = struct.pack("<I", zlib.crc32(content[20:]))
    return bytes(content)


def test_what_is_written_is_read(tmp_path):
    content = heads.to_bytes(head())
    assert same(heads.from_bytes(content), head())
    heads.save(head(), tmp_path / "a.eech")
    assert same(heads.load(tmp_path / "a.eech"), head())
    Classifier(content, 10)


def test_a_head_of_today_loads_for_ever():
    kept = heads.load(KEPT)
    assert same(kept, head()) and heads.to_bytes(kept) == KEPT.read_bytes()


def test_every_truncation_and_every_change_of_a_byte_is_refused():
    content = heads.to_bytes(head())
    for size in range(len(content)):
        refused(content[:size])
    for place in range(len(content)):
        for change in (1, 0x80, 0xFF):
            refused(content[:place] + bytes([content[place] ^ change]) + content[place + 1 :])
    refused(content + b"\0\0\0\0")


def refused(content):
    with pytest.raises(edgeecg.ModelError) as caught:
        heads.from_bytes(content)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError):
        Classifier(content, 10)


# (offset, format, value)
CRAFTED = [
    (8, "H", 2),
    (10, "H", 97),
    (12, "I", 1),
    (20, "I", 0),
    (20, "I", 0xFFFF_FFFC),
    (24, "I", 0xFFFF_FFFF),
    (24, "I", 0),
    (28, "B", 2),
    (30, "H", 0),
    (30, "H", 1),
    (30, "H", 17),
    (30, "H", 0xFFFF),
    (32, "H", 0),
    (32, "H", 1025),
    (32, "H", 0xFFFF),
    (34, "B", 0),
    (34, "B", 48),
    (35, "B", 0),
    (35, "B", 4),
    (36, "B", 33),
    (36, "B", 1),
    (37, "B", 0),
    (37, "B", 3),
    (38, "B", 1),
    (63, "B", 1),
    (96, "q", 2**46),
    (96, "q", -(2**46)),
    (120, "H", 2**15 + 1),
]


@pytest.mark.parametrize(("offset", "form", "value"), CRAFTED)
def test_each_field_is_checked_behind_a_right_crc(offset, form, value):
    content = bytearray(heads.to_bytes(head()))
    struct.pack_into(f"<{form}", content, offset, value)
    refused(repaired(content))


@given(st.data())
def test_any_change_ends_in_a_head_or_a_sentence(data):
    content = bytearray(heads.to_bytes(head()))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = repaired(content)
    try:
        heads.from_bytes(content)
    except edgeecg.ModelError as error:
        assert "\n" not in str(error)
    else:
        Classifier(content, 10)  # which does not read the information


@pytest.mark.parametrize(
    "info", [b"[]", b"{", b'{"name": 1, "classes": ["a"]}', b'{"name": "a", "classes": "ab"}', b"\xff"]
)
def test_information_that_is_none(info):
    content = bytearray(heads.to_bytes(head()))
    at = struct.unpack_from("<I", content, 20)[0]
    content = content[:at] + info + bytes(-len(info) % 4)
    struct.pack_into("<I", content, 12, len(content))
    struct.pack_into("<I", content, 24, len(info))
    with pytest.raises(edgeecg.ModelError, match=r"information|names"):
        heads.from_bytes(repaired(content))


def test_the_information_is_json_that_people_can_read():
    content = heads.to_bytes(head())
    at, size = struct.unpack_from("<II", content, 20)
    assert json.loads(content[at : at + size])["licence"] == "CC0"
