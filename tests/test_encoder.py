"""The face of the package: embed, load, Encoder."""

import copy
import multiprocessing
import os
import pickle
import re
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

import edgeecg
from tests.models import ecg, edge_like, recording_for


@pytest.fixture(scope="module")
def encoder():
    return edgeecg.load(edge_like())


@pytest.fixture(scope="module")
def signal():
    return ecg(35, 128, seed=3, offset=0.0)


def test_shapes_and_types(encoder, signal):
    z = encoder.embed(signal)
    assert z.shape == (3, 128) and z.dtype == np.float32 and np.isfinite(z).all() and z.std() > 0
    assert encoder.embed(signal, hop=1.0).shape == (26, 128)
    result = encoder.analyze(signal, hop=5.0)
    np.testing.assert_array_equal(result.start, np.arange(6) * 5.0)
    assert result.int8.dtype == np.int8 and result.quality.dtype == np.uint8
    np.testing.assert_array_equal(encoder.embed(signal, hop=5.0, dtype="int8"), result.int8)


def test_int8_form_is_the_embedding_rounded(encoder, signal):
    result = encoder.analyze(signal, hop=1.0)
    inside = np.abs(result.int8) < 127
    assert inside.mean() > 0.5
    error = np.abs(result.int8 * encoder.int8_scale - result.embedding)[inside]
    assert error.max() <= encoder.int8_scale * (0.5 + 2**-8)


def test_units_and_types_give_the_same_bytes(encoder, signal):
    microvolts = np.round(signal * 1000)
    expected = encoder.embed(microvolts / 1000)
    for x, options in (
        (microvolts, {"unit": "uV"}),
        (microvolts / 1e6, {"unit": "V"}),
        (microvolts.astype(np.int16), {"gain": 1000}),
        (microvolts.astype(np.int32), {"unit": "uV"}),
        (microvolts.astype(np.int64), {"gain": 1000}),
        (microvolts, {"gain": 1000}),
        ((microvolts / 1000).tolist(), {}),
        (microvolts.astype(">i4"), {"gain": 1000}),
        (np.frombuffer(b"x" + microvolts.tobytes(), np.uint8)[1:].view(np.float64), {"unit": "uV"}),
        (np.repeat(microvolts, 3)[::3], {"unit": "uV"}),
        (microvolts[::-1].copy()[::-1], {"unit": "uV"}),
    ):
        np.testing.assert_array_equal(encoder.embed(x, **options), expected, err_msg=str(options))


def test_masked_arrays_are_missing_samples(encoder, signal):
    masked = np.ma.masked_where(np.arange(len(signal)) == 2000, signal)
    with pytest.raises(edgeecg.InputError, match="sample 2000"):
        encoder.embed(masked)
    assert (encoder.analyze(masked, nan="mask").quality == [0, edgeecg.Quality.MISSING, 0]).all()
    rows = masked[:3840].reshape(3, 1280)
    for threads in (1, 2, 3):
        with pytest.raises(edgeecg.InputError, match="row 1: sample 720"):
            encoder.embed_batch(rows, threads=threads)
    held = np.where(np.arange(1280) == 720, signal[1999], signal[1280:2560])
    np.testing.assert_array_equal(encoder.embed_batch(rows, nan="mask")[1], encoder.embed(held)[0])


def test_masked_integers_stay_integers(encoder, signal):
    whole = np.round(signal * 400).astype(np.int16)
    masked = np.ma.masked_where(np.arange(len(whole)) == 2000, whole)
    with pytest.raises(edgeecg.InputError, match="integer samples need gain="):
        encoder.embed(masked, nan="mask")
    missing = whole.astype(np.int32)
    missing[2000] = -(2**31)
    np.testing.assert_array_equal(
        encoder.embed(masked, gain=400, nan="mask"), encoder.embed(missing, gain=400, nan="mask")
    )


def test_read_only_and_memory_mapped(encoder, signal, tmp_path):
    np.save(tmp_path / "x.npy", signal)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    np.testing.assert_array_equal(encoder.embed(mapped), encoder.embed(signal))


