"""The report of a correction run: scores on original and corrected embeddings, paired verdicts, figures."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from train.classifiers import metrics
from train.classifiers.labeled import Labeled
from train.downstream import predictions
from train.downstream.maps import project, some_points
from train.downstream.predictions import Predictions
from train.downstream.tables import markdown, score_table, verdict_table
from train.plots import classifiers as pictures
from train.runs.folder import write_text

CLASSIFIERS = ("MLP", "logistic regression", "linear SVM")
SAYS = {"original": "original", "margin": "margin", "soft_nn": "soft nearest neighbor", "sigmoid": "sigmoid"}
JUDGED = ("macro AUROC", "balanced accuracy")


@dataclass(frozen=True)
class Finished:
    """All splits of one task or of one setting of the synthetic knobs."""

    name: str
    folder: Path
    data: Labeled
    losses: tuple[str, ...]
    splits: int

    @cached_property
    def parts(self) -> dict[tuple[str, str], Predictions]:
        """(embedding, classifier) -> predictions of all splits."""
        return {
            (form, classifier): predictions.join(
                [predictions.load(self.folder / f"{k}-{form}-{classifier}.npz")[0] for k in range(self.splits)]
            )
            for form in ("original", *self.losses)
            for classifier in CLASSIFIERS
        }

    @cached_property
    def extra(self) -> list[dict[str, np.ndarray]]:
        """Curves and counts of each split; of the first also the test embeddings."""
        return [predictions.load_arrays(self.folder / f"{k}.npz") for k in range(self.splits)]

    def scores(self) -> dict[tuple[str, str], dict]:
        return {key: predictions.score(part) for key, part in self.parts.items()}

    def gaps(self, measure: str) -> dict[tuple[str, str], object]:
        """Corrected minus original, on the same draws of patients, for each loss and classifier."""
        return {
            (SAYS[loss], classifier): predictions.difference(
                self.parts["original", classifier], self.parts[loss, classifier], measure
            )
            for loss in self.losses
            for classifier in CLASSIFIERS
        }


def write_report(out: Path, every: list[Finished], methods: tuple[str, ...], model: str) -> tuple[str, dict]:
    """OUT/report.md with its pictures; returns its text and the scores."""
    text, scores = [f"# Contrastive correction: {', '.join(f.name for f in every)}", ""], {}
    for one in every:
        found = one.scores()
        scores |= {f"{one.name}/{form}/{classifier}": score for (form, classifier), score in found.items()}
        text += section(one, found, "synthetic embeddings" if one.data.name == "synthetic" else model)
    first = every[0]
    draw(out, first, methods)
    text += [f"Pictures: {first.name}, first split, test patients.", "", "![test embeddings](maps.png)", ""]
    text += ["![confusion of the MLP](confusion.png)", "", "![loss of the correction](curves.png)", ""]
    write_text(out / "report.md", "\n".join(text))
    return "\n".join(text), scores


def section(one: Finished, scores: dict, model: str) -> list[str]:
    part = next(iter(one.parts.values()))
    said = {
        name: [int(extra[f"said.{name}"]) for extra in one.extra]
        for name in ("windows", "wrong", "hard", "sure", "pairs")
    }
    text = [f"## {one.name}", ""]
    text += [
        f"Embeddings: {model}; {one.data.truth.shape[1]} classes, {one.splits} splits, {len(np.unique(part.group))} "
        "test patients; "
        "95 % intervals from draws of patients. The judging classifier, on training patients that it had not met:",
        "",
        markdown(("split", *said), list(zip(range(one.splits), *said.values(), strict=True))),
        score_table(("embedding", "classifier"), {(SAYS[form], name): score for (form, name), score in scores.items()}),
    ]
    for measure in JUDGED:
        text += [
            f"Corrected against original, {measure}:",
            "",
            verdict_table(("loss", "classifier"), one.gaps(measure)),
        ]
    return [*text, conclusion(one), ""]


def conclusion(one: Finished) -> str:
    """One sentence that counts the verdicts."""
    found = [predictions.verdict(gap) for measure in JUDGED for gap in one.gaps(measure).values()]
    counts = ", ".join(f"{found.count(kind)} {kind}" for kind in ("better", "worse", "no difference shown"))
    return f"Of {len(found)} comparisons: {counts}."


def draw(out: Path, one: Finished, methods: tuple[str, ...]) -> None:
    first, classes = one.extra[0], one.data.classes
    forms = ("original", *one.losses)
    at = some_points(len(first["label"]))
    points = {SAYS[form]: {method: project(first[f"test.{form}"][at], method) for method in methods} for form in forms}
    pictures.maps(out / "maps.png", points, first["label"][at], classes)
    matrices = {}
    for form in forms:
        part = one.parts[form, "MLP"]
        matrices[SAYS[form]] = metrics.confusion(part.truth, metrics.likeliest(part.p))
    pictures.confusion(out / "confusion.png", matrices, classes)
    pictures.losses(
        out / "curves.png", {SAYS[loss]: (first[f"{loss}.train"], first[f"{loss}.validation"]) for loss in one.losses}
    )
