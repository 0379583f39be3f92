"""Batch norm and ReLU in one against the two layers of torch in double precision."""

from copy import deepcopy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn

from train.engine.batch_norm import GlobalBatchNorm
from train.nets import edge
from train.nets.batch_norm_relu import ROWS, batch_norm_relu, fits
from train.nets.encoder import ConvUnit, Encoder


def rows_of(count: int, channels: int, length: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, channels, 1, length, generator=generator).contiguous(memory_format=torch.channels_last)


def drawn_norm(channels: int, seed: int) -> nn.BatchNorm2d:
    generator, norm = torch.Generator().manual_seed(seed), nn.BatchNorm2d(channels)
    for tensor in (norm.weight.data, norm.bias.data, norm.running_mean):  # slopes of either sign
        tensor.copy_(torch.randn(channels, generator=generator))
    return norm


def two_layers(norm: nn.BatchNorm2d, x: torch.Tensor) -> torch.Tensor:
    return F.relu(norm(x))


def gradients(function, norm: nn.BatchNorm2d, x: torch.Tensor, above: torch.Tensor) -> dict[str, torch.Tensor]:
    """Result, gradients and running statistics of one training step."""
    norm, x = deepcopy(norm).to(x.dtype), x.clone().requires_grad_()
    y = function(norm, x)
    y.backward(above.to(y.dtype))
    found = {"y": y.detach(), "x": x.grad, "weight": norm.weight.grad, "bias": norm.bias.grad}
    return found | {"mean": norm.running_mean, "variance": norm.running_var, "batches": norm.num_batches_tracked}


@given(
    count=st.integers(2, 9), channels=st.integers(1, 40), length=st.integers(8, 90), seed=st.integers(0, 2**31),
    offset=st.floats(-5, 5), size=st.floats(0.01, 100),
)  # fmt: skip
def test_it_is_the_two_layers(count, channels, length, seed, offset, size):
    x, norm = size * (rows_of(count, channels, length, seed) + offset), drawn_norm(channels, seed)
    # what rounding could put on the other side of zero has a gradient or has none: not these
    assume(deepcopy(norm).double()(x.double()).abs().amin() > 2e-5)
    above = rows_of(count, channels, length, seed + 1)
    found, expected = gradients(batch_norm_relu, norm, x, above), gradients(two_layers, norm, x.double(), above)
    for name, value in expected.items():
        scale = max(1e-6, float(value.double().abs().max()))
        torch.testing.assert_close(found[name].double() / scale, value.double() / scale, atol=1e-4, rtol=0)


def test_sums_run_across_the_blocks_they_are_made_of():
    """Rows that are no multiple of a block, all of them counted: against float64 on exact quarters."""
    x = (rows_of(2, 3, ROWS + 7, 0) * 4).round() / 4
    norm, above = drawn_norm(3, 0), rows_of(2, 3, ROWS + 7, 1)
    found, expected = gradients(batch_norm_relu, norm, x, above), gradients(two_layers, norm, x.double(), above)
    for name in expected:
        np.testing.assert_allclose(found[name].numpy(), expected[name].numpy(), rtol=1e-4, atol=1e-5, err_msg=name)


def test_what_is_not_a_number_stays_so():
    x = rows_of(2, 3, 8, 0)
    x[0, 1, 0, 2] = torch.nan
    found = gradients(batch_norm_relu, drawn_norm(3, 0), x, torch.ones_like(x))
    for name in ("y", "x"):
        assert found[name][:, 1].isnan().all() and not found[name][:, [0, 2]].isnan().any()
    assert found["mean"].isnan().tolist() == [False, True, False]


def test_other_layers_and_tensors_are_left_to_torch():
    x, norm = rows_of(2, 4, 8, 0), nn.BatchNorm2d(4)
    assert fits(norm, x)
    assert not fits(norm, x.double()) and not fits(norm, x.bfloat16()) and not fits(norm, x.contiguous())
    assert not fits(norm, x[:1, :, :, :1]), "one value has no variance: torch says so"
    assert not fits(GlobalBatchNorm(4), x) and not fits(deepcopy(norm).eval(), x)
    assert not fits(nn.BatchNorm2d(4, affine=False), x) and not fits(nn.BatchNorm2d(4, momentum=None), x)
    assert not fits(nn.BatchNorm2d(4, track_running_stats=False), x)


@pytest.mark.parametrize("training", [True, False])
def test_an_encoder_trains_by_it_and_by_the_layers_alike(monkeypatch, training):
    torch.manual_seed(0)
    encoder, x = Encoder(edge()).train(training), torch.randn(8, 1280)
    other, asked = deepcopy(encoder).double(), []
    monkeypatch.setattr("train.nets.encoder.batch_norm_relu", lambda *a: asked.append(a) or batch_norm_relu(*a))
    y, expected = encoder(x), other(x.double())
    assert len(asked) == (sum(isinstance(m, ConvUnit) for m in encoder.modules()) if training else 0)
    torch.testing.assert_close(y.double(), expected, atol=1e-4, rtol=1e-4)
    y.sum().backward(), expected.sum().backward()
    for (name, p), q in zip(encoder.named_parameters(), other.parameters(), strict=True):
        assert float((p.grad - q.grad).norm() / q.grad.norm().clamp(min=1)) < 0.01, name  # some ReLUs decide otherwise
