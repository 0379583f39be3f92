"""The ranges of docs/format.md, one sentence for each fault. Reader and writer use the same checks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..constants import BLOCK, LEVELS, RATE_MHZ, ROUGHEST, TABLE_STEP, ZERO_POINT
from ..errors import ModelError
from .components import FrontEnd, Head, Layer, tensor_strides

__all__ = ["MAX_LAYERS", "check"]

MAX_LAYERS = 64
MAX_STRIDE = 256
MAX_FRAMES = 256
BIAS_MAX = 1 << 30
MULT_MAX = 8191
MULT32_MAX = (1 << 23) - 1
ADD_MAX = (1 << 31) - 1


def check(name: str, front: FrontEnd, layers: tuple[Layer, ...], head: Head) -> None:
    """Raise ModelError in one sentence where the components do not make a valid model."""
    if not isinstance(name, str) or "\0" in name or len(name.encode("utf-8", "replace")) > 23:
        raise ModelError(f"model name {name!r} must be at most 23 bytes of UTF-8 without NUL")
    _check_front(front)
    if not 1 <= len(layers) <= MAX_LAYERS:
        raise ModelError(f"a model has 1 .. {MAX_LAYERS} layers, not {len(layers)}")
    channels, zeros = [front.channels], [ZERO_POINT]
    for index, layer in enumerate(layers, 1):
        _check_layer(f"layer {index}", index, layer, channels, zeros)
        channels.append(layer.cout)
        zeros.append(layer.zp_out)
    strides = tensor_strides(layers)
    _check_strides(layers, strides)
    read = {source for layer in layers for source in (layer.src_a, layer.src_b)}
    for tensor in range(len(layers)):
        if tensor not in read:
            raise ModelError(f"tensor {tensor} is not read by any layer")
    _check_head(head, front, channels[-1], strides[-1])


def _within(label: str, value: Any, low: int, high: int) -> None:
    is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not is_integer or not low <= value <= high:
        raise ModelError(f"{label} is {value}, allowed is " + (f"{low} .. {high}" if low != high else f"{low}"))


def _array(label: str, array: NDArray[Any] | None, shape: tuple[int, ...], low: int, high: int) -> None:
    if array is None:
        raise ModelError(f"{label} is missing")
    if array.shape != shape:
        raise ModelError(f"{label} has shape {array.shape}, expected {shape}")
    if array.min() < low or array.max() > high:
        raise ModelError(f"{label} spans {array.min()} .. {array.max()}, allowed is {low} .. {high}")


def _absent(label: str, component: Layer | Head, *names: str) -> None:
    for name in names:
        if getattr(component, name) is not None:
            raise ModelError(f"{label}: {name} is given but not used")


def _check_front(front: FrontEnd) -> None:
    _within("front end kind", front.kind, 0, 1)
    _within("front end channels", front.channels, 1, 4 if front.kind == 1 else 1)
    _within("front end window", front.window, BLOCK, 5120)
    if front.window % BLOCK:
        raise ModelError(f"front end window is {front.window}, not a multiple of {BLOCK}")
    if front.baseline not in (16, 32, 64, 128, 256):
        raise ModelError(f"front end baseline is {front.baseline}, allowed is 16, 32, 64, 128 or 256")
    _within("front end reach", front.reach, 1, 16)
    _within("front end table_half", front.table_half, 4, 32)
    _within("front end min_rate", front.min_rate, RATE_MHZ // 2, RATE_MHZ)
    _within("front end floor", front.floor, 1, 32767)
    if len(front.gain) != front.channels:
        raise ModelError(f"front end has {len(front.gain)} gains for {front.channels} channels")
    for gain in front.gain:
        _within("front end gain", gain, 1, 65535)
    _within("front end direct_gain", front.direct_gain, *((0, 0) if front.kind == 1 else (1, 1 << 30)))
    _within("front end flat_max", front.flat_max, 0, 65535)
    _within("front end flat_blocks", front.flat_blocks, 1, front.window // BLOCK)
    _within("front end off_blocks", front.off_blocks, 1, front.window // BLOCK)
    _within("front end clip_ms", front.clip_ms, 1, 65535)
    _within("front end noise", front.noise, 0, front.window // BLOCK * ROUGHEST)
    _check_table(front)


def _check_table(front: FrontEnd) -> None:
    points = front.table_half * TABLE_STEP
    if front.kind == 0:
        if front.table.size:
            raise ModelError("front end of kind 0 has a resampling table, which it does not use")
        return
    if front.table.shape != (points + 1,):
        raise ModelError(f"resampling table has shape {front.table.shape}, expected {(points + 1,)}")
    if front.table[-1] != 0:
        raise ModelError(f"resampling table ends in {front.table[-1]}, must be 0")
    phases = np.abs(front.table[:-1].astype(np.int64)).reshape(front.table_half, TABLE_STEP).sum(axis=0)
    if phases.max() > 2 << 15:
        raise ModelError(f"resampling table sums to {phases.max()} in a phase, allowed is {2 << 15}")


def _check_layer(label: str, index: int, layer: Layer, channels: list[int], zeros: list[int]) -> None:
    if layer.op not in ("conv", "add", "max_pool"):
        raise ModelError(f"{label}: operation {layer.op!r} is not conv, add or max_pool")
    label = f"{label} ({layer.op})"
    _within(f"{label}: src_a", layer.src_a, 0, index - 1)
    _within(f"{label}: cin", layer.cin, 1, 1024)
    _within(f"{label}: cout", layer.cout, 1, 1024)
    _within(f"{label}: groups", layer.groups, 1, 1024)
    _within(f"{label}: kernel", layer.kernel, 1, 256)
    _within(f"{label}: stride", layer.stride, 1, 16)
    _within(f"{label}: pad_left", layer.pad_left, 0, layer.kernel - 1)
    _within(f"{label}: zp_out", layer.zp_out, 0, 255)
    if layer.cin != channels[layer.src_a]:
        raise ModelError(f"{label}: cin is {layer.cin}, but tensor {layer.src_a} has {channels[layer.src_a]} channels")
    if layer.op == "conv":
        _check_conv(label, layer)
    else:
        _check_plain(label, index, layer, channels, zeros)


def _check_conv(label: str, layer: Layer) -> None:
    _within(f"{label}: requant", layer.requant, 0, 1)
    if layer.cin % layer.groups or layer.cout % layer.groups:
        raise ModelError(f"{label}: {layer.groups} groups do not divide {layer.cin} and {layer.cout} channels")
    each = layer.cin // layer.groups
    if layer.kernel * each > 32768:
        raise ModelError(f"{label}: kernel * cin / groups is {layer.kernel * each}, allowed is 32768")
    _absent_src_b(label, layer)
    _within(f"{label}: m_a", layer.m_a, 0, 0)
    _within(f"{label}: m_b", layer.m_b, 0, 0)
    shape = (layer.cout,)
    _array(f"{label}: weights", layer.weights, (layer.cout, layer.kernel, each), -128, 127)
    _array(f"{label}: bias", layer.bias, shape, -BIAS_MAX, BIAS_MAX)
    if layer.requant == 0:
        _array(f"{label}: mult", layer.mult, shape, 1, MULT_MAX)
        _absent(label, layer, "mult_neg", "add")
    else:
        _array(f"{label}: mult", layer.mult, shape, -MULT32_MAX, MULT32_MAX)
        _array(f"{label}: mult_neg", layer.mult_neg, shape, -MULT32_MAX, MULT32_MAX)
        _array(f"{label}: add", layer.add, shape, -ADD_MAX, ADD_MAX)


def _absent_src_b(label: str, layer: Layer) -> None:
    if layer.src_b is not None:
        raise ModelError(f"{label}: src_b is {layer.src_b}, but only add has a second source")


def _check_plain(label: str, index: int, layer: Layer, channels: list[int], zeros: list[int]) -> None:
    """Add and max pool: no weights."""
    _within(f"{label}: requant", layer.requant, 0, 0)
    _within(f"{label}: groups", layer.groups, 1, 1)
    _absent(label, layer, "weights", "bias", "mult", "mult_neg", "add")
    if layer.cout != layer.cin:
        raise ModelError(f"{label}: cout is {layer.cout}, must equal cin, {layer.cin}")
    if layer.op == "max_pool":
        _absent_src_b(label, layer)
        _within(f"{label}: m_a", layer.m_a, 0, 0)
        _within(f"{label}: m_b", layer.m_b, 0, 0)
        _within(f"{label}: zp_out", layer.zp_out, zeros[layer.src_a], zeros[layer.src_a])
        return
    _within(f"{label}: kernel", layer.kernel, 1, 1)
    _within(f"{label}: stride", layer.stride, 1, 1)
    src_b = -1 if layer.src_b is None else layer.src_b
    _within(f"{label}: src_b", src_b, 0, index - 1)
    if src_b == layer.src_a:
        raise ModelError(f"{label}: both sources are tensor {src_b}")
    if channels[src_b] != layer.cin:
        raise ModelError(f"{label}: tensor {src_b} has {channels[src_b]} channels, not {layer.cin}")
    _within(f"{label}: m_a", layer.m_a, 1, 32767)
    _within(f"{label}: m_b", layer.m_b, 1, 32767)


def _check_strides(layers: Sequence[Layer], strides: list[int]) -> None:
    for index, layer in enumerate(layers, 1):
        if strides[index] > MAX_STRIDE:
            raise ModelError(f"layer {index} ({layer.op}): total stride is {strides[index]}, allowed is {MAX_STRIDE}")
        if layer.src_b is not None and strides[layer.src_a] != strides[layer.src_b]:
            pair = f"{strides[layer.src_a]} and {strides[layer.src_b]}"
            raise ModelError(f"layer {index} (add): its sources have strides {pair}")


def _check_head(head: Head, front: FrontEnd, channels: int, stride: int) -> None:
    _within("head pool", head.pool, 1, 3)
    _within("head zp_mean", head.zp_mean, 0, 255 if head.pool != 2 else 0)
    _within("head frames", head.frames, 1, MAX_FRAMES)
    if head.frames != front.window // stride:
        raise ModelError(f"head frames is {head.frames}, but a window of {front.window} has {front.window // stride}")
    _within("head dim", head.dim, 1, 1024)
    _within("head exponent", head.exponent, 0, 24)
    _check_levels(head, front)
    if head.pool == 2:
        _absent("head", head, "mean_mult")
    else:
        _array("head mean_mult", head.mean_mult, (channels,), 1, MULT_MAX)
    features = channels * (2 if head.pool == 3 else 1)
    _array("head weights", head.weights, (head.dim, features), -128, 127)
    _array("head bias", head.bias, (head.dim,), -BIAS_MAX, BIAS_MAX)
    _array("head mult", head.mult, (head.dim,), 1, MULT_MAX)


def _check_levels(head: Head, front: FrontEnd) -> None:
    if head.levels not in (0, len(LEVELS)):
        raise ModelError(f"head levels is {head.levels}, allowed is 0 or {len(LEVELS)}")
    if head.levels and front.kind == 0:
        raise ModelError("head has levels, but a front end of kind 0 has no baseline to measure")
    if head.levels > head.dim:
        raise ModelError(f"head has {head.levels} levels and only {head.dim} dimensions")
