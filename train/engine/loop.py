"""The loop: steps, log, validation, early stopping, checkpoints, and what is left in the folder.

A checkpoint holds weights, buffers, the optimiser's state, the loss scale, the step, and the best validation so far.
With seeds that follow from the step (learner.py) that is everything the next step depends on: a run that was killed
continues bit for bit on one machine with the same number of threads and processes.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from tqdm import tqdm

from edgeecg.errors import InputError
from train.engine.distributed import Processes, processes
from train.engine.learner import Learner
from train.engine.lr_finder import find_rate
from train.engine.options import Options, stored_steps
from train.engine.report import write_report
from train.engine.trainer import Trainer
from train.runs.checkpoint import load_training, save_training
from train.runs.folder import Log, refuse_begun, write_config

WORK = ("checkpoint.safetensors", "best.safetensors", "encoder.safetensors")  # what a run leaves in its folder
MEASURED, WARM = 24, 4  # steps that tell the speed; the first of them do not count


@dataclass
class Progress:
    """Where a run is. `since`: validations after the best one."""

    step: int = 0
    seconds: float = 0.0
    best: float = math.inf
    best_step: int = 0
    since: int = 0

    def better(self, loss: float) -> bool:
        if loss < self.best:
            self.best, self.best_step, self.since = loss, self.step, 0
            return True
        self.since += 1
        return False


def fit(
    make: Callable[[], Learner], options: Options, describe: Callable[[Options, Progress], dict], title: str
) -> Path:
    """Train the learner that `make` builds; returns the path of the finished encoder.

    `describe` gives what the saved encoder's metadata says of its training; `title` heads the report. With several
    processes each of them calls this; the first one writes.
    """
    team = processes()
    torch.set_num_threads(options.threads)
    if options.find_lr:
        return find_rate(lambda o: build(make, o, team), options)
    checkpoint = options.out / "checkpoint.safetensors"
    if options.resume:
        options = stored_steps(options)
    else:
        refuse_begun(options.out, *WORK)
        options = settle_steps(make, options, team)
        if team.first:
            options.out.mkdir(parents=True, exist_ok=True)
            write_config(options)
    team.wait()
    trainer, progress = build(make, options, team), Progress()
    if options.resume and checkpoint.exists():
        progress = restore(checkpoint, trainer)
    log = Log(options.out, progress.step) if team.first else None
    try:
        run(trainer, progress, options, log, describe)
    finally:
        if log:
            log.close()
    finished = options.out / "encoder.safetensors"
    if team.first:
        trainer.learner.save(finished, describe(options, progress))
        write_report(options, trainer.learner, progress, title)
    team.wait()
    return finished


def build(make: Callable[[], Learner], options: Options, team: Processes) -> Trainer:
    torch.manual_seed(options.seed)  # the same weights in every process
    return Trainer(make(), options, team)


def run(trainer: Trainer, progress: Progress, options: Options, log: Log | None, describe: Callable) -> None:
    start, quiet = time.perf_counter() - progress.seconds, log is None
    ended = options.patience is not None and progress.since >= options.patience
    first = options.steps + 1 if ended else progress.step + 1
    with tqdm(total=options.steps, initial=progress.step, unit=" steps", mininterval=0.5, disable=quiet) as bar:
        for number in range(first, options.steps + 1):
            values = trainer.step(number)
            bar.update()
            progress.step, progress.seconds = number, time.perf_counter() - start
            last = number == options.steps
            if number % options.log_every == 0 or last:
                values = trainer.processes.mean(values)
                speed = (
                    options.batch * options.accumulate * (bar.n - bar.initial) / max(bar.format_dict["elapsed"], 1e-9)
                    if log
                    else 0
                )
                bar.set_postfix(loss=f"{values['loss']:.3f}", windows_per_s=f"{speed:.0f}")
                write(log, number, {**values, "windows_per_second": speed, "seconds": progress.seconds})
            if number % options.evaluate_every == 0 or last:
                figures = trainer.evaluate()
                if figures:
                    if progress.better(figures["validation_loss"]) and log:
                        trainer.learner.save(options.out / "best.safetensors", describe(options, progress))
                    write(log, number, figures)
                    last |= options.patience is not None and progress.since >= options.patience
            if (number % options.save_every == 0 or last) and log:
                save(options.out / "checkpoint.safetensors", trainer, progress)
            if last:
                break


def write(log: Log | None, step: int, values: dict) -> None:
    if log:
        log.write(step, values)


def save(path: Path, trainer: Trainer, progress: Progress) -> None:
    meta = {**asdict(progress), "scaler": trainer.scaler.state_dict()}
    if math.isinf(progress.best):
        meta["best"] = None  # JSON has no infinity
    save_training(path, trainer.modules, trainer.optimiser, None, meta)


def restore(path: Path, trainer: Trainer) -> Progress:
    meta = load_training(path, trainer.modules, trainer.optimiser, None)
    try:
        if meta["scaler"]:
            trainer.scaler.load_state_dict(meta["scaler"])
        best = math.inf if meta["best"] is None else meta["best"]
        return Progress(meta["step"], meta["seconds"], best, meta["best_step"], meta["since"])
    except KeyError as error:
        raise InputError(f"{path} has no {error}: it was written by another version") from error


def settle_steps(make: Callable[[], Learner], options: Options, team: Processes) -> Options:
    """`minutes` as a number of steps, measured on a trainer that is thrown away: from then on only steps count,
    so that a resumed run follows the same schedule."""
    if options.minutes is None:
        return options
    trainer, times = build(make, replace(options, steps=10**6), team), []
    for number in range(1, MEASURED + 1):
        start = time.perf_counter()
        trainer.step(number)
        times.append(time.perf_counter() - start)
    pace = team.mean({"seconds": sum(times[WARM:]) / len(times[WARM:])})["seconds"]
    return replace(options, steps=max(1, round(options.minutes * 60 / pace)))
