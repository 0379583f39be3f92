"""What only hosts have: samples of every type at any stride, whole recordings, the front end alone, packed weights."""

import numpy as np
import pytest

from edgeecg import reference
from tests import models
from tests.csrc import expected
from tests.csrc.core_server import Config
from tests.models import X_MAX, Net, canonical, ecg
from tests.test_kernels import MODELS

CACHE_TAPS = 1
TYPES = [np.int16, np.int32, np.float32, np.float64]


@pytest.fixture
def core(serve):
    return serve("host")


def laid_out(x, way):
    """The same samples, as an array may hold them."""
    if way == "in a row":
        return x
    if way == "every third":
        return np.repeat(x, 3)[1::3]
    if way == "backwards":
        return x[::-1].copy()[::-1]
    return np.broadcast_to(x[:1], x.shape)  # one sample for all


WAYS = ["in a row", "every third", "backwards", "one for all"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", TYPES, ids=lambda t: t.__name__)
def test_samples_of_any_type_at_any_stride(core, dtype, way):
    model = models.edge_like(window=320, flat_blocks=3, off_blocks=3)
    core.open(model)
    x = laid_out((ecg(9, 250, 3, offset=1.0) * (400 if np.dtype(dtype).kind == "i" else 1)).astype(dtype), way)
    mult, shift = (40960, 11) if np.dtype(dtype).kind == "i" else (0, 0)
    units = {"gain": 400} if mult else {"unit": "mV"}
    samples, missing = reference.samples(np.array(x), **units)
    for block, flags in ((0, 0), (1280, CACHE_TAPS)):
        assert core.init(Config(250_000, 40, block, mult, shift, flags))
        found, arrays = core.run(x)
        wanted = expected.embed(samples, 250_000, model, 40, missing)
        assert found == len(wanted[0])
        for name, rows in zip(("e16", "e8", "quality"), wanted, strict=True):
            np.testing.assert_array_equal(arrays[name], rows)
        core.reset()
        at, results = 0, []
        while at < len(x):  # the same through ee_push_source
            some = min(700, len(x) - at)
            result_is_there, used, result = core.push_source(x, at, some)
            results += [result] if result_is_there else []
            at += used
        expected.assert_equal(results + core.drain(), samples, 250_000, model, 40, missing)
        assert core.push_source(x, 0, len(x)) == (0, len(x), None) and core.flush() is None


def test_a_row_of_taps_that_is_too_long_for_words(core):
    model = models.edge_like(window=320, flat_blocks=3, off_blocks=3)
    core.open(model)
    x = canonical(ecg(4, 4000, 3, offset=1.0))
    assert core.init(Config(4_000_000, 40, 1280, 0, 0, CACHE_TAPS))
    for rows, wanted in zip(core.run(x)[1].values(), expected.embed(x, 4_000_000, model, 40), strict=True):
        assert len(wanted) and np.array_equal(rows, wanted)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=lambda t: t.__name__)
@pytest.mark.parametrize("kernels", ["scalar", "avx2", "avx512-vnni", "avx-vnni"])
def test_floats_that_are_not_finite_are_missing(serve, kernels, dtype):
    core = serve("evex" if kernels == "avx-vnni" else "host")
    model = models.plain(window=64, direct_gain=1 << 14, flat_blocks=1, off_blocks=1)
    status = core.view(model.to_bytes(), kernels, dim=model.head.dim)
    if status == -1:
        pytest.skip(f"this processor has no {kernels}")
    rng = np.random.default_rng(1)
    huge = np.finfo(dtype).max
    specials = [np.nan, -np.nan, np.inf, -np.inf, huge, -huge, 524.2, -524.3, 5e-5, -6.25e-5, 0.0, -0.0, 1e-45]
    with np.errstate(over="ignore"):
        x = rng.normal(0, 3, 400).astype(dtype)
        x[rng.integers(0, 400, 60)] = rng.choice(specials, 60).astype(dtype)
    for scale, units in ((8000.0, {"unit": "mV"}), (8.0, {"unit": "uV"}), (8000 / 37, {"gain": 37.0})):
        samples, missing = reference.samples(x, **units)
        for way in WAYS[:3]:
            assert core.init(Config(hop=32, block=320))
            found, arrays = core.run(laid_out(x, way), scale=scale)
            wanted = expected.embed(samples, 128_000, model, 32, missing)
            assert found == len(wanted[0])
            for name, rows in zip(("e16", "e8", "quality"), wanted, strict=True):
                np.testing.assert_array_equal(arrays[name], rows)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", TYPES, ids=lambda t: t.__name__)
