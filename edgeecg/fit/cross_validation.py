"""A linear classifier by subject-wise cross-validation, and its thresholds for an aim."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, MissingDependencyError
from .examples import Examples
from .scores import auc, f1

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

__all__ = ["Aim", "Fitted", "fit", "folds_of"]

STRENGTHS = (0.001, 0.01, 0.1, 1.0)
"""Of the regularization, scikit-learn's C."""
FOLDS = 5
LEAST_SUBJECTS = 5
OFFSETS = np.linspace(-1.5, 1.5, 31)
Floats = NDArray[np.float64]


class Aim(NamedTuple):
    """What thresholds are chosen for.

    Attributes
    ----------
    kind : {"f1", "sensitivity", "false-alarms-per-day"}
    value : float
        The sensitivity, or false alarms a day.
    """

    kind: Literal["f1", "sensitivity", "false-alarms-per-day"] = "f1"
    value: float = 0.0


F1 = Aim()


@dataclass(frozen=True)
class Fitted:
    """What cross-validation found. Logits and verdicts of a row come from a classifier that saw nothing of its subject.

    Attributes
    ----------
    examples : Examples
        The rows; where one class of several is looked for, the others are the class "rest".
    pipeline : Pipeline
        StandardScaler and LogisticRegression, fitted on all training rows.
    strength : float
        The C that was chosen.
    strengths : dict of float to float
        The score of each.
    positive : int or None
        The class that is looked for; None where each row has one of several.
    offsets : ndarray of float64, shape (classes,)
        Added to the logits (several classes).
    threshold : float
        Of the probability of the positive class.
    logits : ndarray of float64, shape (rows, classes)
        Held out. Of one positive class, its logit alone.
    verdict : ndarray of int64, shape (rows,)
        Index of a class, with offsets and threshold chosen without the row's fold.
    fold : ndarray of int64, shape (rows,)
    """

    examples: Examples
    pipeline: Pipeline
    strength: float
    strengths: dict[float, float]
    positive: int | None
    offsets: Floats
    threshold: float
    logits: Floats
    verdict: NDArray[np.int64]
    fold: NDArray[np.int64]


