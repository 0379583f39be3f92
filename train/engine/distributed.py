"""One process or several, started by torchrun or by a command with --workers.

    torchrun --nproc-per-node 2 train/pretrain.py --data DIR
    python train/pretrain.py --data DIR --workers 2

Processes share every step. Each draws its part of the same batch, normalizes with the statistics of the whole batch
and, because objectives gather, sees the loss of the whole batch; DistributedDataParallel averages the gradients. The
number of processes changes only the speed of a run and the order of some sums.

With --average-every N each process takes steps of its own, and after N of them all average their weights and moments
(Stich, "Local SGD Converges Fast and Communicates Little", ICLR 2019). On a busy machine, waiting for each other at
every step costs half the speed.
"""

import contextlib
import multiprocessing
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from edgeecg.errors import EdgeECGError, InputError
from train.engine.interrupt import Interrupts

PARTS = 8  # of a batch, drawn independently: so many processes, or a divisor, see the same batch


@dataclass(frozen=True)
class Processes:
    rank: int = 0
    count: int = 1
    independent: bool = False  # each takes steps of its own, on batches of its own

    @property
    def first(self) -> bool:
        """The one that writes."""
        return self.rank == 0

    @property
    def share_steps(self) -> bool:
        return self.count > 1 and not self.independent

    def parts(self, batch: int) -> tuple[int, range]:
        """Rows of a part of a batch, and the numbers of the parts that are this process's."""
        if self.independent:
            return batch, range(self.rank, self.rank + 1)
        number = max(n for n in range(1, PARTS + 1) if batch % n == 0 and PARTS % n == 0)
        number = number if number % self.count == 0 else self.count
        if batch % number:
            raise InputError(f"a batch of {batch} windows cannot be shared by {self.count} processes")
        own = number // self.count
        return batch // number, range(self.rank * own, (self.rank + 1) * own)

    def mean(self, values: dict[str, float]) -> dict[str, float]:
        """The mean over the processes that share steps of each value; all of them must ask."""
        if not self.share_steps or not values:
            return values
        flat = torch.tensor(list(values.values()), dtype=torch.float64, device=meeting_place())
        dist.all_reduce(flat)
        return dict(zip(values, (flat / self.count).tolist(), strict=True))

    def any(self, flag: bool) -> bool:
        """Whether one of them says so; all of them must ask."""
        if self.count == 1:
            return flag
        said = torch.tensor(float(flag), device=meeting_place())
        dist.all_reduce(said)
        return bool(said > 0)

    def wait(self) -> None:
        if self.count > 1:
            dist.barrier()


def average(tensors: list[Tensor]) -> None:
    """The mean over all processes, in place."""
    flat = torch.cat([t.reshape(-1) for t in tensors])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for t, piece in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
        t.copy_(piece.view_as(t))


def meeting_place() -> str:
    """Where tensors must lie that processes exchange."""
    return "cuda" if dist.get_backend() == "nccl" else "cpu"


def processes() -> Processes:
    """This process among those that joined."""
    joined = dist.is_available() and dist.is_initialized()
    return Processes(dist.get_rank(), dist.get_world_size()) if joined else Processes()


def choose_device(name: str) -> torch.device:
    """`auto` is the process's own GPU where there is one."""
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: torch finds no GPU here")
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


@contextlib.contextmanager
def joined(device: str = "auto", **meeting) -> Iterator[Processes]:
    """Join the other processes for the length of the block; `meeting` says where, torchrun's environment otherwise."""
    place = choose_device(device)
    if place.type == "cuda":
        torch.cuda.set_device(place)
    dist.init_process_group("nccl" if place.type == "cuda" else "gloo", **meeting)
    try:
        yield processes()
    finally:
        dist.destroy_process_group()


def launch(command: Callable[..., None], config) -> None:
    """`command(config, processes)` in every process: those of torchrun, the `workers` that are started here, or this
    one.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        with joined(config.device) as team:
            command(config, team)
    elif config.workers == 1:
        command(config, Processes())
    else:
        with tempfile.TemporaryDirectory() as folder:
            spawn(command, config, os.path.join(folder, "meeting"))


def spawn(command: Callable[..., None], config, meeting: str) -> None:
    """All processes of a run; what ends one of them, in a sentence where it is one.

    Ctrl-C reaches all of them by itself; what is sent to this process alone (`kill`) is handed on. They save and end.
    """
    try:
        with Interrupts() as interrupts:
            context = torch.multiprocessing.spawn(worker, (command, config, meeting), config.workers, join=False)
            told = False
            while not context.join(timeout=0.5):
                if interrupts.signal == signal.SIGTERM and not told:
                    told = True
                    for process in context.processes:
                        process.terminate()
        if interrupts.requested:
            raise KeyboardInterrupt
    except torch.multiprocessing.ProcessExitedException as error:
        raise EdgeECGError(f"{error}: go on with --resume") from error
    except torch.multiprocessing.ProcessRaisedException as error:
        kind, _, text = error.msg.strip().splitlines()[-1].partition(": ")
        if kind.startswith("edgeecg.errors."):
            raise EdgeECGError(text) from error
        raise


def worker(rank: int, command: Callable[..., None], config, meeting: str) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the shell had set
    os.environ["LOCAL_RANK"] = str(rank)
    with joined(config.device, init_method=f"file://{meeting}", rank=rank, world_size=config.workers) as team:
        command(config, team)


def stop_without_parent() -> None:
    """End a process whose command was killed: it would go on, and write into the folder of the run that resumes."""
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        raise EdgeECGError("the command that started this process is gone: continue with --resume")
