"""`edgeecg fit`: a head from recordings and labels, with a report."""

from __future__ import annotations

import argparse
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from .._progress import Progress
from .._signal import check_hop
from ..encoder import Encoder
from ..errors import AmplitudeWarning, EdgeECGError, InputError, RecordingWarning
from ..fit import Aim, Examples, examples_of, find_recordings, read_labels
from ..fit import fit as cross_validated
from ..fit.cross_validation import library
from ..fit.examples import Windows, embedded, read_with
from ..fit.head_of import compare, head_of
from ..fit.labels import by_file
from ..fit.report import write_report
from ..fit.results import results_of
from ..fit.rhythms import rhythm_labels
from ..heads import save
from ..loading import load
from .signal_options import add_signal_options, read_recording

__all__ = ["EXAMPLES", "add_arguments", "run"]

EXAMPLES = """examples:
  edgeecg fit recordings/ --labels labels.csv -o rhythm.eech       a head, and rhythm.html with its scores
  edgeecg fit recordings/ --labels labels.csv --positive AF --sensitivity .95 -o af.eech
  edgeecg fit nights/ --labels spans.csv --hop 5 --positive apnea --false-alarms-per-day 1 -o apnea.eech
  edgeecg fit mitdb/ --rhythms atr --positive AFIB -o af.eech       WFDB records with their annotations

labels.csv  has the columns recording and label; and if you have them subject, start, end (seconds), split (train, test)
            a recording is a path or a name, with or without suffix, in the folders that are given
            without `subject` each recording is taken for a person of its own: scores are too good where that is wrong
head        several classes: one each (softmax); two classes, or --positive: how likely the positive one is
use         edgeecg embed night.edf --head af.eech -o night.csv; encoder.analyze(..., heads=["af.eech"])"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the subcommand."""
    parser.add_argument("recordings", nargs="+", metavar="FOLDER|FILE", help="where the labelled recordings are")
    sources = parser.add_mutually_exclusive_group(required=True)
    sources.add_argument("--labels", metavar="CSV", help="a table with a row a label")
    sources.add_argument("--rhythms", metavar="EXT", help="rhythm annotations of WFDB records, by their suffix")
    parser.add_argument("-o", "--output", required=True, metavar="HEAD", help="where to write: NAME.eech")
    parser.add_argument("--report", metavar="HTML", help="where the report goes (beside the head)")
    parser.add_argument("--name", help="of the head, for columns of tables (that of the file)")
    parser.add_argument("--positive", metavar="CLASS", help="the class that is looked for; the others are the rest")
    aims = parser.add_mutually_exclusive_group()
    aims.add_argument("--f1", action="store_true", help="thresholds for the best F1 (the default)")
    aims.add_argument("--sensitivity", type=float, metavar="S", help="threshold for this sensitivity, 0 to 1")
    aims.add_argument(
        "--false-alarms-per-day", type=float, metavar="N", help="threshold for so many false alarms in 24 h of windows"
    )
    parser.add_argument("--licence", default="", metavar="TEXT", help="of the head, kept in its file")
    parser.add_argument("--seed", type=int, default=0, help="of the folds (0)")
    parser.add_argument("--no-cache", action="store_true", help="embed again what was embedded before")
    parser.add_argument("--keep-going", action="store_true", help="leave out recordings that cannot be embedded")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    add_signal_options(parser)


