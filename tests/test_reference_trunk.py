"""Every layer of the NumPy reference against torch, in binary64, where integers of this size are exact."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from edgeecg import reference
from tests import models
from tests.test_reference import half_up_array


def torch_sums(tensor, layer, zero_point: int) -> np.ndarray:
    """The convolution of real values (zero point removed) in binary64, where integers of this size are exact."""
    length = len(tensor)
    right = (-(-length // layer.stride) - 1) * layer.stride - layer.pad_left + layer.kernel - length
    x = torch.tensor(tensor.astype(np.float64) - zero_point).T[None]
    x = torch.nn.functional.pad(x, (layer.pad_left, max(0, right)))
    weights = torch.tensor(layer.weights.astype(np.float64)).permute(0, 2, 1)
    out = torch.nn.functional.conv1d(x, weights, stride=layer.stride, groups=layer.groups)[0].T
    total = layer.weights.astype(np.int64).sum(axis=(1, 2))
    return out.numpy()[: -(-length // layer.stride)].astype(np.int64) + layer.bias + zero_point * total


def exact_requantize(acc: np.ndarray, layer) -> np.ndarray:
    mult = layer.mult.astype(np.int64)
    if layer.requant == 0:
        q = half_up_array(acc * mult, 14)
    else:
        slope = np.choose(acc < 0, [mult, layer.mult_neg.astype(np.int64)])
        q = half_up_array(acc * slope + layer.add.astype(np.int64), 22)
    return np.minimum(np.maximum(q + layer.zp_out, 0), 255)


@given(models.models(), st.integers(1, 90), st.integers(0, 2**32 - 1))
def test_every_layer_is_what_torch_says(model, length, seed):
    rng = np.random.default_rng(seed)
    tensors = [rng.integers(0, 256, (length, model.front.channels)).astype(np.uint8)]
    zeros = model.zero_points
    for layer in model.layers:
        a = tensors[layer.src_a]
        if layer.op == "conv":
            out = reference.conv(a, layer, zeros[layer.src_a])
            acc = torch_sums(a, layer, zeros[layer.src_a])
            assert np.abs(acc).max() < 2**31
            assert np.array_equal(out, exact_requantize(acc, layer))
        elif layer.op == "max_pool":
            out = reference.max_pool(a, layer)
            right = (-(-len(a) // layer.stride) - 1) * layer.stride - layer.pad_left + layer.kernel - len(a)
            x = torch.nn.functional.pad(
                torch.tensor(a.astype(float)).T[None], (layer.pad_left, max(0, right)), value=-math.inf
            )
            expected = torch.nn.functional.max_pool1d(x, layer.kernel, layer.stride)[0].T.numpy()
            assert np.array_equal(out, expected[: len(out)])
        else:
            b = tensors[layer.src_b]
            out = reference.add(a, b, layer, zeros[layer.src_a], zeros[layer.src_b])
            v = (a.astype(int) - zeros[layer.src_a]) * layer.m_a + (b.astype(int) - zeros[layer.src_b]) * layer.m_b
            assert np.array_equal(out, np.minimum(np.maximum(half_up_array(v, 14) + layer.zp_out, 0), 255))
        assert out.dtype == np.uint8 and out.shape == (-(-len(a) // layer.stride), layer.cout)
        tensors.append(out)
    assert np.array_equal(tensors[-1], reference.trunk(tensors[0], model))
