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
from tests.hostile import ADD, CONV, FRONT, HEAD, LEAKY, POOL, patched, sealed
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


def test_nothing_and_crooked_addresses(core):
    data = tiny().to_bytes()
    assert core.check(data, null=True) == core.check(b"") == core.check(data[:127]) == Status.TOO_SHORT
    assert core.check(data[:128]) == Status.BAD_SIZE
    assert [core.check(data, misaligned) for misaligned in range(5)] == [
        Status.OK,
        *[Status.BAD_ALIGNMENT] * 3,
        Status.OK,
    ]


def resized(data: bytes, change: int) -> bytes:
    """With another length of the metadata in the header."""
    return patched(data, (60, "I", struct.unpack_from("<I", data, 60)[0] + change))


def test_the_header(core):
    data = tiny().to_bytes()
    head = struct.unpack_from("<I", data, 80)[0]
    for at in range(8):
        assert core.check(patched(data, (at, "B", data[at] ^ 1))) == Status.BAD_MAGIC
    for version in (0, 2, 257):
        assert core.check(patched(data, (8, "H", version))) == Status.BAD_VERSION
    for at in (16, 20, 300, len(data) - 1):
        broken = bytearray(data)
        broken[at] ^= 16
        assert core.check(broken) == Status.BAD_CRC
    sizes = [(12, "I", len(data) + 1), (12, "I", len(data) - 1), (80, "I", head + 64), (80, "I", head - 64)]
    sizes += [(88, "I", head + 128), (88, "I", head)]
    for change in sizes:
        assert core.check(patched(data, change)) == Status.BAD_SIZE
    assert core.check(resized(data, 1)) == core.check(resized(data, -1)) == Status.BAD_SIZE
    data_size, meta = (struct.unpack_from("<I", data, at)[0] for at in (92, 56))
    rest = len(data) - meta
    odd = [(92, "I", data_size + 8), (56, "I", meta + 8), (60, "I", rest - 8)]
    assert core.check(patched(data, *odd)) == core.check(patched(data, odd[0])) == Status.BAD_SIZE
    assert core.check(patched(data, (92, "I", data_size + 16), (56, "I", meta + 16), (60, "I", rest - 16))) == Status.OK


def test_what_depends_on_other_fields_of_the_front_end(core):
    data = tiny().to_bytes()  # a window of 64: two blocks
    good = [(50, "H", 1), (50, "H", 2), (52, "H", 1), (52, "H", 2), (56, "I", 0), (56, "I", 372), (28, "I", 1)]
    good += [(28, "I", 65535), *((6, "H", 1 << i) for i in range(4, 9))]
    bad = [(50, "H", 0), (50, "H", 3), (52, "H", 0), (52, "H", 3), (56, "I", 373), (28, "I", 0), (28, "I", 65536)]
    bad += [(32, "I", 1), (36, "I", 1), (40, "I", 1), (4, "H", 80), (6, "H", 17), (6, "H", 24), (6, "H", 255)]
    for at, form, value in good:
        assert core.check(patched(data, (FRONT + at, form, value))) == Status.OK, (at, value)
    for at, form, value in bad:
        assert core.check(patched(data, (FRONT + at, form, value))) == Status.BAD_FRONT, (at, value)


