"""The recipe of the bundled encoder: contrast with neighbours, and say what the signal, its rhythm and beats are like.

    python train/recipe.py --data DIR --out runs/recipe
    python train/recipe.py --data DIR --out runs/recipe --resume           continue after a kill
    python train/recipe.py --data DIR --steps 200 --workers 1 --out runs/trial             a trial, on one core
    python train/recipe.py --data DIR --start default --steps 4000 --out runs/more         go on from the bundled model

Each lead is there twice, as it is and as the same heart in another rhythm (train/views/rhythm.py). Half of the
positives are the same ten seconds under other noise, half lie within 30 s of them, and some of either kind are in the
other rhythm or in another lead; other windows of a patient are no negatives (train/objectives/masked.py). Beside the
contrast, linear heads regress from the pooled features what train/targets computes from the clean signal: rhythm and
beat statistics, the mean beat, the spectrum and the noise that was added; and from each frame of the trunk, the beat in
it. No label that a person gave is used. At the end the last linear layer is put together anew
(train/multitask/last_layer.py): `latest.safetensors` is the encoder as it was trained, `encoder.safetensors` the
finished one. Of several processes each takes steps of its own, and every few steps all take the mean of their weights
and moments (Stich, "Local SGD Converges Fast and Communicates Little", ICLR 2019): on a busy machine waiting for each
other at every step costs half the speed. What a step draws follows from seed, step and process alone, so a resumed run
needs no generator's state.
"""

import multiprocessing
import os
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from tqdm import tqdm

from edgeecg.constants import WINDOW
from edgeecg.errors import EdgeECGError, InputError
from train.data import PRETRAINING, Cache, open_cache
from train.data.front_end import default_front_end, to_input
from train.data.windows import is_validation
from train.engine.optimizers import parameter_groups
from train.multitask.last_layer import PAIRS, assemble, pair_features
from train.multitask.sampler import Drawer
from train.nets import ENCODERS, Encoder
from train.nets.projector import make_projector
from train.objectives.masked import masked_nt_xent
from train.objectives.options import make_objective
from train.quantization.dequantize import Start
from train.reporting.provenance import provenance
from train.runs.checkpoint import load_training, save_encoder, save_training
from train.runs.folder import Log, prepare
from train.targets import BeatTargets, open_bank, signal_statistics
from train.targets.heads import EXISTS, WIDTHS, Heads
from train.views import LEAST_LEVEL, Augment, Views, load_noise
from train.views.rhythm_cache import with_other_rhythms

# what a resumed run may change
FREE = ("resume", "steps", "levels", "out", "cache", "data", "log_every", "save_every", "evaluate_every")
WEIGHTS = {
    "contrast": 1.0,
    "statistics": 9.0,
    "beat": 3.0,
    "signal": 1.5,
    "noise": 0.5,
    "heat": 1.0,
    "frame": 1.0,
}
# views of another rhythm or beat than the targets are computed from
FALSIFYING = ("p_warp", "p_crop", "p_flip", "p_reverse")
VALIDATION_SEED = 0  # of the held-out windows: one for all runs, so that their losses can be compared
POOLS, OBJECTIVES = ("mean_max", "mean", "max"), ("nt_xent", "barlow_twins", "vicreg")


