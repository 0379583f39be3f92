"""The torch form of a `Spec`.

Convolutions run as Conv2d with kernels (1, k) in channels-last memory: the same numbers as Conv1d, trained about 1.6
times faster on a CPU (oneDNN has channels-last kernels for 2-D only).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edgeecg.constants import WINDOW
from train.nets.spec import Add, Conv, MaxPool, Spec

LEAKY_SLOPE = 0.01


class ConvUnit(nn.Module):
    """Convolution, batch norm and activation of one `Conv`. (N, cin, 1, L) -> (N, cout, 1, ceil(L / stride))."""

    def __init__(self, layer: Conv):
        super().__init__()
        self.layer = layer
        symmetric = layer.kernel % 2 == 1  # then the layer pads for itself, without a copy
        self.extra = () if symmetric else (layer.pad_left, layer.kernel - 1 - layer.pad_left)
        self.conv = nn.Conv2d(
            layer.cin,
            layer.cout,
            (1, layer.kernel),
            (1, layer.stride),
            padding=(0, layer.pad_left if symmetric else 0),
            groups=layer.groups,
            bias=False,
        )
        self.norm = nn.BatchNorm2d(layer.cout)

    def activate(self, x: Tensor) -> Tensor:
        if self.layer.act == "relu":
            return F.relu(x, inplace=True)
        return F.leaky_relu(x, LEAKY_SLOPE) if self.layer.act == "leaky" else x

    def convolve(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, self.extra) if self.extra else x)

    def forward(self, x: Tensor) -> Tensor:
        x = self.convolve(x)
        return self.norm(self.activate(x)) if self.layer.order == "act_norm" else self.activate(self.norm(x))


class Encoder(nn.Module):
    """Trunk and head. Input: real samples `(y - 128) / 16` of the front end's bytes, (N, L) or (N, channels, L)."""

    def __init__(self, spec: Spec):
        super().__init__()
        self.spec = spec
        spec.shapes()  # a spec that does not fit together fails here, with a sentence
        units = {str(i): ConvUnit(layer) for i, layer in enumerate(spec.layers) if isinstance(layer, Conv)}
        self.units = nn.ModuleDict(units)
        self.linear = nn.Linear(spec.features, spec.head.dim)
        self.to(memory_format=torch.channels_last)

    def tensors(self, x: Tensor) -> list[Tensor]:
        """Every tensor of the trunk, numbered as in `Spec`: each (N, channels, 1, frames)."""
        if x.ndim == 2:
            x = x[:, None]
        if self.spec.standardize:
            x = (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-6)
        x = x[:, :, None].contiguous(memory_format=torch.channels_last)
        tensors = [x]
        for i, layer in enumerate(self.spec.layers):
            source = tensors[layer.source]
            if isinstance(layer, Conv):
                tensors.append(self.units[str(i)](source))
            elif isinstance(layer, Add):
                tensors.append(F.relu(source + tensors[layer.other]))
            else:
                tensors.append(max_pool(source, layer))
        return tensors

    def pool(self, frames: Tensor) -> Tensor:
        """Features of windows: (N, C, frames) -> (N, C or 2 C)."""
        kinds = {"mean": lambda t: t.mean(-1), "max": lambda t: t.amax(-1)}
        return torch.cat([kinds[kind](frames) for kind in self.spec.head.pool.split("_")], 1)

    def forward(self, x: Tensor, margin: int = 0) -> Tensor:
        """Embeddings (N, dim) of the windows that start `margin` samples into each row.

        The samples before and after a window are its real context. With a `margin` of 0 and rows of one window, each
        row is a recording of 10 s.
        """
        frames = self.tensors(x)[-1][:, :, 0]
        start, count = margin // self.spec.total_stride, WINDOW // self.spec.total_stride
        return self.linear(self.pool(frames[:, :, start : start + count]))


def max_pool(x: Tensor, layer: MaxPool) -> Tensor:
    """Maximum over the frames that exist: padding is minus infinity."""
    left = (layer.kernel - 1) // 2
    x = F.pad(x, (left, layer.kernel - 1 - left), value=-torch.inf)
    return F.max_pool2d(x, (1, layer.kernel), (1, layer.stride))
