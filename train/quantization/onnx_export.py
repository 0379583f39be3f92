"""A model file as an ONNX graph: a second engine that must give the same numbers.

Input `y`: (batch, 1280) uint8, the front end's output for one window; if the head has levels, also `levels`: (batch, 3)
int32 (`edgeecg.jit.levels`; docs/numerics.md, section 4.1). Outputs: `embedding` (batch, dim) float32, `e16` int16 and
`e8` int8. Two forms:

- "qdq": convolutions as DequantizeLinear - Conv - QuantizeLinear with uint8 activations and int8 weights (U8S8), which
  runtimes fuse into integer kernels. They requantize in binary32 with ties to even. So every weight scale is raised by
  one unit in the last place, which moves the exact ties up and nothing else (docs/numerics.md, section 3). That holds
  where a ReLU limits the output below; a signed tensor (residual networks) may differ by 1 at exact ties.
- "integer": ConvInteger and exact binary64 arithmetic: the same bytes for every model, but slower.

The head is exact in both. After a ReLU the scale between layers is free, so all activations have the scale 2^-4.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgeecg.model import Head, Layer, Model

OPSET, IR_VERSION = 17, 8
STEP = np.float32(2.0**-4)
ULP = np.float32(1 + 2.0**-23)


class Graph:
    """Nodes and constants under construction; a tensor is known by its name."""

    def __init__(self):
        self.nodes: list = []
        self.constants: dict[str, np.ndarray] = {}

    def node(self, op: str, *inputs: str, name: str | None = None, **attributes) -> str:
        output = name or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [output], **attributes))
        return output

    def constant(self, value) -> str:
        """The name of a constant; equal ones are stored once."""
        value = np.asarray(value)
        for name, known in self.constants.items():
            if known.dtype == value.dtype and known.shape == value.shape and np.array_equal(known, value):
                return name
        name = f"c{len(self.constants)}"
        self.constants[name] = value
        return name

    def round_shift(self, product: str, shift: int) -> str:
        """`rnd(v, shift)` of integers held in binary64."""
        scaled = self.node("Mul", product, self.constant(2.0**-shift))
        return self.node("Floor", self.node("Add", scaled, self.constant(0.5)))

    def limit(self, value: str, low: int, high: int, kind: int) -> str:
        """Clamp a binary64 tensor and cast it."""
        limited = self.node("Clip", value, self.constant(np.float64(low)), self.constant(np.float64(high)))
        return self.node("Cast", limited, to=kind)


def onnx_model(model: Model, form: str = "qdq", batch: int | None = 1) -> onnx.ModelProto:
    """`form` "qdq" or "integer"; `batch` None leaves the batch size open."""
    graph, front = Graph(), model.front
    if front.channels != 1:
        raise ValueError("the ONNX export takes front ends of one channel")
    shape = graph.constant(np.array([-1, 1, 1, front.window], np.int64))
    tensors = [graph.node("Reshape", "y", shape)]
    for layer in model.layers:
        tensors.append(add_layer(graph, layer, tensors, model.zero_points, form))
    head(graph, model.head, tensors[-1], model.zero_points[-1], form)
    size = "batch" if batch is None else batch
    inputs = [helper.make_tensor_value_info("y", TensorProto.UINT8, [size, front.window])]
    if model.head.levels:
        inputs.append(helper.make_tensor_value_info("levels", TensorProto.INT32, [size, model.head.levels]))
    outputs = {"embedding": TensorProto.FLOAT, "e16": TensorProto.INT16, "e8": TensorProto.INT8}
    proto = helper.make_graph(
        graph.nodes,
        model.name,
        inputs,
        [helper.make_tensor_value_info(name, kind, [size, model.head.dim]) for name, kind in outputs.items()],
        [numpy_helper.from_array(np.array(value, order="C"), name) for name, value in graph.constants.items()],
    )
    result = helper.make_model(
        proto, producer_name="edgeecg", opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    helper.set_model_props(result, {"edgeecg_model_id": model.id, "edgeecg_form": form})
    onnx.checker.check_model(result, full_check=True)
    return result


def add_layer(graph: Graph, layer: Layer, tensors: list[str], zeros: list[int], form: str) -> str:
    source, zero = tensors[layer.src_a], zeros[layer.src_a]
    if layer.op == "conv":
        fused = form == "qdq" and layer.requant == 0
        return (qdq_conv if fused else integer_conv)(graph, layer, source, zero)
    if layer.op == "max_pool":
        return graph.node("MaxPool", source, **window_of(layer))
    other, zero_b = tensors[layer.src_b], zeros[layer.src_b]
    return (qdq_add if form == "qdq" else integer_add)(graph, layer, source, zero, other, zero_b)


def window_of(layer: Layer) -> dict:
    return {
        "kernel_shape": [1, layer.kernel],
        "strides": [1, layer.stride],
        "pads": [0, layer.pad_left, 0, layer.kernel - 1 - layer.pad_left],
    }


def kernel_of(layer: Layer) -> np.ndarray:
    """(cout, cin / groups, 1, kernel), as ONNX has it."""
    return np.ascontiguousarray(layer.weights.transpose(0, 2, 1)[:, :, None])


def own_bias(layer: Layer, zero: int) -> np.ndarray:
    """The bias without the input's zero point, which ONNX subtracts by itself."""
    return (layer.bias.astype(np.int64) + zero * layer.weights.astype(np.int64).sum((1, 2))).astype(np.int32)


