"""Exported biases are the integers nearest to what they stand for."""

import numpy as np
import pytest

pytest.importorskip("torch")

from train.nets import Conv
from train.quantization.batch_norm_folding import Folded
from train.quantization.post_training import Scale, affine_conv, linear_conv

SOURCE, SCALE = Scale(0.013, 117), Scale(0.021, 40)
SPEC = Conv(0, 6, 200, 3)


@pytest.mark.parametrize("requant", [0, 1])
def test_biases_are_rounded_to_the_nearest(requant):
    rng = np.random.default_rng(requant)
    weights, bias = rng.standard_normal((SPEC.cout, SPEC.kernel, SPEC.cin)), rng.standard_normal(SPEC.cout)
    folded = Folded(weights, bias, np.ones(SPEC.cout), np.zeros(SPEC.cout), 0.1)
    if requant:
        layer = affine_conv(SPEC, folded, SOURCE, SCALE)
        unit = np.abs(weights).max((1, 2)) * SOURCE.step / 127
    else:
        layer = linear_conv(SPEC, folded, SOURCE, SCALE, np.ones(SPEC.cin))
        unit = SCALE.step * layer.mult / 2.0**14
    stands_for = (layer.bias + SOURCE.zero * layer.weights.astype(np.int64).sum((1, 2))) * unit
    error = (stands_for - bias) / unit
    assert np.abs(error).max() <= 0.5 + 1e-6
    assert abs(error.mean()) < 0.1
