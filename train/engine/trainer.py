"""One update of a learner: drawing, forward, backward, step."""

import contextlib
import inspect

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from edgeecg.errors import EdgeECGError
from train.engine.batch_norm import synchronise
from train.engine.distributed import Processes, choose_device
from train.engine.learner import Learner
from train.engine.optimizers import make_optimiser, schedule
from train.engine.options import Options

TRAINING, VALIDATION = 0, 1  # first number of the seeds
MIXED = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Trainer:
    """A learner with its optimiser, in this process."""

    def __init__(self, learner: Learner, options: Options, processes: Processes):
        self.learner, self.options, self.processes = learner, options, processes
        self.device = choose_device(options.device)
        self.rows, self.parts = processes.parts(options.batch)
        self.dtype = torch.float64 if options.precision == "float64" else torch.float32
        learner.to(self.device, self.dtype)
        if processes.count > 1:
            synchronise(learner, self.device)
        if options.compile:
            for network in learner.networks():
                network.compile()
        self.parameters = [p for p in learner.parameters() if p.requires_grad]
        self.optimiser = make_optimiser(options.optimiser, self.parameters, options.lr, options.weight_decay)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=options.precision == "fp16")
        self.model: nn.Module = learner
        if processes.count > 1:
            self.model = distributed(learner, self.device)

    @property
    def modules(self) -> dict[str, nn.Module]:
        return dict(self.learner.named_children())

    def batch(self, kind: int, *place: int) -> dict[str, Tensor]:
        """This process's share of the batch at `place`: the parts that are its own, one after another."""
        parts = []
        for part in self.parts:
            common = generator(self.options.seed, kind, *place)
            own = generator(self.options.seed, kind, *place, 1 + part)
            parts.append(self.learner.draw(self.rows, own, common, validation=kind == VALIDATION))
        joined = {name: torch.cat([part[name] for part in parts]).to(self.device) for name in parts[0]}
        return {name: t.to(self.dtype) if t.is_floating_point() else t for name, t in joined.items()}

    def autocast(self) -> contextlib.AbstractContextManager:
        dtype = MIXED.get(self.options.precision)
        return torch.autocast(self.device.type, dtype) if dtype else contextlib.nullcontext()

    def step(self, number: int, rate: float | None = None) -> dict[str, float]:
        """Update `number` (from 1), at the schedule's learning rate or the one given.

        Returns loss and learning rate.
        """
        options = self.options
        rate = options.lr * schedule(number, options.steps, options.warmup) if rate is None else rate
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        seed = np.random.SeedSequence((options.seed, number, self.processes.rank)).generate_state(1)[0]
        torch.manual_seed(int(seed))  # dropout, a viewmaker's noise: the same in a resumed run
        self.learner.train()
        self.optimiser.zero_grad(set_to_none=True)
        total: dict[str, float] = {}
        for turn in range(options.accumulate):
            for name, value in self.backward(number, turn).items():
                total[name] = total.get(name, 0.0) + value / options.accumulate
        if not np.isfinite(total["loss"]):
            raise EdgeECGError(f"the loss became {total['loss']} at step {number}: lower --lr (now {options.lr})")
        self.scaler.unscale_(self.optimiser)
        nn.utils.clip_grad_norm_(self.parameters, options.clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        return {**total, "lr": rate}

    def backward(self, number: int, turn: int) -> dict[str, float]:
        """Add the gradients of one batch; processes exchange them at the update's last one."""
        batch = self.batch(TRAINING, number, turn)
        last = turn == self.options.accumulate - 1
        wait = self.model.no_sync() if self.processes.count > 1 and not last else contextlib.nullcontext()
        with wait:
            with self.autocast():
                loss, values = self.model(batch)
            self.scaler.scale(loss / self.options.accumulate).backward()
        scalars = {name: float(value.detach()) for name, value in values.items() if value.ndim == 0}
        return {"loss": float(loss.detach()), **scalars}

    @torch.no_grad()
    def evaluate(self, batches: int = 4) -> dict[str, float]:
        """Figures of the same windows and views of held-out patients each time; the same in every process."""
        if not self.learner.validates:
            return {}
        state = torch.get_rng_state()
        torch.manual_seed(self.options.seed)
        self.learner.eval()
        with self.autocast():
            values = self.learner.measure([self.batch(VALIDATION, i) for i in range(batches)])
        torch.set_rng_state(state)
        return self.processes.mean(values)


def distributed(learner: Learner, device: torch.device) -> DistributedDataParallel:
    """Averages gradients over the processes. Buffers need no broadcast: every process computes the same ones."""
    now = "forward_sync_buffers"  # what torch 2.13 calls the older broadcast_buffers
    name = now if now in inspect.signature(DistributedDataParallel.__init__).parameters else "broadcast_buffers"
    ids = [device.index] if device.type == "cuda" else None
    return DistributedDataParallel(learner, device_ids=ids, **{name: False})


def generator(*numbers: int) -> torch.Generator:
    """A generator that follows from these numbers alone."""
    state = np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))
