"""Batch norm and ReLU of a training step in one: half of a step's time was theirs, as two layers of torch.

Channels-last activations are rows of channels. Forward reads them twice (moments, then the result), backward twice (sums,
then the gradient), which is the least that statistics of a whole batch need; what ReLU let through is computed again from
the input, so no output is kept.
"""

import numpy as np
import torch
from numba import njit
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

ROWS = 256  # summed in single precision, with sums of those in double
FAST = {"fastmath": {"reassoc", "contract", "nsz"}, "cache": True}  # NaN and infinity stay what they are


def fits(norm: nn.Module, x: Tensor) -> bool:
    """Whether `batch_norm_relu` computes what the two layers would."""
    plain = type(norm) is nn.BatchNorm2d and norm.training and norm.affine and norm.track_running_stats
    rows = x.dtype == torch.float32 and x.device.type == "cpu" and x.is_contiguous(memory_format=torch.channels_last)
    return plain and norm.momentum is not None and rows and x.numel() > x.shape[1] and not torch.compiler.is_compiling()


def batch_norm_relu(norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
    """ReLU of `norm` (in training) of x (N, C, H, W); updates its running statistics."""
    y, mean, variance = BatchNormReLU.apply(x, norm.weight, norm.bias, norm.eps)
    with torch.no_grad():
        norm.num_batches_tracked.add_(1)
        norm.running_mean.lerp_(mean, norm.momentum)
        count = x.numel() // x.shape[1]
        norm.running_var.lerp_(variance * (count / (count - 1)), norm.momentum)
    return y


class BatchNormReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, eps):
        rows = as_rows(x)
        mean, square = sums_of_powers(rows) / len(rows)
        variance = np.maximum(square - mean**2, 0)
        slope = weight.numpy(force=True) / np.sqrt(variance + eps)
        offset = bias.numpy(force=True) - mean * slope
        y = torch.empty_like(x)
        scaled_relu(rows, slope.astype(np.float32), offset.astype(np.float32), as_rows(y))
        ctx.save_for_backward(x)
        ctx.numbers = slope, offset, mean, 1 / np.sqrt(variance + eps)
        result = y, single(mean), single(variance)
        ctx.mark_non_differentiable(*result[1:])
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient, *_):
        (x,), (slope, offset, mean, rate) = ctx.saved_tensors, ctx.numbers
        rows, above = as_rows(x), as_rows(gradient.contiguous(memory_format=torch.channels_last))
        line = slope.astype(np.float32), offset.astype(np.float32)
        of_bias, with_x = sums_of_gradients(rows, above, *line)
        of_weight = (with_x - mean * of_bias) * rate
        tilt = -slope * rate * of_weight / len(rows)
        constant = -slope * of_bias / len(rows) - tilt * mean
        result = torch.empty_like(x)
        input_gradient(rows, above, *line, tilt.astype(np.float32), constant.astype(np.float32), as_rows(result))
        return result, single(of_weight), single(of_bias), None


def as_rows(x: Tensor) -> np.ndarray:
    """A view of channels-last (N, C, H, W) as (N H W, C)."""
    return x.detach().permute(0, 2, 3, 1).reshape(-1, x.shape[1]).numpy()


def single(x: np.ndarray) -> Tensor:
    return torch.from_numpy(x.astype(np.float32))


@njit(**FAST)
def sums_of_powers(x):
    """Sums over the rows of x and of its square: (2, C) float64."""
    count, channels = x.shape
    total, part = np.zeros((2, channels)), np.zeros((2, channels), np.float32)
    for start in range(0, count, ROWS):
        part[:] = 0
        for row in range(start, min(count, start + ROWS)):
            for c in range(channels):
                part[0, c] += x[row, c]
                part[1, c] += x[row, c] * x[row, c]
        total += part
    return total


@njit(**FAST)
def scaled_relu(x, slope, offset, y):
    for row in range(x.shape[0]):
        for c in range(x.shape[1]):
            y[row, c] = max(x[row, c] * slope[c] + offset[c], np.float32(0))


@njit(**FAST)
def sums_of_gradients(x, above, slope, offset):
    """Sums over the rows of the gradient behind the ReLU, and of that times x: (2, C) float64."""
    count, channels = x.shape
    total, part = np.zeros((2, channels)), np.zeros((2, channels), np.float32)
    for start in range(0, count, ROWS):
        part[:] = 0
        for row in range(start, min(count, start + ROWS)):
            for c in range(channels):
                passed = above[row, c] if x[row, c] * slope[c] + offset[c] > 0 else np.float32(0)
                part[0, c] += passed
                part[1, c] += passed * x[row, c]
        total += part
    return total


@njit(**FAST)
def input_gradient(x, above, slope, offset, tilt, constant, result):
    for row in range(x.shape[0]):
        for c in range(x.shape[1]):
            passed = above[row, c] if x[row, c] * slope[c] + offset[c] > 0 else np.float32(0)
            result[row, c] = passed * slope[c] + x[row, c] * tilt[c] + constant[c]
