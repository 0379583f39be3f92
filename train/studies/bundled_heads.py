"""Fit the heads that come with the package, and write what they reach.

    python train/studies/bundled_heads.py --data DIR --out edgeecg/models --document docs/results/heads.md

rhythm: N, A, O and noise of the Challenge 2017, by recording. ectopy: any V, any S in a window, fitted on MIT-BIH DS1
and judged on DS2 and svdb. usable: whether a window can be read, of the Challenge 2017 and vfdb.
"""

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    __import__("train")  # says in a sentence what is not installed

import numpy as np

import edgeecg
from edgeecg.constants import WINDOW
from edgeecg.fit import Examples, fit
from edgeecg.fit.head_of import compare, head_of
from edgeecg.fit.results import results_of
from edgeecg.heads import Head, quantize, save
from train.data.marks import notes_of
from train.data.resample import resample
from train.probes.tasks.base import records_of
from train.probes.tasks.mitdb import beats
from train.runs.command_line import need_recordings, recordings_folder, run_command

LICENCE = "MIT; fitted on recordings under ODC-By 1.0 (PhysioNet)"
NO_DIAGNOSIS = "Not a medical device, and no diagnosis."
RHYTHMS = "ANO~"
HOP = WINDOW // 4


@dataclass(frozen=True)
class Config:
    """Fit the heads that come with the package."""

    out: Path  # folder of the heads
    data: Path | None = field(default_factory=recordings_folder)
    document: Path | None = None  # also put the table there, behind <!-- table -->


