"""The runtimes that are compared, each with one thread, floats in and floats out.

`load(folder, work)` returns a call without arguments that embeds the windows of `work`: "one" (a single window),
"batch" (256 windows) or "hour" (360 in a row). Each runtime gets its network in the form that it runs fastest, where
it knows several; what is compiled or packed at load is not timed.
"""

import json
from pathlib import Path

import numpy as np

from benchmarks.inputs import calibration_rows, network_input


class EdgeECG:
    """Our own engines, from millivolts on: the front end, the quality flags and the Python call are in the time."""

    backend = "c"

    def load(self, folder: Path, work: str):
        import edgeecg
        from benchmarks.recordings import RECORDINGS

        self.encoder = encoder = edgeecg.load(folder / "model.eecg", backend=self.backend)
        if work in RECORDINGS:
            return RECORDINGS[work].call(encoder)
        x = np.load(folder / "signal.npy")
        one, batch, hour = x[0].copy(), x, np.concatenate([x, x])[:360].reshape(-1)
        if work == "batch":
            return lambda: encoder.embed_batch(batch)
        signal = {"one": one, "hour": hour}[work]
        return lambda: encoder.embed(signal)

    def about(self) -> dict:
        import edgeecg

        return {"edgeecg": edgeecg.__version__, "kernels": self.encoder.info["kernels"], "numpy": np.__version__}


class CoreCall(EdgeECG):
    """The call of the core behind `embed` of one window, without what Python adds: tells the overhead of a call."""

    def load(self, folder: Path, work: str):
        import edgeecg
        from edgeecg._engines import FLOAT32, Options, open_engine
        from edgeecg.constants import RATE

        self.encoder = edgeecg.load(folder / "model.eecg")
        engine = open_engine("c", self.encoder.model)
        stream = engine.open(Options.checked(RATE, 10.0, "mV", None))
        x = np.load(folder / "signal.npy")[0].copy()
        return lambda: stream.embed(x, FLOAT32, False)


class EdgeECGNumba(EdgeECG):
    backend = "numba"

    def about(self) -> dict:
        import numba

        return {"numba": numba.__version__}


class Torch:
    """The float encoder of train/nets in evaluation mode, as it is trained: the reference of every ratio."""

    def __init__(self):
        import torch

        torch.set_num_threads(1)
        torch.set_num_interop_threads(1)
        self.torch = torch

    def net(self, folder: Path, work: str):
        from train.nets import Encoder, Spec

        net = Encoder(Spec.from_dict(json.loads((folder / "spec.json").read_text())))
        net.load_state_dict(self.torch.load(folder / "encoder.pt", weights_only=True))
        return net.eval()

    def load(self, folder: Path, work: str):
        net, x, torch = self.net(folder, work), self.torch.from_numpy(network_input(folder, work)), self.torch

        def call():
            with torch.inference_mode():
                return net(x)

        return call

    def about(self) -> dict:
        torch = self.torch
        blas = "MKL" if torch.backends.mkl.is_available() else "no MKL"
        onednn = "oneDNN" if torch.backends.mkldnn.is_available() else "no oneDNN"
        isa = torch.backends.cpu.get_cpu_capability()
        return {"torch": torch.__version__, "torch built with": f"{blas}, {onednn}, {isa}"}


class TorchCompiled(Torch):
    def net(self, folder: Path, work: str):
        return self.torch.compile(super().net(folder, work), dynamic=False)


class TorchInt8(Torch):
    """FX graph-mode quantization (x86 engine) of the folded Conv2d form in channels-last memory, traced and frozen."""

    def net(self, folder: Path, work: str):
        import warnings

        warnings.filterwarnings("ignore")
        from torch.ao.quantization import QConfigMapping, get_default_qconfig, quantize_fx

        from benchmarks.torch_folded import folded

        torch = self.torch
        torch.backends.quantized.engine = "x86"
        net, x = folded(folder), torch.from_numpy(network_input(folder, work))
        mapping = QConfigMapping().set_global(get_default_qconfig("x86"))
        prepared = quantize_fx.prepare_fx(net, mapping, (x[:1],))
        with torch.no_grad():
            for row in calibration_rows(folder):
                prepared(torch.from_numpy(row))
            traced = torch.jit.trace(quantize_fx.convert_fx(prepared), x)
        return torch.jit.freeze(traced)


