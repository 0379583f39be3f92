"""Thirty days of signal through one stream, hour after hour the same: so are its results, and its memory."""

import time

import numpy as np
import psutil
import pytest

import edgeecg
from tests.models import ecg

DAYS, FS, HOUR = 30, 250, 3600


@pytest.mark.parametrize("model", ["nano", "default"])
def test_thirty_days(model, figure):
    encoder, rng = edgeecg.load(model), np.random.default_rng(4)
    beat = ecg(60, FS, seed=1, offset=0)
    signal = np.round(np.tile(beat, 60) * 1000).astype(np.int16)
    signal[:: FS * 600] = 30_000  # a spike every ten minutes
    stream, process, windows, started = encoder.stream(FS, hop=10, unit="uV"), psutil.Process(), 0, time.monotonic()
    want = before = None
    for hour in range(24 * DAYS):
        results = []
        for piece in np.split(signal, np.sort(rng.integers(0, len(signal), 20))):
            results += stream.push(piece)
        windows += len(results)
        got = {round(r.start % HOUR): (r.embedding.tobytes(), r.int8.tobytes(), r.quality) for r in results}
        assert [r.start for r in results] == [results[0].start + 10 * i for i in range(len(results))]
        if hour == 2:
            want, before = got, process.memory_info().rss
            assert len(want) == HOUR / 10
        elif hour > 2:
            assert got == want, f"hour {hour} differs"
    windows += len(stream.flush())
    grown = process.memory_info().rss - before
    assert grown < 1 << 21
    assert windows == (DAYS * 24 * HOUR - 10) // 10 + 1
    figure(
        f"{DAYS} days at {FS} Hz, {windows:,} windows in {time.monotonic() - started:.0f} s: every hour the bytes of "
        f"the third, {grown:,} bytes more resident"
    )
