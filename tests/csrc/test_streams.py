"""The C API of streams, for hosts and for devices: what it takes, what it refuses, and what it does out of order."""

import numpy as np
import pytest

from edgeecg.model import Head, Layer, Model
from tests import models
from tests.csrc import expected
from tests.csrc.core_server import Config

MISSING = -(2**31)
X_MAX = models.X_MAX
HOP = 48


def recording(seconds=20.0, fs=250, seed=0):
    return models.canonical(models.ecg(seconds, fs, seed, offset=1.0))


def is_taken(core, config, null=False) -> bool:
    """By ee_init, and on a host by ee_state_size too."""
    size = core.state_size(config, null=null)
    assert core.init(config, size=1 << 21) == (size > 0)
    return size > 0


# ---------------------------------------------------------------- what a configuration may be


RANGES = [
    ("fs_mhz", 50_000, 4_000_000),
    ("hop", 1, 1 << 24),
    ("block", 0, 1 << 14),
    ("mult", 0, 1 << 16),
    ("shift", -15, 40),
]


@pytest.mark.parametrize(("field", "lowest", "highest"), RANGES)
def test_both_ends_of_a_range_are_taken_and_what_lies_behind_them_is_not(core, field, lowest, highest):
    core.open(models.tiny())
    step = 32 if field == "block" else 1
    for value in (lowest, highest, lowest + step, highest - step):
        assert is_taken(core, Config()._replace(**{field: value})), value
    for value in (lowest - step, highest + step):
        if value >= 0 or field == "shift":
            assert not is_taken(core, Config()._replace(**{field: value})), value


def test_blocks_are_multiples_of_32(core):
    core.open(models.tiny())
    assert [block for block in range(129) if is_taken(core, Config(block=block))] == [0, 32, 64, 96, 128]


def test_the_plain_front_end_takes_128_hz_alone(core):
    core.open(models.plain())
    assert is_taken(core, Config())
    for fs_mhz in (127_999, 128_001, 250_000):
        assert not is_taken(core, Config(fs_mhz=fs_mhz))


def test_nothing_is_no_configuration(core):
    core.open(models.tiny())
    assert core.state_size(None) == 0 and core.state_size(Config(), null=True) == 0
    assert not core.init(None, size=1 << 21)


@pytest.mark.parametrize("name", ["tiny", "edge_like", "resnet_like", "grouped", "plain"])
@pytest.mark.parametrize("block", [0, 64, 1280])
def test_memory_of_the_size_that_was_told_is_taken_and_a_byte_less_is_not(core, name, block):
    """The program gives it exactly so much: what lies behind belongs to the sanitizer."""
    model = getattr(models, name)()
    core.open(model)
    x = recording(16, 128) - 8000
    config = Config(hop=640, block=block)
    assert core.init(config)
    expected.assert_equal(core.feed(x) + core.drain(), x, 128_000, model, 640)
    for wrong in ({"more": -1}, {"size": 0}, {"size": 100}, {"misaligned": 4}, {"misaligned": 1}, {"null": True}):
        assert not core.init(config, **wrong), wrong
    assert core.init(config, misaligned=8) and core.init(config, more=1000)


def look_ahead(model) -> int:
    """Samples that the last tensor looks ahead, from the definition of a layer (docs/numerics.md, section 3)."""
    ahead = [0]
    for layer in model.layers:
        sources = [layer.src_a] if layer.op != "add" else [layer.src_a, layer.src_b]
        own = (layer.kernel - 1 - layer.pad_left) * model.strides[layer.src_a]
        ahead.append(max(ahead[source] for source in sources) + own)
    return ahead[-1]