def run(args: argparse.Namespace) -> int:
    """Fit, compare, report and save."""
    library("sklearn.linear_model")  # before the work
    check_hop(args.hop)
    output, report = outputs(args)
    aim = aim_of(args)
    labels = read_labels(args.labels) if args.labels else rhythm_labels(args.recordings, args.rhythms)
    paths = find_recordings(labels, args.recordings)
    labels = by_file(labels, paths)
    encoder = load(args.model)
    windows = embedded_all(encoder, paths, args, output)
    examples = examples_of(labels, windows, encoder.window)
    if not args.quiet:
        print(described(examples))
    train = examples.only(~examples.test)
    fitted = cross_validated(train, aim, args.positive, args.seed)
    info = {"licence": args.licence, "trained_on": described(train), "model": encoder.info["name"]}
    name = args.name or output.stem
    head = head_of(fitted, fitted.examples, encoder, name, info)
    comparison = compare(head, fitted, fitted.examples, encoder)
    results = results_of(fitted, head, encoder, examples.only(examples.test) if examples.test.any() else None)
    info["metrics"] = results.metrics
    head = head_of(fitted, fitted.examples, encoder, name, info)
    write_report(report, head, fitted, results, comparison, lambda path: read_recording(paths[path], args))
    save(head, output)
    print("\n".join(results.lines))
    print(
        f"integer head  same verdict as the float classifier in {100 * comparison.same:.2f} % of {len(fitted.fold)} "
        f"rows, AUC within {comparison.auc_change:.4f}"
    )
    print(f"saved         {output} ({output.stat().st_size} bytes), {report}")
    return 0


def outputs(args: argparse.Namespace) -> tuple[Path, Path]:
    """Where head and report go; refused before the work."""
    output = Path(args.output)
    if output.suffix != ".eech":
        raise InputError(f"{output}: a head's name ends in .eech")
    report = Path(args.report) if args.report else output.with_suffix(".html")
    for path in (output, report):
        folder = path.absolute().parent
        if not folder.is_dir() or not os.access(folder, os.W_OK) or path.is_dir():
            raise InputError(f"{path}: cannot be written")
    return output, report


def aim_of(args: argparse.Namespace) -> Aim:
    """What the thresholds are for."""
    if args.sensitivity is not None:
        if not 0 < args.sensitivity <= 1:
            raise InputError(f"--sensitivity is above 0 and at most 1, not {args.sensitivity:g}")
        return Aim("sensitivity", args.sensitivity)
    if args.false_alarms_per_day is not None:
        if not args.false_alarms_per_day >= 0:
            raise InputError("--false-alarms-per-day is 0 or more")
        return Aim("false-alarms-per-day", args.false_alarms_per_day)
    return Aim()


def embedded_all(encoder: Encoder, paths: dict[str, str], args: argparse.Namespace, output: Path) -> dict[str, Windows]:
    """The windows of every recording; one that cannot be read ends the work, or is left out with --keep-going."""
    cache = None if args.no_cache else output.absolute().parent / f".{output.stem}.cache"
    if cache is not None:
        cache.mkdir(exist_ok=True)
    options: dict[str, Any] = {key: getattr(args, key) for key in ("lead", "hop", "fs", "unit", "gain", "nan")}
    read = read_with(encoder, lambda path: read_recording(path, args), args.hop, args.nan)
    progress = Progress(len(paths), enabled=not args.quiet)
    progress.enabled &= progress.live
    found = {}
    with warnings.catch_warnings():
        for kind in (AmplitudeWarning, RecordingWarning):
            warnings.simplefilter("ignore", kind)
        for name, path in paths.items():
            try:
                found[name] = embedded(path, encoder, read, options, None if cache is None else str(cache))
            except EdgeECGError as error:
                if not args.keep_going:
                    progress.close()
                    raise
                progress.say(f"edgeecg: left out: {error}")
                found[name] = Windows(np.empty(0), np.empty((0, encoder.dim), np.float32))
            progress.step(1, path)
    progress.close()
    return found


def described(examples: Examples) -> str:
    """How many of what, in one line."""
    each = np.bincount(examples.y, minlength=len(examples.classes))
    what = "recordings" if examples.of_recordings else "windows"
    sizes = ", ".join(f"{n} {name}" for name, n in zip(examples.classes, each.tolist(), strict=True))
    return f"{len(examples.y)} {what} of {len(np.unique(examples.subject))} subjects: {sizes}"
