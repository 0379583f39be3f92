"""Each condition of the C reader decides by itself: a file that it alone forbids is refused with its status, and files
at both ends of what it allows are taken.
"""

import enum
import functools
import struct
import subprocess

import pytest

from edgeecg.model import Model
from tests.csrc import builds
from tests.hostile import CONV, FRONT, patched
from tests.models import Net, tiny

Status = enum.IntEnum(
    "Status",
    "OK TOO_SHORT BAD_MAGIC BAD_VERSION BAD_SIZE BAD_CRC BAD_ALIGNMENT BAD_HEADER BAD_FRONT BAD_TABLE BAD_LAYER "
    "BAD_GRAPH BAD_RANGE BAD_HEAD BAD_OFFSET",
    start=0,
)
FRONT_FIELDS = "window baseline reach table_half min_rate floor gain flat_max flat_blocks off_blocks clip_ms".split()
FORMS = {1: "B", 2: "H", 4: "I"}


def layers(net: Net, count: int, last: int) -> int:
    """So many layers of one channel more or less behind `last`."""
    for _ in range(count):
        last = net.conv(last, 1)
    return last


@functools.cache
def at_the_lower_ends() -> list[Model]:
    front = dict(zip(FRONT_FIELDS, (32, 16, 1, 4, 64_000, 1, (1,), 0, 1, 1, 1), strict=True))
    net = Net(0, tame=False, **front)
    a = net.conv(0, 1)
    b = net.conv(a, 1, requant=1)
    net.max_pool(net.add(a, b), 1, 1)
    net.layers[2] = net.layers[2].__class__(**{**vars(net.layers[2]), "m_a": 1, "m_b": 1})
    short = Net(0, tame=False, **front)
    short.conv(short.conv(0, 1, stride=16, kernel=16), 1, stride=2)
    plain = Net(0, tame=False, kind=0, window=32, direct_gain=1, flat_blocks=1, off_blocks=1)
    plain.conv(0, 1)
    return [net.model(pool=1, dim=1, exponent=0), short.model(pool=2, dim=1), plain.model(pool=3, dim=3)]


@functools.cache
def at_the_upper_ends() -> list[Model]:
    highest = (5120, 256, 16, 32, 128_000, 32767, (65535,) * 4, 65535, 160, 160, 65535)
    front = {**dict(zip(FRONT_FIELDS, highest, strict=True)), "channels": 4, "noise": 160 * 186}
    net = Net(0, tame=False, **front)
    last = net.conv(0, 1024, kernel=2, stride=10)
    last = net.conv(last, 1024, kernel=32, groups=1024, stride=2, pad_left=31)
    last = net.conv(last, 2, kernel=32, zp_out=255)
    last = net.conv(last, 2, kernel=256, requant=1, pad_left=255)
    last = net.max_pool(net.add(last, last - 1), 256, 1)
    net.layers[4] = net.layers[4].__class__(**{**vars(net.layers[4]), "m_a": 32767, "m_b": 32767})
    last = layers(net, 56, last)
    wide = net.conv(last, 1024)
    assert wide == 64 - 1
    net.max_pool(wide, 1, 1)
    deep = Net(0, tame=False, window=512)
    deep.max_pool(deep.conv(0, 1, kernel=16, stride=16), 16, 16)
    plain = Net(0, tame=False, kind=0, window=256, direct_gain=1 << 30)
    plain.conv(0, 3)
    last_add = Net(0, tame=False, window=64)
    a = last_add.conv(0, 1024)
    last_add.add(a, last_add.conv(a, 1024, groups=1024))
    whole = net.model(pool=3, dim=1024, exponent=24, levels=3)
    return [whole, deep.model(pool=1, dim=3, levels=3), plain.model(dim=2), last_add.model(pool=2, dim=1)]


@pytest.fixture(scope="module")
def rows():
    """(table, offset, width, minimum, maximum, status) of every row of model_ranges.h."""
    program = builds.program(builds.BUILDS["host"], "print_model_ranges.c")
    lines = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
    return [(name, *map(int, rest)) for name, *rest in map(str.split, lines) if len(rest) == 5]


def records(data: bytes, table: str) -> list[int]:
    """Where the records begin that a table of ranges is for."""
    n_layers, head = struct.unpack_from("<H", data, 76)[0], struct.unpack_from("<I", data, 80)[0]
    every = [CONV + 64 * i for i in range(n_layers)]
    return {
        "header_ranges": [0],
        "front_ranges": [FRONT],
        "front_kind_0_ranges": [FRONT] * (data[FRONT] == 0),
        "front_kind_1_ranges": [FRONT] * (data[FRONT] == 1),
        "layer_ranges": every,
        "layer_conv_ranges": [at for at in every if data[at] == 1],
        "layer_plain_ranges": [at for at in every if data[at] != 1],
        "layer_add_ranges": [at for at in every if data[at] == 2],
        "layer_max_pool_ranges": [at for at in every if data[at] == 3],
        "head_ranges": [head],
        "head_without_mean_ranges": [head] * (data[head] == 2),
    }[table]


def test_files_at_both_ends_of_every_range_are_taken(core, rows):
    met = set()
    for model in [*at_the_lower_ends(), *at_the_upper_ends()]:
        data = model.to_bytes()
        assert core.check(data) == Status.OK
        for table, offset, width, *_ in rows:
            for at in records(data, table):
                met.add((table, offset, int.from_bytes(data[at + offset : at + offset + width], "little")))
    for table, offset, _, minimum, maximum, _ in rows:
        for end in (minimum, maximum):
            assert (table, offset, end) in met, "no file shows that this end is taken"


def test_a_field_outside_its_range_is_refused_with_the_status_of_its_row(core, rows):
    tried = set()
    for model in [tiny(), *at_the_lower_ends(), *at_the_upper_ends()]:
        data = model.to_bytes()
        for table, offset, width, minimum, maximum, status in rows:
            for at in records(data, table)[:3]:
                if width > 4:
                    changes = [(at + offset + i, "B", 1) for i in (0, width // 2, width - 1)]
                else:
                    values = [v for v in (minimum - 1, maximum + 1) if 0 <= v < 256**width]
                    changes = [(at + offset, FORMS[width], value) for value in values]
                for change in changes:
                    assert core.check(patched(data, change)) == status, (table, offset, change)
                    tried.add((table, offset, change[2]))
    for table, offset, width, minimum, maximum, _ in rows:
        free = width <= 4 and (minimum, maximum) == (0, 256**width - 1)
        assert free or any(key[:2] == (table, offset) for key in tried), (table, offset)
