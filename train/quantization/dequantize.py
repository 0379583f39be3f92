"""A model file as a float encoder again, to continue training from it: the reverse of
train/quantization/batch_norm_folding.py and train/quantization/post_training.py.

What rounding lost stays lost; the encoder computes what the integers represent, without their steps. A batch norm that
was folded into its convolution cannot be recovered. So each batch norm gets factors of 1, each convolution is scaled
until every channel has a standard deviation of 1 on some windows, and the offsets add the rest. The function is the
same for any windows.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import edgeecg
from edgeecg.constants import WINDOW
from edgeecg.errors import InputError
from edgeecg.model import Layer, Model
from train.data.front_end import SCALE
from train.nets import ENCODERS, Conv, Encoder, Head, Spec
from train.nets.encoder import ConvUnit
from train.quantization.post_training import POOLS
from train.runs.checkpoint import load_encoder


@dataclass(frozen=True)
class PretrainedSource:
    """The source of initial weights: `encoder.safetensors` of a run, an .eecg file, or a bundled model's name."""

    name: str

    @property
    def is_float(self) -> bool:
        return self.name.endswith(".safetensors")

    def spec(self) -> Spec:
        return load_encoder(Path(self.name))[0].spec if self.is_float else spec_of(edgeecg.load(self.name).model)

    def must_be(self, name: str) -> None:
        """InputError where it has other layers than the encoder called `name`."""
        spec = self.spec()
        if spec.layers != ENCODERS[name]().layers:
            raise InputError(f"{self.name} is {spec.name}, not {name}: say so with --encoder")

    def encoder(self, windows: Tensor) -> Encoder:
        """In evaluation mode. `windows` (N, 1280) real network input, for a model file: see `dequantize`."""
        return load_encoder(Path(self.name))[0] if self.is_float else dequantize(edgeecg.load(self.name).model, windows)

    def training(self) -> dict:
        """What is known of its training: "sources", "steps", "minutes" and more."""
        if self.is_float:
            return load_encoder(Path(self.name))[1]
        meta = edgeecg.load(self.name).model.meta
        return {**meta.get("training", {}), "sources": meta.get("sources", [])}


@torch.no_grad()
def dequantize(model: Model, windows: Tensor) -> Encoder:
    """The float encoder that `model` stands for, without its levels. `windows` (N, 1280) real network input.

    InputError where it reads other input, or has layers that the bundled models lack: its own encoder.safetensors is
    needed.
    """
    encoder = Encoder(spec_of(model)).eval()
    t = windows[:, None, None].contiguous(memory_format=torch.channels_last)
    tensors, steps = [t], [np.full(model.front.channels, 1 / SCALE)]  # of each channel: what one integer is worth
    for number, layer in enumerate(model.layers):
        unit, source = encoder.units[str(number)], layer.src_a
        steps.append(fill(unit, layer, steps[source], model.zero_points[source], tensors[source]))
        tensors.append(unit(tensors[source]))
    weight, bias = last_layer(model, steps[-1])
    encoder.linear.weight.copy_(torch.from_numpy(weight))
    encoder.linear.bias.copy_(torch.from_numpy(bias))
    return encoder


def spec_of(model: Model) -> Spec:
    if model.front.kind != 1 or model.front.window != WINDOW:
        raise InputError(
            f"the model {model.name!r} does not read windows of {WINDOW} samples behind the usual front end, as "
            "training does"
        )
    layers = []
    for layer in model.layers:
        if layer.op != "conv" or layer.requant != 0 or layer.pad_left != (layer.kernel - 1) // 2:
            kind = "conv of another form" if layer.op == "conv" else layer.op
            raise InputError(
                f"the model {model.name!r} cannot be trained on for one of its layers ({kind}): give "
                "encoder.safetensors of its run"
            )
        act = "none" if layer.zp_out else "relu"
        layers.append(Conv(layer.src_a, layer.cin, layer.cout, layer.kernel, layer.stride, layer.groups, act))
    pool = {number: name for name, number in POOLS.items()}[model.head.pool]
    head = Head(pool, model.head.dim - model.head.levels, levels=bool(model.head.levels))
    return Spec(model.meta.get("encoder", model.name), tuple(layers), head, model.front.channels)


def fill(unit: ConvUnit, layer: Layer, step: np.ndarray, zero: int, source: Tensor) -> np.ndarray:
    """Gives `unit` the arithmetic of `layer`, on inputs of `step` (cin,) an integer.

    Returns what an integer of its output is worth (cout,): one over the channel's deviation on `source`.
    """
    mult = layer.mult / 2.0**14
    weights = layer.weights * mult[:, None, None]
    bias = layer.bias * mult + zero * weights.sum((1, 2))  # of a source that is 0 where its integers are `zero`
    per_group = (1 / step).reshape(layer.groups, -1)
    weights = weights * per_group[np.arange(layer.cout) * layer.groups // layer.cout][:, None]
    unit.conv.weight.copy_(torch.from_numpy(weights.transpose(0, 2, 1)[:, :, None].copy()))
    sums = unit.convolve(source).double()
    spread, mean = sums.std((0, 2, 3)).clamp(min=1e-6), sums.mean((0, 2, 3))
    unit.conv.weight.div_(spread[:, None, None, None])
    unit.norm.running_mean.copy_(mean / spread)
    unit.norm.running_var.fill_(1 - unit.norm.eps)
    unit.norm.bias.copy_((mean + torch.from_numpy(bias)) / spread)
    return 1 / spread.numpy()


def last_layer(model: Model, step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (dim, features) and bias (dim,) on the real pooled features, whose channels have `step`
    (C,) an integer.
    """
    head, zero = model.head, model.zero_points[-1]
    kept = head.dim - head.levels
    steps, zeros = [], []
    if head.mean_mult is not None:
        steps.append(step * (2.0**14 / head.frames) / head.mean_mult)
        zeros.append(np.full(len(step), head.zp_mean))
    if head.pool != POOLS["mean"]:
        steps.append(step)
        zeros.append(np.full(len(step), zero))
    unit = head.mult[:kept] * 2.0 ** -(6 + head.exponent)
    q = head.weights[:kept].astype(np.int64)
    bias = (head.bias[:kept] + q @ np.concatenate(zeros)) * unit
    return q * unit[:, None] / np.concatenate(steps), bias
