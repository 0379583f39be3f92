"""Post-training quantization: from a float encoder to the integers of a model file (docs/numerics.md).

Scales come from calibration windows. An activation's range leaves out only the highest millionth of its values, because
ectopic beats and noise are what saturates. Before that its channels are equalized
(train/quantization/cross_layer_equalization.py). Weights have one scale per output channel. The grid of the file
decides the rest: a requantization is `m / 2^14` with an integer `m`, so each channel's weight scale is *defined* by its
`m`, and the `m` with the smallest weight error is used. Layers are quantized in order and run in integers on the
calibration windows, and a layer's mean error goes into its bias (Nagel et al., "Data-Free Quantization Through Weight
Equalization and Bias Correction", ICCV 2019).
"""

from dataclasses import dataclass, replace

import numpy as np
import torch

from edgeecg import jit
from edgeecg.model import FrontEnd, Head, Layer, Model
from train.data.front_end import SCALE, ZERO
from train.nets import Add, Conv, Encoder, MaxPool
from train.quantization.batch_norm_folding import Folded, fold
from train.quantization.cross_layer_equalization import equalization_factors, scale_channels
from train.quantization.rounding import round_half_up

PERCENTILE = 99.9999
EXPONENT = 12  # embedding dimensions have a standard deviation of 1: int16 and int8 both reach 8 of them
POOLS = {"mean": 1, "max": 2, "mean_max": 3}


@dataclass(frozen=True)
class Scale:
    """A tensor's real value is `(q - zero) * step`."""

    step: float
    zero: int

    def real(self, q: np.ndarray) -> np.ndarray:
        return (q.astype(np.float64) - self.zero) * self.step


def tensor_scale(values: np.ndarray, unsigned: bool) -> Scale:
    """The scale of an activation from its calibration values; `unsigned` where a ReLU made them."""
    high = max(float(np.percentile(values, PERCENTILE)), 1e-6)
    if unsigned:
        return Scale(high / 255, 0)
    low = min(float(np.percentile(values, 100 - PERCENTILE)), -1e-6)
    step = (high - low) / 255
    return Scale(step, int(round_half_up(-low / step)))


