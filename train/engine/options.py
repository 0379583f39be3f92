"""The fields that every training command has. A command's configuration is a frozen dataclass that inherits them."""

import math
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import ClassVar, Literal

from edgeecg.errors import InputError
from train.runs.folder import stored_options

FREE = ("resume", "steps", "minutes", "out", "cache", "data", "log_every", "save_every", "find_lr")


@dataclass(frozen=True)
class Options:
    """Length, optimizer, precision and papers of a run."""

    # options that may differ in a resumed run, because they change no result
    free: ClassVar[tuple[str, ...]] = FREE

    steps: int = 3000  # updates
    minutes: float | None = None  # measures the speed first and sets `steps` from it
    batch: int = 256  # windows per loss, over all processes that share the step
    # batches per update; each has its own loss, so a contrastive loss gets no additional negatives
    accumulate: int = 1

    optimizer: Literal["adamw", "lars"] = "adamw"
    beta2: float = 0.999  # of AdamW: how slowly its second moment moves
    lr: float = 2e-3  # the peak learning rate, after a linear warm-up
    find_lr: bool = False  # only suggest an --lr (OUT/lr_finder.png)
    schedule: Literal["cosine", "trapezoid"] = "cosine"  # learning-rate schedule (train/engine/schedules.py)
    warmup: float = 0.05  # fraction of the steps (cosine)
    decay: float = 0.35  # fraction of the steps over which the rate falls to zero (trapezoid)
    weight_decay: float = 1e-4  # on matrices and kernels only
    clip: float = 5.0  # largest norm of the gradient
    patience: int | None = None  # stop after this many validations without a lower loss
    # bf16, fp16: automatic mixed precision of the networks' forward pass; float64: to compare runs exactly
    precision: Literal["float32", "bf16", "fp16", "float64"] = "float32"
    compile: bool = False  # torch.compile of the networks; takes a minute, pays off on long runs
    device: Literal["auto", "cpu", "cuda"] = "auto"
    workers: int = 1  # processes to start here; or start them with torchrun
    # each process takes this many steps of its own, then all average their weights; default: all share every step
    # (train/engine/distributed.py)
    average_every: int | None = None

    out: Path = Path("runs/train")  # folder of the run (train/runs/folder.py)
    resume: bool = False  # continue the run in `out`
    seed: int = 0  # of weights, windows and views
    threads: int = 1  # of torch, in each process
    log_every: int = 10  # steps between lines of the log
    save_every: int = 200  # steps between checkpoints
    evaluate_every: int = 200  # steps between validations
    cache: Path = Path("~/.cache/edgeecg/train")  # front-end output of the corpora, built once

    def __post_init__(self):
        for name in ("steps", "batch", "accumulate", "workers", "threads", "log_every", "save_every", "evaluate_every"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1")
        if self.minutes is not None and not 0 < self.minutes < math.inf:
            raise InputError("minutes must be above 0")
        for name in ("patience", "average_every"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1")
        if self.patience is not None and self.average_every is not None:
            raise InputError("patience does not go with average_every: no process knows how far the others are")
        if not (self.lr > 0 and self.clip > 0 and 0 <= self.warmup <= 1 and 0 <= self.decay <= 1):
            raise InputError("lr and clip must be positive, warmup and decay shares between 0 and 1")
        if not 0 < self.beta2 < 1:
            raise InputError("beta2 lies between 0 and 1")


def stored_steps(options: Options) -> Options:
    """`options` with the number of steps that the run to resume settled on; the others must be those of now.

    Another number may be asked for where the schedule allows it (train/engine/schedules.py, trapezoid).
    """
    stored = stored_options(options, options.free)
    try:
        steps = int(stored["steps"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{options.out} holds no run to resume") from error
    default = next(field.default for field in fields(options) if field.name == "steps")
    others = options.minutes is not None and stored.get("minutes") != options.minutes
    if not others and options.steps in (steps, default):
        return replace(options, steps=steps, minutes=None)
    if others or options.schedule != "trapezoid":
        raise InputError(
            f"{options.out} was begun with {steps} steps, which its learning rate follows: a resumed run keeps them"
        )
    return options