@pytest.mark.parametrize("name", [*models.SHAPES, "tiny"])
def test_the_delay_is_what_front_end_trunk_and_block_look_ahead(core, name):
    model = getattr(models, name)()
    front = model.front
    core.open(model)
    for fs in (128_000,) if front.kind == 0 else (50_000, 128_000, 250_000, 999_999):
        half = front.table_half * max(fs, front.min_rate) // 128_000 + 1
        own = half * 128_000 // fs + 1 + front.baseline // 2 + (front.reach + 1) * 32
        for block in (0, 32, 64, 1280):
            told = core.delay(Config(fs_mhz=fs, block=block))
            assert told == (own if front.kind else 32) + look_ahead(model) + max(block, 32)


def test_results_come_within_the_delay(core):
    """And not much earlier: the delay is a promise that is used up to a block and a frame."""
    model = models.edge_like()
    core.open(model)
    config, x = Config(hop=HOP), recording(14, 128)
    assert core.init(config)
    late = []
    for i in range(len(x)):
        found, used, result = core.push(x[i : i + 1])
        while found:
            late.append(i + 1 - (result.start + 1280))
            found, used, result = core.push(x[i + used : i + 1]) if not used else (0, 0, None)
    delay = core.delay(config)
    assert late and delay - 64 <= max(late) <= delay


@pytest.mark.parametrize("stride", [3, 6, 7, 16])
def test_windows_whose_frames_do_not_fill_them(core, stride):
    """Window, hop and stride divide each other or not."""
    net = models.Net(stride, window=320, flat_blocks=3, off_blocks=3)
    net.conv(
        net.conv(0, 5, kernel=3, stride=stride if stride < 6 else 1, pad_left=2), 5, stride=1 if stride < 6 else stride
    )
    model = net.model(dim=6)
    core.open(model)
    x = recording(14, 128)
    for hop in (1, 2, stride, 2 * stride, 4 * stride, 64, 96, 321, 640):
        for block in (0, 320):
            assert core.init(Config(hop=hop, block=block))
            expected.assert_equal(core.feed(x[:1000], 300) + core.drain(), x[:1000], 128_000, model, hop)


def far_seeing(kernel):
    """A look-ahead of 64,512 samples and those of the first kernel."""
    net = models.Net(3, window=512)
    last = net.conv(0, 2, kernel=kernel, stride=16, pad_left=0)
    last = net.conv(last, 2, kernel=1, stride=16)
    net.conv(last, 2, kernel=253, pad_left=0)
    return net.model(dim=3)


def test_as_many_open_windows_as_16_bits_can_count(core):
    """One at each sample: 512 of the window, 64,512 + kernel - 1 of look-ahead, 256 of the stride, 128 of blocks."""
    model = far_seeing(126)
    core.open(model)
    assert is_taken(core, Config(hop=1)) and not is_taken(core, Config(hop=1, block=64))
    assert core.init(Config(hop=1))
    x = recording(10, 128)
    expected.assert_equal(core.feed(x[:540]) + core.drain(), x[:540], 128_000, model, 1)
    core.open(far_seeing(127))
    assert not is_taken(core, Config(hop=1)) and is_taken(core, Config(hop=2))


# ---------------------------------------------------------------- the gain of an ADC


