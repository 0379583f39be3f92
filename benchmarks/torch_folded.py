"""A network of the benchmarks in plain torch: folded weights, no batch norm, traceable and convertible."""

import json
import math
from pathlib import Path

import numpy as np
import torch
from torch import nn

from edgeecg.constants import WINDOW

LEAKY_SLOPE = 0.01


def frames_of(spec: dict) -> tuple[int, int]:
    """Frames of a window that the head pools, and frames that the trunk gives (rounded up at each stride)."""
    strides, at, length = [], len(spec["layers"]), WINDOW
    while at:
        layer = spec["layers"][at - 1]
        strides.append(layer.get("stride", 1))
        at = layer["source"]
    for stride in reversed(strides):
        length = -(-length // stride)
    return WINDOW // math.prod(strides), length


class Folded(nn.Module):
    """(N, 1280) -> (N, dim). Conv2d with (1, k) kernels in channels-last memory, or Conv1d."""

    def __init__(self, spec: dict, weights: dict[str, np.ndarray], two_dimensional: bool):
        super().__init__()
        self.two, self.spec = two_dimensional, spec
        self.stages, self.activations, self.sources = nn.ModuleList(), nn.ModuleList(), []
        for i, layer in enumerate(spec["layers"]):
            if layer["op"] == "Conv":
                self.stages.append(self.conv(layer, weights[f"w{i}"], weights[f"b{i}"]))
                act = {"relu": nn.ReLU(), "leaky": nn.LeakyReLU(LEAKY_SLOPE), "none": nn.Identity()}[layer["act"]]
            else:
                kind = nn.MaxPool2d if two_dimensional else nn.MaxPool1d
                pool = layer["op"] == "MaxPool"
                self.stages.append(
                    kind(self.size(layer["kernel"]), self.size(layer["stride"])) if pool else nn.Identity()
                )
                act = nn.Identity() if pool else nn.ReLU()
            if f"slope{i}" in weights:
                act = nn.Sequential(
                    act, Affine(weights[f"slope{i}"], weights[f"offset{i}"], 2 if two_dimensional else 1)
                )
            self.activations.append(act)
        average, largest = (nn.AvgPool2d, nn.MaxPool2d) if two_dimensional else (nn.AvgPool1d, nn.MaxPool1d)
        self.frames, length = frames_of(spec)
        self.cut = length != self.frames
        self.average, self.largest = average(self.size(self.frames)), largest(self.size(self.frames))
        self.linear = nn.Linear(weights["w"].shape[1], weights["w"].shape[0])
        self.linear.load_state_dict({"weight": torch.from_numpy(weights["w"]), "bias": torch.from_numpy(weights["b"])})
        if two_dimensional:
            self.to(memory_format=torch.channels_last)

    def size(self, n: int):
        return (1, n) if self.two else n

    def conv(self, layer: dict, weight: np.ndarray, bias: np.ndarray) -> nn.Module:
        left = (layer["kernel"] - 1) // 2
        if layer["kernel"] % 2 == 0:
            raise ValueError("kernels of the compared networks are odd")
        module = (nn.Conv2d if self.two else nn.Conv1d)(
            layer["cin"],
            layer["cout"],
            self.size(layer["kernel"]),
            self.size(layer["stride"]),
            padding=(0, left) if self.two else left,
            groups=layer["groups"],
        )
        weight = torch.from_numpy(weight)
        module.load_state_dict({"weight": weight[:, :, None] if self.two else weight, "bias": torch.from_numpy(bias)})
        return module

    def forward(self, x):
        x = x[:, None, None] if self.two else x[:, None]
        tensors = [x]
        for i, layer in enumerate(self.spec["layers"]):
            source = tensors[layer["source"]]
            value = source + tensors[layer["other"]] if layer["op"] == "Add" else self.stages[i](source)
            tensors.append(self.activations[i](value))
        pools = {"mean": self.average, "max": self.largest}
        frames = tensors[-1][..., : self.frames] if self.cut else tensors[-1]
        features = [pools[kind](frames).flatten(1) for kind in self.spec["head"]["pool"].split("_")]
        return self.linear(features[0] if len(features) == 1 else torch.cat(features, 1))


class Affine(nn.Module):
    """What is left of a batch norm behind an activation."""

    def __init__(self, slope: np.ndarray, offset: np.ndarray, dimensions: int):
        super().__init__()
        shape = (1, -1) + (1,) * dimensions
        self.register_buffer("slope", torch.from_numpy(slope).reshape(shape))
        self.register_buffer("offset", torch.from_numpy(offset).reshape(shape))

    def forward(self, x):
        return x * self.slope + self.offset


def folded(folder: Path, two_dimensional: bool = True) -> Folded:
    weights = dict(np.load(folder / "weights.npz"))
    return Folded(json.loads((folder / "spec.json").read_text()), weights, two_dimensional).eval()
