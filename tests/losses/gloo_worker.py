"""One of two processes: a shared linear net under DistributedDataParallel, one objective after the other.

python -m tests.losses.gloo_worker RANK STORE OUT
"""

import sys

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from train.objectives import OBJECTIVES

ROWS, WIDTH, DIM, WORLD = 24, 6, 8, 2


def batch():
    """The global batch: two views and their labels."""
    draw = torch.Generator().manual_seed(11)
    views = torch.randn(2, ROWS, WIDTH, generator=draw, dtype=torch.float64)
    windows = torch.arange(ROWS)
    labels = {"patient": windows // 4, "segment": windows % 4, "lead": windows % 2, "index": windows}
    return views, labels


def make(name):
    objective = OBJECTIVES[name](**({"n_items": ROWS, "dim": DIM} if name == "instance_discrimination" else {}))
    torch.manual_seed(1)
    return objective.double(), torch.nn.Linear(WIDTH, DIM).double()


def gradients(objective, net, views, labels):
    """Loss, gradients of the net's and the objective's parameters, and the objective's buffers."""
    value = objective(net(views[0]), net(views[1]), **labels)
    value.backward()
    state = {name: p.grad for name, p in [*net.named_parameters(), *objective.named_parameters()]}
    return {"value": value.detach(), **state, **dict(objective.named_buffers())}


def main(rank, store, out):
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=WORLD)
    views, labels = batch()
    mine = slice(rank * ROWS // WORLD, (rank + 1) * ROWS // WORLD)
    results = {}
    for name in OBJECTIVES:
        objective, net = make(name)
        wrapped = DistributedDataParallel(net)
        shares = {key: label[mine] for key, label in labels.items()}
        found = gradients(objective, wrapped, views[:, mine], shares)
        results[name] = {key.removeprefix("module."): tensor for key, tensor in found.items()}
    torch.save(results, f"{out}.{rank}")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
