"""The Numba engine gives the reference's bytes, per operation and end to end."""

import gc
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgeecg import jit, reference
from edgeecg.errors import InputError
from edgeecg.model import Model, default_front_end
from tests import models

rates = st.integers(50_000, 4_000_000)
shapes = pytest.mark.parametrize("shape", models.SHAPES)


def assert_same(ours, theirs):
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
    assert np.array_equal(ours, theirs)


# Samples and front end


@given(
    st.lists(st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.floats(-0.01, 0.01)), max_size=40),
    st.sampled_from(["mV", "uV", "V"]),
    st.sampled_from([np.float32, np.float64]),
)
def test_samples_of_floats(values, unit, dtype):
    with np.errstate(over="ignore"):
        signal = np.array(values, dtype)
    for ours, theirs in zip(jit.samples(signal, unit), reference.samples(signal, unit), strict=True):
        assert_same(ours, theirs)


@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=40), st.floats(0.25, 2.0**24))
@example([-(2**31), 5, -(2**31), 2**31 - 1], 0.25)
def test_samples_of_integers(values, gain):
    signal = np.array(values, np.int32)
    for ours, theirs in zip(jit.samples(signal, gain=gain), reference.samples(signal, gain=gain), strict=True):
        assert_same(ours, theirs)


def test_samples_that_lie_apart_in_memory():
    signal = models.ecg(2, 250).astype(np.float32)
    both = np.stack([signal, signal[::-1]], axis=1)
    assert_same(jit.samples(both[:, 1])[0], reference.samples(signal[::-1])[0])


def test_integers_need_a_gain():
    with pytest.raises(InputError, match="integer samples need gain"):
        jit.samples(np.arange(5))


@given(models.models(), models.recordings(), rates)
@example(models.edge_like(), np.full(1, 7, np.int32), 4_000_000)
@example(models.grouped(), np.arange(-5000, 5000, dtype=np.int32), 127_999)
def test_front_end(model, x, fs):
    front = model.front
    if front.kind == 1:
        resampled = reference.resample(x, fs, front)
        assert_same(jit.resample(x, fs, front), resampled)
        z = reference.baseline(resampled, front)
        assert_same(jit.baseline(resampled, front), z)
        assert_same(jit.scale(z, front), reference.scale(z, front))
    else:
        fs = 128_000
    assert_same(jit.front_end(x, fs, front), reference.front_end(x, fs, front))


def test_front_end_of_nothing():
    front = default_front_end()
    nothing = np.zeros(0, np.int32)
    assert_same(jit.resample(nothing, 360_000, front), reference.resample(nothing, 360_000, front))
    assert_same(jit.front_end(nothing, 360_000, front), reference.front_end(nothing, 360_000, front))


@pytest.mark.parametrize("fs", [49_999, 4_000_001])
def test_front_end_refuses_rates_as_the_reference_does(fs):
    with pytest.raises(InputError, match=r"outside 50 .. 4000 Hz"):
        jit.front_end(np.zeros(500, np.int32), fs, default_front_end())


# Trunk and head


@given(models.models(), st.integers(1, 500), st.integers(0, 2**32 - 1))
def test_each_layer(model, length, seed):
    """Lengths beyond a block of output frames too, so that blocks meet."""
    rng = np.random.default_rng(seed)
    tensors, zeros = [rng.integers(0, 256, (length, model.front.channels)).astype(np.uint8)], model.zero_points
    for layer in model.layers:
        expected = reference.apply_layer(reference, layer, tensors, zeros)
        assert_same(reference.apply_layer(jit, layer, tensors, zeros), expected)
        tensors.append(expected)
    assert_same(jit.trunk(tensors[0], model), tensors[-1])


@shapes
def test_trunk_of_every_shape(shape):
    model = models.SHAPES[shape]()
    y = np.random.default_rng(1).integers(0, 256, (5000, model.front.channels)).astype(np.uint8)
    assert_same(jit.trunk(y, model), reference.trunk(y, model))


@pytest.mark.parametrize("groups", [1, 2, 4, 16, 32])
def test_groups_wide_and_narrow(groups):
    """Both kernels of the convolution: group by group from 16 output channels on, all groups at once below."""
    net = models.Net(groups)
    last = net.conv(0, 32, kernel=3, zp_out=50)
    net.conv(last, 64 if groups != 32 else 96, kernel=6, stride=5, groups=groups, pad_left=5, zp_out=3)
    model = net.model()
    y = np.random.default_rng(1).integers(0, 256, (2000, 1)).astype(np.uint8)
    assert_same(jit.trunk(y, model), reference.trunk(y, model))