def byte(zero: int) -> np.ndarray:
    return np.array(zero, np.uint8)


def qdq_conv(graph: Graph, layer: Layer, source: str, zero: int) -> str:
    scale = layer.mult.astype(np.float32) * np.float32(2.0**-14) * ULP
    return qdq(
        graph,
        source,
        zero,
        kernel_of(layer),
        scale,
        own_bias(layer, zero),
        layer.zp_out,
        group=layer.groups,
        **window_of(layer),
    )


def qdq(graph: Graph, source, zero, weights, scale, bias, zp_out, **attributes) -> str:
    """Dequantized convolution, requantized: both activations have the step 2^-4, so the weight scales do it all."""
    step, scales, flat = graph.constant(STEP), graph.constant(scale), graph.constant(np.zeros(len(scale), np.int8))
    x = graph.node("DequantizeLinear", source, step, graph.constant(byte(zero)))
    w = graph.node("DequantizeLinear", graph.constant(weights), scales, flat, axis=0)
    unit = graph.constant(scale * STEP)
    b = graph.node(
        "DequantizeLinear", graph.constant(bias), unit, graph.constant(np.zeros(len(scale), np.int32)), axis=0
    )
    out = graph.node("Conv", x, w, b, **attributes)
    return graph.node("QuantizeLinear", out, step, graph.constant(byte(zp_out)))


def integer_conv(graph: Graph, layer: Layer, source: str, zero: int) -> str:
    """ConvInteger, then numerics.md 3 in exact binary64 (everything stays below 2^53)."""
    acc = graph.node(
        "ConvInteger",
        source,
        graph.constant(kernel_of(layer)),
        graph.constant(byte(zero)),
        group=layer.groups,
        **window_of(layer),
    )
    acc = graph.node("Add", acc, graph.constant(per_channel(own_bias(layer, zero))))
    value = graph.node("Cast", acc, to=TensorProto.DOUBLE)
    mult = graph.constant(per_channel(layer.mult.astype(np.float64)))
    if layer.requant == 0:
        rounded = graph.round_shift(graph.node("Mul", value, mult), 14)
    else:
        below = graph.constant(per_channel(layer.mult_neg.astype(np.float64)))
        negative = graph.node("Less", value, graph.constant(0.0))
        product = graph.node("Mul", value, graph.node("Where", negative, below, mult))
        offset = graph.constant(per_channel(layer.add.astype(np.float64)))
        rounded = graph.round_shift(graph.node("Add", product, offset), 22)
    shifted = graph.node("Add", rounded, graph.constant(np.float64(layer.zp_out)))
    return graph.limit(shifted, 0, 255, TensorProto.UINT8)


