"""Every way of compiling the core gives the reference's bytes: hosts, devices, each instruction set, other processors.

tests/test_kernels.py asks the same of the installed core, of any model and any recording. Here the C sources are
compiled anew, with sanitizers where this processor runs them, and emulated where it does not.
"""

import dataclasses
import shutil

import numpy as np
import pytest

from tests import models
from tests.csrc import builds, expected
from tests.csrc.core_server import Config, CoreServer
from tests.models import X_MAX, Net, canonical, ecg
from tests.test_kernels import MODELS

pytestmark = pytest.mark.slow  # thirty seconds of compiling alone
CACHE_TAPS = 1
WAYS = [(build, "") for build in ("device-zones", "dsp", "mve")]
WAYS += [(name, kernels) for name in ("zones", "aarch64") for kernels in ("scalar", *builds.BUILDS[name].kernels)]
WAYS += [("evex", "avx-vnni")]


@pytest.fixture(scope="module", params=WAYS, ids=lambda way: "-".join(filter(None, way)))
def way(request):
    return request.param


@pytest.fixture
def core(way, serve):
    core = serve(way[0])
    core.way = way
    core.is_device = builds.BUILDS[way[0]].is_device
    return core


def open_or_skip(core, model) -> None:
    status = core.view(model.to_bytes(), core.way[1], dim=model.head.dim)
    if status == -1:
        pytest.skip(f"this processor has no {core.way[1]}")
    assert status == 0


