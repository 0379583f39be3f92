"""Probe scores on disturbed ECG: noise at several SNRs, lead-off, clipping, sampling rate and resolution.

    python train/studies/robustness.py --model default --out runs/robustness          on the recordings in EDGEECG_DATA
    python train/studies/robustness.py --model my.eecg --baselines random hrv --tasks V_ds1_ds2 ptbxl_af_I_cv4
    python train/studies/robustness.py --model default --out runs/robustness --resume

Probes are fitted on clean windows of the training patients and scored on disturbed windows of the others, the same
windows for every feature. Noise is the second half of each nstdb recording, which training never uses; the SNR is the
ratio of the standard deviations of window and noise. OUT holds scores.json, one figure per task and report.md.
--resume keeps finished parts.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    __import__("train")  # says in a sentence what is not installed

import numpy as np
from sklearn.model_selection import GroupKFold
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from edgeecg.errors import InputError
from train.classifiers import metrics
from train.downstream.tables import markdown
from train.plots import classifiers as pictures
from train.probes.features import FEATURES, Features, features_by_name, models_of
from train.probes.protocol import Probe, scored, truth_of
from train.probes.tasks.base import Task, Windows
from train.probes.tasks.registry import TASKS, read_task
from train.runs.command_line import known_names, need_recordings, recordings_folder, run_command
from train.runs.folder import run_folder, write_json, write_text
from train.views.corruptions import NOISES, corrupted, corruptions, second_halves

FREE = ("data", "out", "resume")  # what may differ when a run is resumed
CLEAN = "clean"


@dataclass(frozen=True)
class Config:
    """Robustness curves."""

    model: str = "default"  # a bundled name, an .eecg file or encoder.safetensors
    baselines: tuple[str, ...] = ("random", "hrv")  # names in train/probes/features.py
    tasks: tuple[str, ...] = ("V_ds1_ds2", "S_ds1_ds2", "ptbxl_super_II_cv4")
    windows: int = 1200  # largest number of windows disturbed and scored, evenly spread
    data: Path | None = field(default_factory=recordings_folder)
    out: Path = Path("runs/robustness")
    resume: bool = False  # keep the finished parts of the run in `out`
    seed: int = 0

    def __post_init__(self):
        need_recordings(self.data)
        known_names("task", self.tasks, TASKS)
        known_names("baseline", self.baselines, FEATURES)
        if self.windows < 10:
            raise InputError("windows must be at least 10")


def fit_probes(task: Task, z: np.ndarray) -> tuple[Windows, Callable[[np.ndarray, np.ndarray], np.ndarray]]:
    """The windows to score, and `predict(shown, rows)`: what probes that have not met their patients say of those rows.

    `shown` (n, d) are the features of the rows, the answer (n, columns) probabilities with the columns of `truth_of`.
    With folds every window is scored by the probes of the fold that it was left out of.
    """
    if task.kind == "split":
        probe = Probe(z, task.train.label)
        return task.test, lambda shown, rows: columns(probe.predict(shown))
    if task.kind != "folds" or task.pooled:
        raise InputError("robustness is measured on tasks that score single windows by a probe")
    windows, fitted = task.train, []
    many = windows.label.ndim == 2
    for known, held in GroupKFold(task.folds).split(z, groups=windows.group):
        labels = windows.label[known].T if many else [windows.label[known]]
        fitted.append((held, [Probe(z[known], label) for label in labels]))
    fold = np.empty(len(z), int)
    for number, (held, _) in enumerate(fitted):
        fold[held] = number

    def predict(shown: np.ndarray, rows: np.ndarray) -> np.ndarray:
        p = np.zeros((len(rows), truth_of(windows.label).shape[1]))
        for number, (_, probes) in enumerate(fitted):
            mine = fold[rows] == number
            if mine.any():
                p[mine] = np.concatenate([columns(probe.predict(shown[mine])) for probe in probes], 1)
        return p

    return windows, predict


def columns(p: np.ndarray) -> np.ndarray:
    """Of two classes, the second alone."""
    return p[:, 1:] if p.shape[1] == 2 else p


def curve(task: Task, features: Features, noise: dict[str, np.ndarray], config: Config) -> list[dict]:
    """The probe's score (macro AUC) on clean windows and on every step of every disturbance."""
    windows, predict = fit_probes(task, features(task.train.signal))
    rows = np.unique(np.linspace(0, len(windows.label) - 1, min(config.windows, len(windows.label))).astype(int))
    some = Windows(windows.signal[rows], windows.label[rows], windows.group[rows])
    truth = truth_of(windows.label)[rows]

    def measure(name: str, step: float, signal: np.ndarray) -> dict:
        p = predict(features(signal), rows)
        score = scored(lambda at: metrics.mean(metrics.auroc(truth[at], p[at])), some.group)
        return {"disturbance": name, "step": step, "value": score.value, "low": score.low, "high": score.high}

    results = [measure(CLEAN, 0, some.signal)]
    for name, (steps, change) in corruptions(noise).items():
        results += [measure(name, step, signal) for step, signal in corrupted(some.signal, steps, change, config.seed)]
    return results


