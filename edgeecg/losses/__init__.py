"""Objectives for training embeddings: exact values and gradients, fused, without torch.

`value, grads = edgeecg.losses.NAME(z1, z2, ..., threads=1)`: NumPy arrays in; a float and a tuple of arrays out, one
gradient for each differentiable argument in the order of the arguments. Importing this package imports NumPy only;
the first call of a loss imports Numba (`pip install edgeecg[jit]`).
"""

import warnings
from typing import Any

from .barlow_twins import barlow_twins
from .cross_correlation import cross_correlation
from .instance_discrimination import instance_discrimination
from .nt_xent import nt_xent
from .patient_nce import patient_nce
from .siamese_contrastive import siamese_contrastive
from .sigmoid_contrastive import sigmoid_contrastive
from .soft_nearest_neighbor import soft_nearest_neighbor
from .supervised_contrastive import supervised_contrastive
from .vicreg import vicreg

__all__ = [
    "barlow_twins",
    "cross_correlation",
    "instance_discrimination",
    "nt_xent",
    "patient_nce",
    "siamese_contrastive",
    "sigmoid_contrastive",
    "soft_nearest_neighbor",
    "supervised_contrastive",
    "vicreg",
]

_RENAMED = {"soft_nearest_neighbour": soft_nearest_neighbor}


def __getattr__(name: str) -> Any:
    if name not in _RENAMED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    now = _RENAMED[name]
    warnings.warn(f"edgeecg.losses.{name} is now {now.__name__}", DeprecationWarning, stacklevel=2)
    return now