@dataclass(frozen=True)
class Config:
    """The recipe."""

    data: Path  # folder with one sub-folder per corpus
    corpora: tuple[str, ...] = PRETRAINING
    encoder: str = "edge"  # or nano, plus, or another of train/nets
    pool: str = "mean_max"  # of the frames of a window: or mean, or max
    standardise: bool = False  # each window: to compare with, not for export
    objective: str = "nt_xent"  # of the contrast, with the patient's other windows masked: or barlow_twins, or vicreg
    views: Views = field(default_factory=lambda: Views(p_warp=0.0, p_flip=0.0))
    weights: dict[str, float] = field(default_factory=lambda: dict(WEIGHTS))  # of the losses; 0 leaves one out
    temperature: float = 0.1  # of the contrast
    neighbours: float = 0.5  # share of positives from within 30 s
    rhythms: bool = True  # draw each lead in another rhythm as often as it is (train/views/rhythm.py)
    across: float = 0.3  # share of positives that are in the other of a lead's two rhythms
    leads: float = 0.25  # share of positives from another lead of the recording at that time, where there is one
    context: float = 0.25  # share of steps whose windows have real signal around them
    clean: float = 0.5  # share of the pairs that no view disturbs
    levels: bool = (
        True  # size, wander and range of the signal as the last three dimensions (train/studies/levels_by_corpus.py)
    )
    validation: float = 0.02  # share of patients kept for the validation losses

    steps: int = 20000  # updates of each process
    decay: float = 0.35  # share of the steps over which the learning rate falls to zero
    batch: int = 192  # windows a step and process
    workers: int = 2  # processes of one thread
    meet: int = 10  # steps after which the processes take the mean of their weights
    lr: float = 2e-3
    weight_decay: float = 1e-3
    clip: float = 3.0

    out: Path = Path("runs/recipe")
    # encoder.safetensors of another run, an .eecg file or a bundled model: whose trunk to go on from
    start: str | None = None
    resume: bool = False  # continue the run in `out`; `steps` may change before the decay begins
    seed: int = 0
    log_every: int = 25
    save_every: int = 250
    evaluate_every: int = 500
    cache: Path = Path("~/.cache/edgeecg/train")

    def __post_init__(self):
        if self.encoder not in ENCODERS:
            raise InputError(f"encoder {self.encoder!r} is not one of {', '.join(ENCODERS)}")
        if self.pool not in POOLS:
            raise InputError(f"pool {self.pool!r} is not one of {', '.join(POOLS)}")
        if self.objective not in OBJECTIVES:
            raise InputError(f"objective {self.objective!r} is not one of {', '.join(OBJECTIVES)}")
        unknown = set(self.weights) - set(WEIGHTS)
        if unknown:
            raise InputError(f"weights: no loss is called {', '.join(sorted(unknown))}")
        falsified = [name for name in FALSIFYING if getattr(self.views, name) > 0]
        if falsified:
            raise InputError(
                f"views: {', '.join(falsified)} would make what the heads are told of the signal wrong: leave it at 0"
            )
        for name in ("neighbours", "across", "leads", "context", "clean"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} is a share: from 0 to 1")
        for name in ("steps", "batch", "workers", "log_every", "save_every", "evaluate_every", "meet"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1")


class Trainer:
    """One process's share of every step."""

    def __init__(self, config: Config, cache: Cache, rank: int = 0):
        torch.manual_seed(config.seed)  # the same weights in every process
        self.config, self.rank = config, rank
        spec = ENCODERS[config.encoder]()
        spec = replace(spec, head=replace(spec.head, pool=config.pool), standardise=config.standardise)
        self.encoder = Encoder(spec)
        self.norm = nn.BatchNorm1d(spec.head.dim, affine=False)
        self.projector = make_projector(spec.head.dim, (384, 128))
        self.pooled = nn.BatchNorm1d(spec.features, affine=False)
        self.heads = Heads(spec.features, spec.shapes()[-1][0])
        self.modules = {
            "encoder": self.encoder,
            "norm": self.norm,
            "projector": self.projector,
            "pooled": self.pooled,
            "heads": self.heads,
        }
        self.parameters = [p for module in self.modules.values() for p in module.parameters()]
        self.optimiser = torch.optim.AdamW(parameter_groups(self.parameters, config.weight_decay), lr=config.lr)
        bank = open_bank(cache, quiet=rank > 0)
        self.beats, self.samples = BeatTargets(cache.samples, bank.beats), cache.samples
        held_out = is_validation(cache, config.validation)
        held_out &= not held_out.all()
        copies = 2 if config.rhythms else 1
        self.training = Drawer(cache, bank, ~held_out, copies)
        self.validation = Drawer(cache, bank, held_out, copies) if held_out.any() else None
        self.augment = Augment(config.views, load_noise(config.data, default_front_end(), kinds=config.views.noises))
        self.margin = spec.margin if config.context and (self.training.length >= WINDOW + 2 * spec.margin).any() else 0
        if config.start:
            windows, _, _ = self.batch(self.training, 256, 0, (config.seed, 2**30 + 1))
            self.encoder.units.load_state_dict(Start(config.start).encoder(windows).units.state_dict())
        self.heads.standardise(self.moments())

    def targets(self, start: np.ndarray, x: Tensor, level: Tensor) -> dict[str, Tensor]:
        statistics, known, beat = self.beats.describe(start)
        heat, frame = self.beats.frames(start, self.encoder.spec.total_stride)
        return {
            "statistics": statistics,
            "known": known,
            "beat": beat,
            "heat": heat,
            "frame": frame,
            "signal": signal_statistics(x),
            "noise": level[:, None],
        }

    def batch(self, drawer: Drawer, count: int, margin: int, seed: tuple[int, ...]):
        """Network input (2 N, margin + 1280 + margin), targets, and the patient (N,) of `count` pairs of windows."""
        rng = np.random.default_rng(seed)
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        row, start = drawer.draw(count, margin, self.config.neighbours, rng)
        start[count:] = drawer.other_leads(row, start[count:], self.config.leads, rng)
        if self.config.rhythms:  # the other version lies half of the samples further on
            move = (rng.random(count) < self.config.across) * (len(self.samples) // 2)
            start[count:] = (start[count:] + move) % len(self.samples)
        y = torch.from_numpy(self.samples[start[:, None] + np.arange(-margin, WINDOW + margin)])
        x, level = self.augment.with_level(y, generator)
        clean = (torch.arange(count) < self.config.clean * count).repeat(2)
        x[clean], level[clean] = to_input(y[clean]), LEAST_LEVEL
        inside = x[:, margin : margin + WINDOW]
        return x, self.targets(start, inside, level), torch.from_numpy(drawer.patient[row])

    def moments(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Mean and deviation of every linear head's target over 1500 pairs."""
        _, targets, _ = self.batch(self.training, 1500, 0, (self.config.seed, 2**30))
        rows = {name: targets[EXISTS[name]] if name in EXISTS else slice(None) for name in WIDTHS}
        pick = {name: targets[name][kept] for name, kept in rows.items()}
        return {name: (t.mean(0), t.std(0)) for name, t in pick.items()}

    def losses(self, drawer: Drawer, margin: int, seed: tuple[int, ...]) -> dict[str, Tensor]:
        x, targets, patient = self.batch(drawer, self.config.batch, margin, seed)
        frames = self.encoder.tensors(x)[-1][:, :, 0]
        stride = self.encoder.spec.total_stride
        frames = frames[:, :, margin // stride : (margin + WINDOW) // stride]
        pooled = self.encoder.pool(frames)
        embedding = self.norm(self.encoder.linear(pooled))
        first, second = self.projector(embedding).chunk(2)
        if self.config.objective == "nt_xent":
            contrast = masked_nt_xent(first, second, patient, self.config.temperature)
        else:  # these have no negatives; and each process is on its own, so `loss`, which gathers nothing
            contrast = make_objective(self.config.objective).loss(first, second, {})
        return {"contrast": contrast, **self.heads(self.pooled(pooled), frames.transpose(1, 2), targets)}

    def step(self, number: int) -> dict[str, float]:
        """One update; returns the losses of this process."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.lr * schedule(number, self.config.steps, self.config.decay)
        for module in self.modules.values():
            module.train()
        in_context = np.random.default_rng((self.config.seed, number)).random() < self.config.context
        seed = (self.config.seed, number, self.rank)
        losses = self.losses(self.training, self.margin if in_context else 0, seed)
        total = sum(self.config.weights.get(name, 0.0) * loss for name, loss in losses.items())
        self.optimiser.zero_grad(set_to_none=False)
        total.backward()
        nn.utils.clip_grad_norm_(self.parameters, self.config.clip)
        self.optimiser.step()
        values = {"loss": float(total.detach()), **{name: float(loss.detach()) for name, loss in losses.items()}}
        if not np.isfinite(values["loss"]):
            raise EdgeECGError(f"the loss became {values['loss']} at step {number}: lower --lr (now {self.config.lr})")
        return values

    def finish(self) -> dict[str, list[int]]:
        """Puts the encoder's last linear layer together (train/multitask/last_layer.py); returns which dimensions hold
        what.
        """
        _, start = self.training.draw(PAIRS, 0, 1.0, np.random.default_rng((self.config.seed, 2**29)))
        for module in self.modules.values():
            module.eval()
        features = pair_features(self.encoder, self.samples, start)
        return assemble(self.encoder, self.pooled, self.heads, *features.chunk(2), self.config.levels)

    @torch.no_grad()
    def evaluate(self, batches: int = 3) -> dict[str, float]:
        """Losses on the same windows of held-out patients each time, whatever the seed of the run."""
        if self.validation is None:
            return {}
        for module in self.modules.values():
            module.eval()
        rounds = [self.losses(self.validation, 0, (VALIDATION_SEED, 2**31 + i)) for i in range(batches)]
        return {f"validation_{name}": sum(float(r[name]) for r in rounds) / batches for name in rounds[0]}

    def state(self) -> list[Tensor]:
        """What the processes agree on where they meet: weights, running statistics and the optimiser's moments."""
        buffers = [b for module in self.modules.values() for b in module.buffers() if b.is_floating_point()]
        moments = [s[key] for s in self.optimiser.state.values() for key in ("exp_avg", "exp_avg_sq")]
        return [*(p.data for p in self.parameters), *buffers, *moments]


def schedule(step: int, steps: int, decay: float) -> float:
    """Share of the full learning rate: 200 steps up (at most a tenth), then constant, at last a
    straight line to zero.
    """
    rise, fall = min(200, max(1, steps // 10)), max(1.0, decay * steps)
    return min(1.0, step / rise, (steps + 1 - step) / fall)


def average(tensors: list[Tensor]) -> None:
    """The mean over all processes, in place; nothing where there is one."""
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return
    flat = torch.cat([t.reshape(-1) for t in tensors])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for t, piece in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
        t.copy_(piece.view_as(t))


def train(config: Config, cache: Cache, rank: int = 0) -> None:
    """The loop of one process; the first one logs and saves."""
    torch.set_num_threads(1)
    trainer = Trainer(config, cache, rank)
    checkpoint, done, seconds, none = config.out / "checkpoint.safetensors", 0, 0.0, torch.Generator()
    if config.resume and checkpoint.exists():
        meta = load_training(checkpoint, trainer.modules, trainer.optimiser, none)
        done, seconds = meta["step"], meta["seconds"]
    start = time.perf_counter() - seconds
    bar = tqdm(total=config.steps, initial=done, unit=" steps", mininterval=1.0, disable=rank > 0)
    with Log(config.out, done) if rank == 0 else nullcontext() as log, bar:
        for number in range(done + 1, config.steps + 1):
            values, last = trainer.step(number), number == config.steps
            bar.update()
            seconds = time.perf_counter() - start
            saved = number % config.save_every == 0 or last
            if saved or number % config.meet == 0:
                stop_without_parent()
                average(trainer.state())
            if rank:
                continue
            if number % config.log_every == 0 or last:
                bar.set_postfix(loss=f"{values['loss']:.2f}", contrast=f"{values['contrast']:.2f}")
                log.write(number, {**values, "lr": trainer.optimiser.param_groups[0]["lr"], "seconds": seconds})
            if number % config.evaluate_every == 0 or last:
                log.write(number, trainer.evaluate())
            if saved:
                save_training(
                    checkpoint, trainer.modules, trainer.optimiser, none, {"step": number, "seconds": seconds}
                )
                save_encoder(config.out / "latest.safetensors", trainer.encoder, stated(config, cache, number, seconds))
    if rank == 0:
        meta = {"dimensions": trainer.finish(), **stated(config, cache, config.steps, seconds)}
        save_encoder(config.out / "encoder.safetensors", trainer.encoder, meta)


def stop_without_parent() -> None:
    """Ends a process whose command was killed: it would go on for hours, and write beside the one that
    resumes the run.
    """
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        raise EdgeECGError("the command that started this process is gone: continue with --resume")


def open_leads(config: Config, quiet: bool = False) -> Cache:
    """The corpora's leads, built where they are not there; each a second time in another rhythm."""
    cache = open_cache(config.data, config.corpora, default_front_end(), config.cache, quiet)
    bank = open_bank(cache, quiet)
    if not config.rhythms:
        return cache
    larger = with_other_rhythms(cache, bank.beats.position, quiet)
    open_bank(larger, quiet, cache)
    return larger


def stated(config: Config, cache: Cache, steps: int, seconds: float) -> dict:
    """What a model made from this run has to state."""
    objective = "NT-Xent with neighbours, and regression of signal, rhythm and beat statistics"
    noise = (config.data / "nstdb").is_dir()
    said = provenance(config, cache, objective, noise, steps, seconds, config.start, processes=config.workers)
    return {**said, "hours": round(recorded_hours(config, cache), 1)}


def recorded_hours(config: Config, cache: Cache) -> float:
    return cache.hours / 2 if config.rhythms else cache.hours


def worker(rank: int, config: Config, meeting: str) -> None:
    cache = open_leads(config, quiet=True)
    if config.workers > 1:
        dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=config.workers)
    try:
        train(config, cache, rank)
    finally:
        if config.workers > 1:
            dist.destroy_process_group()


def spawn(config: Config, meeting: str) -> None:
    """All processes of a run; what ends one of them, in a sentence where it is one."""
    try:
        torch.multiprocessing.spawn(worker, (config, meeting), config.workers)
    except torch.multiprocessing.ProcessExitedException as error:
        raise EdgeECGError(f"{error}: go on with --resume") from error
    except torch.multiprocessing.ProcessRaisedException as error:
        kind, _, text = error.msg.strip().splitlines()[-1].partition(": ")
        if kind.startswith("edgeecg.errors."):
            raise EdgeECGError(text) from error
        raise


def main(config: Config) -> Path:
    config = replace(config, cache=config.cache.expanduser())
    if config.start:
        Start(config.start).must_be(config.encoder)
    prepare(config, FREE, "checkpoint.safetensors", "encoder.safetensors")
    cache = open_leads(config)  # once, before several processes want it
    leads = len(cache.index["start"]) // (2 if config.rhythms else 1)
    print(f"{recorded_hours(config, cache):.1f} h of ECG in {leads} leads; results go to {config.out}")
    if config.workers == 1:
        worker(0, config, "")
    else:
        with tempfile.TemporaryDirectory() as folder:
            spawn(config, os.path.join(folder, "meeting"))
    finished = config.out / "encoder.safetensors"
    print(
        f"{finished}: export with\n    python train/export.py {finished} -o {config.out / 'model'} --data {config.data}"
    )
    return finished


if __name__ == "__main__":
    import tyro

    try:
        main(tyro.cli(Config, description=__doc__))
    except (EdgeECGError, KeyboardInterrupt) as error:
        sys.exit(f"error: {error}" if str(error) else os.EX_TEMPFAIL)
