"""The recipe's learner: a contrastive loss between windows, and heads that regress signal, rhythm and beat statistics.

Linear heads regress from the pooled features what train/targets computes from the clean signal: rhythm and beat
statistics, the mean beat, the spectrum and the noise level; and, from each frame of the trunk, the beat in it. No human
label is used.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from edgeecg.constants import WINDOW
from edgeecg.errors import InputError
from train.data import Cache
from train.data.front_end import default_front_end, to_input
from train.data.windows import is_validation
from train.engine import Learner, Options, Place
from train.multitask.last_layer import PAIRS, assemble, pair_features
from train.multitask.sampler import WeightedWindowSampler
from train.nets import ENCODERS, Encoder
from train.nets.projector import make_projector
from train.objectives.options import LossOptions, make_objective
from train.quantization.dequantize import PretrainedSource
from train.reporting.verdict import COUNT, ProbeWindows
from train.targets import BeatTargets, open_bank, signal_statistics
from train.targets.heads import EXISTS, WIDTHS, Heads
from train.views import LEAST_LEVEL, Augment, Views, load_noise

WEIGHTS = {
    "contrast": 1.0,
    "statistics": 9.0,
    "beat": 3.0,
    "signal": 1.5,
    "noise": 0.5,
    "heat": 1.0,
    "frame": 1.0,
}
# Views of another rhythm or beat than the targets are computed from
FALSIFYING = ("p_warp", "p_crop", "p_flip", "p_reverse")
VALIDATION_SEED = 0  # of the held-out windows: one for all runs, so that their losses can be compared
PROJECTOR = (384, 128)
MOMENT_PAIRS, START_PAIRS = 1500, 256  # drawn before the first step: for the targets' moments, for the start's scales
SHARES = ("neighbors", "across", "leads", "context", "clean", "validation")


@dataclass(frozen=True)
class MultitaskOptions(Options):
    """Sampling options and loss weights of the learner."""

    free: ClassVar[tuple[str, ...]] = (*Options.free, "levels", "evaluate_every")

    data: Path | None = None  # data folder with the noise of the views
    encoder: Literal[tuple(ENCODERS)] = "edge"
    pool: Literal["mean_max", "mean", "max"] = "mean_max"  # pooling over the frames of a window
    standardize: bool = False  # standardize each window: for comparison, cannot be exported
    # contrastive loss: NT-Xent without the patient's other windows, or one without negatives
    objective: Literal["masked_nt_xent", "barlow_twins", "vicreg"] = "masked_nt_xent"
    views: Views = field(default_factory=lambda: Views(p_warp=0.0, p_flip=0.0))
    weights: dict[str, float] = field(default_factory=lambda: dict(WEIGHTS))  # weights of the losses; 0 turns one off
    temperature: float = 0.1  # of the contrastive loss
    neighbors: float = 0.5  # fraction of positives from within 30 s
    rhythms: bool = True  # also draw each lead with a resynthesized rhythm (train/views/rhythm.py)
    across: float = 0.3  # fraction of positives with the other rhythm of the lead
    leads: float = 0.25  # fraction of positives from another lead of the recording, if there is one
    context: float = 0.25  # fraction of steps whose windows have real signal around them
    clean: float = 0.5  # fraction of pairs without any disturbance
    # level dimensions: size, wander and range of the signal (train/quantization/signal_levels.py)
    levels: bool = True
    validation: float = 0.02  # fraction of patients held out for the validation losses
    start: str | None = (
        None  # encoder.safetensors of another run, an .eecg file or a bundled model: whose trunk to go on from
    )

    def __post_init__(self):
        super().__post_init__()
        unknown = set(self.weights) - set(WEIGHTS)
        if unknown:
            raise InputError(f"weights: no loss is called {', '.join(sorted(unknown))}")
        falsified = [name for name in FALSIFYING if getattr(self.views, name) > 0]
        if falsified:
            raise InputError(f"views: {', '.join(falsified)} would make the heads' targets wrong: leave it at 0")
        for name in SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} is a share: from 0 to 1")


class Multitask(Learner):
    """Encoder, projector and heads on pairs of windows of the cache. `options.data` holds the noise of the views."""

    validation_batches = 3
    keeps_best = False  # the last layer is put together at the end

    def __init__(self, options: MultitaskOptions, cache: Cache, quiet: bool = False):
        super().__init__()
        self.options, self.cache = options, cache
        spec = ENCODERS[options.encoder]()
        spec = replace(spec, head=replace(spec.head, pool=options.pool), standardize=options.standardize)
        self.encoder = Encoder(spec)
        self.norm = nn.BatchNorm1d(spec.head.dim, affine=False)
        self.projector = make_projector(spec.head.dim, PROJECTOR)
        self.pooled = nn.BatchNorm1d(spec.features, affine=False)
        self.heads = Heads(spec.features, spec.shapes()[-1][0])
        numbers = LossOptions(temperature=options.temperature) if options.objective == "masked_nt_xent" else None
        self.objective = make_objective(options.objective, numbers)
        bank = open_bank(cache, quiet=quiet)
        self.beats, self.samples = BeatTargets(cache.samples, bank.beats), cache.samples
        held_out = is_validation(cache, options.validation)
        held_out &= not held_out.all()
        copies = 2 if options.rhythms else 1
        self.training_windows = WeightedWindowSampler(cache, bank, ~held_out, copies)
        self.validates = bool(held_out.any())
        self.validation_windows = WeightedWindowSampler(cache, bank, held_out, copies) if self.validates else None
        self.augment = Augment(options.views, load_noise(options.data, default_front_end(), kinds=options.views.noises))
        lengths = self.training_windows.length
        self.margin = spec.margin if options.context and (lengths >= WINDOW + 2 * spec.margin).any() else 0
        self.begin()

    def read(self) -> Cache:
        """The rows of the cache that windows come from."""
        return self.cache.only(self.cache.index["length"] >= WINDOW)

    def begin(self) -> None:
        """Prepare what depends on windows before the first step: the initial trunk, and the moments of the targets."""
        seed = self.options.seed
        if self.options.start:
            windows = self.pairs(self.training_windows, START_PAIRS, 0, (seed, 2**30 + 1))["x"]
            self.encoder.units.load_state_dict(PretrainedSource(self.options.start).encoder(windows).units.state_dict())
        targets = self.pairs(self.training_windows, MOMENT_PAIRS, 0, (seed, 2**30))
        rows = {name: targets[EXISTS[name]] if name in EXISTS else slice(None) for name in WIDTHS}
        known = {name: targets[name][kept] for name, kept in rows.items()}
        self.heads.standardize({name: (t.mean(0), t.std(0)) for name, t in known.items()})

    def draw(self, count: int, place: Place) -> dict[str, Tensor]:
        """`count` pairs, with context around them in a share of the steps, the same ones in all processes."""
        if place.validation:
            return self.pairs(self.validation_windows, count, 0, (VALIDATION_SEED, 2**31 + place.step))
        in_context = np.random.default_rng((place.seed, place.step)).random() < self.options.context
        seed = (place.seed, place.step, place.part)
        return self.pairs(self.training_windows, count, self.margin if in_context else 0, seed)

    def pairs(
        self, sampler: WeightedWindowSampler, count: int, margin: int, seed: tuple[int, ...]
    ) -> dict[str, Tensor]:
        """Network input `x` (2 N, margin + 1280 + margin) of N pairs, targets (2 N, ...), and `patient` (N,)."""
        rng, options = np.random.default_rng(seed), self.options
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        row, start = sampler.draw(count, margin, options.neighbors, rng)
        start[count:] = sampler.other_leads(row, start[count:], options.leads, rng)
        if options.rhythms:  # the other version lies half of the samples further on
            move = (rng.random(count) < options.across) * (len(self.samples) // 2)
            start[count:] = (start[count:] + move) % len(self.samples)
        y = torch.from_numpy(self.samples[start[:, None] + np.arange(-margin, WINDOW + margin)])
        x, level = self.augment.with_level(y, generator)
        clean = (torch.arange(count) < options.clean * count).repeat(2)
        x[clean], level[clean] = to_input(y[clean]), LEAST_LEVEL
        inside = x[:, margin : margin + WINDOW]
        return {"x": x, **self.targets(start, inside, level), "patient": torch.from_numpy(sampler.patient[row])}

    def targets(self, start: np.ndarray, x: Tensor, level: Tensor) -> dict[str, Tensor]:
        """The regression targets of the windows that start at these samples of the cache."""
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

    def losses(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        frames = self.encoder.tensors(batch["x"])[-1][:, :, 0]
        stride, margin = self.encoder.spec.total_stride, (batch["x"].shape[-1] - WINDOW) // 2
        frames = frames[:, :, margin // stride : (margin + WINDOW) // stride]
        pooled = self.encoder.pool(frames)
        first, second = self.projector(self.norm(self.encoder.linear(pooled))).chunk(2)
        # of this process alone: `loss` gathers nothing
        contrast = self.objective.loss(first, second, {"patient": batch["patient"]})
        return {"contrast": contrast, **self.heads(self.pooled(pooled), frames.transpose(1, 2), batch)}

    def total(self, losses: dict[str, Tensor]) -> Tensor:
        return sum(self.options.weights.get(name, 0.0) * loss for name, loss in losses.items())

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        losses = self.losses(batch)
        return self.total(losses), losses

    def measure(self, batches: list[dict[str, Tensor]]) -> dict[str, float]:
        """Each loss on the same windows of held-out patients, whatever the seed of the run; their weighted sum."""
        rounds = [self.losses(batch) for batch in batches]
        means = {name: sum(float(r[name]) for r in rounds) / len(rounds) for name in rounds[0]}
        total = sum(self.options.weights.get(name, 0.0) * value for name, value in means.items())
        return {"validation_loss": total, **{f"validation_{name}": value for name, value in means.items()}}

    def networks(self) -> list[nn.Module]:
        return [self.encoder, self.projector]

    def finish(self) -> dict:
        """Assemble the encoder's last linear layer (last_layer.py); returns which dimensions hold what."""
        _, start = self.training_windows.draw(PAIRS, 0, 1.0, np.random.default_rng((self.options.seed, 2**29)))
        self.eval()
        features = pair_features(self.encoder, self.samples, start)
        return {"dimensions": assemble(self.encoder, self.pooled, self.heads, *features.chunk(2), self.options.levels)}

    def probe_windows(self) -> ProbeWindows:
        """Windows of held-out patients, or of all where none is held out."""
        rng = np.random.default_rng(1)
        sampler = self.validation_windows or self.training_windows
        row, start = sampler.draw(COUNT, 0, 0.0, rng)
        y = torch.from_numpy(self.samples[start[:COUNT, None] + np.arange(WINDOW)])
        return ProbeWindows(y, sampler.patient[row], start[:COUNT] // WINDOW, self.validates)

    def remarks(self) -> list[str]:
        spec = self.encoder.spec
        return [
            f"{spec.macs() / 1e6:.2f} M multiply-accumulates a window",
            "losses: " + ", ".join(f"{name} x {weight:g}" for name, weight in self.options.weights.items() if weight),
        ]