class AsksForGradients:
    """What torch answers of a tensor with requires_grad."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")


BAD = {
    "empty": ([], {}, "empty"),
    "two-dimensional": (np.zeros((2, 1280)), {}, "2 leads"),
    "complex": (np.zeros(1280, complex), {}, "real numbers"),
    "object": (np.array([None] * 1280), {}, "real numbers"),
    "text": (["a"] * 1280, {}, "real numbers"),
    "bool": (np.zeros(1280, bool), {}, "real numbers"),
    "dates": (np.arange(1280).astype("datetime64[s]"), {}, "real numbers"),
    "ragged": ([[1, 2], [3]], {}, "not an array"),
    "asks for gradients": (AsksForGradients(), {}, "not an array of numbers: Can't call numpy"),
    "too short": (np.zeros(1279), {}, "a window needs 10 s"),
    "short at its rate": (np.zeros(2497), {"fs": 250}, "a window needs 10 s"),
    "NaN": (np.full(1280, np.nan), {}, "not finite"),
    "infinite": (np.r_[np.zeros(1279), np.inf], {}, "sample 1279"),
    "fs too low": (np.zeros(1280), {"fs": 49.9}, "50 to 4000"),
    "fs too high": (np.zeros(1280), {"fs": 4001}, "50 to 4000"),
    "fs NaN": (np.zeros(1280), {"fs": float("nan")}, "50 to 4000"),
    "fs text": (np.zeros(1280), {"fs": "fast"}, "sampling rate"),
    "hop zero": (np.zeros(1280), {"hop": 0}, "hop"),
    "hop negative": (np.zeros(1280), {"hop": -1}, "hop"),
    "hop NaN": (np.zeros(1280), {"hop": float("nan")}, "hop"),
    "unit": (np.zeros(1280), {"unit": "kV"}, "unit"),
    "unit list": (np.zeros(1280), {"unit": ["mV"]}, "unit is"),
    "integers of unknown unit": (np.zeros(1280, int), {}, "gain"),
    "gain": (np.zeros(1280, int), {"gain": 0}, "gain"),
    "gain text": (np.zeros(1280, int), {"gain": "x"}, "gain"),
    "nan option": (np.zeros(1280), {"nan": "drop"}, "mask"),
    "dtype": (np.zeros(1280), {"dtype": "float16"}, "dtype"),
    "huge integers": (np.full(1280, 2**40), {"gain": 1000}, "32 bits"),
}


@pytest.mark.parametrize("case", BAD)
def test_wrong_input_ends_in_one_clear_sentence(encoder, case):
    x, options, words = BAD[case]
    with pytest.raises(edgeecg.InputError, match=words) as caught:
        encoder.embed(x, **options)
    assert isinstance(caught.value, ValueError) and "\n" not in str(caught.value)


@pytest.mark.parametrize("factor, warns", [(1, False), (0.25, False), (4, False), (1e-3, True), (1e3, True)])
def test_implausible_amplitude_warns(encoder, signal, factor, warns):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        z = encoder.embed(signal * factor)
    assert [w.category for w in caught] == ([edgeecg.AmplitudeWarning] if warns else [])
    assert np.isfinite(z).all()
    if warns:
        assert caught[0].filename == __file__

        def two(x):
            return x[:2560].reshape(2, 1280)

        ways = [
            (way, 1)
            for way in (encoder.analyze, edgeecg.embed, encoder.front_end, lambda x: encoder.embed_batch(x[None]))
        ]
        for way, count in [*ways, (lambda x: encoder.embed_batch(two(x), threads=2), 2)]:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                way(signal * factor)
            assert [w.filename for w in caught] == [__file__] * count


@pytest.mark.filterwarnings("ignore::edgeecg.AmplitudeWarning")
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_rows_that_are_looked_at_closely_are_those_of_a_loop(encoder, dtype):
    rows = np.stack([ecg(10, 128, seed=i, offset=0.0) * (1e3 if i % 3 == 1 else 1) for i in range(7)])
    expected = np.concatenate([encoder.embed(row, dtype=dtype) for row in rows])
    for threads in (1, 2, 3, 9):
        found = encoder.embed_batch(rows, dtype=dtype, threads=threads)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, expected)
    rows[5, 9] = np.nan
    with pytest.raises(edgeecg.InputError, match="row 5: sample 9 is not finite"):
        encoder.embed_batch(rows, dtype=dtype, threads=3)


def test_quality_of_bad_windows(encoder):
    x = ecg(60, 250, seed=5, offset=0.0)
    x[2500:5000] = 0.3  # no signal at all
    x[5000:7500] = np.clip(x[5000:7500] * 4, -0.8, 0.8)  # an overdriven amplifier
    x[10000:11000] = 5.0  # an electrode off for four seconds
    x[13000:13100] = np.nan
    result = encoder.analyze(x, 250, nan="mask")
    assert np.isfinite(result.embedding).all()
    flags = [edgeecg.Quality(int(q)) for q in result.quality]
    flag = edgeecg.Quality
    assert flags[0] == flags[3] == flag.GOOD
    assert (
        flags[1] == flag.FLAT | flag.LEAD_OFF
        and flags[2] == flag.CLIPPED
        and flag.LEAD_OFF in flags[4]
        and flags[5] == flag.MISSING
    )
    assert str(flags[1]) == "flat+lead-off" and str(flag.GOOD) == "good"


def test_batch_is_a_loop(encoder):
    rows = np.stack([ecg(10, 250, seed=i, offset=0.0) for i in range(5)])
    z = encoder.embed_batch(rows, fs=250)
    assert z.shape == (5, 128)
    for row, one in zip(rows, z, strict=True):
        np.testing.assert_array_equal(encoder.embed(row, fs=250)[0], one)
    np.testing.assert_array_equal(encoder.embed_batch(rows[::-1], fs=250), z[::-1])
    np.testing.assert_array_equal(encoder.embed_batch(rows, fs=250, threads=2), z)
    for bad in (rows[0], rows[:0], np.zeros((2, 3, 4)), [[1.0, 2.0], [3.0]]):
        with pytest.raises(edgeecg.InputError):
            encoder.embed_batch(bad, fs=250)


def test_rows_of_more_than_a_day_give_their_first_window(encoder):
    row = np.resize(ecg(60, 128, seed=2, offset=0.0), 90_000 * 128).astype(np.float32)
    np.testing.assert_array_equal(encoder.embed_batch(row[None]), encoder.embed(row[:12800])[:1])


def test_neighbors_do_not_change_a_window(encoder, signal):
    """A window far from the ends sees the same samples whatever else the recording holds."""
    other = signal.copy()
    other[128 * 30 :] += 1.0
    np.testing.assert_array_equal(encoder.embed(signal)[0], encoder.embed(other)[0])


def test_threads_share_an_encoder(encoder, signal):
    expected = encoder.embed(signal, hop=1.0)
    wrong = []

    def work():
        wrong.extend(i for i in range(20) if not np.array_equal(encoder.embed(signal, hop=1.0), expected))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


@pytest.mark.parametrize("fs, hop", [(128, 10.0), (128, 1.0), (360, 2.5), (250, 0.3), (127.3, 10.0), (60, 5.0)])
def test_pieces_in_threads_give_the_same_bytes(encoder, fs, hop):
    x = ecg(150, fs, seed=8, offset=0.5)
    x[int(70 * fs) : int(90 * fs)] = np.nan  # where a piece would begin
    x[int(120 * fs) : int(121 * fs)] = 2.0
    whole = encoder.analyze(x, fs, hop, nan="mask")
    for threads in (2, 3, 7):
        np.testing.assert_array_equal(encoder.embed(x, fs, hop, nan="mask", threads=threads), whole.embedding)
        np.testing.assert_array_equal(encoder.embed(x, fs, hop, nan="mask", dtype="int8", threads=threads), whole.int8)
        for one, other in zip(encoder.analyze(x, fs, hop, nan="mask", threads=threads), whole, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("backend", ["c", "numpy"])
@pytest.mark.parametrize("model", ["default", edge_like()], ids=["bundled", "made"])
def test_copies_and_pickles_embed_alike(model, backend):
    original, x = edgeecg.load(model, backend=backend), ecg(11, 128, seed=8)
    expected = original.embed(x)  # before it is copied, so that there are plans and streams
    for again in (copy.copy(original), copy.deepcopy(original), pickle.loads(pickle.dumps(original))):
        assert again is not original and again.backend == backend and again.model.id == original.model.id
        np.testing.assert_array_equal(again.embed(x), expected)


def test_processes_take_an_encoder(encoder, signal):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        np.testing.assert_array_equal(pool.submit(encoder.embed, signal).result(60), encoder.embed(signal))


def test_streams_are_not_copied(encoder):
    for attempt in (copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="a Stream cannot be copied or pickled: make one"):
            attempt(encoder.stream())


def test_options_may_be_arrays_without_dimensions(encoder, signal):
    """As np.load gives them."""
    counts = (signal * 200).astype(np.int16)
    for _ in range(2):  # known options take another way
        z = encoder.embed(counts, fs=np.array(128.0), hop=np.array(5.0), gain=np.array(200.0))
        np.testing.assert_array_equal(z, encoder.embed(counts, fs=128, hop=5, gain=200))


def test_pieces_in_threads_are_looked_at_as_a_whole(encoder, signal):
    """Two halves that each look like an ECG and lie volts apart; a sample that is missing; samples of another type."""
    x = np.tile(signal, 4)
    apart = x + np.where(np.arange(len(x)) < len(x) // 2, 0, 3000).astype(x.dtype)
    with pytest.warns(edgeecg.AmplitudeWarning):
        one = encoder.embed(apart)
    with pytest.warns(edgeecg.AmplitudeWarning) as caught:
        two = encoder.embed(apart, threads=2)
    assert len(caught) == 1 and caught[0].filename == __file__
    np.testing.assert_array_equal(one, two)
    broken = x.copy()
    broken[-5] = np.nan
    for bad in (broken, x[:100]):
        with pytest.raises(edgeecg.InputError) as first:
            encoder.embed(bad)
        with pytest.raises(edgeecg.InputError, match=re.escape(str(first.value))):
            encoder.embed(bad, threads=2)
    for dtype in (np.int16, np.int64, np.float16):
        counts = (x * 200).astype(dtype)
        np.testing.assert_array_equal(encoder.embed(counts, gain=200, threads=3), encoder.embed(counts, gain=200))


@pytest.mark.parametrize("bad", [0, -1, 1.5, True, "2"])
def test_threads_are_counted(encoder, signal, bad):
    for call in (encoder.embed, encoder.analyze, lambda x, threads: encoder.embed_batch(x[None], threads=threads)):
        with pytest.raises(edgeecg.InputError, match="threads"):
            call(signal, threads=bad)


def test_an_encoder_keeps_few_pools_and_streams(encoder, signal):
    """Whatever it is asked for: each stream holds memory."""
    for hop in range(1, 40):
        encoder.embed(signal, hop=hop / 10)
        encoder.analyze(signal, hop=hop / 10)
    assert len(encoder._pools.known) <= 8
    assert all(len(pool.idle) <= 4 for pool in encoder._pools.known.values())


def test_info_says_what_a_user_asks(encoder):
    info = encoder.info
    assert info["backend"] == "c" and info["dim"] == 128 and info["window_seconds"] == 10.0
    assert info["kernels"] and len(info["id"]) == 64 and info["macs_per_window"] > 0


def test_kernels_can_be_forced(tmp_path):
    code = "import edgeecg, sys; from edgeecg.model import Model; print(edgeecg.load(sys.argv[1]).info['kernels'])"
    path = tmp_path / "m.eecg"
    edge_like().save(path)

    def run(isa):
        return subprocess.run(
            [sys.executable, "-c", code, str(path)],
            capture_output=True,
            text=True,
            env={**os.environ, "EDGEECG_ISA": isa},
            check=False,
        )

    assert run("scalar").stdout.strip() == "scalar"
    assert "EDGEECG_ISA=pentium" in run("pentium").stderr


def test_front_end_is_what_the_trunk_sees(encoder):
    x, fs_mhz = recording_for(encoder.model, 12)
    y = encoder.front_end(x, fs_mhz / 1000, gain=8000)
    assert y.shape == (12 * 128, 1) and y.dtype == np.uint8
    np.testing.assert_array_equal(y, edgeecg.load(encoder.model, "numpy").front_end(x, fs_mhz / 1000, gain=8000))


def test_the_functions_of_the_package(signal):
    z = edgeecg.embed(signal)
    assert z.shape == (3, 128)
    np.testing.assert_array_equal(z, edgeecg.load().embed(signal))
    np.testing.assert_array_equal(edgeecg.embed(signal, backend="numpy"), z)
    assert edgeecg.front_end(signal).shape == (35 * 128, 1)


def test_integers_need_a_unit_even_where_their_span_could_be_millivolts(encoder):
    counts = (np.arange(1280) % 7).astype(np.int16)
    for call in (encoder.embed, lambda x: encoder.embed_batch(x[None])):
        with pytest.raises(edgeecg.InputError, match="gain="):
            call(counts)
