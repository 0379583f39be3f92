"""ONNX Runtime against the compiled core on the same windows: fraction of identical outputs, largest difference."""

import numpy as np

import edgeecg
from edgeecg import jit
from edgeecg.errors import InputError, MissingDependencyError
from edgeecg.model import Model
from train.data.corpora import Recording
from train.data.raw_segments import canonical


def session(graph: bytes):
    """A single-threaded ONNX Runtime session with every optimization."""
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingDependencyError("comparing needs onnxruntime: pip install 'edgeecg[onnx]'") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def run_onnx(runtime, y: np.ndarray, levels: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Outputs for front-end bytes (N, 1280) and `levels` (N, 3) where the graph takes them, at the batch size that it
    has.
    """
    given = {"y": y} if levels is None else {"y": y, "levels": levels.astype(np.int32)}
    fixed = runtime.get_inputs()[0].shape[0]
    size = fixed if isinstance(fixed, int) else len(y)
    names = [output.name for output in runtime.get_outputs()]
    if len(y) % size:
        raise InputError(f"the graph takes batches of {size}, which do not divide {len(y)} windows")
    parts = [
        runtime.run(names, {key: value[i : i + size] for key, value in given.items()}) for i in range(0, len(y), size)
    ]
    return {name: np.concatenate(column) for name, column in zip(names, zip(*parts, strict=True), strict=True)}


def agreement(e16: np.ndarray, e8: np.ndarray, other: dict[str, np.ndarray]) -> dict:
    gap16 = np.abs(e16.astype(np.int64) - other["e16"].astype(np.int64))
    gap8 = np.abs(e8.astype(np.int64) - other["e8"].astype(np.int64))
    return {
        "identical_int8": float((gap8 == 0).mean()),
        "identical_int16": float((gap16 == 0).mean()),
        "worst_int8": int(gap8.max()),
        "worst_int16": int(gap16.max()),
        "identical_windows": float((gap16 == 0).all(1).mean()),
    }


def compare(model: Model, graph: bytes, pieces: list[Recording]) -> dict:
    """Agreement of the compiled core and ONNX Runtime on stretches of 10 s."""
    encoder, rows = edgeecg.load(model), []
    for piece in pieces:
        options = {"fs": piece.fs, "gain": piece.gain, "nan": "mask"}
        e16 = encoder.embed(piece.signal, **options)[0] * 2.0**model.head.exponent
        e8 = encoder.embed(piece.signal, **options, dtype="int8")[0]
        y = encoder.front_end(piece.signal, **options)[: model.front.window, 0]
        rows.append((y, e16, e8, jit.levels(canonical(piece), round(piece.fs * 1000), model.front, [0])[0]))
    y, e16, e8, levels = (np.stack(column) for column in zip(*rows, strict=True))
    other = run_onnx(session(graph), y, levels if model.head.levels else None)
    return {"windows": len(y), **agreement(e16, e8, other)}
