"""Loss kernels as autograd functions, exact under torch.distributed.

The convention with several processes: every rank gathers the embeddings of all ranks (rank 0's rows first), evaluates
the loss of the global batch, and so holds the same value. A rank's gradient is its slice of the global gradient
times the number of ranks, because DistributedDataParallel divides the sum over ranks by that number: after its
averaging the gradient of every parameter is what one process would compute on the global batch. A parameter of an
objective itself gets its whole gradient on every rank, which averaging leaves as it is.
"""

import numpy as np
import torch
import torch.distributed as dist
from torch.autograd.function import once_differentiable

from edgeecg.errors import InputError


def evaluate(kernel, *tensors, **options):
    """kernel(*arrays, **options)[0] as a scalar tensor whose backward hands out the kernel's gradients.

    Half-precision tensors (automatic mixed precision) are computed in float32; their gradients come back in their
    own dtype. Tensors on another device are copied to the processor and the gradients back.
    """
    full = [t if t.dtype in (torch.float32, torch.float64) else t.float() for t in tensors]
    return _Kernel.apply(kernel, options, *full)


class _Kernel(torch.autograd.Function):
    @staticmethod
    def forward(ctx, kernel, options, *tensors):
        value, grads = kernel(*(t.detach().cpu().numpy() for t in tensors), **options)
        # Value and gradients come in one call, so the gradients wait here and backward only scales them.
        ctx.save_for_backward(
            *(torch.as_tensor(g, dtype=t.dtype, device=t.device) for g, t in zip(grads, tensors, strict=False))
        )
        return torch.tensor(value, dtype=tensors[0].dtype, device=tensors[0].device)

    @staticmethod
    @once_differentiable
    def backward(ctx, outer):
        return None, None, *(grad * outer for grad in ctx.saved_tensors)


def _ranks():
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows):
        ctx.local = len(rows)
        return _all_rows(rows)

    @staticmethod
    def backward(ctx, grad):
        start = dist.get_rank() * ctx.local
        return grad[start : start + ctx.local] * _ranks()


def _all_rows(rows):
    rows = rows.contiguous()
    parts = [torch.empty_like(rows) for _ in range(_ranks())]
    dist.all_gather(parts, rows)
    return torch.cat(parts)


def gather(*embeddings):
    """The global batch's rows of each embedding tensor, with gradients by the convention above."""
    if _ranks() == 1:
        return embeddings
    counts = _all_rows(torch.tensor([len(z) for z in embeddings], device=embeddings[0].device))
    if len(counts.unique()) > 1:
        raise InputError(f"ranks hold different numbers of rows ({counts.tolist()}): drop the last, shorter batch")
    return tuple(_GatherRows.apply(z) for z in embeddings)


def gather_labels(labels):
    """The global batch's labels as a NumPy array; None stays None."""
    if labels is None:
        return None
    labels = torch.as_tensor(labels)
    return np.asarray((labels if _ranks() == 1 else _all_rows(labels)).detach().cpu())
