"""What a training run leaves in its folder: configuration, JSON-lines log, TensorBoard events, report.

    OUT/config.json              the configuration, with the number of steps that was settled on
    OUT/log.jsonl                one object a line: step, loss, learning rate, throughput, validation
    OUT/tensorboard/
    OUT/checkpoint.safetensors   the latest state, for --resume
    OUT/best.safetensors         the encoder with the lowest validation loss, for train/export.py
    OUT/encoder.safetensors      the encoder of the last step, for train/export.py
    OUT/curves.png
    OUT/report.md                the page to read first
"""

import dataclasses
import json
import os
from pathlib import Path


class Log:
    """JSON lines and TensorBoard at once. `step` > 0: a resumed run, whose later lines are forgotten."""

    def __init__(self, folder: Path, step: int = 0):
        from torch.utils.tensorboard import SummaryWriter

        self.path = folder / "log.jsonl"
        kept = [line for line in read_log(folder) if line["step"] <= step] if step else []
        write_text(self.path, "".join(json.dumps(line) + "\n" for line in kept))
        self.file = open(self.path, "a", encoding="utf-8")  # noqa: SIM115 (closed by close)
        self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)

    def write(self, step: int, values: dict) -> None:
        self.file.write(json.dumps({"step": step, **values}) + "\n")
        self.file.flush()
        for name, value in values.items():
            self.board.add_scalar(name, value, step)

    def close(self) -> None:
        self.file.close()
        self.board.close()

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *_) -> None:
        self.close()


def read_log(folder: Path) -> list[dict]:
    """The log's lines; a last line that a kill cut short is left out."""
    path, lines = folder / "log.jsonl", []
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                lines.append(json.loads(line))
            except json.JSONDecodeError:
                break
    return lines


def write_text(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def write_json(path: Path, value) -> None:
    write_text(path, json.dumps(value, indent=1, default=str) + "\n")


def config_dict(config) -> dict:
    """A frozen dataclass as JSON values: paths as text, tuples as lists."""
    return json.loads(json.dumps(dataclasses.asdict(config), default=str))
