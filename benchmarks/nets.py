"""The networks that are compared, each built once as files that every runtime can read.

A folder holds `model.eecg`, `float.onnx`, `int8.onnx` (quantized by ONNX Runtime's own tool, uint8 activations and int8
weights), `export.onnx` (what train/export.py writes), `encoder.pt`, `spec.json` with `weights.npz` (batch norms folded)
for torch, and the input: `signal.npy`, (256, 1280) float32 mV, and `input.npy`, the same windows as the network sees
them.

    edge, basic_cnn, resnet1d   the encoders of train/nets behind the whole front end
    m1, m2, m3                  the reference networks: random weights, no front end, floats at 128 Hz in
"""

import argparse
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from edgeecg.constants import RATE, RATE_MHZ, WINDOW, ZERO_POINT

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "bench-nets"
BATCH, CALIBRATION = 256, 64
DIRECT_GAIN = 2097  # 16 steps a unit, as the full front end has: 16 / 8000 * 2^20
NAMES = ("edge", "basic_cnn", "m1", "m2", "m3")
SOURCES = (
    "benchmarks/nets.py",
    "benchmarks/onnx_float.py",
    "train/quantization/post_training.py",
    "train/quantization/onnx_export.py",
    "edgeecg/_model/encode.py",
    "edgeecg/_model/layout.py",
)


def m1():
    """1.70 M multiply-accumulates: depthwise-separable, four stages of stride 2."""
    from train.nets import Conv, Head, Spec

    layers, width = [Conv(0, 1, 16, 7, 2)], 16
    for cout in (32, 64, 96, 128):
        layers.append(Conv(len(layers), width, width, 7, 2, groups=width))
        layers.append(Conv(len(layers), width, cout, 1))
        width = cout
    return Spec("m1", tuple(layers), Head("mean", 128))


def m2():
    """89.6 M: a residual network of 2 + 2 + 2 + 2 basic blocks."""
    from train.nets import resnet1d

    return resnet1d()


def m3():
    """27.8 M: four dense convolutions with pooling between them."""
    from train.nets import Conv, Head, MaxPool, Spec

    layers, width = [], 1
    for cout, kernel in ((32, 7), (64, 5), (128, 5), (128, 3)):
        if layers:
            layers.append(MaxPool(len(layers), 2, 2))
        layers.append(Conv(len(layers), width, cout, kernel))
        width = cout
    return Spec("m3", tuple(layers), Head("mean", 128))


def spec_of(name: str):
    from train.nets import ENCODERS

    return {"m1": m1, "m2": m2, "m3": m3}[name]() if name in ("m1", "m2", "m3") else ENCODERS[name]()


def ecg(n: int, seed: int = 0, fs: float = RATE) -> np.ndarray:
    """(n,) float32 mV: beats of five Gaussians (McSharry et al., IEEE TBME 50(3), 2003) whose rate, size, shape and
    noise differ from seed to seed."""
    rng = np.random.default_rng(seed)
    rate = rng.uniform(0.8, 2.5) * (1 + 0.1 * np.sin(2 * np.pi * rng.uniform(0.05, 0.4) * np.arange(n) / fs))
    angle = (2 * np.pi * np.cumsum(rate) / fs + rng.uniform(0, 6)) % (2 * np.pi) - np.pi
    waves = ((-1.2, 0.15, 0.25), (-0.26, -0.12, 0.1), (0, 1.2, 0.1), (0.26, -0.25, 0.1), (1.75, 0.3, 0.4))
    beats = sum(rng.normal(height, 0.3) * np.exp(-0.5 * ((angle - at) / width) ** 2) for at, height, width in waves)
    return (beats + rng.uniform(0.01, 0.3) * rng.normal(size=n)).astype(np.float32)


def folder(name: str) -> Path:
    """The folder of a network's files, built where it is missing or older than what makes them."""
    spec = json.dumps(spec_of(name).to_dict(), sort_keys=True)
    digest = hashlib.sha256(spec.encode())
    for source in SOURCES:
        digest.update((ROOT / source).read_bytes())
    target = CACHE / f"{name}-{digest.hexdigest()[:12]}"
    if not target.exists():
        for old in CACHE.glob(f"{name}-*"):
            shutil.rmtree(old)
        CACHE.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=CACHE))
        try:
            build(name, work)
            os.replace(work, target)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return target


def build(name: str, target: Path) -> None:
    import onnx
    import torch

    from benchmarks import onnx_float
    from edgeecg import jit
    from edgeecg.model import default_front_end
    from train.nets import Encoder
    from train.quantization.onnx_export import onnx_model
    from train.quantization.post_training import quantize

    torch.manual_seed(0)
    spec = spec_of(name)
    encoder = Encoder(spec)
    front = default_front_end(kind=0, direct_gain=DIRECT_GAIN) if name.startswith("m") else default_front_end()
    signal = np.stack([ecg(WINDOW, seed) for seed in range(BATCH)])
    x = signal * 4 if front.kind == 0 else network_input(signal, front)
    settle(encoder, torch.from_numpy(x[:CALIBRATION]))
    model, _ = quantize(encoder, torch.from_numpy(np.round(x[:CALIBRATION] * 16) / 16), front, name, engine=jit)
    model.save(target / "model.eecg")
    np.save(target / "signal.npy", x if front.kind == 0 else signal)
    np.save(target / "input.npy", x)
    weights = onnx_float.folded_weights(encoder)
    np.savez(target / "weights.npz", **weights)
    (target / "spec.json").write_text(json.dumps(spec.to_dict()))
    torch.save(encoder.state_dict(), target / "encoder.pt")
    onnx.save(onnx_float.graph(spec, weights), target / "float.onnx")
    onnx_float.quantize(target / "float.onnx", target / "int8.onnx", x[:CALIBRATION])
    onnx.save(onnx_model(model, "qdq", batch=None), target / "export.onnx")


def settle(encoder, x) -> None:
    """Random weights, but batch norms that fit them: every activation has a scale that is worth quantizing."""
    import torch

    for unit in encoder.units.values():
        unit.norm.momentum = 1.0
    with torch.no_grad():
        encoder.train()(x)
    encoder.eval()


def network_input(signal: np.ndarray, front) -> np.ndarray:
    """Rows of mV as the torch encoder reads them: (y - 128) / 16 of the front end's bytes."""
    from edgeecg import reference

    rows = [reference.front_end(reference.samples(row)[0], RATE_MHZ, front)[:, 0] for row in signal]
    return ((np.stack(rows).astype(np.float32) - ZERO_POINT) / 16).astype(np.float32)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Build the networks that the benchmarks compare.")
    parser.add_argument("names", nargs="*", default=NAMES)
    for each in parser.parse_args().names:
        print(folder(each))
