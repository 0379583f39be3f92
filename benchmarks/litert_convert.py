"""torch -> LiteRT, static int8 weights and activations; runs in the environment that has litert-torch.

One file a batch size, calibrated on whole batches: the converter fixes the shape.
"""

import os
from pathlib import Path

import numpy as np


def converted(folder: Path, x: np.ndarray, rows: list[np.ndarray]) -> Path:
    """The .tflite file of this network for the batch of `x`, made where it is missing."""
    target = folder / f"litert-{len(x)}.tflite"
    if not target.exists():
        partial = target.with_suffix(".partial")
        partial.write_bytes(convert(folder, x, rows))
        os.replace(partial, target)
    return target


def convert(folder: Path, x: np.ndarray, rows: list[np.ndarray]) -> bytes:
    import tempfile

    import litert_torch
    import torch
    from ai_edge_quantizer import quantizer, recipe
    from ai_edge_quantizer.algorithm_manager import AlgorithmName
    from ai_edge_quantizer.qtyping import TFLOperationName

    from benchmarks.torch_folded import folded

    net = folded(folder, two_dimensional=True)
    with tempfile.TemporaryDirectory() as work:
        path = Path(work, "float.tflite")
        litert_torch.convert(net, (torch.from_numpy(x),)).export(str(path))
        key, name = signature(path)
        quantize = quantizer.Quantizer(str(path), recipe.static_wi8_ai8())
        for operation in (TFLOperationName.INPUT, TFLOperationName.OUTPUT):  # floats in, floats out
            quantize.update_quantization_recipe(".*", operation, algorithm_key=AlgorithmName.NO_QUANTIZE)
        batches = [{name: x}] if len(x) > 1 else [{name: row} for row in rows]
        return bytes(quantize.quantize(quantize.calibrate({key: batches})).quantized_model)


def signature(path: Path) -> tuple[str, str]:
    """The only signature's name and its input's name."""
    from ai_edge_litert.interpreter import Interpreter

    ((key, value),) = Interpreter(str(path)).get_signature_list().items()
    return key, value["inputs"][0]
