"""What a fitted head reaches, in numbers and in lines for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .cross_validation import Fitted
from .examples import Examples
from .scores import auc, confusion, f1, interval

if TYPE_CHECKING:
    from ..encoder import Encoder
    from ..heads import Head

__all__ = ["Results", "results_of"]

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Results:
    """Scores.

    Attributes
    ----------
    metrics : dict of str to list of float
        Name -> value and the ends of its 95 % interval by subject; of the test set "test ..." too.
    lines : list of str
        The same for people.
    confusion : ndarray of int64, shape (classes, classes)
        Held-out rows: label, verdict.
    """

    metrics: dict[str, list[float]]
    lines: list[str]
    confusion: NDArray[np.int64] = field(repr=False)


def results_of(fitted: Fitted, head: Head, encoder: Encoder, test: Examples | None) -> Results:
    """Scores of the held-out rows, and of the test rows by the integer head."""
    rows = fitted.examples
    metrics = scored(rows, fitted.logits, fitted.verdict, fitted.positive, "")
    if test is not None:
        index = None if fitted.positive is None else test.classes.index(head.classes[0])
        y = test.y if index is None or len(test.classes) == 2 else (test.y == index).astype(np.int64)
        shown = Examples(**{**vars(test), "y": y, "classes": rows.classes})
        e16 = np.clip(np.rint(test.x * 2.0 ** encoder.info["exponent"]), -32767, 32767).astype(np.int16)
        logits = head.logits(e16) / 2048.0
        if fitted.positive is None:
            verdict = np.argmax(logits, axis=1)
        else:
            reached = head.probabilities(e16)[:, 0] >= head.thresholds[0]
            verdict = np.where(reached, fitted.positive, 1 - fitted.positive)
        metrics |= scored(shown, logits, verdict, fitted.positive, "test ")
    lines = [
        f"{name:26} {value:.3f}  (95 % interval {low:.3f} to {high:.3f})"
        for name, (value, low, high) in metrics.items()
    ]
    return Results(metrics, lines, confusion(rows.y, fitted.verdict, len(rows.classes)))


def scored(
    rows: Examples, logits: NDArray[np.float64], verdict: Rows, positive: int | None, before: str
) -> dict[str, list[float]]:
    """Each score with its interval."""
    classes = len(rows.classes)
    if positive is None:
        scores: dict[str, Any] = {
            f"F1 of {name}": lambda at, c=c: float(f1(rows.y[at], verdict[at], classes)[c])
            for c, name in enumerate(rows.classes)
        }
        scores["mean F1"] = lambda at: float(np.mean(f1(rows.y[at], verdict[at], classes)))
        scores["mean AUC"] = lambda at: float(
            np.nanmean([auc(rows.y[at] == c, logits[at, c] - others(logits[at], c)) for c in range(classes)])
        )
    else:
        is_positive, said = rows.y == positive, verdict == positive
        name = rows.classes[positive]
        scores = {
            f"AUC of {name}": lambda at: auc(is_positive[at], logits[at, 0]),
            f"sensitivity to {name}": lambda at: share(said[at] & is_positive[at], is_positive[at]),
            "specificity": lambda at: share(~said[at] & ~is_positive[at], ~is_positive[at]),
            f"F1 of {name}": lambda at: float(f1(is_positive[at] * 1, said[at] * 1, 2)[1]),
        }
    everything = np.arange(len(rows.y))
    return {
        before + name: [round(value, 4) for value in (score(everything), *interval(rows.subject, score))]
        for name, score in scores.items()
    }


def others(logits: NDArray[np.float64], c: int) -> NDArray[np.float64]:
    """The largest logit of the other classes."""
    return np.asarray(np.delete(logits, c, axis=1).max(axis=1))


def share(hits: NDArray[np.bool_], of: NDArray[np.bool_]) -> float:
    return float(hits.sum() / of.sum()) if of.any() else float("nan")


def probability_of(logits: NDArray[np.float64], positive: int | None) -> NDArray[np.float64]:
    """(rows, classes) probabilities of logits; of one class its own alone."""
    if positive is not None:
        return np.asarray(1 / (1 + np.exp(-logits)))
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