def every_sort(model, seed=0):
    """(samples, rate in millihertz): ECG, both rails at random, steps, repeats on a rail, a constant."""
    fs = 128 if model.front.kind == 0 else (250, 128, 360)[seed % 3]
    rng = np.random.default_rng(seed)
    length = model.front.window * fs // 128 // 4
    beats = ecg(4 * length / fs + 1, fs, seed, offset=0 if model.front.kind == 0 else None)
    parts = [
        canonical(beats),
        rng.choice([-X_MAX, X_MAX], length),
        np.repeat(rng.integers(-X_MAX, X_MAX + 1, length // 40 + 1), 40),
        rng.choice([-4000, 4000], length),
        np.full(length, int(rng.integers(-X_MAX, X_MAX + 1))),
        canonical(beats[: 2 * length] * 3),
    ]
    return np.concatenate(parts).astype(np.int32), fs * 1000


STREAMS = [(0, 0, 1 << 30, 0), (1, 64, 97, CACHE_TAPS), (2, 1280, 1000, CACHE_TAPS)]
"""Seed, block, samples a push, flags."""
RECORDINGS = [(0, 32), (1, 320), (2, 4096)]
"""Seed, block."""


def some_of(core, name, cases):
    """All of them on this processor; an emulated one takes one for each model, in turns."""
    if not builds.BUILDS[core.way[0]].runner:
        return cases
    first = list(MODELS).index(name) % len(cases)
    return cases[first : first + 1]


@pytest.mark.parametrize("name", MODELS)
def test_every_shape_of_layer_streams_in_pieces(core, name):
    model = MODELS[name]()
    open_or_skip(core, model)
    for seed, block, piece, flags in some_of(core, name, STREAMS):
        x, fs_mhz = every_sort(model, seed)
        hop = max(1, model.front.window // 7)
        assert core.init(Config(fs_mhz, hop, block, flags=flags))
        expected.assert_equal(core.feed(x, piece) + core.drain(), x, fs_mhz, model, hop)


@pytest.mark.parametrize("name", MODELS)
def test_whole_recordings(core, name):
    if core.is_device:
        pytest.skip("a device has streams alone")
    model = MODELS[name]()
    open_or_skip(core, model)
    hop = max(1, model.front.window // 5)
    for seed, block in some_of(core, name, RECORDINGS):
        x, fs_mhz = every_sort(model, seed)
        x = np.repeat(x, 2)[::2] if seed == 1 else x  # every second of an array
        assert core.init(Config(fs_mhz, hop, block, flags=CACHE_TAPS if seed else 0))
        found, arrays = core.run(x, arrays="e16 f32 e8 quality")
        e16, e8, quality = expected.embed(x, fs_mhz, model, hop)
        assert found == len(e16)
        np.testing.assert_array_equal(arrays["e16"], e16)
        np.testing.assert_array_equal(arrays["e8"], e8)
        np.testing.assert_array_equal(arrays["quality"], quality)
        np.testing.assert_array_equal(arrays["f32"], e16.astype(np.float32) * np.float32(2.0**-model.head.exponent))


def test_the_byte_minus_128_is_no_embedding(core):
    """Sums whose int8 form would be -128 or less, and 127 or more, and the int16 form at its limits."""
    net = Net(3, window=64, flat_blocks=1, off_blocks=1)
    net.conv(0, 8, kernel=5, stride=4)
    model = net.model(dim=12, pool=2)
    targets = np.array([-129, -128, -127, -126, 126, 127, 128, 129, -(2**17), 2**17, 0, 1])
    zero = {"weights": np.zeros((12, 8)), "mult": np.full(12, 4096)}
    for offset in (-2, -1, 0, 1):  # acc * 4096 / 2^14 is at a tie, and beside it
        head = dataclasses.replace(model.head, bias=targets * 4 + offset, **zero)
        changed = dataclasses.replace(model, head=head)
        open_or_skip(core, changed)
        x = canonical(ecg(3, 128, offset=0))
        assert core.init(Config(hop=64))
        results = core.feed(x) + core.drain()
        assert {int(v) for r in results for v in r.e8} >= {-127, 127} and all(r.e8.min() == -127 for r in results)
        expected.assert_equal(results, x, 128_000, changed, 64)
    fine = np.array([-32769, -32768, -32767, -32766, 32766, 32767, 32768, 32769, -32768 * 256, 32768 * 256, -1, 1])
    head = dataclasses.replace(model.head, bias=fine, weights=np.zeros((12, 8)), mult=np.full(12, 64))
    changed = dataclasses.replace(model, head=head)
    open_or_skip(core, changed)
    assert core.init(Config(hop=64))
    results = core.feed(x) + core.drain()
    assert results[0].e16.min() == -32767 and results[0].e16.max() == 32767
    expected.assert_equal(results, x, 128_000, changed, 64)


@pytest.mark.parametrize("kind", [0, 1])
def test_the_third_of_a_run_is_the_first_that_counts_at_the_beginning_too(core, kind):
    """Equal samples from the first on: of n of them n - 2 are on a rail, whatever came before a reset."""
    make = models.plain if kind == 0 else models.pooled
    model = make(window=64, clip_ms=125, flat_blocks=2, off_blocks=2)  # 16 samples at 128 Hz
    open_or_skip(core, model)
    assert core.init(Config(hop=64))
    found = {}
    for value in (0, 5000, -5000):
        for n in (15, 16, 17, 18, 19):
            x = 6000 + np.random.default_rng(n).permutation(192).astype(np.int32) * 3
            if value > 0:
                x -= 8000
            x[:n] = value
            results = core.feed(x, 5) + core.drain()
            expected.assert_equal(results, x, 128_000, model, 64)
            found[value, n] = bool(results[0].quality & 2)
            core.reset()
    assert found == {(value, n): n >= 18 for value, n in found}


def test_missing_samples(core):
    model = models.edge_like(window=320, flat_blocks=2, off_blocks=2)
    open_or_skip(core, model)
    x = canonical(ecg(14, 250, 4))
    missing = np.zeros(len(x), bool)
    for gap in (slice(0, 2), slice(200, 201), slice(700, 1500), slice(len(x) - 3, None)):
        missing[gap] = True
    held = x.copy()
    for i in np.flatnonzero(missing):
        held[i] = held[i - 1] if i else 0
    raw = np.where(missing, -(2**31), x).astype(np.int32)
    for piece in (1, 50, 1 << 30):
        assert core.init(Config(250_000, 40))
        expected.assert_equal(core.feed(raw, piece) + core.drain(), held, 250_000, model, 40, missing)


def test_kernels_that_a_processor_lacks_are_refused(serve):
    aarch64 = builds.BUILDS["aarch64"]
    old = dataclasses.replace(aarch64, runner=(*aarch64.runner, "-cpu", "cortex-a53"))
    data = models.tiny().to_bytes()
    with CoreServer([*old.runner, builds.program(aarch64, "core_server.c")]) as core:
        assert core.view(data, "neon") == 0 and core.kernels() == "neon"
        assert core.view(data, "neon-dotprod") == -1 and core.view(data) == 0 and core.kernels() == "neon"
    native = builds.BUILDS["native"]
    for cpu, best in (("qemu64", "scalar"), ("max,-fma", "scalar"), ("max", "avx2")):
        if shutil.which("qemu-x86_64") and builds.run("uname", "-m").strip() == "x86_64":
            emulated = ("qemu-x86_64", "-cpu", cpu, builds.program(native, "core_server.c"))
            with CoreServer(emulated) as core:
                assert core.view(data) == 0 and core.kernels() == best
                assert core.view(data, "avx512-vnni") == core.view(data, "avx-vnni") == -1
    here = serve("host")
    for unknown in ("", "scala", "scalarx", "Scalar", "neon", "avx"):
        assert here.view(data, unknown or "\0") == -1, unknown
    for name in ("host", "aarch64", "evex"):
        core = serve(name)
        assert core.view(data, "scalar") == 0 and core.kernels() == "scalar"
