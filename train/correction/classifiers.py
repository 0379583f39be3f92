"""The classifiers retrained on original and corrected embeddings: MLP, logistic regression, linear SVM."""

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits
from torch import Tensor

from train.classifiers.labeled import Labeled
from train.classifiers.network import Classifier, logits_of, mlp, probabilities
from train.classifiers.training import Training, fit

STRENGTH = 0.03  # C of both linear classifiers
Sides = dict[str, np.ndarray]  # rows by the name of their side


def mlp_scores(
    x: Tensor, data: Labeled, train: np.ndarray, validation: np.ndarray, shown: Sides, training: Training, seed: int
) -> Sides:
    """Probabilities of the rows `shown`, by a network with batch norm and class weights, the best on
    `validation` kept.
    """
    torch.manual_seed(seed)
    model = Classifier(mlp(x.shape[1], len(data.classes)), x.shape[1])
    model.standardize(x[train])
    fit(model, x, data, train, validation, training, seed)
    return {side: probabilities(logits_of(model, x, rows), data.single) for side, rows in shown.items()}


def linear_scores(model, x: Tensor, data: Labeled, train: np.ndarray, shown: Sides) -> Sides:
    """Decision values (rows, classes) of a scikit-learn classifier, on features standardized by the training rows."""
    z = x.double().numpy()
    z = (z - z[train].mean(0)) / np.maximum(z[train].std(0), 1e-6)
    with threadpool_limits(1, "blas"):
        model.fit(z[train], data.truth[train].argmax(1))
    return {side: every_class(model, z[rows], len(data.classes)) for side, rows in shown.items()}


def every_class(model, z: np.ndarray, classes: int) -> np.ndarray:
    """One column per class. scikit-learn gives one column for two classes; a class not seen in training is never
    chosen.
    """
    value = model.decision_function(z)
    value = np.stack([-value, value], 1) if value.ndim == 1 else value
    every = np.full((len(z), classes), value.min() - 1.0)
    every[:, model.classes_] = value
    return every


def all_scores(
    x: Tensor, data: Labeled, train: np.ndarray, shown: Sides, training: Training, seed: int
) -> dict[str, Sides]:
    """Scores of the rows `shown` (sides "validation" and "test") by each classifier, fitted on the rows `train`."""
    return {
        "MLP": mlp_scores(x, data, train, shown["validation"], shown, training, seed),
        "logistic regression": linear_scores(
            LogisticRegression(C=STRENGTH, max_iter=500, class_weight="balanced"), x, data, train, shown
        ),
        "linear SVM": linear_scores(
            LinearSVC(C=STRENGTH, class_weight="balanced", random_state=seed), x, data, train, shown
        ),
    }
