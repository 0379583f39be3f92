"""The loop: steps, log, validation, early stopping, checkpoints, and the files of a finished run.

A checkpoint holds weights, buffers, the optimizer's state, the loss scale, the step, and the best validation so far.
Seeds follow from the step (learner.py), so the next step depends on nothing else: a killed run continues bit for bit on
one machine with the same number of threads and processes.
"""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from edgeecg._folder_lock import locked
from edgeecg.errors import InputError
from train.engine.distributed import Processes, processes, stop_without_parent
from train.engine.interrupt import Interrupts
from train.engine.learner import Learner
from train.engine.lr_finder import find_rate
from train.engine.options import Options, stored_steps
from train.engine.recorders import FolderRecorder, MemoryRecorder, Progress, Recorder, restore_progress
from train.engine.report import write_report
from train.engine.trainer import Trainer
from train.runs.folder import clean_leftovers, read_config, refuse_begun, write_config

# What a run leaves in its folder
WORK = ("checkpoint.safetensors", "best.safetensors", "latest.safetensors", "encoder.safetensors")
MEASURED, WARM = 24, 4  # steps that tell the speed; the first of them do not count


def fit(
    make: Callable[[], Learner], options: Options, describe: Callable[[Options, Progress, Learner], dict], title: str
) -> Path:
    """Train the learner that `make` builds; returns the path of the finished encoder.

    `describe` gives what the saved encoder's metadata says of its training; `title` heads the report. With several
    processes each of them calls this; the first one writes.
    """
    team = replace(processes(), independent=options.average_every is not None)
    torch.set_num_threads(options.threads)
    if options.find_lr:
        return find_rate(lambda o: build(make, o, team), options)
    with locked(options.out) if team.first else nullcontext():
        options, steps = begin(make, options, team)
        trainer, progress = build(make, options, team), Progress()
        if options.resume and (options.out / "checkpoint.safetensors").exists():
            progress = restore_progress(options.out / "checkpoint.safetensors", trainer)
            check_length(progress, steps, options)
        if options.resume and team.first:
            print(resumed(options, progress), flush=True)
        recorder = FolderRecorder(trainer, progress, options, describe) if team.first else Recorder()
        try:
            run(trainer, progress, options, recorder, "")
            if team.first:
                recorder.save_encoder("encoder", **trainer.learner.finish())
                write_report(options, trainer.learner, progress, title)
        finally:
            recorder.close()
    team.wait()
    return options.out / "encoder.safetensors"


def fit_in_memory(learner: Learner, options: Options, description: str | None = None) -> list[dict[str, float]]:
    """A short fit that leaves nothing on disk: the learner has the weights of its best validation, in evaluation mode.

    Returns a dict a validation, the first of them before any update: the means of what `forward` said since the one
    before, and what `measure` found. A learner that does not validate keeps its last weights. `description` heads a
    progress bar.
    """
    trainer, progress = Trainer(learner, options, Processes(independent=True)), Progress()
    recorder = MemoryRecorder(trainer)
    validate(trainer, progress, recorder)
    run(trainer, progress, options, recorder, description)
    if learner.validates:
        learner.load_state_dict(recorder.best)
    learner.eval()
    return recorder.curves


def check_folder(options: Options) -> None:
    """InputError if a new run would overwrite another one, or a resumed run has other options than it began with.

    Commands call it before they read data, because it takes long until `fit` checks.
    """
    if options.resume:
        stored_steps(options)
    elif not options.find_lr:
        refuse_begun(options.out, *WORK)


def begin(make: Callable[[], Learner], options: Options, team: Processes) -> tuple[Options, int]:
    """Make the folder of a new run, or find the options of the one to resume.

    Returns the options that hold, and the number of steps that the run had until now.
    """
    if options.resume:
        before = read_config(options.out).get("steps")
        options = stored_steps(options)
    else:
        refuse_begun(options.out, *WORK)
        options = settle_steps(make, options, team)
        before = options.steps
    team.wait()  # until all have read what the first one writes
    if team.first:
        clean_leftovers(options.out)
        write_config(options)
    team.wait()
    return options, before


