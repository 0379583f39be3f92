"""A finished run of train/finetune.py: its scores, its report, and the verdict between two runs."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from edgeecg.errors import InputError
from train.classifiers import metrics
from train.downstream import predictions
from train.downstream.predictions import MEASURES, Predictions
from train.downstream.tables import percent, score_table, verdict_table
from train.plots import classifiers as pictures
from train.probes.protocol import Score

# What is asked of each share of labels: is the second better than the first, on the same patients?
QUESTIONS = (("random", "linear"), ("scratch", "finetune"), ("hrv", "linear"), ("linear", "finetune"))
MET = " The encoder may have met PTB-XL, Challenge 2017 and DS1 in pretraining, without labels; DS2 it has not."
CURVES = {"curves": ("finetune", "scratch"), "curves_frozen": ("linear", "random")}  # a picture each
SAYS = {
    "linear": "pretrained, frozen",
    "finetune": "pretrained, fine-tuned",
    "random": "random, frozen",
    "scratch": "random, trained (supervised)",
    "hrv": "15 heart-rate and shape features",
}


def cell_name(arm: str, share: float, split: int) -> str:
    return f"{arm}-{share:g}-{split}"


@dataclass(frozen=True)
class Run:
    """The folder of a finished run and its configuration."""

    folder: Path
    config: dict

    @property
    def arms(self) -> list[str]:
        """In the order in which they were run."""
        there = {path.name.split("-")[0] for path in (self.folder / "cells").glob("*.npz")}
        return [arm for arm in SAYS if arm in there]

    @cached_property
    def parts(self) -> dict[tuple[str, float], tuple[Predictions, dict[str, np.ndarray]]]:
        """(arm, share of labels) -> the predictions of all splits, the curves (splits, epochs + 1)."""
        parts = {}
        for share in self.config["fractions"]:
            for arm in self.arms:
                names = [cell_name(arm, share, split) for split in range(self.config["splits"])]
                cells = [predictions.load(self.folder / "cells" / f"{name}.npz") for name in names]
                curves = {name: np.stack([cell[1][name] for cell in cells]) for name in cells[0][1]}
                parts[arm, share] = predictions.join([cell[0] for cell in cells]), curves
        return parts

    @cached_property
    def scores(self) -> dict[tuple[str, float], dict[str, Score]]:
        return {key: predictions.score(part) for key, (part, _) in self.parts.items()}


def read_run(folder: Path) -> Run:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        own = {"task": Path(config["labels"]).name, "own": True} if config.get("labels") else {}
        kept = {name: config[name] for name in ("encoder", "task", "fractions", "splits", "training")}
        run = Run(folder, kept | own)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder} holds no run of train/finetune.py") from error
    if not run.parts:
        raise InputError(f"{folder} holds no finished part of a run")
    return run


def table(run: Run) -> str:
    """A row for each share of labels and arm: the measures with their intervals."""
    return score_table(
        ("labels", "classifier"), {(percent(share), SAYS[arm]): s for (arm, share), s in run.scores.items()}
    )


def verdicts(run: Run) -> str:
    """Paired differences in macro AUROC between the arms of one run."""
    gaps = {}
    for share in run.config["fractions"]:
        for first, second in QUESTIONS:
            if (first, share) in run.parts and (second, share) in run.parts:
                parts = run.parts[first, share][0], run.parts[second, share][0]
                question = f"{SAYS[second]} against {SAYS[first]}"
                gaps[percent(share), question] = predictions.difference(*parts, "macro AUROC")
    return verdict_table(("labels", "macro AUROC"), gaps)


def compare(old: Run, new: Run) -> str:
    """Paired comparisons of the parts that both runs hold: new minus old, resampling patients."""
    common = [key for key in new.parts if key in old.parts]
    if old.config["task"] != new.config["task"] or not common:
        raise InputError(f"{old.folder} and {new.folder} have no task and classifier in common")
    gaps = {
        (percent(share), SAYS[arm], measure): predictions.difference(
            old.parts[arm, share][0], new.parts[arm, share][0], measure
        )
        for arm, share in common
        for measure in MEASURES
    }
    return verdict_table(("labels", "classifier", "measure"), gaps)


def accuracy_line(run: Run) -> str:
    """Validation accuracy after the first and after the last epoch, with and without the pretrained encoder."""
    share, text = run.config["fractions"][-1], []
    for arm in ("finetune", "scratch", "linear", "random"):
        if (arm, share) in run.parts:
            curve = run.parts[arm, share][1]["validation_accuracy"]
            text.append(
                f"{SAYS[arm]} {curve[:, 1].mean():.1%} after one epoch, {curve[:, -1].mean():.1%} after "
                f"{curve.shape[1] - 1}"
            )
    return f"Validation accuracy, mean of the splits, {percent(share)} of the labels: {'; '.join(text)}."


def draw(run: Run, classes: tuple[str, ...]) -> list[str]:
    """Write the pictures; returns the lines that show them."""
    lines, shares = [], run.config["fractions"]
    for name, pair in CURVES.items():
        rows = {
            f"{percent(share)} of the labels": {
                SAYS[arm]: run.parts[arm, share][1] for arm in pair if (arm, share) in run.parts
            }
            for share in shares
        }
        if all(rows.values()):
            pictures.curves(run.folder / f"{name}.png", rows)
            lines += [f"![{' and '.join(SAYS[a] for a in pair)}: curves]({name}.png)", ""]
    shown = [arm for arm in ("finetune", "scratch", "linear") if arm in run.arms][:2] or run.arms[:1]
    matrices = {}
    for arm in shown:
        part = run.parts[arm, shares[-1]][0]
        decided = metrics.likeliest(part.p) if part.single else part.decided
        matrices[SAYS[arm]] = metrics.confusion(part.truth, decided)
    pictures.confusion(run.folder / "confusion.png", matrices, classes)
    lines += [f"![confusion at {percent(shares[-1])} of the labels](confusion.png)", ""]
    what = (
        "the likeliest class"
        if part.single
        else "the labels given with frozen thresholds (a row may have several labels)"
    )
    return [
        *lines,
        f"Confusion: of the test windows with the row's label, the share that got the column's; {what}.",
        "",
    ]


def report(run: Run, classes: tuple[str, ...]) -> str:
    part = next(iter(run.parts.values()))[0]
    people = len(np.unique(part.group))
    text = [f"# {run.config['task']}: with and without the pretrained encoder", ""]
    text += [
        f"Encoder {Path(run.config['encoder']).name}, {len(classes)} classes, {run.config['splits']} splits, "
        f"{run.config['training']['epochs']} epochs. {len(part.row)} predictions for {people} test patients, 95 % "
        "intervals from "
        "bootstrap draws of patients. The share of labels counts training patients; validation patients, who choose "
        "the "
        "epoch and the thresholds of F1, are the same at every share." + ("" if run.config.get("own") else MET),
        "",
    ]
    text += [
        table(run),
        "## Does it help?",
        "",
        verdicts(run),
        "## Curves",
        "",
        accuracy_line(run),
        "",
        *draw(run, classes),
    ]
    return "\n".join(text)