@threadpool_limits.wrap(limits=1, user_api="blas")
def measure_all(config: Config) -> dict[str, dict[str, list[dict]]]:
    """Task -> feature -> rows of `curve`; finished parts are read from OUT/cells."""
    folder = config.out / "cells"
    folder.mkdir(parents=True, exist_ok=True)
    names = [config.model, *config.baselines]
    noise = {kind: second_halves(config.data, (kind,)) for kind in NOISES}
    if any(leads is None for leads in noise.values()):
        raise InputError(f"robustness needs the noises of nstdb in {config.data}")
    found: dict = {}
    with tqdm(total=len(config.tasks) * len(names), unit=" curves") as bar:
        for task_name in config.tasks:
            task, found[task_name] = None, {}
            for name in names:
                bar.set_postfix(task=task_name, features=Path(name).name)
                path = folder / f"{task_name}-{Path(name).stem}.json"
                if not path.exists():
                    task = task or read_task(task_name, config.data)
                    write_json(path, curve(task, features_by_name(name), noise, config))
                found[task_name][Path(name).stem] = json.loads(path.read_text(encoding="utf-8"))
                bar.update()
    return found


def panels(features: dict[str, list[dict]]) -> dict:
    """Disturbance -> (steps, the clean one first; feature -> (steps, 3) value and interval)."""
    rows = next(iter(features.values()))
    made = {}
    for name in dict.fromkeys(row["disturbance"] for row in rows if row["disturbance"] != CLEAN):
        shown = {f: [r for r in every if r["disturbance"] in (CLEAN, name)] for f, every in features.items()}
        steps = [CLEAN if r["disturbance"] == CLEAN else f"{r['step']:g}" for r in next(iter(shown.values()))]
        made[name] = (
            steps,
            {f: np.array([[r["value"], r["low"], r["high"]] for r in every]) for f, every in shown.items()},
        )
    return made


def report(out: Path, found: dict[str, dict[str, list[dict]]], windows: int) -> str:
    text = ["# Robustness of probes that were fitted on clean windows", ""]
    text += [f"Macro AUC with 95 % intervals from draws of patients; at most {windows} windows a task.", ""]
    for task, features in found.items():
        pictures.robustness(out / f"{task}.png", panels(features), "macro AUC")
        rows = list(zip(*features.values(), strict=True))
        cells = [
            (
                at[0]["disturbance"],
                "" if at[0]["disturbance"] == CLEAN else f"{at[0]['step']:g}",
                *(f"{r['value']:.3f} ({r['low']:.3f} to {r['high']:.3f})" for r in at),
            )
            for at in rows
        ]
        text += [f"## {task}", "", markdown(("disturbance", "step", *features), cells), f"![{task}]({task}.png)", ""]
    return "\n".join(text)


def main(config: Config) -> None:
    for name in (config.model, *config.baselines):
        features_by_name(name)  # a wrong name fails before the work begins
    with run_folder(config, FREE, "cells/*.json", models=models_of(config.model)):
        found = measure_all(config)
        write_json(config.out / "scores.json", found)
        text = report(config.out, found, config.windows)
        write_text(config.out / "report.md", text)
        print(text)


if __name__ == "__main__":
    run_command(main, Config, __doc__)
