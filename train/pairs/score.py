"""The pair score: the probability that two windows match, from the Euclidean distance of their embeddings.

A logistic curve over the distance (Platt, "Probabilistic Outputs for Support Vector Machines", 1999), fitted on
patients that the network was not trained on and tested on others. Half of the pairs are true and half false, so the
probability is that for equal odds.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edgeecg.errors import InputError
from train.classifiers.metrics import auroc
from train.pairs.sampling import MatchedPairs
from train.probes.protocol import Score, scored
from train.runs.folder import write_json

BINS = 10  # of the reliability curve


@dataclass(frozen=True)
class PairScore:
    """p(match) = 1 / (1 + exp(-(intercept + slope distance))); slope < 0 if close windows match."""

    slope: float
    intercept: float

    @classmethod
    def fit(cls, distance: np.ndarray, different: np.ndarray) -> "PairScore":
        from sklearn.linear_model import LogisticRegression

        scale = float(np.std(distance)) or 1.0
        model = LogisticRegression(C=1e6).fit(distance[:, None] / scale, ~different)
        return cls(float(model.coef_[0, 0]) / scale, float(model.intercept_[0]))

    def probability(self, distance: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-np.clip(self.intercept + self.slope * np.asarray(distance, float), -50, 50)))

    def save(self, path: Path) -> None:
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> "PairScore":
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise InputError(
                f"{path} holds no pair score: give the folder of a finished run of train/siamese.py"
            ) from error


@dataclass(frozen=True)
class Tested:
    """A network's distances on held-out pairs. auc: that a false pair is further apart than a true one."""

    auc: Score
    brier: float | None = None  # mean squared error of the probability; .25 for always one half
    calibration_error: float | None = None  # mean |probability - share of true pairs| over bins, by their size
    accuracy: Score | None = None  # of calling a pair true from one half on


def distances(embed: Callable[[Tensor], Tensor], matches: MatchedPairs) -> np.ndarray:
    """(n,) Euclidean distances of the embeddings."""
    with torch.no_grad():
        first, second = (torch.cat([embed(piece) for piece in x.split(256)]) for x in (matches.first, matches.second))
    return (first - second).norm(dim=1).double().numpy()


def tested(distance: np.ndarray, matches: MatchedPairs, score: PairScore | None = None) -> Tested:
    """With 95 % intervals over the patients of the first windows."""
    different, group = matches.different, matches.group
    auc = scored(lambda rows: float(auroc(different[rows, None], distance[rows, None])[0]), group)
    if score is None:
        return Tested(auc)
    p = score.probability(distance)
    right = (p >= 0.5) != different
    share, mean, count = reliability(p, different)
    return Tested(
        auc,
        float(np.mean((p - ~different) ** 2)),
        float((np.abs(share - mean) * count).sum() / count.sum()),
        scored(lambda rows: float(right[rows].mean()), group),
    )


def reliability(p: np.ndarray, different: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share of true pairs, mean probability and number of pairs of each bin of probability that has any."""
    place = np.minimum((p * BINS).astype(int), BINS - 1)
    count = np.bincount(place, minlength=BINS)
    kept = count > 0
    share, mean = (np.bincount(place, values, BINS)[kept] / count[kept] for values in (~different, p))
    return share, mean, count[kept]
