"""Stream = whole, bit for bit, under any chunking."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edgeecg
from tests.models import SHAPES, Net, canonical, ecg, edge_like, models, plain, recording_for

GAIN = 8000  # integers with this gain are canonical samples


def chunks(x, sizes):
    """x in pieces whose sizes go round."""
    at = i = 0
    while at < len(x):
        yield x[at : at + sizes[i % len(sizes)]]
        at += sizes[i % len(sizes)]
        i += 1


def assert_same(results, whole):
    assert [r.start for r in results] == whole.start.tolist()
    for field in ("embedding", "int8", "quality"):
        np.testing.assert_array_equal([getattr(r, field) for r in results], getattr(whole, field))


def streamed(encoder, x, sizes, **options):
    stream = encoder.stream(**options)
    results = [result for piece in chunks(x, sizes) for result in stream.push(piece)]
    return results + stream.flush()


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("sizes", [[1], [7], [128], [1000], [5, 1, 333, 64]], ids=str)
def test_every_layer_streams(name, sizes):
    model = SHAPES[name]()
    encoder = edgeecg.load(model)
    x, fs_mhz = recording_for(model, seconds=23)
    hop = model.front.window / 128 / 4
    whole = encoder.analyze(x, fs_mhz / 1000, hop, gain=GAIN)
    assert len(whole.start) > 4
    assert_same(streamed(encoder, x, sizes, fs=fs_mhz / 1000, hop=hop, gain=GAIN), whole)


@given(
    models(),
    st.lists(st.integers(1, 900), min_size=1, max_size=8),
    st.integers(50_000, 1_000_000),
    st.integers(1, 700),
    st.integers(0, 1000),
)
def test_any_model_any_rate_any_hop_any_chunks(model, sizes, fs_mhz, hop, extra):
    fs = 128.0 if model.front.kind == 0 else fs_mhz / 1000
    encoder = edgeecg.load(model)
    n = int(np.ceil((model.front.window + extra) * fs / 128))
    x = canonical(ecg(n / fs + 1, fs, seed=extra, offset=0))[:n]
    hop = max(hop, extra // 40 + 1)
    whole = encoder.analyze(x, fs, hop / 128, gain=GAIN)
    assert len(whole.start) == (-(-n * 128000 // round(fs * 1000)) - model.front.window) // hop + 1
    assert_same(streamed(encoder, x, sizes, fs=fs, hop=hop / 128, gain=GAIN), whole)


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 700)), max_size=4),
    st.lists(st.integers(1, 999), min_size=1, max_size=5),
)
def test_gaps(gaps, sizes):
    x = ecg(20, 250, seed=len(gaps), offset=1.0)
    for start, length in gaps:
        x[start : start + length] = np.nan
    encoder = edgeecg.load(edge_like())
    whole = encoder.analyze(x, 250, 2.5, nan="mask")
    assert np.isfinite(whole.embedding).all()
    assert_same(streamed(encoder, x, sizes, fs=250, hop=2.5, nan="mask"), whole)
    missing = [np.isnan(x[int(s * 250) : int((s + 10) * 250)]).any() for s in whole.start]
    np.testing.assert_array_equal((whole.quality & edgeecg.Quality.MISSING) != 0, missing)


def test_state_does_not_grow_and_results_come_within_the_delay():
    encoder = edgeecg.load(edge_like())
    stream = encoder.stream(fs=128, hop=1.0)
    before = stream.state_bytes
    x = ecg(40, 128)
    for i, sample in enumerate(x):
        for result in stream.push(np.array([sample])):
            assert 0 <= (i + 1) / 128 - (result.start + 10) <= stream.delay
    assert stream.state_bytes == before


def test_reset_is_a_new_beginning():
    encoder = edgeecg.load(edge_like())
    stream = encoder.stream(fs=200, hop=5)
    x = ecg(21, 200)
    first = stream.push(x) + stream.flush()
    with pytest.raises(edgeecg.InputError, match="reset"):
        stream.push(x)
    stream.reset()
    second = stream.push(x) + stream.flush()
    assert len(first) == len(second) == 3
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.embedding, b.embedding)


def test_short_recording_gives_nothing_and_empty_pushes_are_fine():
    stream = edgeecg.load(edge_like()).stream(fs=128)
    assert stream.push([]) == [] and stream.push(np.zeros(1279)) == [] and stream.flush() == []


def test_push_refuses_what_embed_refuses():
    stream = edgeecg.load(edge_like()).stream(fs=128)
    for bad in ([np.nan], np.zeros((2, 3)), np.array(["a"]), np.zeros(3, int), [1j]):
        with pytest.raises(edgeecg.InputError):
            stream.push(bad)
    with pytest.raises(edgeecg.InputError):
        edgeecg.load(plain()).stream(fs=250)


def test_an_unknown_way_with_gaps_is_refused_at_once():
    with pytest.raises(edgeecg.InputError, match='nan is "raise" or "mask"'):
        edgeecg.load(edge_like()).stream(nan="no")


def test_a_second_thread_is_refused_and_harms_nothing():
    encoder = edgeecg.load()
    stream, x = encoder.stream(), ecg(600, 128, seed=1)
    refused, found = [], []

    def push():
        for chunk in np.array_split(x, 20):
            try:
                found.extend(stream.push(chunk))
            except edgeecg.InputError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=push) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(refused) <= {"another thread is using this stream: each thread needs one of its own"}
    stream.reset()
    assert len(stream.push(x)) + len(stream.flush()) == len(encoder.embed(x))
    stream.reset()
    stream._lock.acquire()  # as a push of another thread does
    for call in (lambda: stream.push(x), stream.flush, stream.reset):
        with pytest.raises(edgeecg.InputError, match="another thread"):
            call()


@pytest.mark.data
@pytest.mark.parametrize("record", ["mitdb/100", "svdb/800"])
def test_real_recordings(data_dir, record):
    """The whole recording and the same pushed in pieces: identical bytes."""
    wfdb = pytest.importorskip("wfdb")
    header = wfdb.rdrecord(str(data_dir / record), channels=[0], physical=False)
    x, fs, gain = header.d_signal[:, 0].astype(np.int16), header.fs, header.adc_gain[0]
    encoder = edgeecg.load()
    whole = encoder.analyze(x, fs, 10.0, gain=gain)
    assert whole.embedding.shape == (180, 128)
    rng = np.random.default_rng(0)
    for sizes in ([1], [7], [128], rng.integers(1, 5000, 50).tolist()):
        y = x[: fs * 60 * 3] if sizes == [1] else x
        expected = whole if sizes != [1] else encoder.analyze(y, fs, 10.0, gain=gain)
        assert_same(streamed(encoder, y, sizes, fs=fs, hop=10.0, gain=gain), expected)


def test_more_windows_at_once_than_a_stream_can_count_are_refused():
    """A look-ahead of 65,536 samples and a window at every sample: the ring of open windows has no room for them."""
    net = Net(3, window=512)
    far = net.conv(
        net.conv(net.conv(0, 4, kernel=1, stride=16), 4, kernel=1, stride=16), 4, kernel=256, stride=1, pad_left=0
    )
    assert far == 3
    encoder, x = edgeecg.load(net.model(dim=4)), ecg(12, 128)
    with pytest.raises(edgeecg.InputError):
        encoder.embed(x, hop=1 / 128)
    assert encoder.embed(x, hop=1.0).shape[1] == 4
