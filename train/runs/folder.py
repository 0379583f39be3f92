"""The folder of a training run: configuration, JSON-lines log, TensorBoard events, report.

OUT/config.json              the configuration, with the final number of steps
OUT/log.jsonl                one object per line: step, loss, learning rate, throughput, validation
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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeecg._folder_lock import locked
from edgeecg.errors import InputError
from train.runs.checkpoint import file_fingerprint, model_fingerprint

CODE = 3  # raise when a run that was begun would go on differently: 3 since all training runs through one engine


NOTES = {"code", "models"}  # of config.json, beside the options


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
    """The log's lines up to one that a kill cut short, or that something else damaged."""
    path, lines = folder / "log.jsonl", []
    if path.exists():
        for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                line = json.loads(text)
            except json.JSONDecodeError:
                break
            if not isinstance(line, dict) or not isinstance(line.get("step"), int):
                break
            lines.append(line)
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


def write_config(config, **more) -> None:
    write_json(config.out / "config.json", {**config_dict(config), "code": CODE, **more})


@contextmanager
def run_folder(
    config, free: tuple[str, ...], *parts: str, models: tuple[str, ...] = (), labels: str | None = None
) -> Iterator[None]:
    """`config.out` as the folder of this run, new or gone on with where `config.resume` says so, for a block.

    `free` options may change on the way; `parts` are patterns of the files that work went into; `models` name what is
    measured or trained on, `labels` a table of labels. InputError where a resumed run's options or their bytes differ,
    where a new run would lose what another one left, and where another process writes there.
    """
    used = {name: model_fingerprint(name) for name in models} | ({labels: file_fingerprint(labels)} if labels else {})
    if config.resume:
        before = stored_options(config, free).get("models", {})
        changed = [name for name in used if before.get(name) != used[name]]
        if changed:
            raise InputError(f"{', '.join(changed)} is not what {config.out} began with: give another --out")
    else:
        refuse_begun(config.out, *parts)
    with locked(config.out):
        clean_leftovers(config.out)
        write_config(config, models=used)
        yield


def clean_leftovers(out: Path) -> None:
    """Remove what a killed process had begun to write. Only for who holds the folder's lock."""
    for pattern in (".*.part", ".*.part.*"):
        for path in out.rglob(pattern):
            if path.is_file():
                path.unlink(missing_ok=True)


def read_config(out: Path) -> dict:
    """The configuration of the run in `out`. Raises InputError where there is none."""
    try:
        stored = json.loads((out / "config.json").read_text(encoding="utf-8"))
        if not isinstance(stored, dict):
            raise ValueError
    except (OSError, ValueError) as error:
        raise InputError(f"{out} holds no run to resume") from error
    return stored


def refuse_begun(out: Path, *parts: str) -> None:
    """InputError where a new run would lose what one left in `out`: files that fit `parts`, or a log of steps."""
    held = sorted(file for pattern in parts for file in out.glob(pattern))
    held = held or ([out / "log.jsonl"] if read_log(out) else [])
    if held:
        raise InputError(
            f"{out} holds a run already ({held[0].relative_to(out)}): go on with --resume, or give another --out"
        )


def stored_options(config, free: tuple[str, ...]) -> dict:
    """The options of the run to resume; those of now must be the same but for `free`. An option that is newer than the
    run had its default.
    """
    path, stored = config.out / "config.json", read_config(config.out)
    if stored.get("code", 1) != CODE:
        raise InputError(
            f"{config.out} was begun by another version of the training code, which would not go on as it began: give "
            "another --out"
        )
    fields = {field.name: field for field in dataclasses.fields(config)}
    changed = [
        name
        for name, value in config_dict(config).items()
        if name not in free and stored.get(name, default_of(fields[name])) != value
    ]
    if changed:
        said = ", ".join(
            name if isinstance(stored.get(name), dict) else f"{name} ({stored.get(name)})" for name in changed
        )
        raise InputError(f"{path} has other values of {said}: a resumed run keeps its options")
    return stored


def default_of(field: dataclasses.Field):
    """As JSON has it; None where there is none."""
    made = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
    made = dataclasses.asdict(made) if dataclasses.is_dataclass(made) else made
    return None if made is dataclasses.MISSING else json.loads(json.dumps(made, default=str))
