"""Checkpoints: tensors in safetensors, the rest as JSON in its header. Nothing is pickled.

A training checkpoint holds everything that the next step depends on: weights and buffers of every module, the
optimiser's state, the states of random generators where a training keeps any, and what its loop wrote into `meta`. So a
run that was killed continues bit for bit.
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


def save_training(
    path: Path,
    modules: dict[str, nn.Module],
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator | None,
    meta: dict,
) -> None:
    """`generator` None: the training keeps no random state from one step to the next."""
    tensors = {}
    if generator is not None:
        tensors = {"rng.global": torch.get_rng_state(), "rng.sampler": generator.get_state()}
    for name, module in modules.items():
        tensors |= {f"{name}.{key}": value for key, value in module.state_dict().items()}
    for number, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{key}": value for key, value in state.items()}
    save_tensors(path, tensors, meta)


def load_training(
    path: Path, modules: dict[str, nn.Module], optimiser: torch.optim.Optimizer, generator: torch.Generator | None
) -> dict:
    """Restore in place what `save_training` wrote; returns its `meta`."""
    tensors, meta = load_tensors(path)
    try:
        for name, module in modules.items():
            module.load_state_dict(strip_prefix(tensors, f"{name}."))
        state: dict[int, dict] = {}
        for key, value in strip_prefix(tensors, "optimiser.").items():
            number, _, field = key.partition(".")
            state.setdefault(int(number), {})[field] = value
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
        if generator is not None:
            torch.set_rng_state(tensors["rng.global"])
            generator.set_state(tensors["rng.sampler"])
    except (KeyError, RuntimeError, ValueError) as error:
        raise InputError(f"{path} belongs to another configuration: {error}") from error
    return meta


def identity(name: str) -> str:
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
