"""The integer head of a fitted classifier, and how it compares with the float one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..heads import Head, quantize
from ..heads.arithmetic import ONE
from .cross_validation import Fitted, logits_of
from .examples import Examples
from .scores import auc

if TYPE_CHECKING:
    from ..encoder import Encoder

__all__ = ["Comparison", "compare", "head_of"]


class Comparison(NamedTuple):
    """The integer head beside the float classifier, on the same rows.

    Attributes
    ----------
    same : float
        Share of rows with the same verdict.
    auc_change : float
        Largest difference of an AUC, of a class against the rest.
    """

    same: float
    auc_change: float


def head_of(fitted: Fitted, examples: Examples, encoder: Encoder, name: str, info: Mapping[str, Any]) -> Head:
    """The head: of one positive class an independent one, of several a softmax whose offsets are in the bias."""
    scaler, linear = fitted.pipeline[0], fitted.pipeline[-1]
    common = {"mean": scaler.mean_, "scale": scaler.scale_, "encoder": encoder, "name": name, "info": dict(info)}
    if fitted.positive is None:
        return quantize(
            linear.coef_, linear.intercept_ + fitted.offsets, classes=examples.classes, kind="softmax", **common
        )
    sign = 1 if fitted.positive == 1 else -1
    return quantize(
        sign * linear.coef_,
        sign * linear.intercept_,
        classes=examples.classes[fitted.positive : fitted.positive + 1],
        kind="independent",
        thresholds=[fitted.threshold],
        **common,
    )


def compare(head: Head, fitted: Fitted, examples: Examples, encoder: Encoder) -> Comparison:
    """The two on the rows of `examples`."""
    unit = 2.0 ** encoder.info["exponent"]
    e16 = np.clip(np.rint(examples.x * unit), -32767, 32767).astype(np.int16)
    integer = head.probabilities(e16) / ONE
    logits = logits_of(fitted.pipeline, examples.x, len(examples.classes)) + fitted.offsets
    if fitted.positive is None:
        real = logits
        same = np.mean(np.argmax(integer, axis=1) == np.argmax(real, axis=1))
    else:
        real = (logits[:, fitted.positive] - logits[:, 1 - fitted.positive])[:, None]
        limit = np.log(fitted.threshold / (1 - fitted.threshold)) if 0 < fitted.threshold < 1 else np.inf
        same = np.mean((integer >= head.thresholds / ONE)[:, 0] == (real[:, 0] >= limit))
    positives = [examples.y == (c if fitted.positive is None else fitted.positive) for c in range(integer.shape[1])]
    scores = head.logits(e16).astype(np.float64) / 2048
    if fitted.positive is None:
        real, scores = real - real.max(axis=1, keepdims=True), scores - scores.max(axis=1, keepdims=True)
    changes = [
        abs(auc(positive, scores[:, c]) - auc(positive, real[:, c]))
        for c, positive in enumerate(positives)
        if positive.any() and not positive.all()
    ]
    return Comparison(float(same), float(max(changes, default=0.0)))