class Quantizer:
    """Quantizes an encoder layer by layer. `windows` (N, 1280) real network input, `y` the same as bytes."""

    def __init__(self, encoder: Encoder, windows: torch.Tensor, engine=jit):
        self.encoder, self.engine = encoder.eval(), engine
        with torch.no_grad():
            tensors = [t[:, :, 0].permute(0, 2, 1).numpy() for t in encoder.tensors(windows)]
            self.embedding = encoder(windows).double().numpy()
        self.factors = equalization_factors(encoder.spec, tensors)
        self.target = [t / f.astype(np.float32) for t, f in zip(tensors, self.factors, strict=True)]
        y = (windows * SCALE + ZERO).round().to(torch.uint8).numpy()
        self.integers = [y.reshape(len(y), -1, 1)]
        self.scales = [Scale(1 / SCALE, ZERO)]
        self.layers: list[Layer] = []
        self.report: list[dict] = []

    def run(self) -> tuple[Layer, ...]:
        for number, layer in enumerate(self.encoder.spec.layers):
            if isinstance(layer, Conv):
                self.conv(layer, fold(self.encoder.units[str(number)]))
            elif isinstance(layer, Add):
                self.add(layer)
            else:
                self.max_pool(layer)
            self.note(layer)
        return tuple(self.layers)

    def compute(self, layer: Layer) -> np.ndarray:
        """A layer in integers on all calibration windows, each a recording of its own: (N, frames, channels)."""
        source, zero = self.integers[layer.src_a], self.scales[layer.src_a].zero
        if layer.op == "conv":
            return np.stack([self.engine.conv(a, layer, zero) for a in source])
        if layer.op == "add":
            other, zero_b = self.integers[layer.src_b], self.scales[layer.src_b].zero
            return np.stack([self.engine.add(a, b, layer, zero, zero_b) for a, b in zip(source, other, strict=True)])
        return np.stack([self.engine.max_pool(a, layer) for a in source])

    def keep(self, layer: Layer, scale: Scale, q: np.ndarray | None = None) -> None:
        self.layers.append(layer)
        self.scales.append(scale)
        self.integers.append(self.compute(layer) if q is None else q)

    def conv(self, spec: Conv, folded: Folded) -> None:
        source, number = self.scales[spec.source], len(self.layers) + 1
        folded = scale_channels(folded, spec, self.factors[spec.source], self.factors[number])
        plain = spec.order == "norm_act" and spec.act != "leaky"  # one multiplier does
        scale = tensor_scale(self.target[number], plain and spec.act == "relu")
        energy = np.square(self.integers[spec.source].astype(np.float64) - source.zero).mean((0, 1))
        layer = linear_conv(spec, folded, source, scale, energy) if plain else affine_conv(spec, folded, source, scale)
        q = self.compute(layer)
        if layer.requant == 0:
            layer, q = self.correct(layer, scale, q)
        self.keep(layer, scale, q)

    def correct(self, layer: Layer, scale: Scale, q: np.ndarray, rounds: int = 2) -> tuple[Layer, np.ndarray]:
        """Move each channel's mean error on the calibration windows into the bias; kept only where it helps."""
        target = self.target[len(self.layers) + 1]
        for _ in range(rounds):
            error = (scale.real(q) - target).mean((0, 1)) / scale.step
            bias = layer.bias - round_half_up(error * 2**14 / layer.mult)
            trial = replace(layer, bias=np.clip(bias, -(2**30), 2**30).astype(np.int32))
            result = self.compute(trial)
            if square_error(scale, result, target) >= square_error(scale, q, target):
                break
            layer, q = trial, result
        return layer, q

    def add(self, spec: Add) -> None:
        a, b = self.scales[spec.source], self.scales[spec.other]
        step = tensor_scale(self.target[len(self.layers) + 1], True).step
        step = max(step, max(a.step, b.step) * 2**14 / 32767)  # the multipliers have 15 bits
        m_a, m_b = (max(1, int(round_half_up(s.step / step * 2**14))) for s in (a, b))
        width = self.integers[spec.source].shape[2]
        layer = Layer("add", spec.source, spec.other, cin=width, cout=width, m_a=m_a, m_b=m_b)
        self.keep(layer, Scale(step, 0))

    def max_pool(self, spec: MaxPool) -> None:
        scale, width = self.scales[spec.source], self.integers[spec.source].shape[2]
        left = (spec.kernel - 1) // 2
        layer = Layer(
            "max_pool",
            spec.source,
            cin=width,
            cout=width,
            kernel=spec.kernel,
            stride=spec.stride,
            pad_left=left,
            zp_out=scale.zero,
        )
        self.keep(layer, scale)

    def note(self, spec) -> None:
        """A line of the error report about the layer just added."""
        layer, scale, q = self.layers[-1], self.scales[-1], self.integers[-1]
        target = self.target[len(self.layers)]
        top = (q == 255).mean() + ((q == 0).mean() if scale.zero else 0.0)
        self.report.append(
            {
                "tensor": len(self.layers),
                "op": layer.op,
                "shape": f"{layer.cin}->{layer.cout} k{layer.kernel} s{layer.stride}"
                + (f" g{layer.groups}" if layer.groups > 1 else ""),
                "snr_db": round(decibel(target, scale.real(q) - target), 2),
                "saturated": round(float(top), 6),
                "smallest_m": None if layer.mult is None else int(np.abs(layer.mult).min()),
                "dead_channels": int((q == scale.zero).all((0, 1)).sum()),
            }
        )

    def head(self, frames: int) -> Head:
        """The pooled features and the last linear layer, its outputs centered and scaled to unit deviation."""
        linear, pool, last = self.encoder.linear, self.encoder.spec.head.pool, self.scales[-1]
        weights, bias = linear.weight.detach().double().numpy(), linear.bias.detach().double().numpy()
        deviation = np.maximum(self.embedding.std(0), 1e-6)
        weights, bias = weights / deviation[:, None], (bias - self.embedding.mean(0)) / deviation
        channels = self.integers[-1].shape[2]
        mean_mult, zp_mean, steps, zeros = None, 0, [], []
        if pool != "max":
            mean_mult, zp_mean, step = mean_scale(self.target[-1][:, :frames].mean(1), last, frames)
            steps, zeros = [step], [np.full(channels, zp_mean)]
        if pool != "mean":
            steps, zeros = [*steps, np.full(channels, last.step)], [*zeros, np.full(channels, last.zero)]
        weights = weights * np.concatenate(steps) * np.tile(self.factors[-1], len(steps))
        m, q = round_weights(weights, 2.0 ** (6 + EXPONENT), np.ones(weights.shape[1]))
        unit = m * 2.0 ** -(6 + EXPONENT)
        bias = round_half_up(bias / unit) - q.astype(np.int64) @ np.concatenate(zeros)
        return Head(POOLS[pool], zp_mean, frames, len(q), EXPONENT, mean_mult, q, bias.astype(np.int32), m)


