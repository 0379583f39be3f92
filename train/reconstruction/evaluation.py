"""Evaluation of an autoencoder on held-out patients: reconstruction error, code size, denoising gain.

Each figure has the principal components of as many numbers as a baseline, fitted on training windows: the best linear
code. The denoising gain also has a band-pass of 0.67 to 40 Hz, the usual filter of ECG monitors.

The code's numbers are counted as bytes, as a radio link would send them: each is centered, scaled to a standard
deviation of 1 on training windows, rounded to steps of 1/16 and limited to int8. The window's samples are the front
end's bytes.
"""

import functools
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edgeecg.constants import RATE, WINDOW
from train.data.front_end import to_input
from train.objectives.reconstruction import denoising_gain_db, entropy_bits, kl_to_normal, prd, snr_db
from train.plots import windows as plots_windows
from train.probes.protocol import Score, scored
from train.reconstruction.latents import Drawn, chosen, draw, walks
from train.views.noisy import noisy_pair

HELD_OUT, FIT = 1024, 8192  # windows of the figures and of the code's scales; of the principal components
LEVELS = (0.0, 6.0, 12.0)  # dB
BAND = (0.67, 40.0)  # Hz
STEPS = 16  # of an int8 code to a standard deviation
ACTIVE = 0.01  # variance of a number's mean over windows from which on it counts as used (Burda et al., ICLR 2016)


@dataclass(frozen=True)
class Gain:
    """Denoising at one level: mean gains in dB over windows, with 95 % intervals over patients."""

    snr: float  # asked for
    measured: float  # mean, behind the device's scaling and rounding
    autoencoder: Score
    principal_components: Score
    band_pass: Score


