"""A model as C constants for the exported core: its arrays, the structures that csrc/src/core/model_view.h declares,
and what of the core it needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ._model.components import require, tensor_strides
from ._model.layout import NO_TENSOR, OP_CODES

if TYPE_CHECKING:
    from ._core import _Tensor as Tensor
    from ._model.components import FrontEnd, Head, Layer
    from .model import Model

Array: TypeAlias = NDArray[Any]
C_TYPES = {np.dtype(np.int8): "int8_t", np.dtype(np.int16): "int16_t", np.dtype(np.int32): "int32_t"}


class Constants:
    """C definitions of arrays, in the order they are asked for; equal arrays are not shared."""

    def __init__(self) -> None:
        self.text = ""
        self.bytes = 0

    def array(self, name: str, values: Array | None) -> str:
        """Define it; returns the initializer of a pointer to it. None and empty arrays are NULL."""
        if values is None or values.size == 0:
            return "NULL"
        numbers = np.ascontiguousarray(values).ravel()
        self.bytes += numbers.nbytes
        self._define(name, numbers)
        return name

    def weights(self, name: str, values: Array | None, pairs: Array | None) -> tuple[str, str]:
        """Pointers to weights in their own order and, for processors with SMLAD, `paired`; one of both is there."""
        if values is None or pairs is None:
            return self.array(name, values), "NULL"
        self.bytes += values.nbytes
        self.text += "#if EE_PAIRED\n"
        self._define(name, pairs)
        self.text += "#else\n"
        self._define(name, np.ascontiguousarray(values).ravel())
        self.text += "#endif\n"
        return f"EE_NATURAL_ORDER({name})", f"EE_PAIRED_ORDER({name})"

    def _define(self, name: str, numbers: Array) -> None:
        rows = [", ".join(map(str, numbers[i : i + 32].tolist())) for i in range(0, len(numbers), 32)]
        self.text += (
            f"EE_CONSTANT {C_TYPES[numbers.dtype]} {name}[{len(numbers)}] = {{\n    " + ",\n    ".join(rows) + "\n};\n"
        )


def paired(layer: Layer) -> Array | None:
    """A dense layer's weights for csrc/src/device/arm_dsp_rows.h, `(cout / 2, fan_in)` int16: w + 256 v for channels
    2 i and 2 i + 1, each four inputs in the order 0, 2, 1, 3. None where the loops there do not take the layer.

    The second sum is recovered from 32 bits: 255 * 128 * fan_in < 2^23 asks for fan_in <= 256.
    """
    if layer.op != "conv" or layer.groups != 1 or layer.requant or layer.cout % 2:
        return None
    rows = require(layer.weights).reshape(layer.cout, -1).astype(np.int32)
    fan_in = rows.shape[1]
    lanes = rows[0::2] + 256 * rows[1::2]
    if fan_in % 16 or fan_in > 256 or lanes.min() < -32768:  # v = -128 with a negative w
        return None
    return lanes.reshape(-1, fan_in // 4, 4)[:, :, [0, 2, 1, 3]].reshape(-1, fan_in).astype(np.int16)


def model_text(model: Model, block: int, plan: tuple[int, int, int, int, list[Tensor]]) -> tuple[str, int]:
    """(definitions of `front`, `layers`, `head`, `buffers` and of the model's initializer, bytes of flash of their
    arrays).

    plan: of `_core.device_plan` for that block.
    """
    _, frame_bytes, scratch, delay, tensors = plan
    out = Constants()
    layers = ",\n".join(f"    {{ {_layer(model, i, tensors, out)} }}" for i in range(len(model.layers)))
    strides = tensor_strides(model.layers)
    channels = model.layers[-1].cout
    front, head = _front(model.front, out), _head(model, channels, out)
    buffers = ",\n".join(f"    {{ {', '.join(map(str, row))} }}" for row in tensors)
    out.text += f"static const ee_front front = {{ {front} }};\n"
    out.text += f"static const ee_layer layers[{len(model.layers)}] = {{\n{layers}\n}};\n"
    out.text += f"static const ee_head head = {{ {head} }};\n"
    out.text += f"static const ee_buffer buffers[{len(tensors)}] = {{\n{buffers}\n}};\n"
    numbers = (
        frame_bytes,
        scratch,
        block,
        delay,
        model.front.window,
        len(model.layers),
        strides[-1],
        model.head.frames,
        model.head.dim,
        channels,
        _features(model.head, channels),
        model.head.exponent,
        model.head.levels,
    )
    out.text += f"#define EE_INITIALIZER {{ &front, layers, &head, buffers, {', '.join(map(str, numbers))} }}\n"
    structures = 52 + 56 * len(model.layers) + 36 + 12 * len(tensors) + 44  # on a 32-bit device
    return out.text, out.bytes + structures


def needs(model: Model, block: int, tensors: Sequence[Tensor]) -> str:
    """Lines for edgeecg_config.h, each with one @name@: front end, head and layers that the core must take."""
    rows = []
    for layer in model.layers:
        numbers = (
            OP_CODES[layer.op],
            layer.requant,
            layer.cin,
            layer.cout,
            layer.groups,
            layer.kernel,
            layer.stride,
            int(_pairs(layer, tensors) is not None),
        )
        row = f"|| test(EE_LAYER_TRAITS({', '.join(map(str, numbers))}))"
        if row not in rows:
            rows.append(row)
    layers = " \\\n    ".join(rows)
    return (
        f"#define EE_FRONT_KINDS_@name@ {1 << model.front.kind}u\n"
        f"#define EE_POOL_MODES_@name@ {1 << model.head.pool}u\n"
        f"#define EE_LEVELS_@name@ {model.head.levels}u\n"
        f"#define EE_TRUNK_BLOCKS_@name@ {block}u\n"
        f"#define EE_LAYERS_@name@(test) \\\n    {layers}\n"
    )


def _front(front: FrontEnd, out: Constants) -> str:
    gains = [*front.gain, 0, 0, 0, 0][:4]
    table = out.array("table", None if front.kind == 0 else np.asarray(front.table, np.int16))
    numbers = (
        front.window,
        front.baseline,
        front.reach,
        front.table_half,
        front.flat_max,
        front.flat_blocks,
        front.off_blocks,
        front.clip_ms,
        front.noise,
        front.kind,
        len(front.gain),
        front.baseline.bit_length() - 1,
    )
    gain = ", ".join(f"{g}u" for g in gains)
    values = ", ".join(map(str, numbers))
    return f"{table}, {front.min_rate}u, {front.floor}u, {{ {gain} }}, {front.direct_gain}u, {values}"


def _pairs(layer: Layer, tensors: Sequence[Tensor]) -> Array | None:
    """`paired`, for layers whose input leaves scratch to spread it into."""
    pairs = paired(layer) if tensors[layer.src_a][6] else None
    return None if pairs is None else pairs.ravel()


def _layer(model: Model, i: int, tensors: Sequence[Tensor], out: Constants) -> str:
    layer, number = model.layers[i], i + 1
    conv = layer.op == "conv"
    linear = layer.requant == 0
    natural, pairs = out.weights(f"weights_{number}", layer.weights if conv else None, _pairs(layer, tensors))
    pointers = (
        natural,
        out.array(f"bias_{number}", layer.bias if conv else None),
        out.array(f"mult_{number}", layer.mult if conv and linear else None),
        out.array(f"mult_{number}", layer.mult if conv and not linear else None),
        out.array(f"mult_neg_{number}", layer.mult_neg if conv else None),
        out.array(f"add_{number}", layer.add if conv else None),
        pairs,
    )
    src_b = NO_TENSOR if layer.src_b is None else layer.src_b
    numbers = (
        layer.m_a,
        layer.m_b,
        layer.src_a,
        src_b,
        layer.cin,
        layer.cout,
        layer.groups,
        layer.kernel,
        layer.stride,
        layer.pad_left,
        OP_CODES[layer.op],
        layer.requant,
        layer.zp_out,
        _zero_point(model, layer.src_a),
        _zero_point(model, layer.src_b),
    )
    return ", ".join([*pointers, *map(str, numbers)])


def _zero_point(model: Model, tensor: int | None) -> int:
    """Of a tensor: 128 for the front end's."""
    return 0 if tensor is None else 128 if tensor == 0 else model.layers[tensor - 1].zp_out


def _features(head: Head, channels: int) -> int:
    return channels * (2 if head.pool == 3 else 1)


def _head(model: Model, channels: int, out: Constants) -> str:
    head = model.head
    pointers = (
        out.array("mean_mult", head.mean_mult if head.pool & 1 else None),
        out.array("head_mult", head.mult),
        out.array("head_weights", head.weights),
        out.array("head_bias", head.bias),
        "NULL",
    )
    numbers = (
        channels,
        head.frames,
        _features(head, channels),
        head.dim,
        head.exponent,
        head.pool,
        head.zp_mean,
        model.layers[-1].zp_out,
    )
    return ", ".join([*pointers, *map(str, numbers)])