def exact_gain(num: int, den: int) -> tuple[int, int] | None:
    """(mult, shift) of docs/numerics.md section 1 in whole numbers: scale = 8000 den / num."""
    if not num or not den or 4 * num < den or num > den << 24:
        return None
    n, e = 8000 * den, 0
    while n >= num << (e + 1):
        e += 1
    while n < num << e if e >= 0 else n << -e < num:
        e -= 1
    shift = 15 - e
    top, bottom = (n << shift + 1, num) if shift >= -1 else (n, num << -shift - 1)
    return (top // bottom + 1) // 2, shift


TIES = [((1 << 16) * 8000, 2 * m + 1) for m in (32768, 32769, 40000, 50001, 65534, 65535)]
"""8000 den / num = (2 m + 1) / 2^16: halfway between two multipliers."""
ENDS = [(1, 4), (1, 5), (2**30 - 1, 2**32 - 1), (2**30, 2**32 - 1), (1 << 24, 1), ((1 << 24) + 1, 1), (255 << 24, 255)]
ENDS += [((255 << 24) + 1, 255), (0, 1), (1, 0), (0, 0), (2**32 - 1, 2**32 - 1), (8000, 1), (16000, 1), (7999, 1)]


def test_a_gain_is_rounded_half_up(core):
    for num, den in TIES:
        odd = 2 * den  # of the exact quotient, in halves of a unit of mult
        assert core.set_gain(num, den)[3:5] == exact_gain(num, den)
        assert exact_gain(num, den)[0] == (odd // 2 + 1) // 2 if den < 1 << 17 else True


def test_gains_at_the_ends_of_their_range(core):
    for num, den in ENDS:
        found = core.set_gain(num, den)
        assert (found and found[3:5]) == exact_gain(num, den), (num, den)


def test_any_gain(core):
    rng = np.random.default_rng(0)
    for bits in rng.integers(1, 33, (400, 2)):
        num, den = (int(rng.integers(1 << (b - 1), 1 << b)) for b in bits)
        found = core.set_gain(num, den)
        assert (found and found[3:5]) == exact_gain(num, den), (num, den)


# ---------------------------------------------------------------- samples


@pytest.mark.parametrize("dtype", [np.int16, np.int32])
@pytest.mark.parametrize("mult", [0, 1, 32768, 65535, 65536])
def test_integers_become_canonical_samples(core, dtype, mult):
    """Seen through plain front ends of three gains, whose bytes are the lower, middle and upper bits of a sample."""
    for slot, direct_gain in enumerate((1 << 20, 1 << 12, 1 << 5)):
        core.open(first_byte(direct_gain), slot=slot)
    for shift in (-15, -1, 0, 1, 2, 14, 15, 16, 31, 32, 33, 40) if mult else (0, 7):
        rng, ends = np.random.default_rng(shift + 20), np.iinfo(dtype)
        x = [0, 1, -1, ends.max, ends.min + 1, ends.max - 1, ends.min + (dtype == np.int32)]
        x += rng.integers(ends.min + 1, ends.max, 20).tolist()
        x += (2.0 ** rng.uniform(0, ends.bits - 1, 37)).astype(dtype).tolist()
        wide = [v * mult if mult else v for v in x]
        if mult:
            wide = [(v + (1 << shift - 1)) >> shift if shift > 0 else v << -shift for v in wide]
        canonical = np.clip(np.array(wide, object), -X_MAX, X_MAX).astype(np.int64)
        for slot, direct_gain in enumerate((1 << 20, 1 << 12, 1 << 5)):
            assert core.init(Config(hop=32, mult=mult, shift=shift), model=slot)
            results = core.feed(np.repeat(np.array(x, dtype), 32), model=slot) + core.drain(model=slot)
            bytes_ = np.clip((canonical * direct_gain + (1 << 19)) >> 20, -128, 127) + 128
            assert [int(r.e16[0]) for r in results] == bytes_.tolist()


def first_byte(direct_gain):
    """A model whose embedding is the largest byte of 32 samples, as the plain front end makes them."""
    front = models.plain(window=32, direct_gain=direct_gain, flat_blocks=1, off_blocks=1).front
    one = {"weights": np.full((1, 1, 1), 64), "bias": np.zeros(1), "mult": np.full(1, 256)}
    layer = Layer("conv", 0, cin=1, cout=1, **one)
    weights, zero, mult = np.ones((1, 1)), np.zeros(1), np.full(1, 64)
    head = Head(pool=2, frames=32, dim=1, exponent=0, weights=weights, bias=zero, mult=mult)
    return Model("first byte", front, (layer,), head)


def test_minus_2_to_the_31_is_missing_and_holds_the_value_before_it(core):
    model = models.tiny()
    core.open(model)
    x = recording(4, 128)
    missing = np.zeros(len(x), bool)
    for gap in (slice(0, 3), slice(100, 101), slice(200, 290), slice(500, 512)):
        missing[gap] = True
    raw = np.where(missing, MISSING, x).astype(np.int32)
    held = x.copy()
    for i in np.flatnonzero(missing):
        held[i] = held[i - 1] if i else 0
    for piece in (1, 7, 1000):
        assert core.init(Config(hop=HOP))
        expected.assert_equal(core.feed(raw, piece) + core.drain(), held, 128_000, model, HOP, missing)


# ---------------------------------------------------------------- out of order


@pytest.mark.parametrize("name", ["tiny", "plain", "edge_like"])
@pytest.mark.parametrize("block", [0, 640])
def test_what_is_pushed_behind_a_flush_is_dropped_at_once(core, name, block):
    model = getattr(models, name)()
    core.open(model)
    x = recording(25, 128) - 8000
    assert core.init(Config(hop=320, block=block))
    for _ in range(2):
        results = core.feed(x)
        result = core.flush()
        while result is not None:  # between two results of a flush too
            results.append(result)
            for more in (x, x[:1], x[:0], x.astype(np.int16)):
                assert core.push(more) == (0, len(more), None)
            result = core.flush()
        expected.assert_equal(results, x, 128_000, model, 320)
        for more in (x, x[:1], x[:0], x.astype(np.int16)):
            assert core.push(more) == (0, len(more), None)
            assert core.flush() is None
        core.reset()


def test_a_flush_of_nothing_gives_nothing_and_ends_it(core):
    core.open(models.tiny())
    assert core.init(Config(hop=HOP))
    assert core.flush() is None and core.push(recording(4, 128)) == (0, 512, None) and core.flush() is None


def test_a_reset_is_a_new_beginning_at_any_moment(core):
    model = models.resnet_like()
    core.open(model)
    x = recording(16, 128)
    assert core.init(Config(hop=320, mult=0))
    for n in (0, 1, 31, 33, 700, 1400, len(x)):
        core.feed(x[::-1].copy()[:n])
        if n % 2:
            core.flush()
        core.reset()
        expected.assert_equal(core.feed(x) + core.drain(), x, 128_000, model, 320)
        core.reset()


@pytest.mark.parametrize("fs", [128, 250])
@pytest.mark.parametrize("name", ["tiny", "plain"])
def test_a_stream_that_has_counted_its_blocks_to_the_end_drops_what_follows(core, name, fs):
    """Blocks have numbers of 32 bits. Up to the last of them all is as ever; then it waits for flush and reset."""
    model = getattr(models, name)()
    if model.front.kind == 0 and fs != 128:
        pytest.skip("it takes 128 Hz alone")
    core.open(model)
    last = 0xFFFF_F000
    config = Config(fs_mhz=fs * 1000, hop=HOP)
    x = np.tile(recording(60, fs) - 8000, 40)
    first = x[: 12 * fs]
    streams = (0, 1)
    assert all(core.init(config, stream=s) for s in streams)
    assert len({len(core.feed(first, stream=s)) for s in streams}) == 1
    moved = core.advance(last - 150, stream=1)
    assert moved > last - 5000
    before = len(core.feed(x, stream=0)), core.feed(x, stream=1)
    assert 0 < len(before[1]) < before[0]
    core.reset(0)
    core.feed(first, stream=0)
    usual = core.feed(x, stream=0)[: len(before[1])]
    for one, other in zip(before[1], usual, strict=True):
        assert one.start == other.start and one.quality == other.quality
        np.testing.assert_array_equal(one.e16, other.e16)
    blocks_left = last - moved - 12 * 4
    assert abs(len(before[1]) - blocks_left * 32 / HOP) < 20  # not much earlier than it has to
    for _ in range(3):
        assert core.push(x[:5000], stream=1) == (0, 5000, None)
    assert len(core.drain(stream=1)) < 20 and core.flush(stream=1) is None
    core.reset(1)
    expected.assert_equal(core.feed(first, stream=1) + core.drain(stream=1), first, fs * 1000, model, HOP)
