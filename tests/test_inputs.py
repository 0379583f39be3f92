"""What `embed` takes for a signal, and what it says to everything else."""

import ctypes
import io as streams
import warnings
from multiprocessing.sharedctypes import RawArray

import numpy as np
import pytest

import edgeecg
from edgeecg import io

RATE = 250
SECONDS = 30


def beats(rate=RATE, per_minute=75, seconds=SECONDS):
    """Millivolts with narrow beats."""
    t = np.arange(seconds * rate) / rate
    phase = (t * per_minute / 60) % 1.0 * 60 / per_minute
    waves = np.exp(-0.5 * ((phase - 0.3) / 0.012) ** 2) + 0.2 * np.exp(-0.5 * ((phase - 0.55) / 0.04) ** 2)
    return waves + 0.005 * np.random.default_rng(0).standard_normal(len(t))


SIGNAL = beats()
EXPECTED = edgeecg.embed(SIGNAL, fs=RATE)


def of_ctypes(kind):
    array = kind(len(SIGNAL))
    array[:] = SIGNAL
    return array


ARRAYS = {
    "list": SIGNAL.tolist,
    "column of one": lambda: SIGNAL[:, None],
    "row of one": lambda: SIGNAL[None],
    "every second": lambda: np.repeat(SIGNAL, 2)[::2],
    "big-endian": lambda: SIGNAL.astype(">f8"),
    "ctypes": lambda: of_ctypes(lambda n: (ctypes.c_double * n)()),
    "RawArray": lambda: of_ctypes(lambda n: RawArray("d", n)),
    "masked array": lambda: np.ma.masked_array(SIGNAL),
}


@pytest.mark.parametrize("make", ARRAYS.values(), ids=ARRAYS)
def test_arrays_of_any_kind(make):
    np.testing.assert_array_equal(edgeecg.embed(make(), fs=RATE), EXPECTED)


def test_memory_maps(tmp_path):
    np.save(tmp_path / "x.npy", SIGNAL)
    np.testing.assert_array_equal(edgeecg.embed(np.load(tmp_path / "x.npy", mmap_mode="r"), fs=RATE), EXPECTED)


def test_tensors_without_their_gradients():
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(SIGNAL.copy()).requires_grad_()
    np.testing.assert_array_equal(edgeecg.embed(tensor, fs=RATE), EXPECTED)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_and_frames(library):
    frames = pytest.importorskip(library)
    series = frames.Series("ecg", SIGNAL) if library == "polars" else frames.Series(SIGNAL, name="ecg")
    np.testing.assert_array_equal(edgeecg.embed(series, fs=RATE), EXPECTED)
    frame = frames.DataFrame({"resp": SIGNAL[::-1].copy(), "II": SIGNAL})
    np.testing.assert_array_equal(edgeecg.embed(frame, fs=RATE), EXPECTED)
    np.testing.assert_array_equal(edgeecg.embed(frame, fs=RATE, lead="II"), EXPECTED)
    other = edgeecg.embed(SIGNAL[::-1], fs=RATE)
    np.testing.assert_array_equal(edgeecg.embed(frame, fs=RATE, lead="resp"), other)


def test_an_index_of_times_tells_the_rate_and_the_start():
    pandas = pytest.importorskip("pandas")
    times = pandas.date_range("2024-01-01 10:00", periods=len(SIGNAL), freq="4ms")
    found = edgeecg.load().analyze(pandas.Series(SIGNAL, index=times, name="ecg"))
    np.testing.assert_array_equal(found.embedding, EXPECTED)
    assert str(found.time[1]) == "2024-01-01T10:00:10.000000"


def test_labelled_arrays_of_xarray():
    xarray = pytest.importorskip("xarray")
    seconds = np.arange(len(SIGNAL)) / RATE
    array = xarray.DataArray(SIGNAL, dims="time", coords={"time": seconds}, name="ecg")
    np.testing.assert_array_equal(edgeecg.embed(array), EXPECTED)


@pytest.mark.parametrize("leads_last", [True, False])
def test_of_several_leads_one_is_chosen(leads_last):
    both = np.stack([SIGNAL[::-1], SIGNAL], 1 if leads_last else 0)
    with pytest.raises(edgeecg.InputError, match=r"2 leads: give one of them, x\[(:, )?0\] or lead=0"):
        edgeecg.embed(both, fs=RATE)
    np.testing.assert_array_equal(edgeecg.embed(both, fs=RATE, lead=1), EXPECTED)
    with pytest.raises(edgeecg.InputError, match="there is no lead 2 in an array"):
        edgeecg.embed(both, fs=RATE, lead=2)


def test_recordings_sources_and_paths(tmp_path):
    path = tmp_path / "two.csv"
    rows = zip(np.arange(len(SIGNAL)) / RATE, SIGNAL, -SIGNAL, strict=True)
    path.write_text("time,II,V1\n" + "".join(f"{t:.3f},{float(a)!r},{float(b)!r}\n" for t, a, b in rows))
    for signal in (path, str(path), io.read(path), io.open_source(path)):
        np.testing.assert_array_equal(edgeecg.embed(signal), EXPECTED)
    turned = edgeecg.embed(-SIGNAL, fs=RATE)
    np.testing.assert_array_equal(edgeecg.embed(path, lead="V1"), turned)
    np.testing.assert_array_equal(edgeecg.front_end(path), edgeecg.front_end(SIGNAL, fs=RATE))
    with pytest.raises(edgeecg.InputError, match="the recording is of lead 'II', not 'V1'"):
        edgeecg.embed(io.read(path), lead="V1")
    other_rate = edgeecg.embed(io.read(path), fs=200)
    np.testing.assert_array_equal(other_rate, edgeecg.embed(SIGNAL, fs=200))


REFUSED = {
    "bytes": (b"12", "np.frombuffer"),
    "bytearray": (bytearray(b"12"), "np.frombuffer"),
    "memoryview": (memoryview(b"12"), "np.frombuffer"),
    "file object": (streams.BytesIO(b"12"), "edgeecg.io.read"),
    "dict": ({"ecg": [1.0]}, "give one of its values"),
    "nothing": (None, "the signal is None"),
    "text": ("nowhere.csv", "nowhere.csv"),
    "recording without a rate": (io.Recording(SIGNAL, None), "^the recording: the sampling rate is not known"),
    "three axes": (np.zeros((2, 3, 4)), r"shape \(2, 3, 4\)"),
}


@pytest.mark.parametrize(("signal", "why"), REFUSED.values(), ids=REFUSED)
def test_the_rest_is_refused_in_one_sentence(signal, why):
    with pytest.raises(edgeecg.InputError, match=why) as caught:
        edgeecg.embed(signal)
    assert "\n" not in str(caught.value)


def test_a_rate_that_was_assumed_is_checked_by_the_beats():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        edgeecg.embed(beats(128))
        edgeecg.embed(SIGNAL, fs=RATE)
        edgeecg.embed(np.random.default_rng(0).standard_normal(5000))  # no beats, no word
    with pytest.warns(edgeecg.RateWarning, match="give the rate with fs="):
        edgeecg.embed(beats(500))


def test_a_rate_keeps_its_precision_over_a_week():
    """The resampler takes millihertz; the clock of the windows takes the rate as it is."""
    fs = 128.00049
    start = edgeecg.load("nano").analyze(np.zeros(int(fs * 3600 * 24), np.float32), fs=fs, hop=600).start
    np.testing.assert_allclose(start, np.arange(len(start)) * 600 * 128 / fs, rtol=0, atol=1e-6)
