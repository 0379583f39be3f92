"""Batch norm folded into the convolution before it, or into the affine map after a leaky ReLU."""

from dataclasses import dataclass

import numpy as np

from train.nets.encoder import LEAKY_SLOPE, ConvUnit


@dataclass(frozen=True)
class Folded:
    """A convolution with nothing behind it but its activation.

    `weights` (cout, kernel, cin / groups) and `bias` (cout,) float64. The output is `slope * act(conv) + offset`, where
    `act` multiplies what is negative by `leak` (ReLU: 0, leaky ReLU, none: 1). Where the batch norm came first,
    `slope` is 1 and `offset` 0.
    """

    weights: np.ndarray
    bias: np.ndarray
    slope: np.ndarray
    offset: np.ndarray
    leak: float

    def output(self, conv: np.ndarray) -> np.ndarray:
        """The output after the convolution: (..., cout) -> (..., cout)."""
        return self.slope * np.where(conv >= 0, conv, self.leak * conv) + self.offset


LEAKS = {"relu": 0.0, "leaky": LEAKY_SLOPE, "none": 1.0}


def fold(unit: ConvUnit) -> Folded:
    """The evaluation-mode arithmetic of `unit`, with running statistics."""
    weights = unit.conv.weight.detach()[:, :, 0].permute(0, 2, 1).double().numpy()
    norm = unit.norm
    slope = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach().double().numpy()
    offset = norm.bias.detach().double().numpy() - slope * norm.running_mean.double().numpy()
    zero, one = np.zeros_like(slope), np.ones_like(slope)
    leak = LEAKS[unit.layer.act]
    if unit.layer.order == "act_norm":
        return Folded(weights, zero, slope, offset, leak)
    return Folded(weights * slope[:, None, None], offset, one, zero, leak)
