"""Ten thousand loads, streams and errors in flat memory."""

import tracemalloc

import numpy as np
import psutil
import pytest

import edgeecg.model
from tests.models import ecg, tiny

ROUNDS, WARM = 10_000, 1_000


def load_and_embed(x, data):
    encoder = edgeecg.load("nano")
    encoder.embed(x, 128)
    stream = encoder.stream(128, hop=1)
    stream.push(x)
    stream.flush()


def refuse(x, data):
    with pytest.raises(edgeecg.ModelError):
        edgeecg.model.Model.from_bytes(data[:-1])
    with pytest.raises(edgeecg.InputError):
        edgeecg.load("nano").embed(np.full(2000, np.nan), 128)


@pytest.mark.parametrize("work", [load_and_embed, refuse])
def test_memory_stays_flat(work, figure):
    x, data, process = ecg(12, 128), tiny().to_bytes(), psutil.Process()
    for _ in range(WARM):
        work(x, data)
    before = process.memory_info().rss
    for _ in range(ROUNDS):
        work(x, data)
    grown = process.memory_info().rss - before
    assert grown < 1 << 20, f"{grown} bytes in {ROUNDS} rounds"
    tracemalloc.start()
    for _ in range(100):
        work(x, data)
    first = tracemalloc.get_traced_memory()[0]
    for _ in range(500):
        work(x, data)
    traced = tracemalloc.get_traced_memory()[0] - first
    tracemalloc.stop()
    assert traced < 2000, f"{traced} bytes of Python's in 500 rounds"
    figure(f"{ROUNDS:,} rounds: {grown:,} bytes more resident, {traced:,} bytes of Python's in 500 more")
