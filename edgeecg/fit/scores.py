"""Scores of verdicts, with intervals by subject."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["auc", "calibration", "confusion", "f1", "interval", "roc"]

Floats = NDArray[np.float64]


def f1(y: NDArray[np.int64], verdict: NDArray[np.int64], classes: int) -> Floats:
    """F1 of each class: 2 hits / (labels + verdicts); 0 of a class that neither has."""
    hits = np.bincount(y[y == verdict], minlength=classes)
    both = np.bincount(y, minlength=classes) + np.bincount(verdict[verdict >= 0], minlength=classes)
    found: Floats = 2 * hits / np.maximum(both, 1)
    return found


def auc(positive: NDArray[np.bool_], score: Floats) -> float:
    """Area under the ROC curve: how often a positive is above a negative, ties half; NaN without one of both."""
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if not n_positive or not n_negative:
        return float("nan")
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def roc(positive: NDArray[np.bool_], score: Floats) -> tuple[Floats, Floats]:
    """(false alarm rate, sensitivity) from the highest threshold down."""
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.diff(score[order], append=np.nan) != 0)
    hits = np.cumsum(positive[order])[last]
    alarms = last + 1 - hits
    return (
        np.concatenate([[0.0], alarms / max(1, int((~positive).sum()))]),
        np.concatenate([[0.0], hits / max(1, int(positive.sum()))]),
    )


def confusion(y: NDArray[np.int64], verdict: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """(label, verdict) counts."""
    table = np.zeros((classes, classes), np.int64)
    np.add.at(table, (y, verdict), 1)
    return table


def calibration(positive: NDArray[np.bool_], probability: Floats, bins: int = 10) -> tuple[Floats, Floats]:
    """(mean probability, share that is positive) in bins of equal size."""
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return (
        np.array([probability[part].mean() for part in parts]),
        np.array([positive[part].mean() for part in parts]),
    )


def interval(
    subject: NDArray[np.str_], score: Callable[[NDArray[np.int64]], float], draws: int = 200, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of a score by drawing subjects: `score` takes the rows that were drawn."""
    _, place = np.unique(subject, return_inverse=True)
    order = np.argsort(place, kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(place))[:-1])
    rng = np.random.default_rng(seed)
    found = [score(np.concatenate([rows[i] for i in rng.integers(0, len(rows), len(rows))])) for _ in range(draws)]
    known = np.array(found)[np.isfinite(found)]
    return (float(np.quantile(known, 0.025)), float(np.quantile(known, 0.975))) if len(known) else (np.nan, np.nan)
