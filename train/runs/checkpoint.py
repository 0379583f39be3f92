"""Checkpoints: tensors in safetensors, the rest as JSON in its header. Nothing is pickled.

A training checkpoint holds everything that the next step depends on: weights and buffers of every module, the
optimizer's state, and the loop's `meta`. So a killed run continues bit for bit.
"""

import hashlib
import json
import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

import edgeecg
from edgeecg.errors import InputError
from train.nets import Encoder, Spec
from train.nets.autoencoder import Autoencoder, Shape


def save_tensors(path: Path, tensors: dict[str, Tensor], meta: dict) -> None:
    """Write at once or not at all; contents reach the disk before the name does."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    tensors = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    try:
        save_file(tensors, part, {"edgeecg": json.dumps(meta)})
        with open(part, "rb") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict]:
    if not Path(path).is_file():
        raise InputError(f"{path} does not exist")
    try:
        with safe_open(path, "pt") as file:
            meta = json.loads((file.metadata() or {}).get("edgeecg", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, ValueError) as error:
        raise InputError(f"{path} is not a readable safetensors file: {error}") from error
    if not isinstance(meta, dict):
        raise InputError(f"{path} was not written by edgeecg's training")
    return tensors, meta


def save_training(path: Path, modules: dict[str, nn.Module], optimizer: torch.optim.Optimizer, meta: dict) -> None:
    tensors = {}
    for name, module in modules.items():
        tensors |= {f"{name}.{key}": value for key, value in module.state_dict().items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{key}": value for key, value in state.items()}
    save_tensors(path, tensors, meta)


def load_training(path: Path, modules: dict[str, nn.Module], optimizer: torch.optim.Optimizer) -> dict:
    """Restore in place what `save_training` wrote; returns its `meta`."""
    tensors, meta = load_tensors(path)
    try:
        for name, module in modules.items():
            module.load_state_dict(strip_prefix(tensors, f"{name}."))
        state: dict[int, dict] = {}
        for key, value in strip_prefix(tensors, "optimizer.").items():
            number, _, field = key.partition(".")
            state.setdefault(int(number), {})[field] = value
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    except (KeyError, RuntimeError, ValueError) as error:
        raise InputError(f"{path} belongs to another configuration: {error}") from error
    return meta


def model_fingerprint(name: str) -> str:
    """Which bytes a model's name stands for now: the id of a bundled or exported one, a hash of a checkpoint."""
    if not name.endswith(".safetensors"):
        return edgeecg.load(name).model.id
    try:
        return hashlib.sha256(Path(name).read_bytes()).hexdigest()[:12]
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}") from error


def strip_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}


def save_encoder(path: Path, encoder: Encoder, meta: dict) -> None:
    """The encoder alone, with its description: what `train/export.py` reads."""
    save_tensors(path, encoder.state_dict(), {"spec": encoder.spec.to_dict(), **meta})


def load_encoder(path: Path) -> tuple[Encoder, dict]:
    """An encoder in evaluation mode and the metadata that it was saved with."""
    tensors, meta = load_tensors(path)
    if "spec" not in meta:
        raise InputError(f"{path} holds no encoder: give the encoder.safetensors of a finished run")
    try:
        encoder = Encoder(Spec.from_dict(meta["spec"]))
        encoder.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        raise InputError(f"{path} does not fit its own description: {error}") from error
    return encoder.eval(), meta


def save_autoencoder(path: Path, autoencoder: Autoencoder, meta: dict) -> None:
    save_tensors(path, autoencoder.state_dict(), {"autoencoder": autoencoder.shape.to_dict(), **meta})


def load_autoencoder(path: Path) -> tuple[Autoencoder, dict]:
    """A finished autoencoder in evaluation mode and the metadata that it was saved with."""
    tensors, meta = load_tensors(path)
    if "autoencoder" not in meta:
        raise InputError(f"{path} holds no autoencoder: give the autoencoder.safetensors of a finished run")
    try:
        autoencoder = Autoencoder(Shape(**meta["autoencoder"]))
        autoencoder.load_state_dict(tensors)
    except (TypeError, RuntimeError) as error:
        raise InputError(f"{path} does not fit its own description: {error}") from error
    return autoencoder.eval(), meta
