"""Quantization-aware training: the integers of a model file, trained for a few minutes to follow the float encoder.

Post-training quantization rounds every weight to its nearest step. Here the same integer network runs in torch with
straight-through rounding (Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018), and its weights and biases move until its embedding is closer to that of
the float encoder. It needs no labels and takes any windows. Multipliers and zero points stay, so the ranges of
docs/numerics.md hold.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edgeecg.model import Layer, Model
from train.data.front_end import SCALE, ZERO
from train.engine import Learner, Options, Place, fit_in_memory
from train.nets import Encoder


def rounded(x: Tensor) -> Tensor:
    """Round half up; the gradient passes straight through."""
    return x + ((x + 0.5).floor() - x).detach()


class IntegerConv(nn.Module):
    """A `conv` layer. Tensors are (N, channels, 1, frames) of bytes minus their zero point, so padding is 0.

    Trained are the weights in their own steps, and the bias in steps of the output (a step of the accumulator would be
    a hundred times too small for one learning rate).
    """

    def __init__(self, layer: Layer, zero_point: int):
        super().__init__()
        self.layer = layer
        weights = torch.from_numpy(layer.weights.astype(np.float32))  # (cout, kernel, cin / groups)
        self.weights = nn.Parameter(weights.permute(0, 2, 1)[:, :, None].contiguous(memory_format=torch.channels_last))
        shift = 14 if layer.requant == 0 else 22
        self.register_buffer("mult", column(layer.mult) / 2**shift)
        self.register_buffer("mult_neg", self.mult if layer.requant == 0 else column(layer.mult_neg) / 2**shift)
        self.register_buffer("add", torch.zeros(()) if layer.requant == 0 else column(layer.add) / 2**shift)
        sums = layer.weights.astype(np.int64).sum((1, 2)) * zero_point  # the file's bias holds the zero point's share
        self.register_buffer("unit", 1 / self.mult.abs().clamp(min=2.0**-shift))
        self.bias = nn.Parameter(column(layer.bias + sums) / self.unit)

    def forward(self, x: Tensor) -> Tensor:
        layer = self.layer
        x = F.pad(x, (layer.pad_left, layer.kernel - 1 - layer.pad_left))
        weights = rounded(self.weights.clamp(-127, 127))
        acc = F.conv2d(x, weights, stride=(1, layer.stride), groups=layer.groups)
        acc = acc[..., : -(-(x.shape[-1] - layer.kernel + 1) // layer.stride)] + rounded(self.bias * self.unit)
        out = rounded(acc * torch.where(acc >= 0, self.mult, self.mult_neg) + self.add)
        return out.clamp(-layer.zp_out, 255 - layer.zp_out)

    def integers(self, zero_point: int) -> Layer:
        """The layer with the trained integers."""
        q = rounded(self.weights.detach().clamp(-127, 127))[:, :, 0].permute(0, 2, 1).numpy().astype(np.int8)
        bias = rounded((self.bias * self.unit).detach()).double().numpy().reshape(-1)
        bias = bias - zero_point * q.astype(np.int64).sum((1, 2))
        return replace(self.layer, weights=q, bias=np.clip(bias, -(2**30), 2**30).astype(np.int32))


class IntegerHead(nn.Module):
    """Pooling and the last linear layer: (N, C, frames) minus the zero point -> e16 in real units, (N, dim)."""

    def __init__(self, model: Model):
        super().__init__()
        self.head, self.zero = model.head, model.zero_points[-1]
        head = self.head
        self.weights = nn.Parameter(torch.from_numpy(head.weights.astype(np.float32)))
        self.register_buffer("scale", torch.from_numpy(head.mult.astype(np.float32)) * 2.0 ** -(6 + head.exponent))
        self.register_buffer("unit", 2.0**-4 / self.scale)  # a 16th of a deviation: what e8 counts
        self.bias = nn.Parameter(torch.from_numpy((head.bias + self.zero_share()).astype(np.float32)) / self.unit)
        if head.pool != 2:
            self.register_buffer("mean", torch.from_numpy(head.mean_mult.astype(np.float32)) / 2**14)

    def zero_share(self) -> np.ndarray:
        """The contribution of the features' zero points to each sum: (dim,) int64."""
        width = self.head.weights.shape[1] // (2 if self.head.pool == 3 else 1)
        kinds = {1: [self.head.zp_mean], 2: [self.zero], 3: [self.head.zp_mean, self.zero]}[self.head.pool]
        return self.head.weights.astype(np.int64) @ np.repeat(kinds, width)

    def forward(self, frames: Tensor) -> Tensor:
        frames, head, features = frames[:, :, : self.head.frames], self.head, []
        if head.pool != 2:
            features.append(rounded(frames.sum(-1) * self.mean).clamp(-head.zp_mean, 255 - head.zp_mean))
        if head.pool != 1:
            features.append(frames.amax(-1))
        acc = torch.cat(features, 1) @ rounded(self.weights.clamp(-127, 127)).T + rounded(self.bias * self.unit)
        return acc * self.scale

    def integers(self):
        q = rounded(self.weights.detach().clamp(-127, 127)).numpy().astype(np.int8)
        self.head = replace(self.head, weights=q)
        bias = rounded((self.bias * self.unit).detach()).double().numpy() - self.zero_share()
        return replace(self.head, bias=np.clip(bias, -(2**30), 2**30).astype(np.int32))