def linear_conv(spec: Conv, folded: Folded, source: Scale, scale: Scale, energy: np.ndarray) -> Layer:
    """requant 0: `q = rnd(acc * m, 14) + zero`, so a channel's weight step is its `m / 2^14`."""
    weights = folded.weights * (source.step / scale.step)
    inputs = energy.reshape(spec.groups, -1)[np.arange(spec.cout) * spec.groups // spec.cout]  # (cout, cin / groups)
    importance = np.broadcast_to(inputs[:, None], weights.shape)
    m, q = round_weights(
        weights.reshape(spec.cout, -1), 2.0**14, importance.reshape(spec.cout, -1), odd=scale.zero != 0
    )
    q = q.reshape(weights.shape)
    bias = round_half_up(folded.bias / scale.step * 2.0**14 / m) - source.zero * q.astype(np.int64).sum((1, 2))
    return Layer(
        "conv",
        spec.source,
        cin=spec.cin,
        cout=spec.cout,
        groups=spec.groups,
        kernel=spec.kernel,
        stride=spec.stride,
        pad_left=spec.pad_left,
        zp_out=scale.zero,
        weights=q,
        bias=np.clip(bias, -(2**30), 2**30).astype(np.int32),
        mult=m,
    )


def affine_conv(spec: Conv, folded: Folded, source: Scale, scale: Scale) -> Layer:
    """requant 1: a slope for each sign and an offset, at 22 fractional bits: an activation, then a batch norm."""
    weights = folded.weights * (source.step / scale.step)
    step = np.maximum(np.abs(weights).max((1, 2)), 1e-12) / 127
    q = round_half_up(weights / step[:, None, None]).astype(np.int8)
    factor = folded.slope * step * 2**22
    bias = round_half_up(folded.bias / scale.step / step) - source.zero * q.astype(np.int64).sum((1, 2))
    return Layer(
        "conv",
        spec.source,
        cin=spec.cin,
        cout=spec.cout,
        groups=spec.groups,
        kernel=spec.kernel,
        stride=spec.stride,
        pad_left=spec.pad_left,
        requant=1,
        zp_out=scale.zero,
        weights=q,
        bias=bias.astype(np.int32),
        mult=round_half_up(factor).astype(np.int32),
        mult_neg=round_half_up(factor * folded.leak).astype(np.int32),
        add=round_half_up(folded.offset / scale.step * 2**22).astype(np.int32),
    )


def round_weights(
    weights: np.ndarray, ratio: float, importance: np.ndarray, odd: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of weights -> (m (rows,) int16, q like weights int8) with `weights` near `q * m / ratio`.

    Of the multipliers that clip little or nothing, each row takes the one with the smallest error, weighted by
    `importance` (the mean square of the input that a weight meets). odd: of odd multipliers alone, with which one sum
    in 2^14 lies exactly between two results; below zero such a tie is rounded differently by other engines.
    """
    full = np.abs(weights).max(1) * ratio / 127  # the real multiplier that just uses the range
    best, m = np.full(len(weights), np.inf), np.ones(len(weights), np.int64)
    for wanted in (np.ceil(full), *(round_half_up(full * share) for share in np.linspace(0.7, 1.15, 46))):
        trial = np.clip(wanted, 1, 8191)
        trial = trial // 2 * 2 + 1 if odd else trial
        q = np.clip(round_half_up(weights * (ratio / trial)[:, None]), -127, 127)
        error = (np.square(q * (trial / ratio)[:, None] - weights) * importance).sum(1)
        m, best = np.where(error < best, trial, m).astype(np.int64), np.minimum(best, error)
    q = np.clip(round_half_up(weights * (ratio / m)[:, None]), -127, 127)
    return m.astype(np.int16), q.astype(np.int8)


def mean_scale(means: np.ndarray, last: Scale, frames: int) -> tuple[np.ndarray, int, np.ndarray]:
    """(mean_mult, zp_mean, real step of each channel) so that each channel's means use the whole byte."""
    high = np.maximum(np.percentile(means, PERCENTILE, axis=0), 1e-6)
    low = np.minimum(np.percentile(means, 100 - PERCENTILE, axis=0), 0.0)
    zero = 0 if last.zero == 0 else 128
    step = high / 255 if zero == 0 else np.maximum(high / (255 - zero), -low / zero)
    mult = np.clip(round_half_up(last.step * 2**14 / (frames * step)), 1, 8191)
    return mult.astype(np.int16), zero, last.step * 2**14 / (frames * mult)


def quantize(encoder: Encoder, windows: torch.Tensor, front: FrontEnd, name: str, engine=jit):
    """(Model, report of the layers). `windows` (N, 1280) real network input for calibration."""
    quantizer = Quantizer(encoder, windows, engine)
    layers = quantizer.run()
    head = quantizer.head(front.window // encoder.spec.total_stride)
    model = Model(name, front, layers, head)
    target = (quantizer.embedding - quantizer.embedding.mean(0)) / np.maximum(quantizer.embedding.std(0), 1e-6)
    e16, _ = embed_frames(model, quantizer.integers[-1], engine)
    error = (e16 * 2.0**-head.exponent - target).mean(0)
    unit = head.mult * 2.0 ** -(6 + head.exponent)
    head = replace(head, bias=(head.bias - round_half_up(error / unit)).astype(np.int32))
    return replace(model, head=head), quantizer.report


def embed_frames(model: Model, frames: np.ndarray, engine=jit) -> tuple[np.ndarray, np.ndarray]:
    """Last tensors of N windows (N, frames, C) -> e16 and e8, (N, dim) each."""
    pairs = [engine.head(f, model, [0]) for f in frames]
    return np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs])


def embed_windows(model: Model, y: np.ndarray, engine=jit) -> tuple[np.ndarray, np.ndarray]:
    """Front-end bytes (N, 1280), each window a recording of its own -> e16 and e8, (N, dim) each."""
    return embed_frames(model, np.stack([engine.trunk(row[:, None], model) for row in y]), engine)


def square_error(scale: Scale, q: np.ndarray, target: np.ndarray) -> float:
    return float(np.square(scale.real(q) - target).mean())


def decibel(signal: np.ndarray, error: np.ndarray) -> float:
    return float(10 * np.log10(np.square(signal).mean() / max(np.square(error).mean(), 1e-20)))
