"""The report of a finished run: plots, and a page that shows them."""

import shlex
from pathlib import Path

from train.data import PRETRAINING
from train.engine.learner import Learner
from train.engine.options import Options
from train.plots import training as plots
from train.runs.folder import read_log, write_text

NEXT = "## Next"


def write_report(options: Options, learner: Learner, progress, title: str) -> Path:
    """OUT/report.md and the pictures it shows. `progress` is the loop's."""
    lines = read_log(options.out)
    plots.run_curves(options.out / "curves.png", lines)
    training = [line for line in lines if "loss" in line]
    checks = [line for line in lines if "validation_loss" in line]
    text = [f"# {title}", ""]
    text += figures(options, learner, progress, training)
    text += ["", "![loss, validation and learning rate by step](curves.png)", ""]
    text += validation_table(checks)
    for caption, name in learner.pictures(options.out):
        text += [f"![{caption}]({name})", "", f"{caption}.", ""]
    text += how_to_go_on(options, learner, bool(checks))
    path = options.out / "report.md"
    write_text(path, "\n".join(text))
    return path


def figures(options: Options, learner: Learner, progress, training: list[dict]) -> list[str]:
    text = [f"- {remark}" for remark in learner.remarks()]
    ended = f" of {options.steps}, ended by --patience {options.patience}" if progress.step < options.steps else ""
    windows = f"{options.batch} windows each" + (
        f", {options.accumulate} batches an update" if options.accumulate > 1 else ""
    )
    text.append(f"- steps {progress.step}{ended}, {windows}, {progress.seconds / 60:.1f} minutes")
    text.append(losses(training))
    text.append(f"- {options.optimizer}, learning rate up to {options.lr:g}, {options.precision}, seed {options.seed}")
    if progress.best_step:
        text.append(f"- best validation loss {progress.best:.4f} at step {progress.best_step} (`best.safetensors`)")
    return text


def losses(training: list[dict]) -> str:
    """From the first loss to the mean of the last twentieth; a log may have been lost before a resume."""
    if not training:
        return "- loss unknown: log.jsonl tells of no step"
    tail = training[-max(1, len(training) // 20) :]
    last = sum(line["loss"] for line in tail) / len(tail)
    speed = training[-1].get("windows_per_second", 0.0)
    return f"- loss {training[0]['loss']:.3f} -> {last:.3f} (last 5 %), {speed:.0f} windows/s"


def validation_table(checks: list[dict]) -> list[str]:
    """About ten rows, the last one among them; a column for each figure that every validation has."""
    if not checks:
        return ["No patients were held out, so there is no validation.", ""]
    names = [name for name in checks[0] if name != "step" and all(name in check for check in checks)]
    text = ["| step | " + " | ".join(name.replace("_", " ") for name in names) + " |", "|---" * (len(names) + 1) + "|"]
    shown = {check["step"]: check for check in [*checks[:: max(1, len(checks) // 10)], checks[-1]]}
    text += [
        f"| {step} | " + " | ".join(f"{check[name]:.4g}" for name in names) + " |" for step, check in shown.items()
    ]
    return [*text, ""]


def how_to_go_on(options: Options, learner: Learner, validated: bool) -> list[str]:
    text = [NEXT, "", "```"]
    if learner.exports:
        text += [
            next_command(options, "encoder"),
            *([next_command(options, "best")] if validated and learner.keeps_best else []),
        ]
    text += [f"tensorboard --logdir {shlex.quote(str(options.out / 'tensorboard'))}", "```", ""]
    return text


def insert(options: Options, lines: list[str]) -> None:
    """Put lines into the report of a finished run, before its last section."""
    path = options.out / "report.md"
    text = path.read_text(encoding="utf-8")
    write_text(path, text.replace(NEXT, "\n".join([*lines, NEXT]), 1))


def next_command(options: Options, name: str = "encoder") -> str:
    """The command that exports an encoder of the run, quoted for a shell."""
    data, corpora = getattr(options, "data", None), getattr(options, "corpora", ())
    words = ["python", "train/export.py", options.out / f"{name}.safetensors", "-o", options.out / "model"]
    words += ["--data", data] if data else []
    words += ["--corpora", *corpora] if data and tuple(corpora) != PRETRAINING else []
    return shlex.join(map(str, words))