@dataclass
class ReconstructionReport:
    """Figures of an autoencoder; `windows` (N, length) are the held-out ones, `autoencoder` draws the pictures."""

    windows: Tensor
    autoencoder: torch.nn.Module
    held_out: bool  # False: no patient was, and these are windows of training patients
    numbers: int  # of the code
    ratio: float  # bytes of a window over bytes of its code
    coded_ratio: float  # the same with an ideal coder of single symbols on both sides
    prd: Score  # %, of all windows together
    prd_int8: float  # from the rounded code
    prd_principal_components: Score
    median_snr: float  # dB
    used: float  # share of the code that is not zero (sparse), or active (variational); else 1
    kl: float | None = None  # nats a window
    gains: list[Gain] = field(default_factory=list)
    noisy: tuple[Tensor, Tensor] | None = None  # (noisy, clean) windows for the picture
    drawn: dict[str, Drawn] = field(default_factory=dict)  # of a variational one, by where the codes came from
    used_numbers: Tensor | None = None  # (code,) variance of each number's mean over windows

    def to_dict(self) -> dict:
        hidden = ("windows", "autoencoder", "noisy", "drawn", "used_numbers")
        return {k: getattr(self, k) for k in self.__dataclass_fields__ if k not in hidden} | {
            "prd": asdict(self.prd),
            "prd_principal_components": asdict(self.prd_principal_components),
            "gains": [asdict(gain) for gain in self.gains],
            "drawn": {name: one.figures() for name, one in self.drawn.items()},
        }

    def lines(self) -> list[str]:
        """For the report."""
        length, whose = self.windows.shape[1], "held-out" if self.held_out else "training (no patient was held out)"
        text = [
            f"compression: {length} bytes of front-end samples to {self.numbers} int8 numbers, {self.ratio:.1f} : 1; "
            f"{self.coded_ratio:.1f} : 1 where both are entropy-coded symbol by symbol",
            f"reconstruction on {len(self.windows)} windows of {whose} patients: PRD {self.prd.text(1)} % "
            f"({self.prd_int8:.1f} % from the int8 code), median SNR {self.median_snr:.1f} dB; "
            f"{self.numbers} principal components: PRD {self.prd_principal_components.text(1)} %",
        ]
        if self.used < 1:
            text.append(f"share of the code in use: {self.used:.0%}")
        if self.kl is not None:
            text.append(f"KL to the prior: {self.kl:.1f} nats a window")
        text += [one.line(name) for name, one in self.drawn.items() if one.plausible is not None]
        return text + [
            f"denoising gain at {gain.snr:g} dB (held-out noise): {gain.autoencoder.text()} dB; principal "
            f"components {gain.principal_components.text()} dB, band-pass {BAND[0]:g}-{BAND[1]:g} Hz "
            f"{gain.band_pass.text()} dB"
            for gain in self.gains
        ]

    @torch.no_grad()
    def pictures(
        self, folder: Path, count: int, between: tuple[int, int], latent: tuple[float, ...]
    ) -> list[tuple[str, str]]:
        """Draw into `folder`; (caption, file name) of each picture."""
        net, x = self.autoencoder, self.windows
        drawn = []
        if self.noisy is not None:
            noisy, clean = (t[:count] for t in self.noisy)
            rows = {"noisy": noisy, "clean": clean, "restored": net(noisy)[0]}
            whose = "held-out patients" if self.held_out else "training"
            caption = f"Windows of {whose} with held-out noise at {LEVELS[1]:g} dB"
        else:
            rows = {"window": x[:count], "reconstruction": net(x[:count])[0]}
            caption = "Windows and what the decoder makes of their codes"
        plots_windows.overlaid(
            folder / "reconstructions.png", rows, snr_db(rows.get("clean", x[:count]), list(rows.values())[-1])
        )
        drawn.append((caption, "reconstructions.png"))
        if net.shape.kind == "variational":
            drawn += self.drawn_pictures(folder, count, between, latent)
        return drawn

    def drawn_pictures(
        self, folder: Path, count: int, between: tuple[int, int], latent: tuple[float, ...]
    ) -> list[tuple[str, str]]:
        """Decoded codes: drawn ones, those between two windows, those around a chosen one."""
        net, x, shown = self.autoencoder, self.windows, []
        for name, (source, one) in zip(("prior", "samples"), self.drawn.items(), strict=True):
            plots_windows.grid(folder / f"{name}.png", one.windows[:count])
            share = "" if one.plausible is None else f": {one.plausible:.0%} of {len(one.windows)} are plausible"
            shown.append((f"Decoded codes drawn from {source}{share}", f"{name}.png"))
        a, b = (net.code(x[i % len(x)][None]).mean for i in between)
        share = torch.linspace(0, 1, count)[:, None]
        titles = [f"{1 - float(s):.2f} of window {between[0]}, {float(s):.2f} of window {between[1]}" for s in share]
        plots_windows.grid(folder / "between.png", net.decode(a * (1 - share) + b * share), titles)
        shown.append(
            (f"On the straight line between the codes of windows {between[0]} and {between[1]}", "between.png")
        )
        start = chosen(latent, net.shape.code)
        np.save(folder / "latent.npy", net.decode(start)[0].numpy())
        codes, titles = walks(start, self.used_numbers)
        plots_windows.grid(folder / "latent.png", net.decode(codes), titles, columns=5)
        named = " ".join(f"{value:g}" for value in latent) or "0"
        shown.append((f"Around the latent {named}: its four most used numbers from -2 to 2", "latent.png"))
        return shown


