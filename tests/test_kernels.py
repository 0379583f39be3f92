"""Every instruction set of this processor gives the reference's bytes."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edgeecg
from edgeecg import _engines, reference
from edgeecg._core import Model as CoreModel
from edgeecg._core import Stream as CoreStream
from tests.models import SHAPES, X_MAX, Net, ecg, models, plain, pooled, recording_for, recordings

ALL = ("scalar", "avx2", "avx-vnni", "avx512-vnni", "neon", "neon-dotprod")


def runs_here(name):
    try:
        CoreModel(SHAPES["plain"]().to_bytes(), name)
    except LookupError:
        return False
    return True


KERNELS = [name for name in ALL if runs_here(name)]


def dense_shapes(seed=11):
    """Fan-ins that are no multiple of 4, every number of channel blocks, strides and odd frame counts."""
    net = Net(seed)
    last = net.conv(0, 16, kernel=9, stride=2)
    last = net.conv(last, 96, kernel=3, stride=2)
    last = net.conv(last, 112, kernel=1, zp_out=90)
    last = net.conv(last, 64, kernel=5, stride=2)
    last = net.conv(last, 32, kernel=2, stride=3, pad_left=1)
    last = net.conv(last, 18, kernel=3)
    last = net.conv(last, 48, kernel=3)
    return net.model()


def affine_shapes(seed=14):
    """Leaky ReLU and a map behind it (requantization 1) in every shape that has vector code."""
    net = Net(seed)
    last = net.conv(0, 16, kernel=9, stride=2, requant=1, zp_out=100)
    last = net.conv(last, 64, kernel=3, stride=2, requant=1, zp_out=128)
    last = net.conv(last, 64, kernel=5, stride=2, groups=16, requant=1, zp_out=90)
    last = net.conv(last, 96, requant=1, zp_out=50)
    last = net.conv(last, 96, kernel=5, stride=2, groups=96, requant=1, zp_out=80)
    return net.model()


def grouped_shapes(seed=12):
    """Groups of four channels at every kernel that is unrolled, and at others."""
    net = Net(seed)
    last = net.conv(0, 16, kernel=7, stride=2)
    for kernel, stride, channels in ((7, 2, 32), (5, 2, 64), (9, 1, 48), (3, 2, 80), (11, 1, 16), (2, 1, 16)):
        last = net.conv(last, net.channels[last], kernel=kernel, stride=stride, groups=net.channels[last] // 4)
        last = net.conv(last, channels)
    return net.model()


def depthwise_shapes(seed=13):
    """Kernels of one to four steps of four taps, strides that divide 4 and one that does not, blocks of 64, 32 and 16
    channels.
    """
    net = Net(seed)
    last = net.conv(0, 16, kernel=7, stride=2)
    for kernel, stride, channels in (
        (7, 2, 32),
        (3, 2, 64),
        (8, 1, 48),
        (5, 1, 112),
        (9, 2, 96),
        (12, 1, 32),
        (7, 4, 80),
        (13, 1, 64),
        (5, 3, 16),
        (1, 1, 16),
    ):
        last = net.conv(last, net.channels[last], kernel=kernel, stride=stride, groups=net.channels[last], zp_out=3)
        last = net.conv(last, channels)
    return net.model()


def part_filled_shapes(seed=15):
    """Numbers of channels that do not fill their vectors of 16, from 1 on, dense and in groups of four; beside them
    layers that do.
    """
    net = Net(seed)
    last = net.conv(0, 8, kernel=9, stride=2)
    for channels in (4, 8, 12, 24, 40, 72, 100, 140):
        last = net.conv(last, channels, kernel=1 + channels % 3, stride=2 if channels == 8 else 1, zp_out=channels)
        last = net.conv(last, channels, kernel=(3, 5, 7, 9)[channels % 4], groups=channels // 4)
    last = net.conv(last, 1, kernel=3, stride=2)
    last = net.conv(last, 5, kernel=2)
    last = net.conv(last, 24, kernel=3, groups=1, requant=1, zp_out=100)
    last = net.conv(last, 24, kernel=5, groups=24)
    last = net.conv(last, 23)
    return net.model(dim=21)


def pool_shapes(seed=16):
    """Max pools of more and of fewer than 32 channels, with and without padding; a sum whose second source is late; a
    stride that does not divide the window.
    """
    net = Net(seed)
    last = net.conv(0, 40, kernel=5, stride=2, pad_left=4)
    last = net.max_pool(last, 3, 1, pad_left=1)
    inner = net.conv(net.conv(last, 70, kernel=9, zp_out=40), 40, kernel=7, pad_left=0, zp_out=90)
    last = net.add(last, inner)
    last = net.max_pool(net.conv(last, 70, kernel=3, stride=3), 2, 1)
    return net.model(dim=20, pool=2)


def two_readers(seed=22):
    """A tensor that a sum has used up while a long kernel still waits for the padding behind it."""
    net = Net(seed)
    first = net.conv(0, 6, kernel=3, stride=8)
    second = net.conv(first, 6, kernel=5)
    third = net.add(first, second)
    last = net.add(third, net.conv(second, 6, kernel=41, pad_left=0, zp_out=60))
    net.conv(last, 6, kernel=2)
    return net.model(dim=9)


def wide_mean(seed=17):
    """The mean of more than 32 channels, behind a front end that makes the most of the least."""
    net = Net(seed, gain=(65535,), floor=1, reach=1, baseline=16)
    net.conv(net.conv(0, 16, kernel=3, stride=4), 75, kernel=3, stride=2)
    return net.model(dim=19, pool=1)


def group_sizes(seed=18):
    """Groups of 8, of 2 and of 1 channels that put out more or fewer, and a kernel of 130 taps."""
    net = Net(seed)
    last = net.conv(0, 16, kernel=3, stride=4)
    last = net.conv(last, 32, kernel=3, groups=2, zp_out=9)
    last = net.conv(last, 32, kernel=5, groups=4)
    last = net.conv(last, 32, kernel=9, stride=2, groups=8)
    last = net.conv(last, 32, kernel=7, stride=2, groups=8)
    last = net.conv(last, 16, kernel=2, groups=16)
    for kernel in (4, 5, 6, 8, 10):
        last = net.conv(last, 16, kernel=kernel, stride=2 if kernel == 6 else 1, groups=4)
    last = net.conv(last, 16, kernel=130, groups=4)
    last = net.conv(last, 12, kernel=3, groups=4)
    net.conv(last, 5, kernel=3)
    return net.model(dim=16)


def short_window(seed=19):
    """A window of four blocks: none of them counts for the wander of the baseline. Two channels."""
    net = Net(seed, window=128, channels=2, gain=(65535, 1), flat_blocks=2, off_blocks=3, noise=60)
    net.conv(net.conv(0, 6, kernel=7, stride=4, groups=2), 8, stride=4, kernel=4)
    return net.model(dim=7, levels=3)


def loud_plain(seed=20):
    """The plain front end with the largest gain, and a threshold of noise."""
    net = Net(seed, kind=0, window=160, direct_gain=1 << 30, flat_blocks=2, off_blocks=3, noise=300)
    net.conv(0, 10, kernel=5, stride=8)
    return net.model(dim=6)


def mixed(seed=21):
    """Every kernel of a device in one network."""
    net = Net(seed)
    last = net.conv(net.max_pool(0, 2, 2), 8, kernel=7, stride=4)
    last = net.conv(last, 8, kernel=7, stride=2, groups=8)
    side = net.conv(last, 8, kernel=5, groups=2)
    last = net.add(net.conv(last, 8, kernel=3, groups=4, requant=1, zp_out=100), side)
    last = net.conv(last, 13, kernel=2)
    return net.model(dim=13, levels=3)


MODELS = {
    **SHAPES,
    "part_filled_shapes": part_filled_shapes,
    "dense_shapes": dense_shapes,
    "grouped_shapes": grouped_shapes,
    "depthwise_shapes": depthwise_shapes,
    "affine_shapes": affine_shapes,
    "pool_shapes": pool_shapes,
    "two_readers": two_readers,
    "wide_mean": wide_mean,
    "group_sizes": group_sizes,
    "short_window": short_window,
    "loud_plain": loud_plain,
    "mixed": mixed,
}


def run(model, kernels, x, fs_mhz, hop, block):
    """(e16, e8, quality flags) of canonical samples by the core; empty where there is no window."""
    stream = CoreStream(CoreModel(model.to_bytes(), kernels), fs_mhz, hop, block, 1 << 15, 15, 8000.0, True)
    answer = stream.embed(x, _engines.ALL, masked=False, checked=True)
    if answer == "length":
        return np.empty((0, model.head.dim), np.int16), np.empty((0, model.head.dim), np.int8), np.empty(0, np.uint8)
    floats, e8, quality = answer
    return (floats * 2.0**model.head.exponent).astype(np.int16), e8, quality


def assert_equal(model, kernels, x, fs_mhz, hop, block=1280):
    expected = reference.embed(x, np.zeros(len(x), bool), fs_mhz, model, hop)
    for got, wanted in zip(run(model, kernels, x, fs_mhz, hop, block), expected, strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("name", MODELS)
def test_every_shape_of_layer(name, kernels):
    model = MODELS[name]()
    x, fs_mhz = recording_for(model, 24)
    assert_equal(model, kernels, x, fs_mhz, hop=200)


@given(
    models(),
    recordings(max_samples=4000),
    st.integers(50_000, 1_000_000),
    st.integers(1, 500),
    st.sampled_from(KERNELS),
    st.sampled_from([32, 64, 1280]),
)
def test_any_model_any_recording(model, x, fs_mhz, hop, kernels, block):
    fs_mhz = 128_000 if model.front.kind == 0 else fs_mhz
    if -(-len(x) * 128000 // fs_mhz) >= model.front.window:
        assert_equal(model, kernels, x, fs_mhz, hop, block)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("block", [32, 320, 4096])
def test_block_size_changes_nothing(kernels, block):
    model = grouped_shapes()
    x, fs_mhz = recording_for(model, 21, fs=250)
    assert_equal(model, kernels, x, fs_mhz, hop=128, block=block)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("pattern", ["rails", "impulses", "steps", "constant"])
def test_adversarial_signals(kernels, pattern):
    rng = np.random.default_rng(0)
    n = 128 * 25
    x = {
        "rails": rng.choice([-X_MAX, X_MAX], n),
        "impulses": np.where(rng.random(n) < 0.01, X_MAX, -X_MAX),
        "steps": np.repeat(rng.integers(-X_MAX, X_MAX + 1, n // 50), 50),
        "constant": np.full(n, -X_MAX),
    }[pattern].astype(np.int32)
    for model in (MODELS["saturated"](), grouped_shapes(), dense_shapes(), depthwise_shapes()):
        assert_equal(model, kernels, x, 128_000, hop=320)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("block", [32, 64, 1280])
def test_samples_on_a_rail_are_counted_one_by_one(kernels, block):
    """Two levels at random: about 320 samples of a window are third in a run, as many as the flag asks for.

    One more or less shows.
    """
    x = np.random.default_rng(block).choice(np.array([-8000, 8000], np.int32), 6000)
    for model in (pooled(clip_ms=2500), plain(clip_ms=2500)):
        clipped = run(model, "scalar", x, 128_000, 32, 32)[2] & 2
        assert 0.1 < (clipped > 0).mean() < 0.9
        assert_equal(model, kernels, x, 128_000, hop=32, block=block)


def extreme_layer(weights_of, groups, seed):
    """A layer whose weights are all at a limit, with multipliers from the smallest to the largest."""
    net = Net(seed, tame=False)
    last = net.conv(0, 16, kernel=7, stride=8)
    net.conv(last, 64, kernel=9, groups=groups)
    layer = net.layers[-1]
    weights = np.full(layer.weights.shape, weights_of, np.int8)
    net.layers[-1] = dataclasses.replace(layer, weights=weights)
    return net.model()


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("weight", [-128, 127])
def test_weights_at_their_limits(kernels, weight):
    x = np.where(np.arange(128 * 21) % 3 == 0, X_MAX, -X_MAX).astype(np.int32)
    for seed in range(3):
        assert_equal(extreme_layer(weight, 1, seed), kernels, x, 128_000, hop=640)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("kernels", [k for k in KERNELS if k != "scalar"])
def test_ten_thousand_windows_of_real_ecg(data_dir, kernels):
    """The default model on 10,000 real and random windows: the scalar path's bytes."""
    model = edgeecg.load().model
    ptbxl = np.load(data_dir / "ptbxl/ecg_128hz_uV_int16.npy", mmap_mode="r")[:, 1].astype(np.int32) * 8
    noise = np.random.default_rng(0).normal(0, 8000, (10_000 - len(ptbxl), 1280)).astype(np.int32)
    x = np.concatenate([ptbxl.ravel(), noise.ravel()])
    for got, wanted in zip(
        run(model, kernels, x, 128_000, 1280, 1280), run(model, "scalar", x, 128_000, 1280, 1280), strict=True
    ):
        np.testing.assert_array_equal(got, wanted)


def test_artificial_ecg_is_not_degenerate():
    """The comparisons above would mean little if these networks put out constants."""
    for name in ("dense_shapes", "grouped_shapes", "depthwise_shapes"):
        e16, _, _ = run(
            MODELS[name](), "scalar", np.round(ecg(30, 128, offset=0) * 8000).astype(np.int32), 128_000, 128, 1280
        )
        assert (e16.std(axis=0) > 0).mean() > 0.8, name
