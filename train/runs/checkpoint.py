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
from edgeecg.errors import EdgeECGError, InputError
from train.nets import Encoder, Spec
from train.nets.autoencoder import Autoencoder, Shape

CHECKSUM = "sha256"  # of a file's tensors and of all else that it states
FORMAT = {"format": "2"}  # in the file's header, beside the checksum: a file with one and not the other is damaged


def save_tensors(path: Path, tensors: dict[str, Tensor], meta: dict) -> None:
    """Write at once or not at all; contents reach the disk before the name does."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    tensors = {name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}
    meta = {**meta, CHECKSUM: checksum(tensors, meta)}
    try:
        save_file(tensors, part, {"edgeecg": json.dumps(meta), **FORMAT})
        with open(part, "rb") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    except SafetensorError as error:  # a full disk, for instance
        raise EdgeECGError(f"{path} cannot be written: {error}") from error
    finally:
        part.unlink(missing_ok=True)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict]:
    """What `save_tensors` wrote. Raises InputError for a file that is damaged, or is of something else."""
    if not Path(path).is_file():
        raise InputError(f"{path} does not exist")
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            meta = json.loads(header.get("edgeecg", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, ValueError) as error:
        raise InputError(f"{path} is not a readable safetensors file: {error}") from error
    if not isinstance(meta, dict):
        raise InputError(f"{path} was not written by edgeecg's training")
    version, newest = header.get("format", FORMAT["format"]), FORMAT["format"]
    if version != newest:
        raise InputError(f"{path} is of format version {version}, this version of edgeecg reads up to {newest}")
    stated = meta.pop(CHECKSUM, None)
    first_format = stated is None and header.keys() == {"edgeecg"}  # it had no checksum
    if not first_format and stated != checksum(tensors, meta):
        raise InputError(f"{path} is damaged: its checksum does not match")
    return tensors, meta


def checksum(tensors: dict[str, Tensor], meta: dict) -> str:
    """SHA-256 of names, types, shapes and values of all tensors, and of what is stated beside them."""
    digest = hashlib.sha256(json.dumps(meta, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy() if tensor.numel() else b"")
    return digest.hexdigest()


def save_training(path: Path, modules: dict[str, nn.Module], optimizer: torch.optim.Optimizer, meta: dict) -> None:
    tensors = {}
    for name, module in modules.items():
        tensors |= {f"{name}.{key}": value for key, value in module.state_dict().items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{key}": value for key, value in state.items()}
    save_tensors(path, tensors, meta)


def load_training(path: Path, modules: dict[str, nn.Module], optimizer: torch.optim.Optimizer) -> dict:
    """Restore in place what `save_training` wrote; returns its `meta`.

    Raises InputError where anything that the next step depends on is missing.
    """
    tensors, meta = load_tensors(path)
    state: dict[int, dict] = {}
    for key, value in strip_prefix(tensors, "optimizer.").items():
        number, _, field = key.partition(".")
        state.setdefault(int(number) if number.isdigit() else -1, {})[field] = value
    wanted = sum(p.requires_grad for group in optimizer.param_groups for p in group["params"])
    if not 0 < len(state) <= wanted or -1 in state or len({frozenset(fields) for fields in state.values()}) > 1:
        raise InputError(f"{path} is no checkpoint of a training: the optimizer's state is missing")
    try:
        for name, module in modules.items():
            module.load_state_dict(strip_prefix(tensors, f"{name}."))
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    except (KeyError, RuntimeError, ValueError) as error:
        raise InputError(f"{path} belongs to another configuration: {error}") from error
    return meta


def model_fingerprint(name: str) -> str:
    """Which bytes a model's name stands for now: the id of a bundled or exported one, a hash of a checkpoint."""
    return file_fingerprint(name) if name.endswith(".safetensors") else edgeecg.load(name).model.id


def file_fingerprint(name: str) -> str:
    """A hash of a file's bytes; what is no file (the suffix of annotation files) stands for itself."""
    if not name.endswith((".safetensors", ".csv")) and not Path(name).exists():
        return name
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