@torch.no_grad()
def restoration(learner, noise: Tensor | None) -> ReconstructionReport:
    """The figures of a trained `Autoencoding`, in evaluation mode; `noise`: recorded noise that training never met."""
    net, generator = learner.autoencoder, torch.Generator().manual_seed(20)
    y, patient = learner.windows(learner.validation_windows or learner.training_windows, HELD_OUT, generator)
    y_fit, _ = learner.windows(learner.training_windows, FIT, generator)
    x, fit, group = to_input(y), to_input(y_fit), patient.numpy()
    restored, coded = chunked(net, x)
    project = principal_components(fit, net.shape.code)
    code, log_variance = coded
    integers, rounded = int8_code(code, chunked(net, fit[:HELD_OUT])[1][0])
    result = ReconstructionReport(
        windows=x,
        autoencoder=net,
        held_out=learner.validation_windows is not None,
        numbers=net.shape.code,
        ratio=net.shape.length / net.shape.code,
        coded_ratio=net.shape.length * entropy_bits(y) / (net.shape.code * entropy_bits(integers)),
        prd=pooled_prd(x, restored, group),
        prd_int8=pooled_prd(x, decoded(net, rounded), group).value,
        prd_principal_components=pooled_prd(x, project(x), group),
        median_snr=float(snr_db(x, restored).median()),
        used=float((code != 0).float().mean())
        if log_variance is None
        else float((code.var(0) > ACTIVE).float().mean()),
        kl=None if log_variance is None else float(kl_to_normal(code, log_variance).mean()),
    )
    if net.shape.kind == "variational":
        codes = chunked(net, fit)[1][0]
        result.used_numbers = codes.var(0)
        result.drawn = draw(net, codes, fit, x, counted=net.shape.length < WINDOW)
    if net.shape.kind == "denoising" and noise is not None:
        result.gains = [one_gain(net, project, y, group, noise, level) for level in LEVELS]
        result.noisy = noisy_pair(y[:64], noise, (LEVELS[1], LEVELS[1]), torch.Generator().manual_seed(21))
    return result


def one_gain(net, project, y: Tensor, group: np.ndarray, noise: Tensor, level: float) -> Gain:
    noisy, clean = noisy_pair(y, noise, (level, level), torch.Generator().manual_seed(round(10 * level)))
    restored = {
        "autoencoder": chunked(net, noisy)[0],
        "principal_components": project(noisy),
        "band_pass": band_pass(noisy),
    }
    gains = {name: denoising_gain_db(clean, noisy, estimate).numpy() for name, estimate in restored.items()}
    scores = {name: scored(lambda rows, g=g: float(g[rows].mean()), group) for name, g in gains.items()}
    return Gain(level, float(snr_db(clean, noisy).mean()), **scores)


def chunked(net, x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor | None]]:
    """Decoded windows, and codes with their log variances, of many windows."""
    parts = [net(piece) for piece in x.split(256)]
    spread = None if parts[0][1].log_variance is None else torch.cat([c.log_variance for _, c in parts])
    return torch.cat([r for r, _ in parts]), (torch.cat([c.mean for _, c in parts]), spread)


def decoded(net, code: Tensor) -> Tensor:
    return torch.cat([net.decode(piece) for piece in code.split(256)])


def int8_code(code: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """The code's int8 numbers and the values they represent; center and scale from the `reference` codes."""
    center, scale = reference.mean(0), reference.std(0).clamp(min=1e-6) / STEPS
    integers = ((code - center) / scale).round().clamp(-128, 127)
    return integers.to(torch.int8), integers * scale + center


def pooled_prd(x: Tensor, restored: Tensor, group: np.ndarray) -> Score:
    """PRD of all windows taken as one signal (flat windows have none of their own)."""
    return scored(lambda rows: float(prd(x[rows].reshape(1, -1), restored[rows].reshape(1, -1))), group)


def principal_components(fit: Tensor, count: int):
    """windows -> the nearest windows that `count` principal components of the `fit` windows give."""
    mean = fit.mean(0)
    _, axes = torch.linalg.eigh(torch.cov(fit.T.double()))
    axes = axes[:, -min(count, fit.shape[1], len(fit)) :].float()
    return lambda x: (x - mean) @ axes @ axes.T + mean


@functools.cache
def band_pass_filter():
    from scipy.signal import butter

    return butter(2, BAND, "bandpass", fs=RATE, output="sos")


def band_pass(x: Tensor) -> Tensor:
    """Second-order Butterworth, forwards and backwards."""
    from scipy.signal import sosfiltfilt

    return torch.from_numpy(sosfiltfilt(band_pass_filter(), x.numpy(), axis=1).astype(np.float32))