@given(models.models(), st.integers(0, 2**32 - 1), st.lists(st.integers(0, 300), max_size=8))
def test_head(model, seed, starts):
    n = max(starts, default=0) // model.total_stride + model.head.frames
    frames = np.random.default_rng(seed).integers(0, 256, (n, model.channels[-1])).astype(np.uint8)
    for ours, theirs in zip(jit.head(frames, model, starts), reference.head(frames, model, starts), strict=True):
        assert_same(ours, theirs)


# Quality flags


@st.composite
def doubtful(draw):
    """Recordings with flat stretches, rails and gaps: (x, missing)."""
    x = draw(models.recordings(min_samples=400)).copy()
    missing = np.zeros(len(x), bool)
    for _ in range(draw(st.integers(0, 4))):
        a = draw(st.integers(0, len(x) - 1))
        stretch = slice(a, a + draw(st.integers(1, 400)))
        what = draw(st.sampled_from(["held", "top", "rail", "missing"]))
        x[stretch] = {"top": x.max(), "rail": models.X_MAX}.get(what, x[a])
        missing[stretch] |= what == "missing"
    return x, missing


@given(models.models(), doubtful(), st.integers(50_000, 400_000))
def test_quality(model, recording, fs):
    x, missing = recording
    front = model.front
    fs = 128_000 if front.kind == 0 else fs
    n = -(-len(x) * 128_000 // fs)
    starts = range(0, n - front.window + 1, 13)
    assert_same(jit.quality(x, missing, fs, front, starts), reference.quality(x, missing, fs, front, starts))


# End to end


def assert_same_embeddings(model, x, missing, fs, hop):
    ours, theirs = jit.embed(x, missing, fs, model, hop), reference.embed(x, missing, fs, model, hop)
    for a, b in zip(ours, theirs, strict=True):
        assert_same(a, b)
    return theirs


@shapes
@pytest.mark.parametrize("fs", [128, 360, 77.7])
def test_embed_every_shape(shape, fs):
    model = models.SHAPES[shape]()
    x, fs_mhz = models.recording_for(model, 45, fs, seed=2)
    missing = np.random.default_rng(0).random(len(x)) < 1e-4
    embeddings = assert_same_embeddings(model, x, missing, fs_mhz, 100)[0]
    assert len(embeddings) == (-(-len(x) * 128_000 // fs_mhz) - model.front.window) // 100 + 1


@given(models.models(), doubtful(), rates, st.integers(1, 500))
def test_embed_any_model(model, recording, fs, hop):
    x, missing = recording
    assert_same_embeddings(model, x, missing, 128_000 if model.front.kind == 0 else fs, hop)


def test_embed_real_recording(toy_ecg):
    millivolts, fs = toy_ecg
    x, missing = reference.samples(millivolts)
    embeddings = assert_same_embeddings(models.edge_like(), x, missing, fs * 1000, 128)[0]
    assert len(embeddings) == 291 and len(np.unique(embeddings, axis=0)) == 291


@pytest.mark.data
def test_embed_mitdb_100(data_dir):
    lead = models.format_212(data_dir / "mitdb" / "100.dat")[:, 0]
    x, missing = reference.samples(lead - 1024, gain=200)
    assert len(assert_same_embeddings(models.edge_like(), x, missing, 360_000, 1280)[0]) == 180


# What a user of the engine meets


def test_inputs_may_be_read_only_or_strided():
    """Arrays straight from a file, and slices, without another compilation or a change of the result."""
    model = Model.from_bytes(models.edge_like().to_bytes())
    x, fs = models.recording_for(model, 12)
    expected = jit.embed(x, np.zeros(len(x), bool), fs, model, 1280)
    apart = np.repeat(x, 2)[::2]
    locked = x.copy()
    locked.flags.writeable = False
    for same in (apart, locked):
        for a, b in zip(jit.embed(same, np.zeros(len(x), bool), fs, model, 1280), expected, strict=True):
            assert_same(a, b)


def test_packed_weights_live_no_longer_than_the_model():
    model = models.pooled()
    x, fs = models.recording_for(model, 12)
    jit.embed(x, np.zeros(len(x), bool), fs, model, 1280)
    watched = [weakref.ref(layer) for layer in model.layers] + [weakref.ref(model.head)]
    del model
    gc.collect()
    assert [ref() for ref in watched] == [None] * len(watched)


def test_numba_is_imported_only_when_asked_for():
    code = (
        "import sys, edgeecg, edgeecg.reference as r; assert 'numba' not in sys.modules; import edgeecg.jit as j; r, j"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).resolve().parents[1])
