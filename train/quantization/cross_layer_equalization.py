"""Channels of one tensor brought closer to a common range before quantization.

A tensor has one scale, set by its widest channel; a narrow channel would use few of the 256 steps. After a piecewise
linear activation a channel may be divided by any factor if the layers reading it multiply their weights by the same
factor (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019). Here a
channel of range `r` in a tensor of range `R` is divided by `(r / R) ** STRENGTH`, which goes part of the way, because
those weights share a scale too.
"""

import numpy as np

from train.nets import Conv, Spec
from train.quantization.batch_norm_folding import Folded

STRENGTH = 0.5
LEAST = 0.125  # factor of a channel that is nearly silent


def equalization_factors(spec: Spec, tensors: list[np.ndarray]) -> list[np.ndarray]:
    """The factor that divides each channel of each tensor. `tensors`: (N, frames, channels), the input first.

    1 for the input and for inputs and outputs of additions and max pools, which need one scale for all channels.
    """
    factors = [np.ones(t.shape[-1]) for t in tensors]
    tied = {0}
    for number, layer in enumerate(spec.layers, 1):
        if not isinstance(layer, Conv):
            tied |= {number, layer.source, getattr(layer, "other", layer.source)}
    for number, values in enumerate(tensors):
        if number not in tied:
            reach = np.abs(values).max((0, 1))
            factors[number] = np.maximum(reach / max(float(reach.max()), 1e-12), LEAST**2) ** STRENGTH
    return factors


def scale_channels(folded: Folded, spec: Conv, source: np.ndarray, result: np.ndarray) -> Folded:
    """The convolution between a tensor whose channels were divided by `source` and one divided by `result`."""
    each = spec.cin // spec.groups
    group = np.arange(spec.cout) * spec.groups // spec.cout
    inputs = source.reshape(spec.groups, each)[group][:, None]  # (cout, 1, cin / groups)
    if spec.order == "act_norm":  # the batch norm behind the activation takes the factor
        slope, offset = folded.slope / result, folded.offset / result
        return Folded(folded.weights * inputs, folded.bias, slope, offset, folded.leak)
    weights = folded.weights * inputs / result[:, None, None]
    return Folded(weights, folded.bias / result, folded.slope, folded.offset / result, folded.leak)
