"""The report of a fit: one HTML file with its pictures inside."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import plot
from .._files import write_atomically
from .._progress import clock
from ..errors import EdgeECGError
from .cross_validation import Fitted, classifier, logits_of
from .head_of import Comparison
from .results import Results, probability_of
from .scores import auc, calibration, f1, roc

if TYPE_CHECKING:
    from ..heads import Head
    from ..io import Recording

__all__ = ["write_report"]

WORST = 6
STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1b1f3b}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.2rem .8rem;border-bottom:1px solid #ddd;text-align:right}
th:first-child,td:first-child{text-align:left}img{max-width:100%}small{color:#666}"""


def write_report(
    path: Path,
    head: Head,
    fitted: Fitted,
    results: Results,
    comparison: Comparison,
    read: Callable[[str], Recording],
) -> None:
    """Write the report.

    Parameters
    ----------
    path : Path
        Where to.
    head, fitted, results, comparison
        What was found.
    read : callable
        Name of a recording in the labels -> Recording, for the windows that are drawn.
    """
    rows = fitted.examples
    names = [rows.classes[fitted.positive]] if fitted.positive is not None else list(rows.classes)
    what = "recordings" if rows.of_recordings else "windows"
    parts = [
        f"<h1>{html.escape(head.name)}</h1>",
        f"<p>{html.escape(head.info['trained_on'])}. Scores are of {what} whose subject the classifier did not see "
        "(cross-validation by subject; thresholds chosen without them too). This is no diagnosis.</p>",
        table(["score", "value", "95 % interval by subject"], score_rows(results)),
        f"<p>The integer head gives the verdict of the float classifier in {100 * comparison.same:.2f} % of {what}; "
        f"its AUC differs by {comparison.auc_change:.4f} at most. Regularization C = {fitted.strength:g}, of "
        + ", ".join(f"{c:g} ({score:.3f})" for c, score in fitted.strengths.items())
        + ".</p>",
        picture(scores_picture(fitted, names)),
        "<h2>Labels and verdicts</h2>",
        table(["label", *[f"said {name}" for name in rows.classes]], confusion_rows(results, rows.classes)),
        *by_subject(fitted, what),
        f"<h2>{what.capitalize()} that were most wrong</h2>",
        *worst(fitted, names, read),
    ]
    page = f"<!doctype html><meta charset=utf-8><title>{html.escape(head.name)}</title><style>{STYLE}</style>"
    write_atomically(path, (page + "\n".join(parts)).encode())


def table(heading: list[str], rows: list[list[str]]) -> str:
    cells = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{''.join(f'<th>{html.escape(title)}</th>' for title in heading)}</tr>{cells}</table>"


def score_rows(results: Results) -> list[list[str]]:
    return [[name, f"{v:.3f}", f"{low:.3f} to {high:.3f}"] for name, (v, low, high) in results.metrics.items()]


def confusion_rows(results: Results, classes: tuple[str, ...]) -> list[list[str]]:
    return [[name, *map(str, row)] for name, row in zip(classes, results.confusion.tolist(), strict=True)]


def by_subject(fitted: Fitted, what: str, most: int = 20) -> list[str]:
    """The subjects with the most wrong verdicts; nothing where each has one row."""
    right = fitted.verdict == fitted.examples.y
    names, place, counts = np.unique(fitted.examples.subject, return_inverse=True, return_counts=True)
    if counts.max() == 1:
        return []
    wrong = np.bincount(place, ~right, minlength=len(names))
    order = np.argsort(-wrong, kind="stable")[:most]
    rows = [[str(names[i]), str(counts[i]), f"{100 * (1 - wrong[i] / counts[i]):.0f} %"] for i in order]
    return ["<h2>Subjects with the most wrong verdicts</h2>", table(["subject", what, "right"], rows)]


def picture(figure: Any) -> str:
    return f'<p><img alt="" src="data:image/png;base64,{base64.b64encode(plot.png(figure)).decode()}"></p>'


