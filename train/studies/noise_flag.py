"""Choose and evaluate the threshold of the quality flag NOISY, or write it into model files.

    python train/studies/noise_flag.py --data DIR                 choose statistic and threshold, then report
    python train/studies/noise_flag.py --data DIR --document docs/results/noise_flag.md
    python train/studies/noise_flag.py --write edgeecg/models/*.eecg  write NOISE into files and golden vectors

Windows are isolated, 10 s, and pass the device's front end. Half of the subjects are used to choose: for each
statistic of the bytes, the threshold with a false-alarm rate of 2 % on clean windows, over four sets weighted equally.
The other half is used to report, with another quarter of each nstdb noise. Training uses neither quarter.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    __import__("train")  # says in a sentence what is not installed

import numpy as np
import tyro

from edgeecg.constants import RATE
from edgeecg.model import default_front_end
from edgeecg.reference import BLOCK, roughness
from train.data.corpora import DS1
from train.data.front_end import front_end_reader
from train.data.noise import noise_millivolts
from train.probes.protocol import Score, auc_score, scored
from train.probes.tasks.base import ALL, first_windows, headers, join, records_of
from train.probes.tasks.challenges import RHYTHMS, cinc2017
from train.probes.tasks.mitdb import BEATS, beat_windows, rhythm_windows
from train.probes.tasks.noise import with_noise
from train.probes.tasks.ptbxl import ptbxl_windows
from train.quantization.noise_threshold import NOISE, write_noise_flag
from train.reporting.tables import fill
from train.runs.command_line import need_recordings, recordings_folder, run_command
from train.runs.folder import write_text

FALSE_ALARMS = 0.02
NOISES, SNRS = ("ma", "em", "bw"), (6, 0)  # muscle, electrode motion, baseline wander; dB
NOTES = ("static_noise", "burst_noise", "baseline_drift", "electrodes_problems")
LEADS = {"I": 0, "II": 1, "V1": 2, "V5": 6}  # of PTB-XL: place in its file
CALIBRATED = ("PTB-XL lead I", "PTB-XL lead II", "MIT-BIH DS1", "Challenge 2017, N A O")


@dataclass(frozen=True)
class Config:
    """Measure the flag NOISY, or write it into model files."""

    data: Path | None = field(default_factory=recordings_folder)
    # write the threshold into these files, and measure nothing
    write: tuple[Annotated[Path, tyro.conf.arg(metavar="MODEL.eecg")], ...] = ()
    noise: int = NOISE  # the threshold to write; 0 turns the flag off
    document: Path | None = None  # also put the tables there, between <!-- noisy --> and <!-- /noisy -->


@dataclass(frozen=True)
class WindowSet:
    """Front-end bytes (n, 1280) uint8 of windows, and the subject of each (n,)."""

    y: np.ndarray
    group: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> "WindowSet":
        return WindowSet(self.y[rows], self.group[rows])


# Statistics of the front end's bytes


def steps(y: np.ndarray, limit: int) -> np.ndarray:
    """Sum of the steps inside the blocks, each at most `limit`."""
    blocks = y.reshape(len(y), -1, BLOCK).astype(np.int64)
    return np.minimum(np.abs(np.diff(blocks, axis=2)), limit).sum((1, 2))


def flagged_statistic(y: np.ndarray) -> np.ndarray:
    return np.array([roughness(window[:, None]).sum() for window in y])


def bends(y: np.ndarray) -> np.ndarray:
    """Second differences instead of first ones."""
    blocks = y.reshape(len(y), -1, BLOCK).astype(np.int64)
    return np.minimum(np.abs(np.diff(blocks, 2, axis=2)), 6).sum((1, 2))


def ratio(y: np.ndarray) -> np.ndarray:
    """Sum of the steps over the sum of magnitudes."""
    return steps(y, 255) / np.maximum(np.abs(y.astype(np.int64) - 128).sum(1), 1)


def median_block(y: np.ndarray) -> np.ndarray:
    """The median block's steps."""
    blocks = y.reshape(len(y), -1, BLOCK).astype(np.int64)
    return np.median(np.minimum(np.abs(np.diff(blocks, axis=2)), 6).sum(2), axis=1)


def turning_points(y: np.ndarray) -> np.ndarray:
    rise = np.diff(y.astype(np.int64), axis=1)
    return (rise[:, 1:] * rise[:, :-1] < 0).sum(1)


STATISTICS = {
    "steps, each at most 6 (the flag)": flagged_statistic,
    "steps, each at most 3": lambda y: steps(y, 3),
    "steps, each at most 12": lambda y: steps(y, 12),
    "steps": lambda y: steps(y, 255),
    "steps over magnitudes": ratio,
    "second differences, each at most 6": bends,
    "median block of the first": median_block,
    "turning points": turning_points,
}


# Recordings


