"""Synthetic embeddings: classes, patients and windows with adjustable noise and class similarity."""

import numpy as np
import torch
from torch import Tensor

from edgeecg.errors import InputError
from train.classifiers.labeled import Labeled, one_hot


def synthetic(
    noise: float,
    similarity: float,
    classes: int = 4,
    patients: int = 120,
    windows: int = 10,
    dim: int = 128,
    seed: int = 0,
) -> tuple[Tensor, Labeled]:
    """Embeddings (patients windows, dim) and their labels; rare classes come last, each half as common as the one
    before.

    The centers of two classes have the cosine `similarity` and length sqrt(dim). A patient has one class mostly, and a
    fifth of the windows another; `noise` is the deviation of each number in units of the centers', half of its variance
    the patient's own.
    """
    if not (0 <= similarity < 1 and noise >= 0):
        raise InputError("similarity lies between 0 and 1 (without 1), noise is not negative")
    if classes + 1 > dim or classes < 2:
        raise InputError(f"{classes} classes do not fit: at least 2, and fewer than the dimension {dim}")
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.standard_normal((dim, classes + 1)))[0].T
    centers = np.sqrt(dim) * (np.sqrt(similarity) * axes[0] + np.sqrt(1 - similarity) * axes[1:])
    share = 0.5 ** np.arange(classes)
    share /= share.sum()
    group = np.repeat(np.arange(patients), windows)
    mostly = rng.choice(classes, patients, p=share)[group]
    label = np.where(rng.random(len(group)) < 0.2, rng.choice(classes, len(group), p=share), mostly)
    own, passing = rng.standard_normal((patients, dim))[group], rng.standard_normal((len(group), dim))
    x = centers[label] + noise * (own + passing) / np.sqrt(2)
    names = tuple(f"class {c + 1}" for c in range(classes))
    data = Labeled(
        "synthetic", names, np.zeros((len(group), 0), np.float32), one_hot(label, classes), group, single=True
    )
    return torch.from_numpy(x).float(), data
