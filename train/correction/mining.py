"""Hard pairs: anchors that a classifier gets wrong or is unsure of, with windows that it gets right.

The classifier judges training windows of patients it was not fitted on (folds by patient). On its own training rows it
would hardly err, and what it memorized says little about what it confuses.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import GroupKFold
from torch import Tensor

from edgeecg.errors import InputError
from train.classifiers.labeled import Labeled
from train.classifiers.training import Training
from train.correction.classifiers import mlp_scores


@dataclass(frozen=True)
class Pairs:
    """Rows of the task: `left` anchors, `right` their partners, `different` 0 for one class, 1 for two, (n,) each."""

    left: np.ndarray
    right: np.ndarray
    different: np.ndarray


def held_out_scores(
    x: Tensor, data: Labeled, rows: np.ndarray, training: Training, seed: int, folds: int = 3
) -> np.ndarray:
    """Probabilities (len(rows), classes) of each row by a classifier that has not met its patient."""
    p, folds = np.zeros((len(rows), len(data.classes))), min(folds, len(np.unique(data.group[rows])))
    if folds < 2:
        raise InputError(f"{data.name} has too few patients: two at the least are needed to train")
    for fold, (known, held) in enumerate(
        GroupKFold(folds, shuffle=True, random_state=seed).split(rows, groups=data.group[rows])
    ):
        p[held] = mlp_scores(x, data, rows[known], rows[held], {"shown": rows[held]}, training, seed + fold)["shown"]
    return p


def mine(p: np.ndarray, truth: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """(hard, confident), bool each: confident rows are right with at least the confidence in their true class.

    A class without confident rows contributes the more confident half of its right windows.
    """
    label, own = truth.argmax(1), (p * truth).sum(1)
    right = p.argmax(1) == label
    sure = right & (own >= confidence)
    for c in range(truth.shape[1]):
        members = right & (label == c)
        if members.any() and not (sure & members).any():
            sure |= members & (own >= np.median(own[members]))
    return ~sure, sure


def make_pairs(
    rows: np.ndarray, p: np.ndarray, truth: np.ndarray, confidence: float, count: int, rng: np.random.Generator
) -> Pairs:
    """`count` true and `count` false pairs per anchor.

    A hard anchor is paired with confident windows of its own class and of the class it is most often confused with. As
    many confident anchors are paired likewise, so that they keep their place. p, truth (n, classes) belong to `rows`.
    """
    hard, sure = mine(p, truth, confidence)
    label = truth.argmax(1)
    rival = np.where(truth == 1, -np.inf, p).argmax(1)
    pools = [np.flatnonzero(sure & (label == c)) for c in range(truth.shape[1])]
    easy = np.flatnonzero(sure)
    easy = rng.permutation(easy)[: max(1, int(hard.sum()))]
    left, right, different = [], [], []
    for anchor in [*np.flatnonzero(hard), *easy]:
        for pool, kind in ((pools[label[anchor]], 0), (pools[rival[anchor]], 1)):
            other = pool[pool != anchor]
            if len(other):
                left += [anchor] * count
                right += list(rng.choice(other, count))
                different += [kind] * count
    if not left:
        raise InputError("the classifier is right of no window: there are no pairs to learn from")
    return Pairs(rows[np.array(left)], rows[np.array(right)], np.array(different, np.float64))