def embedded(encoder, windows) -> np.ndarray:
    """(n, 1280) mV at 128 Hz, each window alone."""
    return np.concatenate([encoder.embed_batch(part) for part in np.array_split(windows, max(1, len(windows) // 4096))])


def rhythm_examples(encoder, data: Path) -> Examples:
    """A row a recording: the mean of its windows' embeddings."""
    rows = []
    for name in ("cinc2017_more", "cinc2017"):
        for record in records_of(data, name):
            signal = resample(record.recording(0).millivolts(), record.leads[0].fs)
            if record.facts["rhythm"] in RHYTHMS and len(signal) >= WINDOW:
                z = encoder.embed(signal, fs=128, hop=2.5).mean(axis=0)
                rows.append((z, RHYTHMS.index(record.facts["rhythm"]), f"{name}/{record.name}"))
    return examples_of(rows, tuple(RHYTHMS))


def examples_of(rows, classes, start=np.nan) -> Examples:
    """(embedding, class, subject) rows; each subject is one recording."""
    z, y, subject = (np.array(column) for column in zip(*rows, strict=True))
    return Examples(
        z.astype(np.float32),
        y.astype(np.int64),
        subject,
        np.zeros(len(y), bool),
        subject,
        np.full(len(y), start),
        classes,
    )


def beat_examples(encoder, data: Path, kind: str, test: str) -> tuple[Examples, Examples]:
    """Windows of DS1, and of the test set: whether each holds a beat of the kind."""
    task = beats(data, kind, test)
    sides = []
    for windows in (task.train, task.test):
        z = embedded(encoder, windows.signal)
        names = [f"{group}" for group in windows.group]
        sides.append(examples_of(list(zip(z, windows.label, names, strict=True)), ("none", kind), start=0.0))
    return sides[0], sides[1]


def usable_examples(encoder, data: Path) -> Examples:
    """Windows of the Challenge 2017 by the recording's label, and of vfdb by its marks."""
    rows = []
    for name in ("cinc2017_more", "cinc2017"):
        for record in records_of(data, name):
            signal = resample(record.recording(0).millivolts(), record.leads[0].fs)
            if record.facts["rhythm"] in RHYTHMS and len(signal) >= WINDOW:
                z = encoder.embed(signal, fs=128, hop=10.0)
                rows += [(row, int(record.facts["rhythm"] == "~"), f"{name}/{record.name}") for row in z]
    for record in records_of(data, "vfdb"):
        signal = resample(record.recording(0).millivolts(), record.leads[0].fs)
        z = encoder.embed(signal, fs=128, hop=10.0)
        noisy = np.zeros(len(z) * WINDOW, bool)
        second, _, text = notes_of(data, "vfdb", record.name, "atr")
        ends = [*second[1:], np.inf]
        for begin, end, rhythm in zip(second, ends, text, strict=True):
            if rhythm == "(NOISE":
                noisy[int(begin * 128) : int(min(end * 128, len(noisy)))] = True
        share = noisy.reshape(len(z), WINDOW).mean(axis=1)
        clear = (share == 0) | (share > 0.5)
        rows += [(row, int(s > 0.5), f"vfdb/{record.name}") for row, s, c in zip(z, share, clear, strict=True) if c]
    return examples_of(rows, ("usable", "unusable"), start=0.0)


def one_head(
    encoder, examples: Examples, name: str, test: dict[str, Examples], said: dict, positive=None
) -> tuple[Head, list[str]]:
    """(head, lines of its table)."""
    fitted = fit(examples, positive=positive)
    head = head_of(fitted, fitted.examples, encoder, name, said)
    same = compare(head, fitted, fitted.examples, encoder)
    metrics = {"cross-validated": results_of(fitted, head, encoder, None).metrics}
    for title, rows in test.items():
        found = results_of(fitted, head, encoder, replace(rows, test=np.ones(len(rows.y), bool))).metrics
        metrics[title] = {key.removeprefix("test "): value for key, value in found.items() if key.startswith("test ")}
    if fitted.positive is None:
        f1 = [metrics["cross-validated"][f"F1 of {one}"][0] for one in "NAO"]
        metrics["cross-validated"]["mean F1 of N, A, O"] = [round(float(np.mean(f1)), 4), np.nan, np.nan]
    lines = [
        f"| {name} | {where} | {key} | {value:.3f} | {'' if np.isnan(low) else f'{low:.3f} to {high:.3f}'} |"
        for where, scores in metrics.items()
        for key, (value, low, high) in scores.items()
    ]
    alike = f"{100 * same.same:.2f} % | AUC within {same.auc_change:.4f}"
    lines.append(f"| {name} | integer against float | same verdict | {alike} |")
    kept = {where: {key: value[:1] for key, value in scores.items()} for where, scores in metrics.items()}
    return replace(head, info={**head.info, "metrics": kept}), lines


def ectopy(encoder, data: Path) -> tuple[Head, list[str]]:
    """Two independent classes in one head."""
    said = {"trained_on": "MIT-BIH Arrhythmia Database, DS1 (22 records)", "licence": LICENCE, "note": NO_DIAGNOSIS}
    found, lines = [], []
    for kind in ("V", "S"):
        train, ds2 = beat_examples(encoder, data, kind, "mitdb")
        _, svdb = beat_examples(encoder, data, kind, "svdb")
        head, rows = one_head(encoder, train, "ectopy", {"DS2": ds2, "svdb": svdb}, said, positive=kind)
        found.append(head)
        lines += rows
    unit = [2.0 ** (encoder.info["exponent"] - head.shift - 11) for head in found]
    coef = np.concatenate([head.weights * one for head, one in zip(found, unit, strict=True)])
    intercept = np.concatenate([head.bias * 2.0 ** -(head.shift + 11) for head in found])
    limits = np.concatenate([head.thresholds for head in found]) / 2**15
    metrics = {head.classes[0]: head.info["metrics"] for head in found}
    both = quantize(
        coef,
        intercept,
        classes=("V", "S"),
        kind="independent",
        encoder=encoder,
        name="ectopy",
        thresholds=limits,
        info={**said, "metrics": metrics},
    )
    return both, lines


def main(config: Config) -> None:
    need_recordings(config.data)
    encoder = edgeecg.load()
    challenge = "PhysioNet/CinC Challenge 2017, training set"
    said = {"trained_on": challenge, "licence": LICENCE, "note": NO_DIAGNOSIS}
    both = f"{challenge}; MIT-BIH Malignant Ventricular Ectopy Database (22 records)"
    heads = [
        one_head(encoder, rhythm_examples(encoder, config.data), "rhythm", {}, said),
        ectopy(encoder, config.data),
        one_head(
            encoder,
            usable_examples(encoder, config.data),
            "usable",
            {},
            {**said, "trained_on": both},
            positive="unusable",
        ),
    ]
    lines = ["| head | rows | score | value | 95 % interval by recording |", "|---|---|---|--:|---|"]
    for head, rows in heads:
        save(head, config.out / f"{head.name}.eech")
        lines += rows
    text = "\n".join(lines) + "\n"
    print(text)
    if config.document:
        before, mark, _ = config.document.read_text().partition("<!-- table -->\n")
        config.document.write_text(before + mark + text)


if __name__ == "__main__":
    run_command(main, Config, __doc__, stopped="stopped")