def scores_picture(fitted: Fitted, names: list[str]) -> Any:
    """ROC, calibration and learning curve."""
    figure, *_ = plot.import_matplotlib()
    drawn = figure.Figure(figsize=(12, 3.8), dpi=110, layout="constrained")
    left, middle, right = drawn.subplots(1, 3)
    probability = probability_of(fitted.logits, fitted.positive)
    for c, name in enumerate(names):
        positive = fitted.examples.y == (c if fitted.positive is None else fitted.positive)
        alarms, sensitivity = roc(positive, probability[:, c])
        left.plot(alarms, sensitivity, label=f"{name} ({auc(positive, probability[:, c]):.3f})")
        middle.plot(*calibration(positive, probability[:, c]), "o-", ms=3)
    for axes, x, y in ((left, "false alarm rate", "sensitivity"), (middle, "probability said", "share that is")):
        axes.plot([0, 1], [0, 1], color=plot.FAINT, lw=0.7)
        axes.set(xlabel=x, ylabel=y)
    left.legend(title="AUC", fontsize=8)
    left.set_title("ROC")
    middle.set_title("Calibration")
    subjects, scores = learning_curve(fitted)
    right.plot(subjects, scores, "o-", ms=3)
    score = "mean F1" if fitted.positive is None else "AUC"
    right.set(xlabel="subjects trained on", ylabel=score, title="Learning curve")
    return drawn


def learning_curve(fitted: Fitted, seed: int = 0) -> tuple[list[int], list[float]]:
    """(subjects, score) of classifiers on parts of the training subjects, judged on the first fold."""
    rows, test = fitted.examples, fitted.fold == 0
    known = np.unique(rows.subject[~test])
    order = np.random.default_rng(seed).permutation(known)
    sizes, scores = [], []
    for share in (0.1, 0.25, 0.5, 1.0):
        kept = order[: max(4, round(share * len(order)))]
        part = rows.only(~test & np.isin(rows.subject, kept))
        if len(np.unique(part.y)) < len(rows.classes):
            continue
        logits = logits_of(classifier(part, fitted.strength), rows.x[test], len(rows.classes))
        if fitted.positive is None:
            score = float(np.mean(f1(rows.y[test], np.argmax(logits + fitted.offsets, axis=1), len(rows.classes))))
        else:
            score = auc(rows.y[test] == fitted.positive, logits[:, fitted.positive] - logits[:, 1 - fitted.positive])
        sizes.append(len(kept))
        scores.append(score)
    return sizes, scores


def worst(fitted: Fitted, names: list[str], read: Callable[[str], Recording]) -> list[str]:
    """The rows that were most certainly wrong, on ECG paper."""
    rows = fitted.examples
    probability = probability_of(fitted.logits, fitted.positive)
    if fitted.positive is None:
        wrong = probability[np.arange(len(rows.y)), fitted.verdict] - probability[np.arange(len(rows.y)), rows.y]
    else:
        wrong = np.where(rows.y == fitted.positive, -probability[:, 0], probability[:, 0])
    order = [i for i in np.argsort(-wrong) if fitted.verdict[i] != rows.y[i]][:WORST]
    figure, *_ = plot.import_matplotlib()
    parts = []
    for i in order:
        try:
            recording = read(str(rows.recording[i]))
            start = 0.0 if np.isnan(rows.start[i]) else float(rows.start[i])
            drawn = figure.Figure(figsize=(12, 2.2), dpi=90, layout="constrained")
            said = f"{rows.recording[i]} at {clock(start)}: label {rows.classes[rows.y[i]]}, said "
            said += rows.classes[fitted.verdict[i]]
            plot.strip(drawn.subplots(), recording.millivolts(), float(recording.fs or 0), start, 10.0, plot.INK, said)
            parts.append(picture(drawn))
        except EdgeECGError as error:
            parts.append(f"<p>{html.escape(str(error))}</p>")
    return parts or ["<p>None was wrong.</p>"]
