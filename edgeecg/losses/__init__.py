"""Objectives for training embeddings: exact values and gradients, fused, without torch.

`value, grads = edgeecg.losses.NAME(z1, z2, ..., threads=1)`: NumPy arrays in; a float and a tuple of arrays out, one
gradient for each differentiable argument in the order of the arguments. Importing this package imports NumPy only;
the first call of a loss imports Numba (`pip install edgeecg[jit]`).
"""

from .barlow_twins import barlow_twins
from .cross_correlation import cross_correlation
from .nt_xent import nt_xent
from .vicreg import vicreg

__all__ = ["barlow_twins", "cross_correlation", "nt_xent", "vicreg"]