ARRAYS = {
    "table": (FRONT + 20, 258),
    "weights": (CONV + 20, 6),
    "bias": (CONV + 24, 8),
    "mult": (CONV + 28, 4),
    "mult of the affine layer": (LEAKY + 28, 8),
    "mneg": (LEAKY + 32, 8),
    "add": (LEAKY + 36, 8),
    "head mean": (HEAD + 8, 4),
    "head weights": (HEAD + 12, 8),
    "head bias": (HEAD + 16, 8),
    "head mult": (HEAD + 20, 4),
}
"""Of the file of tiny(): where an array's offset stands, and its bytes."""


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_ends_where_the_data_ends(core, name):
    """The same array at the last place that holds it is taken; a step further, before the data or crooked it is not."""
    data = tiny().to_bytes()
    field, size = ARRAYS[name]
    first, length = (struct.unpack_from("<I", data, at)[0] for at in (88, 92))
    content = data[struct.unpack_from("<I", data, field)[0] :][:size]
    room = -(-size // 16) * 16
    for more in (size + -size % 16, 512):  # at the end of longer data
        longer = with_more_data(data, more)
        end = first + length + more
        place = end - room
        file = bytearray(patched(longer, (field, "I", place)))
        file[place : place + size] = content
        assert core.check(sealed(file)) == Status.OK
    for place in (end - room + 16, first - 16, first - 1, end, 0, 4, 2**32 - 16, end - room + 4, end - room + 8):
        assert core.check(patched(longer, (field, "I", place))) == Status.BAD_OFFSET, place


def with_more_data(data: bytes, more: int) -> bytes:
    """So many zeros behind the arrays, before the metadata."""
    length, meta = (struct.unpack_from("<I", data, at)[0] for at in (92, 56))
    file = data[:meta] + bytes(more) + data[meta:]
    return patched(file, (92, "I", length + more), (56, "I", meta + more), (12, "I", len(file)))


def test_numbers_at_the_ends_of_their_ranges(core):
    data = tiny().to_bytes()
    at = {name: struct.unpack_from("<I", data, field)[0] for name, (field, _) in ARRAYS.items()}
    small, large = ("h", 1, 8191), ("i", 1 - 2**23, 2**23 - 1)
    for name, (form, lowest, highest) in {
        "bias": ("i", -(2**30), 2**30),
        "mult": small,
        "mult of the affine layer": large,
        "mneg": large,
        "add": ("i", 1 - 2**31, 2**31 - 1),
        "head mean": small,
        "head bias": ("i", -(2**30), 2**30),
        "head mult": small,
    }.items():
        width = struct.calcsize(form)
        for index in (0, 1):
            place = at[name] + index * width
            for value in (lowest, highest):
                assert core.check(patched(data, (place, form, value))) == Status.OK, (name, value)
            for value in (lowest - 1, highest + 1):
                if -(2 ** (8 * width - 1)) <= value < 2 ** (8 * width - 1):
                    assert core.check(patched(data, (place, form, value))) == Status.BAD_RANGE, (name, value)


def test_the_sums_of_the_table(core):
    """|table| over each of the 32 phases is 2^16 at most; the last point is 0."""
    data = tiny().to_bytes()
    table = struct.unpack_from("<I", data, FRONT + 20)[0]
    for phase in (0, 1, 17, 31):
        places = [table + 2 * (phase + 32 * i) for i in range(4)]
        for values, status in [
            ((-32768, -32768, 0, 0), Status.OK),
            ((-32768, 32767, 1, 0), Status.OK),
            ((-32768, 32767, 1, -1), Status.BAD_TABLE),
            ((32767, 32767, 2, 1), Status.BAD_TABLE),
            ((0, 0, -32768, -32768), Status.OK),
            ((1, 0, -32768, -32768), Status.BAD_TABLE),
        ]:
            file = patched(data, *((place, "h", value) for place, value in zip(places, values, strict=True)))
            assert core.check(file) == status, (phase, values)
    for value in (1, -1):
        assert core.check(patched(data, (table + 256, "h", value))) == Status.BAD_TABLE


def test_what_layers_ask_of_each_other(core):
    """The same file with one number changed: which sources, channels, groups and strides fit."""
    net = Net(0, window=512)
    a = net.conv(0, 12, kernel=2, stride=16)
    b = net.conv(a, 12, groups=4, kernel=1, zp_out=3)
    c = net.add(a, b)
    d = net.max_pool(c, 3, 16, pad_left=2)
    data = net.model(dim=1).to_bytes()
    assert d == 4 and core.check(data) == Status.OK
    at = [CONV + 64 * i for i in range(4)]
    cases = [
        (at[1] + 12, "H", 5, Status.BAD_LAYER),  # groups that divide neither
        (at[1] + 12, "H", 8, Status.BAD_LAYER),
        (at[1] + 12, "H", 24, Status.BAD_LAYER),
        (at[3] + 18, "H", 3, Status.BAD_LAYER),  # padding of the kernel's length
        (at[0] + 18, "H", 1, Status.OK),
        (at[0] + 18, "H", 2, Status.BAD_LAYER),
        (at[2] + 10, "H", 11, Status.BAD_LAYER),  # an addition changes no channels
        (at[3] + 10, "H", 11, Status.BAD_LAYER),
        (at[0] + 4, "H", 1, Status.BAD_GRAPH),  # reads itself, or what comes later
        (at[1] + 4, "H", 2, Status.BAD_GRAPH),
        (at[1] + 4, "H", 4, Status.BAD_GRAPH),
        (at[2] + 6, "H", 3, Status.BAD_GRAPH),
        (at[2] + 6, "H", 65535, Status.BAD_GRAPH),
        (at[2] + 6, "H", 1, Status.BAD_GRAPH),  # twice the same
        (at[2] + 6, "H", 0, Status.BAD_GRAPH),  # another number of channels
        (at[2] + 4, "H", 2, Status.BAD_GRAPH),  # both are tensor 2
        (at[1] + 8, "H", 8, Status.BAD_GRAPH),  # channels that its source has not
        (at[3] + 2, "B", 1, Status.BAD_GRAPH),  # the zero point of another tensor
        (at[3] + 4, "H", 1, Status.BAD_GRAPH),  # tensor 3 is not read: its source has the same zero point
        (at[1] + 16, "H", 2, Status.BAD_GRAPH),  # sources of different strides
    ]
    for where, form, value, status in cases:
        assert core.check(patched(data, (where, form, value))) == status, (where, value)
    changes = [(at[1] + 8, "H", 6), (at[1] + 12, "H", 2)]
    assert core.check(patched(data, *changes)) == Status.BAD_GRAPH
    odd = Net(0, window=256)
    odd.conv(odd.conv(0, 12), 8, groups=4)
    file = odd.model(dim=1).to_bytes()
    assert core.check(file) == Status.OK
    assert core.check(patched(file, (LEAKY + 12, "H", 3))) == Status.BAD_LAYER  # divides the inputs, not the outputs
    assert core.check(patched(file, (LEAKY + 12, "H", 8))) == Status.BAD_LAYER  # divides the outputs, not the inputs


def test_strides_multiply_to_256_at_most(core):
    net = Net(0, window=512)
    last = net.conv(0, 1, kernel=1, stride=16)
    net.conv(last, 1, kernel=1, stride=16)
    data = net.model(dim=1).to_bytes()
    assert core.check(data) == Status.OK
    third = Net(0, window=512)
    third.max_pool(third.conv(third.conv(0, 1, stride=16), 1, stride=8), 1, 2)
    file = third.model(dim=1).to_bytes()
    assert core.check(file) == Status.OK
    assert core.check(patched(file, (POOL - 64 + 16, "H", 3))) == Status.BAD_GRAPH


def test_every_tensor_but_the_last_is_read(core):
    net = Net(0, window=64)
    a = net.conv(0, 2)
    b = net.conv(a, 2)
    net.conv(b, 2)
    data = net.model(dim=1).to_bytes()
    assert core.check(data) == Status.OK
    assert core.check(patched(data, (ADD + 4, "H", 1))) == Status.BAD_GRAPH  # tensor 2 is left out


def test_kernel_times_channels(core):
    net = Net(0, window=32)
    net.conv(net.conv(0, 1024), 1, kernel=32)
    data = net.model(dim=1024).to_bytes()
    assert core.check(data) == Status.OK
    assert core.check(patched(data, (LEAKY + 14, "H", 33))) == Status.BAD_LAYER


def test_the_head(core):
    data = Net(0, window=96)
    data.conv(0, 4, kernel=3, stride=16)
    file = data.model(dim=3, levels=3, pool=3).to_bytes()
    head = CONV + 64
    assert core.check(file) == Status.OK
    cases = [
        (head + 2, "H", 5, Status.BAD_HEAD),  # frames: 96 / 16
        (head + 2, "H", 7, Status.BAD_HEAD),
        (head + 24, "H", 0, Status.OK),
        (head + 24, "H", 1, Status.BAD_HEAD),
        (head + 24, "H", 2, Status.BAD_HEAD),
        (head + 4, "H", 2, Status.BAD_HEAD),  # three levels need three numbers
        (head, "B", 2, Status.BAD_HEAD),  # multipliers of a mean that is not taken
        (head, "B", 1, Status.OK),
    ]
    for at, form, value, status in cases:
        assert core.check(patched(file, (at, form, value))) == status, (at, value)
    only_max = data.model(dim=3, pool=2).to_bytes()
    assert core.check(only_max) == Status.OK
    assert core.check(patched(only_max, (head + 1, "B", 1))) == Status.BAD_HEAD
    plain = Net(0, kind=0, window=96, direct_gain=9)
    plain.conv(0, 4, kernel=3, stride=16)
    file = plain.model(dim=3).to_bytes()
    assert core.check(file) == Status.OK
    assert core.check(patched(file, (head + 24, "H", 3))) == Status.BAD_HEAD  # the plain front end has no levels