def folds_of(examples: Examples, folds: int = FOLDS, seed: int = 0) -> NDArray[np.int64]:
    """The fold of each row: a subject is in one alone, and classes are spread evenly.

    Raises
    ------
    InputError
        Where there are too few subjects, in all or of a class.
    """
    selection = library("sklearn.model_selection")
    subjects = len(np.unique(examples.subject))
    if subjects < LEAST_SUBJECTS:
        raise InputError(
            f"{subjects} subjects are too few for a score by cross-validation: give {LEAST_SUBJECTS} or more"
        )
    for index, name in enumerate(examples.classes):
        of_class = len(np.unique(examples.subject[examples.y == index]))
        if of_class < 2:
            raise InputError(f"class {name!r} has {of_class} subjects to train on: give 2 or more")
    fold = np.zeros(len(examples.y), np.int64)
    splitter = selection.StratifiedGroupKFold(min(folds, subjects), shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes with fewer members than folds
        for index, (_, test) in enumerate(splitter.split(examples.x, examples.y, examples.subject)):
            fold[test] = index
    return fold


def library(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingDependencyError(f'edgeecg fit needs scikit-learn: pip install "edgeecg[fit]" ({error})') from None


def weights_of(examples: Examples) -> Floats:
    """Each recording counts once, and a class by the root of its size: rare ones count more."""
    _, recording, windows = np.unique(examples.recording, return_inverse=True, return_counts=True)
    each = 1.0 / windows[recording] if examples.of_recordings else np.ones(len(examples.y))
    sizes = np.bincount(examples.y, each, minlength=len(examples.classes))
    weights = each / np.sqrt(np.maximum(sizes, 1e-9))[examples.y]
    scaled: Floats = weights * len(weights) / weights.sum()
    return scaled


def classifier(examples: Examples, strength: float) -> Pipeline:
    """A fitted StandardScaler and LogisticRegression."""
    pipeline, linear, scale = (library(f"sklearn.{name}") for name in ("pipeline", "linear_model", "preprocessing"))
    steps = pipeline.make_pipeline(scale.StandardScaler(), linear.LogisticRegression(C=strength, max_iter=1000))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged: as good a classifier as another
        return steps.fit(examples.x, examples.y, logisticregression__sample_weight=weights_of(examples))


def logits_of(pipeline: Pipeline, x: NDArray[np.float32], classes: int) -> Floats:
    """(rows, classes), 0 for the first of two."""
    found = np.asarray(pipeline.decision_function(x), np.float64)
    if found.ndim == 1:
        found = np.stack([np.zeros(len(x)), found], axis=1)
    known = pipeline[-1].classes_
    if len(known) == classes:
        return found
    logits = np.full((len(x), classes), -50.0)  # a class that this fold did not have
    logits[:, known] = found
    return logits


def held_out(examples: Examples, fold: NDArray[np.int64], strength: float) -> Floats:
    """Logits of each row by a classifier that was fitted without its fold."""
    logits = np.zeros((len(examples.y), len(examples.classes)))
    for index in np.unique(fold):
        test = fold == index
        logits[test] = logits_of(classifier(examples.only(~test), strength), examples.x[test], len(examples.classes))
    return logits


def fit(examples: Examples, aim: Aim = F1, positive: str | None = None, seed: int = 0) -> Fitted:
    """Fit a head's classifier.

    Parameters
    ----------
    examples : Examples
        To train on.
    aim : Aim
        What thresholds are chosen for; all but F1 need a positive class.
    positive : str, optional
        The class that is looked for: one against the rest. Of two classes the rarer unless given.
    seed : int
        Of the folds.

    Raises
    ------
    InputError
        Where there are too few subjects, or no such class.
    """
    index = positive_index(examples, positive, aim)
    if index is not None and len(examples.classes) > 2:
        examples, index = one_against_the_rest(examples, index), 1
    fold = folds_of(examples, seed=seed)
    tried = {strength: held_out(examples, fold, strength) for strength in STRENGTHS}
    scores = {strength: score_of(examples, logits, index) for strength, logits in tried.items()}
    strength = max(scores, key=lambda one: scores[one])
    logits, pipeline = tried[strength], classifier(examples, strength)
    if index is None:
        verdict = by_offsets(examples.y, logits, fold)
        offsets = best_offsets(examples.y, logits)
        return Fitted(examples, pipeline, strength, scores, None, offsets, 0.0, logits, verdict, fold)
    logit = logits[:, index] - logits[:, 1 - index]
    positives = examples.y == index
    verdict = np.where(by_threshold(aim, positives, logit, fold, examples), index, 1 - index)
    probability = float(1 / (1 + np.exp(-threshold_for(aim, positives, logit, examples))))
    return Fitted(examples, pipeline, strength, scores, index, np.zeros(2), probability, logit[:, None], verdict, fold)


def one_against_the_rest(examples: Examples, index: int) -> Examples:
    """The same rows with two classes."""
    names = ("rest", examples.classes[index])
    return replace(examples, y=(examples.y == index).astype(np.int64), classes=names)


def by_offsets(y: NDArray[np.int64], logits: Floats, fold: NDArray[np.int64]) -> NDArray[np.int64]:
    """Verdicts with offsets that were chosen without the row's fold."""
    verdict = np.zeros(len(fold), np.int64)
    for one in np.unique(fold):
        offsets = best_offsets(y[fold != one], logits[fold != one])
        verdict[fold == one] = np.argmax(logits[fold == one] + offsets, axis=1)
    return verdict


def by_threshold(
    aim: Aim, positives: NDArray[np.bool_], logit: Floats, fold: NDArray[np.int64], examples: Examples
) -> NDArray[np.bool_]:
    """Whether rows reach a threshold that was chosen without their fold."""
    verdict = np.zeros(len(fold), np.bool_)
    for one in np.unique(fold):
        rest = fold != one
        verdict[~rest] = logit[~rest] >= threshold_for(aim, positives[rest], logit[rest], examples)
    return verdict


def positive_index(examples: Examples, positive: str | None, aim: Aim) -> int | None:
    if positive is not None:
        if positive not in examples.classes:
            raise InputError(f"there is no class {positive!r}; there are {', '.join(examples.classes)}")
        return examples.classes.index(positive)
    if len(examples.classes) == 2:
        return int(np.argmin(np.bincount(examples.y, minlength=2)))
    if aim.kind != "f1":
        raise InputError(
            f"--{aim.kind} needs the class that is looked for: --positive, of {', '.join(examples.classes)}"
        )
    return None


def score_of(examples: Examples, logits: Floats, index: int | None) -> float:
    """What the regularization is chosen by: the AUC of a positive class, or the mean F1 of several."""
    if index is None:
        return float(np.mean(f1(examples.y, np.argmax(logits, axis=1), len(examples.classes))))
    return auc(examples.y == index, logits[:, index] - logits[:, 1 - index])


def best_offsets(y: NDArray[np.int64], logits: Floats) -> Floats:
    """What to add to the logits for the best mean F1: one class after the other, twice."""
    classes = logits.shape[1]
    offsets = np.zeros(classes)
    for _ in range(2):
        for c in range(classes):
            tried = []
            for offset in OFFSETS:
                moved = offsets.copy()
                moved[c] = offset
                tried.append((float(np.mean(f1(y, np.argmax(logits + moved, axis=1), classes))), -abs(offset), offset))
            offsets[c] = max(tried)[2]
    return np.asarray(offsets - offsets.mean())


def threshold_for(aim: Aim, positive: NDArray[np.bool_], logit: Floats, examples: Examples) -> float:
    """The logit from which on a row is positive."""
    if aim.kind == "sensitivity":
        return float(np.quantile(logit[positive], max(0.0, 1 - aim.value), method="lower"))
    if aim.kind == "false-alarms-per-day":
        per_day = 86400 / hop_of(examples)  # windows of a day
        return float(np.quantile(logit[~positive], max(0.0, 1 - aim.value / per_day), method="higher")) + 1e-9
    order = np.argsort(-logit)
    hits = np.cumsum(positive[order])
    found = 2 * hits / (np.arange(1, len(logit) + 1) + positive.sum())
    best = int(np.argmax(found))
    below = logit[order[best + 1]] if best + 1 < len(order) else logit[order[best]] - 1
    return float((logit[order[best]] + below) / 2)


def hop_of(examples: Examples) -> float:
    """Seconds from one window to the next; of whole recordings 10."""
    steps = np.diff(examples.start[np.isfinite(examples.start)])
    steps = steps[steps > 0]
    return float(np.median(steps)) if len(steps) else 10.0
