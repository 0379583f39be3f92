"""A `Spec` as the plain networks that other runtimes take: folded weights, a float ONNX graph and its int8 form."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgeecg.constants import WINDOW


def folded_weights(encoder) -> dict[str, np.ndarray]:
    """`w3`, `b3` (and `slope3`, `offset3` where a batch norm follows the activation) of layer 3, `w`, `b` of the head.

    Weights as torch has them: (cout, cin / groups, kernel) float32.
    """
    from train.quantization.batch_norm_folding import fold

    arrays = {}
    for number, unit in encoder.units.items():
        folded = fold(unit)
        arrays[f"w{number}"] = folded.weights.transpose(0, 2, 1)
        arrays[f"b{number}"] = folded.bias
        if unit.layer.order == "act_norm":
            arrays[f"slope{number}"], arrays[f"offset{number}"] = folded.slope, folded.offset
    arrays["w"], arrays["b"] = encoder.linear.weight.detach().numpy(), encoder.linear.bias.detach().numpy()
    return {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in arrays.items()}


class Nodes(list):
    """The nodes of a graph; each call adds one and returns the name of its output."""

    def __call__(self, op: str, *inputs: str, **attributes) -> str:
        output = "embedding" if op == "Gemm" else f"t{len(self)}"
        self.append(helper.make_node(op, list(inputs), [output], **attributes))
        return output


def graph(spec, weights: dict[str, np.ndarray]) -> onnx.ModelProto:
    """x (N, 1, 1280) float32 -> embedding (N, dim) float32, in Conv, Relu, MaxPool, GlobalAveragePool and Gemm."""
    node, constants = Nodes(), dict(weights)
    tensors = ["x"]
    for i, layer in enumerate(spec.layers):
        source, kind = tensors[layer.source], type(layer).__name__
        if kind == "Conv":
            tensors.append(conv(node, constants, i, layer, source))
        elif kind == "Add":
            tensors.append(node("Relu", node("Add", source, tensors[layer.other])))
        else:
            left = (layer.kernel - 1) // 2
            pads = [left, layer.kernel - 1 - left]
            tensors.append(node("MaxPool", source, kernel_shape=[layer.kernel], strides=[layer.stride], pads=pads))
    frames = slice_frames(node, constants, spec, tensors[-1])
    pools = {"mean": "GlobalAveragePool", "max": "GlobalMaxPool"}
    features = [node(pools[kind], frames) for kind in spec.head.pool.split("_")]
    joined = features[0] if len(features) == 1 else node("Concat", *features, axis=1)
    node("Gemm", node("Flatten", joined), "w", "b", transB=1)
    proto = helper.make_graph(
        list(node),
        spec.name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1, WINDOW])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["N", spec.head.dim])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(proto, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def conv(node: Nodes, constants: dict, i: int, layer, source: str) -> str:
    pads = [layer.pad_left, layer.kernel - 1 - layer.pad_left]
    shape = {"kernel_shape": [layer.kernel], "strides": [layer.stride], "pads": pads, "group": layer.groups}
    out = node("Conv", source, f"w{i}", f"b{i}", **shape)
    if layer.act != "none":
        out = node("Relu", out) if layer.act == "relu" else node("LeakyRelu", out, alpha=0.01)
    if layer.order == "act_norm":
        for name in ("slope", "offset"):
            constants[f"{name}{i}"] = constants[f"{name}{i}"].reshape(1, -1, 1)
        out = node("Add", node("Mul", out, f"slope{i}"), f"offset{i}")
    return out


def slice_frames(node: Nodes, constants: dict, spec, last: str) -> str:
    """The frames of a window; nothing to cut where the stride divides the window."""
    stride = spec.total_stride
    if WINDOW % stride == 0:
        return last
    for name, value in (("first", 0), ("count", WINDOW // stride), ("axis", 2)):
        constants[name] = np.array([value], np.int64)
    return node("Slice", last, "first", "count", "axis")


def quantize(source, target, windows: np.ndarray) -> None:
    """U8S8 QDQ with ONNX Runtime's own static quantizer: uint8 activations, int8 weights, one scale an
    output channel.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):
        rows = iter(windows[:, None, None].astype(np.float32))

        def get_next(self):
            row = next(self.rows, None)
            return None if row is None else {"x": row}

    quantize_static(
        str(source),
        str(target),
        Reader(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
