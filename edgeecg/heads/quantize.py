"""From a linear classifier in floats to a head in integers: standardization is folded in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from .arithmetic import LOGIT_BITS, ONE
from .head import Head, Kind

if TYPE_CHECKING:
    from ..encoder import Encoder

__all__ = ["from_sklearn", "quantize"]

MOST_WEIGHT = 32767


def quantize(
    coef: ArrayLike,
    intercept: ArrayLike,
    *,
    classes: Sequence[str],
    kind: Kind,
    encoder: Encoder,
    name: str = "head",
    mean: ArrayLike | None = None,
    scale: ArrayLike | None = None,
    thresholds: ArrayLike | None = None,
    **more: Any,
) -> Head:
    """Make a head of a linear classifier on the float32 embedding.

    Parameters
    ----------
    coef : array_like, shape (classes, dim)
        Coefficients.
    intercept : array_like, shape (classes,)
        Logits are coef * (embedding - mean) / scale + intercept.
    classes : sequence of str
        Names.
    kind : {"softmax", "independent"}
        One class a window, or any number of them.
    encoder : Encoder
        Whose embeddings the classifier was fitted on.
    name : str
        For columns of tables.
    mean, scale : array_like, shape (dim,), optional
        Of a standardization.
    thresholds : array_like, shape (classes,), optional
        Probabilities, 0 to 1; 0 for a softmax head and .5 for independent classes where they are not given.
    **more
        Of `Head`: smoothing, unreadable, info.

    Returns
    -------
    Head

    Raises
    ------
    InputError
        Where shapes do not fit or a number is not finite.
    """
    weights, offsets = folded(coef, intercept, mean, scale, (len(classes), encoder.dim))
    integers, bias, shift = integer_layer(weights, offsets, encoder.info["exponent"])
    return Head(
        name=name,
        classes=tuple(classes),
        kind=kind,
        weights=integers,
        bias=bias,
        shift=shift,
        thresholds=integer_thresholds(thresholds, len(classes), kind),
        model_id=bytes.fromhex(encoder.info["id"]),
        **more,
    )


def folded(
    coef: ArrayLike, intercept: ArrayLike, mean: ArrayLike | None, scale: ArrayLike | None, shape: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(coefficients, intercepts) on embeddings that are not standardized."""
    weights, offsets = np.atleast_2d(np.asarray(coef, np.float64)), np.atleast_1d(np.asarray(intercept, np.float64))
    center = np.zeros(weights.shape[1]) if mean is None else np.asarray(mean, np.float64)
    spread = np.ones(weights.shape[1]) if scale is None else np.asarray(scale, np.float64)
    if weights.shape != shape or offsets.shape != shape[:1]:
        raise InputError(
            f"coef has the shape {weights.shape} and intercept {offsets.shape}: {shape[0]} classes and an "
            f"embedding of {shape[1]} numbers need {shape} and {shape[:1]}"
        )
    if center.shape != shape[1:] or spread.shape != shape[1:]:
        raise InputError(f"mean and scale need the shape {shape[1:]}")
    weights = weights / spread
    offsets = offsets - weights @ center
    if not (np.isfinite(weights).all() and np.isfinite(offsets).all()):
        raise InputError("coefficients, intercepts, means and scales must be finite, and no scale 0")
    return weights, offsets


def integer_thresholds(thresholds: ArrayLike | None, classes: int, kind: Kind) -> NDArray[np.uint16]:
    """Thresholds in units of 2^-15."""
    limits = np.full(classes, 0.0 if kind == "softmax" else 0.5) if thresholds is None else np.asarray(thresholds)
    if not ((limits >= 0) & (limits <= 1)).all():
        raise InputError("thresholds are probabilities, 0 to 1")
    return np.atleast_1d(np.floor(limits * ONE + 0.5)).astype(np.uint16)


def integer_layer(
    weights: NDArray[np.float64], offsets: NDArray[np.float64], exponent: int
) -> tuple[NDArray[np.int16], NDArray[np.int64], int]:
    """(weights, bias, shift): the finest scale that int16 weights and a bias below 2^46 allow."""
    per_step = weights * 2.0 ** (LOGIT_BITS - exponent)  # of a logit in units of 2^-11, for a step of the embedding
    largest = max(float(np.abs(per_step).max()), 2.0**-33)
    offset = max(float(np.abs(offsets).max()) * 2.0**LOGIT_BITS, 0.01)
    shift = min(math.floor(math.log2(MOST_WEIGHT / largest)), math.floor(math.log2((1 << 45) / offset)), 47)
    if shift < 1:
        raise InputError("a coefficient or intercept is too large for a head: standardize, or regularize more")
    integers = np.floor(per_step * 2.0**shift + 0.5)
    bias = np.floor(offsets * 2.0 ** (LOGIT_BITS + shift) + 0.5)
    return integers.astype(np.int16), bias.astype(np.int64), shift


def from_sklearn(
    classifier: Any,
    encoder: Encoder,
    *,
    name: str = "head",
    classes: Sequence[str] | None = None,
    **more: Any,
) -> Head:
    """Make a head of a fitted scikit-learn classifier: a linear one, or a pipeline of a `StandardScaler` and one.

    Parameters
    ----------
    classifier : LogisticRegression, SGDClassifier, LinearSVC, RidgeClassifier, LinearDiscriminantAnalysis or pipeline
        With `coef_` and `intercept_`. Probabilities are those of logistic regression; of another loss they are not
        calibrated, and the verdict is the classifier's.
    encoder : Encoder
        Whose float32 embeddings it was fitted on.
    name : str
        For columns of tables.
    classes : sequence of str, optional
        Names, in the order of `classes_`; without them those of `classes_`.
    **more
        As of `quantize`: thresholds, smoothing, unreadable, info.

    Returns
    -------
    Head
        Of two classes a softmax head with both.

    Raises
    ------
    InputError
        Where it is not fitted, or has a step that is not linear.
    """
    mean = scale = None
    steps = [step for _, step in getattr(classifier, "steps", [("", classifier)])]
    *before, last = [step for step in steps if step not in (None, "passthrough")]
    for step in before:
        if type(step).__name__ != "StandardScaler" or mean is not None or len(before) > 1:
            raise InputError(f"a head is a StandardScaler and a linear classifier; this pipeline has {step!r}")
        mean, scale = getattr(step, "mean_", None), getattr(step, "scale_", None)
    if not hasattr(last, "coef_") or not hasattr(last, "classes_"):
        raise InputError(f"{type(last).__name__} is no linear classifier that is fitted: it has no coef_ and classes_")
    coef, intercept = np.atleast_2d(last.coef_), np.atleast_1d(last.intercept_)
    names = [str(one) for one in (last.classes_ if classes is None else classes)]
    if len(coef) == 1 and len(names) == 2:  # the logit of the second against the first
        coef, intercept = np.concatenate([0 * coef, coef]), np.concatenate([0 * intercept, intercept])
    if len(coef) != len(names):
        raise InputError(f"{len(names)} classes need as many rows of coef_, and it has {len(coef)}")
    return quantize(
        coef, intercept, classes=names, kind="softmax", encoder=encoder, name=name, mean=mean, scale=scale, **more
    )