def resumed(options: Options, progress: Progress) -> str:
    """The sentence that says what --resume does."""
    if progress.step >= options.steps:
        return f"{options.out} is finished ({progress.step} steps): only its encoder and report are written again"
    if not progress.step:
        return f"{options.out} has no checkpoint yet: the run starts again with the options in its config.json"
    return f"{options.out} continues after step {progress.step} of {options.steps} with the options in its config.json"


def check_length(progress: Progress, before: int, options: Options) -> None:
    """Another number of steps is possible until the learning rate begins to fall for the old one."""
    if options.steps != before and progress.step > (1 - options.decay) * before:
        raise InputError(
            f"{options.out} is at step {progress.step} of {before}, where its learning rate falls: its steps stay"
        )


def build(make: Callable[[], Learner], options: Options, team: Processes) -> Trainer:
    torch.manual_seed(options.seed)  # the same weights in every process
    return Trainer(make(), options, team)


def run(trainer: Trainer, progress: Progress, options: Options, recorder: Recorder, description: str | None) -> None:
    """The steps that are left. `description` heads the progress bar; None: there is no bar.

    Ctrl-C and termination let the step end, save, and raise KeyboardInterrupt.
    """
    began, before = time.perf_counter() - progress.seconds, progress.step
    ended = options.patience is not None and progress.since >= options.patience
    quiet = description is None or not trainer.processes.first
    with (
        Interrupts() as interrupts,
        tqdm(None, description, options.steps, initial=before, unit=" steps", mininterval=0.5, disable=quiet) as bar,
    ):
        for number in range(options.steps + 1 if ended else before + 1, options.steps + 1):
            values = trainer.step(number)
            bar.update()
            recorder.update(values)
            progress.step, progress.seconds = number, time.perf_counter() - began
            last = number == options.steps
            save = number % options.save_every == 0 or last
            stop = False
            if save or trainer.meets(number):
                stop_without_parent()
                stop = trainer.processes.any(interrupts.requested)
                trainer.average()
            if number % options.log_every == 0 or last:
                log(trainer, progress, options, recorder, values, bar)
            if number % options.evaluate_every == 0 or last:
                validate(trainer, progress, recorder)
                last |= options.patience is not None and progress.since >= options.patience
            if save or last or stop:
                recorder.checkpoint()
            if last:
                break
            if stop:
                raise KeyboardInterrupt


def log(trainer: Trainer, progress: Progress, options: Options, recorder: Recorder, values: dict, bar: tqdm) -> None:
    """A line of the log, and what stands behind the progress bar."""
    values = trainer.processes.mean(values)
    done = options.batch * options.accumulate * (bar.n - bar.initial if not bar.disable else 0)
    speed = done / max(bar.format_dict["elapsed"], 1e-9) if done else 0.0
    bar.set_postfix(loss=f"{values['loss']:.3f}", windows_per_s=f"{speed:.0f}")
    recorder.log(progress.step, {**values, "windows_per_second": speed, "seconds": progress.seconds})


def validate(trainer: Trainer, progress: Progress, recorder: Recorder) -> None:
    figures = trainer.evaluate()
    if figures:
        best = progress.better(trainer.learner.criterion(figures))
        recorder.validation(progress.step, figures, best)


def settle_steps(make: Callable[[], Learner], options: Options, team: Processes) -> Options:
    """`minutes` as a number of steps, measured on a trainer that is thrown away: from then on only steps count,
    so that a resumed run follows the same schedule.
    """
    if options.minutes is None:
        return options
    trainer, times = build(make, replace(options, steps=10**6), team), []
    for number in range(1, MEASURED + 1):
        start = time.perf_counter()
        trainer.step(number)
        times.append(time.perf_counter() - start)
    pace = replace(team, independent=False).mean({"seconds": sum(times[WARM:]) / len(times[WARM:])})["seconds"]
    return replace(options, steps=max(1, round(options.minutes * 60 / pace)))
