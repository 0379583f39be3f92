"""What is recorded during training: in the folder of a run, or in memory for a short fit."""

import copy
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from edgeecg.errors import InputError
from train.engine.options import Options
from train.engine.trainer import Trainer
from train.runs.checkpoint import load_training, save_training
from train.runs.folder import Log


@dataclass
class Progress:
    """Where a run is. `since`: validations after the best one."""

    step: int = 0
    seconds: float = 0.0
    best: float = math.inf
    best_step: int = 0
    since: int = 0

    def better(self, value: float) -> bool:
        """Whether this validation is the best so far; without a criterion, the latest one is."""
        if value < self.best or not math.isfinite(self.best):
            self.best, self.best_step, self.since = value, self.step, 0
            return True
        self.since += 1
        return False


class Recorder:
    """Records nothing: used by all processes but the first."""

    def update(self, values: dict[str, float]) -> None:
        """Values of one update."""

    def log(self, step: int, values: dict[str, float]) -> None:
        """Values of one update in --log-every."""

    def validation(self, step: int, figures: dict[str, float], best: bool) -> None:
        """The result of a validation."""

    def checkpoint(self) -> None:
        """Time to save."""

    def close(self) -> None:
        """The training is over, whatever ended it."""


class FolderRecorder(Recorder):
    """Log, best encoder and checkpoint in the folder of a run (train/runs/folder.py)."""

    def __init__(self, trainer: Trainer, progress: Progress, options: Options, describe: Callable):
        self.trainer, self.progress, self.options, self.describe = trainer, progress, options, describe
        self.lines = Log(options.out, progress.step)

    def log(self, step: int, values: dict[str, float]) -> None:
        self.lines.write(step, values)

    def validation(self, step: int, figures: dict[str, float], best: bool) -> None:
        self.lines.write(step, figures)
        if best and self.trainer.learner.keeps_best:
            self.save_encoder("best")

    def checkpoint(self) -> None:
        save_progress(self.options.out / "checkpoint.safetensors", self.trainer, self.progress)
        if not self.trainer.learner.keeps_best:
            self.save_encoder("latest")

    def save_encoder(self, name: str, **more) -> None:
        meta = {**more, **self.describe(self.options, self.progress, self.trainer.learner)}
        self.trainer.learner.save(self.options.out / f"{name}.safetensors", meta)

    def close(self) -> None:
        self.lines.close()


class MemoryRecorder(Recorder):
    """Curves, one point a validation (the first before any update), and the weights of the best one."""

    def __init__(self, trainer: Trainer):
        self.trainer, self.seen, self.curves = trainer, [], []
        self.best = copy.deepcopy(trainer.learner.state_dict())

    def update(self, values: dict[str, float]) -> None:
        self.seen.append(values)

    def validation(self, step: int, figures: dict[str, float], best: bool) -> None:
        means = {name: float(np.mean([values[name] for values in self.seen])) for name in (self.seen or [{}])[0]}
        self.curves.append({**means, **figures})
        self.seen = []
        if best:
            self.best = copy.deepcopy(self.trainer.learner.state_dict())


def save_progress(path, trainer: Trainer, progress: Progress) -> None:
    meta = {**asdict(progress), "scaler": trainer.scaler.state_dict()}
    if not math.isfinite(progress.best):
        meta["best"] = None  # JSON has no infinity
    save_training(path, trainer.modules, trainer.optimizer, meta)


def restore_progress(path, trainer: Trainer) -> Progress:
    meta = load_training(path, trainer.modules, trainer.optimizer)
    try:
        if meta["scaler"]:
            trainer.scaler.load_state_dict(meta["scaler"])
        best = math.inf if meta["best"] is None else meta["best"]
        return Progress(meta["step"], meta["seconds"], best, meta["best_step"], meta["since"])
    except KeyError as error:
        raise InputError(f"{path} has no {error}: it was written by another version") from error
