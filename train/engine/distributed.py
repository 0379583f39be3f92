"""One process, or several that torchrun started.

    torchrun --nproc-per-node 2 train/pretrain.py --data DIR

Every process draws its share of the same batch, normalises with the statistics of the whole batch and, through the
objectives' gathering, sees the loss of the whole batch; gradients are averaged by DistributedDataParallel. So the
number of processes changes the speed of a run and the order of some sums, and nothing else.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.distributed as dist

from edgeecg.errors import InputError

PARTS = 8  # of a batch, drawn independently: so many processes, or a divisor, see the same batch


@dataclass(frozen=True)
class Processes:
    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """The one that writes."""
        return self.rank == 0

    def parts(self, batch: int) -> tuple[int, range]:
        """Rows of a part of a batch, and the numbers of the parts that are this process's."""
        number = max(n for n in range(1, PARTS + 1) if batch % n == 0 and PARTS % n == 0)
        number = number if number % self.count == 0 else self.count
        if batch % number:
            raise InputError(f"a batch of {batch} windows cannot be shared by {self.count} processes")
        own = number // self.count
        return batch // number, range(self.rank * own, (self.rank + 1) * own)

    def mean(self, values: dict[str, float]) -> dict[str, float]:
        """The mean over the processes of each value; all of them must ask."""
        if self.count == 1 or not values:
            return values
        flat = torch.tensor(list(values.values()), dtype=torch.float64, device=meeting_place())
        dist.all_reduce(flat)
        return dict(zip(values, (flat / self.count).tolist(), strict=True))

    def wait(self) -> None:
        if self.count > 1:
            dist.barrier()


def meeting_place() -> str:
    """Where tensors must lie that processes exchange."""
    return "cuda" if dist.get_backend() == "nccl" else "cpu"


def processes() -> Processes:
    """This process among those that joined."""
    return (
        Processes(dist.get_rank(), dist.get_world_size())
        if dist.is_available() and dist.is_initialized()
        else Processes()
    )


def choose_device(name: str) -> torch.device:
    """`auto` is the process's own GPU where there is one."""
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: torch finds no GPU here")
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


@contextlib.contextmanager
def joined(device: str = "auto") -> Iterator[Processes]:
    """Join the processes of torchrun for the length of the block; alone where it was not torchrun that started us."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Processes()
        return
    place = choose_device(device)
    if place.type == "cuda":
        torch.cuda.set_device(place)
    dist.init_process_group("nccl" if place.type == "cuda" else "gloo")
    try:
        yield processes()
    finally:
        dist.destroy_process_group()