class Bench:
    """Windows of one half of the subjects: half 0 chooses, half 1 reports."""

    def __init__(self, data: Path, half: int):
        self.data, self.half = data, half
        read = front_end_reader(default_front_end())
        self.read = lambda windows: np.stack(
            [read(window, RATE, None)[:, 0] for window in np.asarray(windows, np.float64)]
        )
        self.rng = np.random.default_rng(half)
        self.clean: dict[str, WindowSet] = {}
        self.noisy: dict[str, tuple[WindowSet, str]] = {}  # and the clean set that each is compared with
        self.further: dict[str, WindowSet] = {}  # that ought not to be flagged, but that the threshold is not chosen on
        self.mitdb()
        self.ptbxl()
        self.cinc2017()
        self.challenge2011()

    def mine(self, group: np.ndarray) -> np.ndarray:
        """Rows of this half."""
        names = np.random.default_rng(0).permutation(np.unique(group))
        return np.isin(group, names[self.half :: 2])

    def add_noise(self, title: str, signal: np.ndarray, group: np.ndarray, against: str) -> None:
        stretches = [(name, self.half, "") for name in NOISES]
        if self.half:
            stretches.append(("ma", 0, ", the stretch that chose"))
        for name, half, which in stretches:
            piece = noise_millivolts(self.data, name)
            quarter = piece.shape[1] // 4
            piece = piece[:, (2 + half) * quarter : (3 + half) * quarter]
            for decibel in SNRS:
                noisy = np.stack([with_noise(window, piece, decibel, self.rng) for window in signal])
                self.noisy[f"{title} with {name} noise, {decibel} dB{which}"] = (
                    WindowSet(self.read(noisy), group),
                    against,
                )

    def mitdb(self) -> None:
        paths, title = headers(self.data, "mitdb", DS1).values(), "MIT-BIH DS1"
        beats = join([beat_windows(path, BEATS["V"]) for path in paths])
        rhythm = join([rhythm_windows(path) for path in paths])
        rows = self.mine(beats.group)
        self.clean[title] = WindowSet(self.read(beats.signal[rows]), beats.group[rows])
        self.further[f"{title}, windows with V beats"] = self.clean[title][beats.label[rows] == 1]
        self.further[f"{title}, atrial fibrillation"] = self.clean[title][rhythm.label[rows] == 1]
        self.add_noise(title, beats.signal[rows][::2], beats.group[rows][::2], title)

    def ptbxl(self) -> None:
        signal, rows, group = ptbxl_windows(self.data, ALL)
        mine, unmarked = self.mine(group), np.array([not any(row[note].strip() for note in NOTES) for row in rows])
        for lead, place in LEADS.items():
            title, clean = f"PTB-XL lead {lead}", mine & unmarked
            side = self.clean if title in CALIBRATED else self.further
            side[title] = WindowSet(self.read(signal[clean, place]), group[clean])
            marked = mine & np.array([names(row["static_noise"], lead) for row in rows])
            self.noisy[f"{title}, noted as noisy"] = WindowSet(self.read(signal[marked, place]), group[marked]), title
        clean = np.flatnonzero(mine & unmarked)
        self.add_noise("PTB-XL lead II", signal[clean, LEADS["II"]], group[clean], "PTB-XL lead II")

    def cinc2017(self) -> None:
        windows = cinc2017(self.data).train
        mine = self.mine(windows.group)
        title, noise = CALIBRATED[3], RHYTHMS.index("~")
        found = WindowSet(self.read(windows.signal[mine]), windows.group[mine])
        label = windows.label[mine]
        self.clean[title] = found[label != noise]
        self.further["Challenge 2017, atrial fibrillation"] = found[label == RHYTHMS.index("A")]
        self.noisy["Challenge 2017, too noisy (~)"] = found[label == noise], title

    def challenge2011(self) -> None:
        """Leads that are not flat: those carry the flag FLAT."""
        records = records_of(self.data, "challenge2011")
        signal = first_windows(records, ALL)
        label = np.array([int(float(record.facts["acceptable"])) for record in records])
        number = np.arange(len(label))
        for lead, place in (("II", 1), ("V2", 2)):
            there = self.mine(number) & (np.ptp(signal[:, place], axis=1) > 0)
            title = f"Challenge 2011 lead {lead}, acceptable"
            good, bad = there & (label == 1), there & (label == 0)
            self.further[title] = WindowSet(self.read(signal[good, place]), number[good])
            self.noisy[f"Challenge 2011 lead {lead}, unacceptable"] = (
                WindowSet(self.read(signal[bad, place]), number[bad]),
                title,
            )


def names(note: str, lead: str) -> bool:
    """Does a note of PTB-XL name the lead, or all of them? "I-AVF" are the limb leads, "V1-V4" some of the others."""
    for part in note.replace(" ", "").split(","):
        if (
            part == "alles"
            or part.upper() == lead
            or (part.upper() in ("I-AVF", "I-AVR", "I-AVL") and not lead.startswith("V"))
        ):
            return True
        if part.upper().startswith("I-V") and (not lead.startswith("V") or int(lead[1]) <= int(part[3:])):
            return True
    return False


