"""What a type checker sees of the package: tests/typing/test_types.py and .ci/run give this file to `mypy --strict`."""

from typing import assert_type

import numpy as np
from numpy.typing import NDArray

import edgeecg
import edgeecg.io

signal: NDArray[np.float64] = np.sin(np.arange(2560) / 20)
encoder = edgeecg.load("nano")
assert_type(encoder, edgeecg.Encoder)
assert_type(edgeecg.embed(signal, fs=128, hop=1.0), NDArray[np.float32])
assert_type(edgeecg.embed([0.1, 0.2], dtype="int8"), NDArray[np.int8])
assert_type(encoder.embed(signal), NDArray[np.float32])
assert_type(encoder.embed(signal, dtype="int8"), NDArray[np.int8])
assert_type(encoder.embed_batch(signal.reshape(2, 1280), dtype="float32", threads=2), NDArray[np.float32])
assert_type(encoder.front_end(signal), NDArray[np.uint8])
analysis = encoder.analyze(signal, nan="mask")
assert_type(analysis.embedding, NDArray[np.float32])
assert_type(analysis.start, NDArray[np.float64])
assert_type(edgeecg.Quality(int(analysis.quality[0])), edgeecg.Quality)
stream = encoder.stream(fs=250, unit="uV")
for result in stream.push(signal) + stream.flush():
    assert_type(result, edgeecg.Result)
    assert_type(result.start, float)
    assert_type(result.int8, NDArray[np.int8])
assert_type(encoder.model.front.gain, tuple[int, ...])
assert_type(edgeecg.model.describe("nano.eecg"), str)
value, gradients = edgeecg.losses.nt_xent(signal.reshape(20, 128), signal.reshape(20, 128))
assert_type(value, float)


def read(path: str) -> NDArray[np.float32]:
    """A recording from a file."""
    recording = edgeecg.io.read(path, lead="II")
    assert_type(recording.gain, float | None)
    return edgeecg.embed(recording.samples, recording.fs or 128.0, gain=recording.gain)


encoder.embed(signal, nan="drop")  # type: ignore[call-overload]
edgeecg.load(backend="gpu")  # type: ignore[arg-type]
encoder.embeded(signal)  # type: ignore[attr-defined]