def test_scan(core, dtype, way):
    """The first sample that is missing, and the extremes of the others."""
    rng = np.random.default_rng(2)
    bad = [np.nan, np.inf, -np.inf] if np.dtype(dtype).kind == "f" else [-(2**31)] if dtype == np.int32 else []
    for n in (1, 2, 7, 16, 100):
        for gaps in range(4):
            x = rng.integers(-30000, 30000, n).astype(dtype)
            if gaps and bad:
                x[rng.integers(0, n, gaps)] = rng.choice(bad, gaps)
            x = laid_out(x, way)
            good = np.isfinite(x) if np.dtype(dtype).kind == "f" else x.astype(np.int64) != -(2**31)
            first = n if good.all() else int(np.argmin(good))
            ends = (float(x[good].min()), float(x[good].max())) if good.any() else (0.0, 0.0)
            assert core.scan(x) == (first, *ends)
    assert core.scan(np.zeros(0, dtype)) == (0, 0.0, 0.0)
    if np.dtype(dtype).kind == "f":
        for value in (0.0, -0.0, np.finfo(dtype).tiny / 4, -np.finfo(dtype).max):
            assert core.scan(np.full(3, value, dtype)) == (3, float(dtype(value)), float(dtype(value)))
    else:
        ends = np.iinfo(dtype)
        assert core.scan(np.array([0, ends.max, ends.min + 1], dtype)) == (3, ends.min + 1, ends.max)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("fs", [50_000, 128_000, 200_000, 1_000_000])
def test_the_front_end_alone(core, fs, channels):
    """Twice, with room for all frames, for some of them and for none."""
    front = {"channels": channels, "gain": (1626, 400, 65535)[:channels]}
    model = models.edge_like() if channels == 1 else models.grouped(**front) if channels == 2 else three(front)
    core.open(model)
    x = canonical(ecg(7, fs / 1000, 5))
    wanted = reference.front_end(x, fs, model.front)
    for block in (0, 640):
        assert core.init(Config(fs, 1280, block, flags=CACHE_TAPS))
        for room in (len(wanted) + 5, len(wanted), len(wanted) - 1, 100, 1, 0):
            np.testing.assert_array_equal(core.front_end(x, room, channels=channels), wanted[:room])
    assert len(core.front_end(x[:0], 10, channels=channels)) == 0


def three(front):
    net = Net(0, **front)
    net.conv(0, 4, kernel=3, stride=8)
    return net.model(dim=3)


def test_the_plain_front_end_alone(core):
    model = models.plain()
    core.open(model)
    x = canonical(ecg(7, 128, 5, offset=0))
    wanted = reference.front_end(x, 128_000, model.front)
    for block in (0, 640):
        assert core.init(Config(block=block))
        for n in (len(x), 33, 32, 31, 1):
            np.testing.assert_array_equal(core.front_end(x[:n], n), wanted[:n])


@pytest.mark.parametrize("arrays", ["", "e16", "f32", "e8", "quality", "e16 f32 e8 quality"])
@pytest.mark.parametrize("room", [0, 1, 4, 100])
def test_results_go_where_there_is_room(core, arrays, room):
    model = models.tiny()
    core.open(model)
    x = canonical(ecg(4, 128, 2))
    assert core.init(Config(hop=64, block=320))
    e16, e8, quality = expected.embed(x, 128_000, model, 64)
    wanted = {"e16": e16, "f32": e16 * np.float32(2.0**-12), "e8": e8, "quality": quality}
    found, got = core.run(x, room=room, arrays=arrays)
    assert found == len(e16) and sorted(got) == sorted(arrays.split())
    for name, rows in got.items():
        np.testing.assert_array_equal(rows, wanted[name][:room])


@pytest.mark.parametrize("exponent", [0, 1, 12, 23, 24])
def test_the_float_form_is_exact(core, exponent):
    net = Net(1, window=64, flat_blocks=1, off_blocks=1)
    net.conv(0, 4, kernel=3, stride=4)
    model = net.model(dim=9, exponent=exponent)
    core.open(model)
    x = canonical(ecg(4, 128, 2))
    assert core.init(Config(hop=64))
    e16 = expected.embed(x, 128_000, model, 64)[0]
    np.testing.assert_array_equal(core.run(x, arrays="f32")[1]["f32"], np.ldexp(e16.astype(np.float32), -exponent))


@pytest.mark.parametrize("kernels", ["scalar", "avx2", "avx512-vnni"])
def test_weights_need_not_be_packed(core, kernels):
    for name in ("edge_like", "basic_cnn_like", "part_filled_shapes", "group_sizes"):
        model = MODELS[name]()
        assert core.view(model.to_bytes(), kernels, pack=False, dim=model.head.dim) == 0
        x = canonical(ecg(13, 128, 2))
        assert core.init(Config(hop=320, block=640))
        assert_run(core, x, 128_000, model, 320)


def assert_run(core, x, fs_mhz, model, hop):
    found, arrays = core.run(x)
    wanted = expected.embed(x, fs_mhz, model, hop)
    assert found == len(wanted[0])
    for name, rows in zip(("e16", "e8", "quality"), wanted, strict=True):
        np.testing.assert_array_equal(arrays[name], rows)