# Figures


def threshold_of(clean: dict[str, np.ndarray]) -> float:
    """The smallest value that at most FALSE_ALARMS of the clean values reach, averaged over the sets; infinity if
    more reach all values.
    """
    values = np.append(np.unique(np.concatenate(list(clean.values()))), np.inf)
    share = np.mean([(len(v) - np.searchsorted(np.sort(v), values)) / len(v) for v in clean.values()], axis=0)
    return float(values[np.argmax(share <= FALSE_ALARMS)])


def share(flagged: np.ndarray, group: np.ndarray) -> Score:
    return scored(lambda rows: float(flagged[rows].mean()), group)


def against(bad: np.ndarray, good: np.ndarray, bad_group: np.ndarray, good_group: np.ndarray) -> Score:
    """AUC of values of noisy windows against those of clean ones."""
    truth = np.repeat([1, 0], [len(bad), len(good)])
    return auc_score(truth[:, None], np.concatenate([bad, good])[:, None], np.concatenate([bad_group, good_group]))


def number(score: Score, digits: int = 3) -> str:
    return f"{score.value:.{digits}f} ({score.low:.{digits}f}-{score.high:.{digits}f})"


def percent(score: Score) -> str:
    return f"{100 * score.value:.1f} % ({100 * score.low:.1f}-{100 * score.high:.1f})"


def choice(bench: Bench) -> tuple[list[str], int]:
    """A table of all statistics on the choosing half, and the flag's threshold."""
    columns = ["ma noise, 6 dB", "ma noise, 0 dB", "noted as noisy"]
    groups = [[title for title in bench.noisy if column in title] for column in columns]
    lines = [
        f"| statistic | 2 % of clean windows reach | {' | '.join(columns)} | AUC, the same |",
        "|---|--:|--:|--:|--:|---|",
    ]
    found = 0
    for name, statistic in STATISTICS.items():
        clean = {title: statistic(bench.clean[title].y) for title in CALIBRATED}
        least = threshold_of(clean)
        found = found or int(least)
        shares, areas = [], []
        for titles in groups:
            sets = [(statistic(bench.noisy[t][0].y), bench.noisy[t][1]) for t in titles]
            shares.append(np.mean([(values >= least).mean() for values, _ in sets]))
            areas.append(np.mean([area(values, statistic(reference_windows(bench, good).y)) for values, good in sets]))
        row = [name, f"{least:g}" if least > 10 else f"{least:.3f}", *(f"{100 * s:.1f} %" for s in shares)]
        lines.append(f"| {' | '.join(row)} | {', '.join(f'{a:.3f}' for a in areas)} |")
    return lines, found


def area(bad: np.ndarray, good: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(np.repeat([1, 0], [len(bad), len(good)]), np.concatenate([bad, good])))


def reference_windows(bench: Bench, title: str) -> WindowSet:
    return bench.clean.get(title) or bench.further[title]


def findings(bench: Bench, least: int) -> list[str]:
    """Detection rates of the flag with the threshold `least` on the reporting half."""
    lines = ["| noisy windows | n | flagged | AUC against the clean ones |", "|---|--:|---|---|"]
    for title, (noisy, clean_title) in bench.noisy.items():
        clean = reference_windows(bench, clean_title)
        value, usual = flagged_statistic(noisy.y), flagged_statistic(clean.y)
        flagged = percent(share(value >= least, noisy.group))
        lines.append(
            f"| {title} | {len(value)} | {flagged} | {number(against(value, usual, noisy.group, clean.group))} |"
        )
    lines += ["", "| windows without a label of noise | n | flagged |", "|---|--:|---|"]
    for title, clean in {**bench.clean, **bench.further}.items():
        value = flagged_statistic(clean.y)
        star = "" if title in CALIBRATED else " *"
        lines.append(f"| {title}{star} | {len(value)} | {percent(share(value >= least, clean.group))} |")
    return lines


# The threshold in a model file


def main(config: Config) -> None:
    for path in config.write:
        model = write_noise_flag(path, config.noise)
        print(f"{path}: noise {model.front.noise}, id {model.id[:16]}")
    if config.write:
        return
    need_recordings(config.data)
    print("reading the half that chooses ...", file=sys.stderr, flush=True)
    lines, least = choice(Bench(config.data, 0))
    print("reading the half that reports ...", file=sys.stderr, flush=True)
    text = "\n".join([*lines, "", *findings(Bench(config.data, 1), NOISE), ""])
    print(text)
    if config.document:
        write_text(config.document, fill(config.document.read_text(encoding="utf-8"), "noisy", text))
    print(f"chosen {least}, NOISE is {NOISE}", file=sys.stderr)


if __name__ == "__main__":
    run_command(main, Config, __doc__, stopped="stopped")
