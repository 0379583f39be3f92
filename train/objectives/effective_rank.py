"""How many directions an embedding uses."""

import torch
from torch import Tensor


def effective_rank(embedding: Tensor) -> float:
    """Participation ratio of the covariance's eigenvalues: 1 for a collapsed embedding, at most its dimension."""
    covariance = torch.cov(embedding.T.double())
    return float(covariance.trace() ** 2 / covariance.square().sum().clamp(min=1e-30))
