"""Exported biases are the integers nearest to what they stand for."""

from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from train.nets import Conv
from train.quantization.batch_norm_folding import Folded
from train.quantization.post_training import Quantizer, Scale, affine_conv, linear_conv
from train.quantization.rounding import round_half_up

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


def test_halves_are_rounded_up():
    np.testing.assert_array_equal(round_half_up([-1.5, -0.5, 0.5, 1.5, 2.5]), [-1, 0, 1, 2, 3])
    nearly = np.nextafter(0.5, 0)
    np.testing.assert_array_equal(
        round_half_up([nearly, -nearly, 2.0**52 + 1, -(2.0**52) - 1]), [0, 0, 2**52 + 1, -(2**52) - 1]
    )


HALVES = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])


def test_halves_in_biases_of_layers_are_rounded_up():
    spec = Conv(0, 6, len(HALVES), 3)
    one, weights = Scale(1.0, 0), np.full((spec.cout, spec.kernel, spec.cin), 127 / 8)
    folded = Folded(weights, HALVES / 8, np.ones(spec.cout), np.zeros(spec.cout), 0.1)
    np.testing.assert_array_equal(affine_conv(spec, folded, one, one).bias, [-2, -1, 0, 1, 2, 3])
    mult = linear_conv(spec, folded, one, Scale(1024.0, 0), np.ones(spec.cin)).mult
    folded = Folded(weights, HALVES * mult * 2.0**-14 * 1024, np.ones(spec.cout), np.zeros(spec.cout), 0.1)
    layer = linear_conv(spec, folded, one, Scale(1024.0, 0), np.ones(spec.cin))
    np.testing.assert_array_equal(layer.bias, [-2, -1, 0, 1, 2, 3])


def test_halves_in_biases_of_the_head_are_rounded_up():
    quantizer, linear = object.__new__(Quantizer), torch.nn.Linear(4, 6).double()
    with torch.no_grad():
        linear.weight[:] = torch.linspace(-0.5, 0.5, 24, dtype=torch.float64).reshape(6, 4)
    spec = SimpleNamespace(head=SimpleNamespace(pool="max"))
    quantizer.encoder, quantizer.scales = SimpleNamespace(linear=linear, spec=spec), [Scale(1.0, 0)]
    quantizer.embedding, quantizer.factors = np.repeat([[1.0], [-1.0]], 6, axis=1), [np.ones(4)]
    quantizer.integers = [np.zeros((1, 3, 4), np.uint8)]
    unit = quantizer.head(3).mult * 2.0**-18
    with torch.no_grad():
        linear.bias[:] = torch.from_numpy(HALVES * unit)
    np.testing.assert_array_equal(quantizer.head(3).bias, [-2, -1, 0, 1, 2, 3])