@pytest.mark.parametrize("fs", [50_000, 60_000, 77_777, 127_999, 128_000, 128_001, 250_000, 4_000_000])
@pytest.mark.parametrize("block", [0, 640])
def test_recordings_of_every_length(core, fs, block):
    """Around the ends of blocks and of windows: what is held behind the last sample, and which block it belongs to."""
    model = models.tiny()
    core.open(model)
    assert core.init(Config(fs, 16, block, flags=CACHE_TAPS))
    rng = np.random.default_rng(fs)
    x = np.cumsum(rng.integers(-2000, 2001, 65 * 4_000_000 // 128_000 + 200)).astype(np.int32)
    middle = 64 * fs // 128_000
    for n in [1, 2, *range(max(3, middle - 6), middle + 6), *rng.integers(middle, middle + fs // 2000, 12).tolist()]:
        assert_run(core, x[:n], fs, model, 16)


@pytest.mark.parametrize("kernels", ["scalar", "avx2", "avx512-vnni"])
@pytest.mark.parametrize("kind", ["ordinary", "random", "all negative", "largest", "one", "sparse"])
def test_any_table_that_the_reader_takes(core, kind, kernels):
    """The resampling kernel's sums are exact whatever it holds: at 128 Hz by words of 16 bits where they fit."""
    rng = np.random.default_rng(3)
    for half in (4, 5, 7, 16, 31, 32):
        table = {
            "ordinary": lambda h: np.asarray(models.default_front_end(table_half=h).table, np.int64),
            "random": lambda h: rng.integers(-65536 // h, 65536 // h + 1, 32 * h),
            "all negative": lambda h: np.full(32 * h, -(65536 // h)),
            "largest": lambda h: np.repeat([32767, -32767 if h < 8 else 0], [32, 32 * h - 32]) // max(1, h - 30),
            "one": lambda h: (np.arange(32 * h) == 0) * 32767,
            "sparse": lambda h: (rng.random(32 * h) < 0.05) * rng.integers(-60000 // h, 60000 // h, 32 * h),
        }[kind](half)
        table = within_a_phase(np.append(table[: 32 * half], 0))
        net = Net(0, window=64, flat_blocks=1, off_blocks=1, table_half=half, table=table, min_rate=100_000)
        net.conv(0, 5, kernel=3, stride=4)
        model = net.model(dim=8)
        assert core.view(model.to_bytes(), kernels, dim=8) in (0, -1)
        if core.view(model.to_bytes(), kernels, dim=8):
            pytest.skip(f"this processor has no {kernels}")
        for fs in (128_000, 90_000, 250_000):
            wide = rng.integers(-X_MAX, X_MAX + 1, 400).astype(np.int32)
            near = (rng.integers(-200, 200, 400).cumsum() + 1_000_000).astype(np.int32)
            edge = np.where(np.arange(400) % 5 == 0, 32767, -32768).astype(np.int32)
            for x in (wide, near, edge, edge + 1):
                assert core.init(Config(fs, 32, 320, flags=CACHE_TAPS))
                assert_run(core, x, fs, model, 32)


def within_a_phase(table):
    """So that the sum of |table| over one of the 32 phases is at most 2^16."""
    table = np.clip(table, -32768, 32767)
    for phase in range(32):
        while np.abs(table[phase::32]).sum() > 65536:
            table[phase::32] = table[phase::32] // 2 * np.sign(1)
    table[-1] = 0
    return table.astype(np.int64)


@pytest.mark.parametrize("block", [64, 1280])
def test_gaps_at_128_hz(core, block):
    """Blocks with and without a gap, and samples that come one by one."""
    model = models.pooled(window=320, flat_blocks=3, off_blocks=3)
    core.open(model)
    x = canonical(ecg(20, 128, 6, offset=1))
    missing = np.zeros(len(x), bool)
    for gap in (slice(70, 71), slice(200, 300), slice(1000, 1001), slice(2000, 2100)):
        missing[gap] = True
    held = x.copy()
    for i in np.flatnonzero(missing):
        held[i] = held[i - 1]
    raw = np.where(missing, -(2**31), x).astype(np.int32)
    for piece in (1, 33, 100, 1 << 20):
        assert core.init(Config(128_000, 32, block, flags=CACHE_TAPS))
        expected.assert_equal(core.feed(raw, piece) + core.drain(), held, 128_000, model, 32, missing)


def test_a_recording_that_ends_with_a_block_of_the_plain_front_end(core):
    model = models.plain(window=320, flat_blocks=3, off_blocks=3)
    core.open(model)
    x = canonical(ecg(20, 128, 6, offset=0))
    for n in (319, 320, 321, 640, 960, 1919, 1920, 1921):
        assert core.init(Config(hop=64, block=320))
        assert_run(core, x[:n], 128_000, model, 64)


def test_every_status_has_a_sentence_of_its_own(core):
    sentences = [core.status_text(status) for status in range(15)]
    assert len(set(sentences)) == 15 and all(len(s) > 20 for s in sentences)
    assert {core.status_text(status) for status in (15, 16, 255, -1, 2**31 - 1)} == {"unknown status"}


def test_plans_of_devices_are_refused_where_streams_are(core):
    core.open(models.tiny())
    assert core.plan(Config()) and core.plan(Config(block=32))[0] == core.plan(Config())[0]
    for bad in (Config(fs_mhz=49_999), Config(hop=0), Config(block=16)):
        assert core.plan(bad) is None