class IntegerNetwork(nn.Module):
    """A model file from the front end's bytes to the embedding, in binary32 that holds its integers.

    Accumulators below 2^24 are exact; their product with a multiplier is rounded to 24 bits, so a tie may fall to the
    other side. That is for training only: what counts is measured on the integers afterwards.
    """

    def __init__(self, model: Model):
        super().__init__()
        self.model = model
        zeros = model.zero_points
        convs = {str(i): IntegerConv(a, zeros[a.src_a]) for i, a in enumerate(model.layers) if a.op == "conv"}
        self.convs, self.head = nn.ModuleDict(convs), IntegerHead(model)

    def forward(self, y: Tensor) -> Tensor:
        """`y` (N, length) bytes -> (N, dim) in units of the embedding's deviation."""
        tensors = [(y.float() - ZERO)[:, None, None].contiguous(memory_format=torch.channels_last)]
        for i, layer in enumerate(self.model.layers):
            a = tensors[layer.src_a]
            if layer.op == "conv":
                tensors.append(self.convs[str(i)](a))
            elif layer.op == "add":
                total = rounded((a * layer.m_a + tensors[layer.src_b] * layer.m_b) / 2**14)
                tensors.append(total.clamp(-layer.zp_out, 255 - layer.zp_out))
            else:
                a = F.pad(a, (layer.pad_left, layer.kernel - 1 - layer.pad_left), value=-torch.inf)
                tensors.append(F.max_pool2d(a, (1, layer.kernel), (1, layer.stride)))
        return self.head(tensors[-1][:, :, 0])

    def integers(self) -> Model:
        zeros = self.model.zero_points
        layers = [
            self.convs[str(i)].integers(zeros[layer.src_a]) if layer.op == "conv" else layer
            for i, layer in enumerate(self.model.layers)
        ]
        return replace(self.model, layers=tuple(layers), head=self.head.integers())


def column(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float64).astype(np.float32))[:, None, None]


class FollowFloat(Learner):
    """The integer network, trained to give the embedding of the float encoder on the windows of `batches`."""

    stateful = True

    def __init__(
        self, model: Model, encoder: Encoder, batches: Iterator[Tensor], moments: tuple[np.ndarray, np.ndarray]
    ):
        super().__init__()
        self.network, self.batches = IntegerNetwork(model), batches
        self.teacher = (encoder.eval(),)  # in a tuple: it is not trained
        self.mean, self.deviation = (torch.from_numpy(m).float() for m in moments)

    def draw(self, count: int, place: Place) -> dict[str, Tensor]:
        return {"x": next(self.batches)}

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        x = batch["x"]
        with torch.no_grad():
            target = (self.teacher[0](x) - self.mean) / self.deviation
        error = (self.network(x * SCALE + ZERO) - target).square().sum(1) / target.square().sum(1).clamp(min=1.0)
        return error.mean() + error.topk(max(1, len(x) // 8)).values.mean(), {}


def follow(
    model: Model,
    encoder: Encoder,
    batches: Iterator[Tensor],
    moments: tuple[np.ndarray, np.ndarray],
    steps: int,
    rate: float = 0.02,
) -> Model:
    """`model` after `steps` of training towards `encoder`, on real network input (N, 1280) from `batches`.

    `moments`: mean and deviation (dim,) of the float embedding that the file's dimensions are standardized by. The loss
    is the squared distance between the embeddings over the squared length of the float one, averaged over the batch
    and, to reach the tail that a mean hides, over its worst eighth. `rate` is in steps of a weight; it falls as a
    cosine.
    """
    learner = FollowFloat(model, encoder, batches, moments)
    options = Options(steps=steps, lr=rate, beta2=0.99, weight_decay=0.0, warmup=0.0, clip=math.inf, device="cpu")
    fit_in_memory(learner, options, "following the float encoder")
    return learner.network.integers()