class ONNXRuntime:
    file = "float.onnx"

    def load(self, folder: Path, work: str):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        x = network_input(folder, work)[:, None]
        options.add_free_dimension_override_by_name("N", len(x))
        session = onnxruntime.InferenceSession(folder / self.file, options, providers=["CPUExecutionProvider"])
        return lambda: session.run(["embedding"], {"x": x})[0]

    def about(self) -> dict:
        import onnxruntime

        return {"onnxruntime": onnxruntime.__version__}


class ONNXRuntimeInt8(ONNXRuntime):
    """Uint8 activations, int8 weights: the form that is fast in ONNX Runtime."""

    file = "int8.onnx"


class ONNXRuntimeExport(ONNXRuntime):
    """The very model that the C core runs, as train/export.py writes it; its input is the front end's bytes."""

    def load(self, folder: Path, work: str):
        import onnxruntime

        from edgeecg.constants import ZERO_POINT

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        y = np.clip(np.round(network_input(folder, work) * 16) + ZERO_POINT, 0, 255).astype(np.uint8)
        options.add_free_dimension_override_by_name("batch", len(y))
        session = onnxruntime.InferenceSession(folder / "export.onnx", options, providers=["CPUExecutionProvider"])
        return lambda: session.run(["embedding"], {"y": y})[0]


class OpenVINO:
    """Reads the QDQ file of ONNX Runtime's quantizer, reshaped to the batch."""

    def load(self, folder: Path, work: str):
        import openvino

        core = openvino.Core()
        model = core.read_model(folder / "int8.onnx")
        x = network_input(folder, work)[:, None]
        model.reshape(x.shape)
        config = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
        request = core.compile_model(model, "CPU", config).create_infer_request()
        self.keep = x  # the request reads this memory in place and does not own it
        request.set_input_tensor(openvino.Tensor(x, shared_memory=True))

        def call():
            request.infer()
            return request.get_output_tensor().data

        return call

    def about(self) -> dict:
        import openvino

        return {"openvino": openvino.__version__.split("-")[0]}


class LiteRT:
    """A file a batch size, made by benchmarks/litert_convert.py: static int8 weights and activations."""

    def load(self, folder: Path, work: str):
        from ai_edge_litert.interpreter import Interpreter

        from benchmarks import litert_convert

        x = network_input(folder, work)
        path = litert_convert.converted(folder, x, calibration_rows(folder))
        interpreter = Interpreter(str(path), num_threads=1)
        interpreter.allocate_tensors()
        source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        x = x.reshape(source["shape"])

        def call():
            interpreter.set_tensor(source["index"], x)
            interpreter.invoke()
            return interpreter.get_tensor(target["index"])

        return call

    def about(self) -> dict:
        from importlib.metadata import version

        return {name: version(name) for name in ("ai-edge-litert", "litert-torch", "ai-edge-quantizer")}


class TorchFolded(Torch):
    """Conv1d with the batch norms folded: what torch eager does at its leanest."""

    def net(self, folder: Path, work: str):
        from benchmarks.torch_folded import folded

        return folded(folder, two_dimensional=False)


RUNTIMES = {
    "edgeecg": EdgeECG,
    "core-call": CoreCall,
    "edgeecg-avx512-vnni": EdgeECG,
    "edgeecg-avx-vnni": EdgeECG,
    "edgeecg-avx2": EdgeECG,
    "edgeecg-scalar": EdgeECG,
    "edgeecg-numba": EdgeECGNumba,
    "torch": Torch,
    "torch-folded": TorchFolded,
    "torch-compile": TorchCompiled,
    "torch-int8": TorchInt8,
    "ort-fp32": ONNXRuntime,
    "ort-int8": ONNXRuntimeInt8,
    "ort-export": ONNXRuntimeExport,
    "openvino-int8": OpenVINO,
    "litert-int8": LiteRT,
}
