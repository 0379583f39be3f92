"""Batch normalization with the statistics of all processes, because nn.SyncBatchNorm needs CUDA."""

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class GlobalBatchNorm(nn.modules.batchnorm._BatchNorm):
    """nn.BatchNorm1d/2d whose mean and variance are those of the rows of all processes, forward and backward."""

    def _check_input_dim(self, x: Tensor) -> None:
        if x.ndim < 2:
            raise ValueError(f"expected at least 2 dimensions, got {x.ndim}")

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        mean, variance, count = global_moments(x)
        with torch.no_grad():
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        return _Normalize.apply(x, self.weight, self.bias, mean, variance, self.eps, count)


def axes(x: Tensor) -> list[int]:
    return [0, *range(2, x.ndim)]


@torch.no_grad()
def global_moments(x: Tensor) -> tuple[Tensor, Tensor, int]:
    """Mean and biased variance (C,) of a tensor (N, C, ...) over all processes, and the number of values of a channel.

    Each process gives its own two moments, which are joined as in Chan, Golub, LeVeque (1983): no cancellation. The
    number of values is the same in every process (engine/processes.py).
    """
    variance, mean = torch.var_mean(full(x), axes(x), correction=0)
    world, own = dist.get_world_size(), torch.stack([mean, variance])
    both = [torch.empty_like(own) for _ in range(world)]
    dist.all_gather(both, own)
    means, variances = torch.stack(both).double().unbind(1)
    mean = means.mean(0)
    variance = variances.mean(0) + (means - mean).square().mean(0)
    return mean.to(own.dtype), variance.to(own.dtype), world * (x.numel() // x.shape[1])


def full(x: Tensor) -> Tensor:
    """At least single precision."""
    return x if x.dtype == torch.float64 else x.float()


class _Normalize(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, mean, variance, eps, count):
        ctx.save_for_backward(x, weight, mean, (variance + eps).rsqrt())
        ctx.count = count
        return F.batch_norm(x, mean, variance, weight, bias, training=False, eps=eps)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        x, weight, mean, scale = ctx.saved_tensors
        shape = [1, -1] + [1] * (x.ndim - 2)
        normal = (full(x) - mean.view(shape)) * scale.view(shape)
        slope = full(grad)
        own = torch.stack([slope.sum(axes(x)), (slope * normal).sum(axes(x))])
        total = own.clone()
        dist.all_reduce(total)
        a, b = (t.view(shape) / ctx.count for t in total)
        size = scale if weight is None else scale * weight
        dx = (slope - a - normal * b) * size.view(shape)
        # Each process keeps its own share of the parameters' gradients: averaging them is left to DDP.
        dweight, dbias = (None, None) if weight is None else (own[1], own[0])
        return dx.to(grad.dtype), dweight, dbias, None, None, None, None


def synchronize(module: nn.Module, device: torch.device) -> None:
    """Replace every batch norm below `module` by one over all processes; parameters, buffers and names stay."""
    for name, child in module.named_children():
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            if device.type == "cuda":
                setattr(module, name, nn.SyncBatchNorm.convert_sync_batchnorm(child))
            else:
                setattr(module, name, shared(child))
        else:
            synchronize(child, device)


def shared(norm: nn.modules.batchnorm._BatchNorm) -> GlobalBatchNorm:
    new = GlobalBatchNorm(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
    new.weight, new.bias = norm.weight, norm.bias
    new.running_mean, new.running_var, new.num_batches_tracked = (
        norm.running_mean,
        norm.running_var,
        norm.num_batches_tracked,
    )
    return new
