"""How much does an embedding change when the ECG stays the same and its recording changes: gain, offset, filters, rate,
mains hum, noise, time shift?

    python train/studies/invariance.py --model default            the installed model, on the recordings in EDGEECG_DATA
    python train/studies/invariance.py --model my.eecg --data DIR --json moved.json --picture moved.png

Prints the cosine between a window's embedding before and after a change, on lead II of PTB-XL at 500 Hz (source rates)
and 128 Hz (all else), and the score of a superclass probe that was fitted on unchanged windows of other patients.
Noise is the second half of each nstdb recording, which training never uses. Embedding dimensions are centered, so two
windows of different subjects have a cosine near 0; the last row shows it.
"""

import json
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    __import__("train")  # says in a sentence what is not installed

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from threadpoolctl import threadpool_limits

import edgeecg
from edgeecg import io
from edgeecg.constants import RATE
from edgeecg.errors import AmplitudeWarning
from train.data.resample import resample
from train.plots.embeddings import moved
from train.probes.protocol import Probe, row_cosines
from train.probes.tasks.base import Windows, records_of
from train.probes.tasks.ptbxl import ptbxl
from train.reporting.tables import invariance_table
from train.runs.command_line import need_recordings, recordings_folder, run_command
from train.runs.folder import write_text
from train.views.corruptions import draw_noise, second_halves

LEAD = 1


@dataclass(frozen=True)
class Config:
    """Invariance of an exported model."""

    model: str = "default"
    data: Path | None = field(default_factory=recordings_folder)
    windows: int = 2230  # of PTB-XL
    json: Path | None = None
    markdown: Path | None = None
    picture: Path | None = None  # PNG

    def __post_init__(self):
        need_recordings(self.data)


def changes(x: np.ndarray, noise: np.ndarray | None, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """(name of the change, changed windows (n, 1280) mV)."""
    time = np.arange(x.shape[1]) / RATE
    for gain in (0.25, 0.5, 2.0, 4.0):
        yield f"gain x{gain:g}", x * gain
    for offset in (-5.0, 1.0, 100.0):
        yield f"offset {offset:g} mV", x + offset
    yield "drift 0.15 Hz, 0.5 mV", x + 0.5 * np.sin(2 * np.pi * 0.15 * time)
    for mains in (50, 60):
        yield f"mains {mains} Hz, 0.1 mV", x + 0.1 * np.sin(2 * np.pi * mains * time)
    for corner in (40, 25, 15):
        yield f"low pass {corner} Hz", filtered(x, "lowpass", corner)
    for corner in (0.5, 0.67, 1.0):
        yield f"high pass {corner:g} Hz", filtered(x, "highpass", corner)
    yield "lead turned round", -x
    if noise is not None:
        for decibel in (24, 12, 6, 0):
            yield f"nstdb noise, {decibel} dB", x + draw_noise(x, noise, decibel, rng)


def filtered(x: np.ndarray, kind: str, corner: float) -> np.ndarray:
    """The windows after another device's filter: a second-order low pass or a first-order high pass (Hz)."""
    from scipy.signal import butter, sosfilt

    return sosfilt(butter(2 if kind == "lowpass" else 1, corner, kind, fs=RATE, output="sos"), x - x[:, :1], axis=1)


def rates(encoder: edgeecg.Encoder, folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """(rate, cosines) of the 500 Hz recordings resampled to other rates, against 500 Hz itself."""
    from scipy.signal import resample_poly

    signals = [io.read(path, lead=LEAD).millivolts() for path in sorted(folder.rglob("*.hea"))]
    base = np.concatenate([encoder.embed(s, 500) for s in signals])
    for fs in (100, 125, 128, 200, 250, 360, 1000):
        moved = [encoder.embed(np.r_[y := resample_poly(s, fs, 500, padtype="line"), y[-1:]], fs)[:1] for s in signals]
        yield f"source rate {fs} Hz", row_cosines(base, np.concatenate(moved))


class SuperclassProbe:
    """Probes for the superclasses, one a fold and class, fitted on unchanged windows; `auc(z)` scores the patients left
    out.
    """

    def __init__(self, windows: Windows, z: np.ndarray, folds: int = 4):
        self.label, self.fitted = windows.label, []
        for fit, held in GroupKFold(folds).split(z, groups=windows.group):
            self.fitted.append((held, [Probe(z[fit], column[fit]) for column in windows.label.T]))

    def auc(self, z: np.ndarray) -> float:
        """Macro AUC of out-of-fold probabilities."""
        p = np.zeros(self.label.shape)
        for held, probes in self.fitted:
            p[held] = np.stack([probe.predict(z[held])[:, 1] for probe in probes], 1)
        return float(roc_auc_score(self.label, p, average="macro"))


@threadpool_limits.wrap(limits=1, user_api="blas")
def measure(config: Config) -> list[dict]:
    encoder, rng = edgeecg.load(config.model), np.random.default_rng(0)
    whole = ptbxl(config.data, LEAD, "super").train
    some = rng.permutation(len(whole.signal))[: config.windows]
    windows = Windows(whole.signal[some], whole.label[some], whole.group[some])
    x = windows.signal.astype(np.float64)
    base = encoder.embed_batch(x, RATE)
    probe = SuperclassProbe(windows, base)
    rows = [row("nothing", np.ones(len(x)), probe.auc(base))]
    for name, changed in changes(x, second_halves(config.data), rng):
        z = encoder.embed_batch(changed, RATE)
        rows.append(row(name, row_cosines(base, z), probe.auc(z)))
    rows += [row(name, values) for name, values in rates(encoder, config.data / "ptbxl_500hz")]
    rows += [
        row("one second later", shifted(encoder, config.data)),
        row("another person", row_cosines(base, np.roll(base, 1, 0))),
    ]
    return rows


def shifted(encoder: edgeecg.Encoder, data: Path) -> np.ndarray:
    """Cosines of windows with those that start a second later in the same recording (QT Database)."""
    leads = (record.recording(0) for record in records_of(data, "qtdb"))
    recordings = [resample(lead.millivolts(), lead.fs)[: 60 * RATE] for lead in leads]
    pairs = [encoder.embed(r, RATE, hop=1.0) for r in recordings]
    return np.concatenate([row_cosines(e[:-1], e[1:]) for e in pairs])


def row(name: str, values: np.ndarray, auc: float | None = None) -> dict:
    low = float(np.percentile(values, 5))
    return {
        "change": name,
        "mean": float(values.mean()),
        "percentile_5": low,
        "windows": len(values),
        "superclass_auc": auc,
    }


def main(config: Config) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AmplitudeWarning)
        rows = measure(config)
    print(invariance_table(rows))
    if config.json:
        write_text(config.json, json.dumps(rows, indent=1) + "\n")
    if config.markdown:
        write_text(config.markdown, invariance_table(rows))
    if config.picture:
        moved(config.picture, rows)


if __name__ == "__main__":
    run_command(main, Config, __doc__)