def per_channel(values: np.ndarray) -> np.ndarray:
    return values.reshape(1, -1, 1, 1)


def qdq_add(graph: Graph, layer: Layer, a: str, zero_a: int, b: str, zero_b: int) -> str:
    parts = []
    for name, zero, m in ((a, zero_a, layer.m_a), (b, zero_b, layer.m_b)):
        scale = np.float32(m * 2.0**-14) * STEP * ULP
        parts.append(graph.node("DequantizeLinear", name, graph.constant(scale), graph.constant(byte(zero))))
    out = graph.node("Add", *parts)
    return graph.node("QuantizeLinear", out, graph.constant(STEP), graph.constant(byte(layer.zp_out)))


def integer_add(graph: Graph, layer: Layer, a: str, zero_a: int, b: str, zero_b: int) -> str:
    parts = []
    for name, zero, m in ((a, zero_a, layer.m_a), (b, zero_b, layer.m_b)):
        value = graph.node("Cast", name, to=TensorProto.DOUBLE)
        centered = graph.node("Sub", value, graph.constant(np.float64(zero)))
        parts.append(graph.node("Mul", centered, graph.constant(np.float64(m))))
    rounded = graph.round_shift(graph.node("Add", *parts), 14)
    return graph.limit(graph.node("Add", rounded, graph.constant(np.float64(layer.zp_out))), 0, 255, TensorProto.UINT8)


def head(graph: Graph, head: Head, last: str, zero: int, form: str) -> None:
    """Pooling over the window's frames and the linear layer: numerics.md 4."""
    first, count = (graph.constant(np.array([n], np.int64)) for n in (0, head.frames))
    frames = graph.node("Slice", last, first, count, graph.constant(np.array([3], np.int64)))
    features = []
    if head.pool != 2:
        features.append(mean_pool(graph, head, frames, zero, form))
    if head.pool != 1:
        features.append(graph.node("MaxPool", frames, kernel_shape=[1, head.frames]))
    joined = features[0] if len(features) == 1 else graph.node("Concat", *features, axis=1)
    flat = graph.node("Flatten", joined)
    weights = graph.constant(np.ascontiguousarray(head.weights.T))
    acc = graph.node("Add", graph.node("MatMulInteger", flat, weights), graph.constant(head.bias[None]))
    if head.levels:
        before = graph.constant(np.array([0, head.dim - head.levels, 0, 0], np.int64))
        acc = graph.node("Add", acc, graph.node("Pad", "levels", before))
    product = graph.node(
        "Mul", graph.node("Cast", acc, to=TensorProto.DOUBLE), graph.constant(head.mult.astype(np.float64))
    )
    exact = graph.node("Clip", graph.round_shift(product, 6), *(graph.constant(np.float64(v)) for v in (-32767, 32767)))
    graph.node("Cast", exact, to=TensorProto.INT16, name="e16")
    value = graph.node("Mul", exact, graph.constant(2.0**-head.exponent))
    graph.node("Cast", value, to=TensorProto.FLOAT, name="embedding")
    short = graph.limit(graph.round_shift(product, 14), -127, 127, TensorProto.INT32)
    graph.node("Cast", short, to=TensorProto.INT8, name="e8")


def mean_pool(graph: Graph, head: Head, frames: str, zero: int, form: str) -> str:
    """The mean as a depthwise convolution with weights 1 over the whole window."""
    width = len(head.mean_mult)
    layer = Layer(
        "conv",
        0,
        cin=width,
        cout=width,
        groups=width,
        kernel=head.frames,
        stride=head.frames,
        zp_out=head.zp_mean,
        weights=np.ones((width, head.frames, 1), np.int8),
        bias=np.full(width, -zero * head.frames, np.int32),
        mult=head.mean_mult,
    )
    exact_anyway = form == "qdq" and head.zp_mean == 0
    return (qdq_conv if exact_anyway else integer_conv)(graph, layer, frames, zero)
