"""One update of a learner: draw, forward, backward, step."""

import contextlib
import inspect

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from edgeecg.errors import EdgeECGError
from train.engine.batch_norm import synchronize
from train.engine.distributed import Processes, average, choose_device
from train.engine.learner import Learner, Place
from train.engine.optimizers import make_optimizer
from train.engine.options import Options
from train.engine.schedules import schedule

MIXED = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Trainer:
    """A learner with its optimizer, in this process."""

    def __init__(self, learner: Learner, options: Options, processes: Processes):
        self.learner, self.options, self.processes = learner, options, processes
        self.device = choose_device(options.device)
        self.rows, self.parts = processes.parts(options.batch)
        self.dtype = torch.float64 if options.precision == "float64" else torch.float32
        learner.to(self.device, self.dtype)
        if processes.share_steps:
            synchronize(learner, self.device)
        if options.compile:
            for network in learner.networks():
                network.compile()
        groups = learner.parameter_groups(options)
        self.parameters = [p for p in learner.parameters() if p.requires_grad]
        self.optimizer = make_optimizer(options.optimizer, groups, options.lr, options.beta2)
        self.full_rates = [group["lr"] for group in self.optimizer.param_groups]
        self.share_of_rate = schedule(options)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=options.precision == "fp16")
        self.model: nn.Module = distributed(learner, self.device) if processes.share_steps else learner

    @property
    def modules(self) -> dict[str, nn.Module]:
        return dict(self.learner.named_children())

    def batch(self, step: int, turn: int = 0, validation: bool = False) -> dict[str, Tensor]:
        """This process's share of a batch: the parts that are its own, one after another."""
        seed = self.options.seed
        parts = [self.learner.draw(self.rows, Place(seed, step, turn, part, validation)) for part in self.parts]
        joined = {name: torch.cat([part[name] for part in parts]).to(self.device) for name in parts[0]}
        return {name: t.to(self.dtype) if t.is_floating_point() else t for name, t in joined.items()}

    def autocast(self) -> contextlib.AbstractContextManager:
        dtype = MIXED.get(self.options.precision)
        return torch.autocast(self.device.type, dtype) if dtype else contextlib.nullcontext()

    def step(self, number: int, rate: float | None = None) -> dict[str, float]:
        """Update `number` (from 1), at the schedule's learning rate or the one given.

        Returns loss and learning rate.
        """
        options, share = self.options, self.share_of_rate(number)
        for group, full in zip(self.optimizer.param_groups, self.full_rates, strict=True):
            group["lr"] = full * share if rate is None else rate
        if not self.learner.stateful:
            seed = np.random.SeedSequence((options.seed, number, self.processes.rank)).generate_state(1)[0]
            torch.manual_seed(int(seed))  # dropout, a viewmaker's noise: the same in a resumed run
        self.learner.train()
        self.optimizer.zero_grad(set_to_none=True)
        total: dict[str, float] = {}
        for turn in range(options.accumulate):
            for name, value in self.backward(number, turn).items():
                total[name] = total.get(name, 0.0) + value / options.accumulate
        if not np.isfinite(total["loss"]):
            raise EdgeECGError(f"the loss became {total['loss']} at step {number}: lower --lr (now {options.lr})")
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.parameters, options.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return {**total, "lr": self.optimizer.param_groups[0]["lr"]}

    def backward(self, number: int, turn: int) -> dict[str, float]:
        """Add the gradients of one batch; processes exchange them at the update's last one."""
        batch = self.batch(number, turn)
        last = turn == self.options.accumulate - 1
        wait = self.model.no_sync() if self.processes.share_steps and not last else contextlib.nullcontext()
        with wait:
            with self.autocast():
                loss, values = self.model(batch)
            self.scaler.scale(loss / self.options.accumulate).backward()
        scalars = {name: float(value.detach()) for name, value in values.items() if value.ndim == 0}
        return {"loss": float(loss.detach()), **scalars}

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Figures of the same windows and views of held-out patients each time; the same in every process.

        Of processes that take steps of their own, the first one alone finds them.
        """
        if not self.learner.validates or (self.processes.independent and not self.processes.first):
            return {}
        state = torch.get_rng_state()
        torch.manual_seed(self.options.seed)
        self.learner.eval()
        batches = [self.batch(number, validation=True) for number in range(self.learner.validation_batches)]
        with self.autocast():
            values = self.learner.measure(batches)
        torch.set_rng_state(state)
        return self.processes.mean(values)

    def meets(self, number: int) -> bool:
        """Whether all processes are at one place behind this step, so that they can talk without waiting long."""
        return not self.processes.independent or number % (self.options.average_every or 1) == 0

    def average(self) -> None:
        """Let processes that take steps of their own agree: the mean of weights, running statistics and moments."""
        if self.processes.independent and self.processes.count > 1:
            weights = [p.data for p in self.parameters]
            buffers = [b for b in self.learner.buffers() if b.is_floating_point()]
            states = [t for state in self.optimizer.state.values() for t in state.values()]
            average([*weights, *buffers, *(t for t in states if torch.is_tensor(t) and t.ndim)])


def distributed(learner: Learner, device: torch.device) -> DistributedDataParallel:
    """Averages gradients over the processes. Buffers need no broadcast: every process computes the same ones."""
    now = "forward_sync_buffers"  # what torch 2.13 calls the older broadcast_buffers
    name = now if now in inspect.signature(DistributedDataParallel.__init__).parameters else "broadcast_buffers"
    ids = [device.index] if device.type == "cuda" else None
    return DistributedDataParallel(learner, device_ids=ids, **{name: False})
