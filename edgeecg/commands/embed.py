"""`edgeecg embed`: recordings into one table of embeddings."""

from __future__ import annotations

import argparse
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import io as recordings
from .._progress import Progress, clock
from .._signal import check_hop
from ..archive.options import FORMATS
from ..errors import AmplitudeWarning, EdgeECGError, InputError, RecordingWarning
from ..heads import load as load_head
from ..io import recordings_in
from ..io.output import check_output, save, table_of
from ..loading import load
from .archive import run_archive
from .signal_options import about, add_signal_options, analyze, check_rate, opened, read_recording

if TYPE_CHECKING:
    from ..encoder import Encoder
    from ..heads import Head
    from ..io import Recording
    from ..results import Analysis

__all__ = ["EXAMPLES", "add_arguments", "run"]

LONG = 3600.0  # seconds of a recording that threads share

EXAMPLES = """examples:
  edgeecg embed 100.hea -o 100.npz                      a WFDB record: rate and gain from its header
  edgeecg embed 100.hea --lead V5 --hop 2.5 -o v5.csv   another lead, a window every 2.5 s
  edgeecg embed *.hea -o all.parquet                    many recordings, one table (column `file`)
  edgeecg embed records/ --keep-going -o all.parquet    all recordings of a folder, but those that cannot be read
  edgeecg embed archive/ -o tables/ --jobs 8            an archive: a table each, resumable; folders in folders
  edgeecg embed night.edf --clock -o night.csv          a sleep recording: its lead called ECG, times of the day
  edgeecg embed watch.csv --fs 130 --unit uV -o w.npz   text without a header
  edgeecg embed adc.npy --fs 250 --gain 400 -o a.npz    integers, 400 ADC units per mV
  zcat old.csv.gz | edgeecg embed - -o old.npz          the standard input
  edgeecg embed 100.hea --head af.eech -o 100.csv       verdicts of a head too (edgeecg fit makes one)

reads  WFDB, EDF, BDF, text (CSV and the like), NumPy, JSON, ISHNE, SCP-ECG, AliveCor; with extras MATLAB, HDF5, DICOM,
       Parquet, HL7 aECG, GE MUSE and Philips XML; each packed with gzip too, and by URL (README.md, docs/recordings.md)
writes .npz, .csv, .parquet (needs pyarrow): file, start (s), quality, e0 ... e127
folder  FILE may also be a pattern in quotes, or @list.txt; exit code 0 all, 3 some failed, 2 none embedded
quality  0 is good; bits: 1 flat, 2 clipped, 4 lead off, 8 missing samples, 16 noisy"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the subcommand."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="a recording; - is the standard input")
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT", help="a table, .npz, .csv or .parquet, or a folder of tables"
    )
    parser.add_argument("--int8", action="store_true", help="write the int8 form, and its scale")
    parser.add_argument(
        "--keep-going", action="store_true", help="leave out files that cannot be embedded (exit code 2 still)"
    )
    parser.add_argument(
        "--clock", action="store_true", help="also write the clock time of each window, where it is known"
    )
    parser.add_argument(
        "--head",
        action="append",
        default=[],
        metavar="NAME|FILE",
        help="a classifier on the embeddings, bundled or an .eech file: adds its verdicts; several times for more",
    )
    folders = parser.add_argument_group(
        "where OUT is a folder: a table each, and a second call goes on where it stopped"
    )
    folders.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (1)")
    folders.add_argument("--format", choices=FORMATS, default="parquet", help="of the tables (parquet)")
    folders.add_argument("--json", action="store_true", help="a line of JSON a recording, and one at the end")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    add_signal_options(parser)


def run(args: argparse.Namespace) -> int:
    """Embed every file into one table, or into a folder of tables."""
    if is_folder(args.output):
        return run_archive(args)
    files = expanded(args.files)
    check_output(args.output, files)
    check_hop(args.hop)  # before a file is blamed
    encoder = load(args.model)
    heads = [load_head(name, encoder) for name in args.head]
    progress = Progress(0, enabled=not args.quiet)
    files, failed = preflight(files, args, progress)
    progress.total = sum(map(size_of, files))
    results = []
    for file in files:
        progress.start(file)
        try:
            recording, result = embed_file(encoder, heads, file, args, progress)
        except EdgeECGError as error:
            if not args.keep_going:
                progress.close()
                raise
            failed += 1
            progress.say(f"edgeecg: left out: {error}")
            progress.step(size_of(file), file)
            continue
        results.append((file, recording, result))
        flagged = int(np.count_nonzero(result.quality))
        progress.step(
            size_of(file),
            f"{file}  {clock(recording.seconds)} of lead {recording.lead}, {len(result.start)} windows, {flagged} "
            "flagged",
        )
    progress.close()
    if not results:
        raise InputError("no file could be embedded: nothing is written")
    made_of = about(encoder, args.hop)
    save(table_of(results, heads, args.int8, encoder.int8_scale, args.clock, made_of), args.output)
    return 2 if failed else 0


def is_folder(output: str) -> bool:
    """Whether an output is a folder of tables: one that is there, ends in a stroke, or has no suffix."""
    return os.path.isdir(output) or output.endswith(os.sep) or not os.path.splitext(output)[1]


def expanded(files: list[str]) -> list[str]:
    """The files, with the recordings of a folder in its place."""
    found = []
    for file in files:
        inside = recordings_in(file) if os.path.isdir(file) else [file]
        if not inside:
            raise InputError(f"{file}: is a folder that holds no recording")
        found += inside
    return found


def preflight(files: list[str], args: argparse.Namespace, progress: Progress) -> tuple[list[str], int]:
    """(files that can be read as far as `io.check` tells, how many cannot): before the first is embedded."""
    good, failed = [], 0
    for file in files:
        try:
            lead = recordings.check(opened(file), args.lead, args.fs, args.unit, args.gain)
            if lead is not None:
                check_rate(file, args.fs or lead.fs)
        except EdgeECGError as error:
            if not args.keep_going:
                raise
            failed += 1
            progress.say(f"edgeecg: left out: {error}")
        else:
            good.append(file)
    return good, failed


def size_of(file: str) -> int:
    """Bytes of the file with the samples, for the progress bar."""
    path = Path(file)
    dat = path.with_suffix(".dat")
    path = dat if path.suffix == ".hea" and dat.exists() else path
    return path.stat().st_size if path.exists() else 0


def embed_file(
    encoder: Encoder, heads: list[Head], file: str, args: argparse.Namespace, progress: Progress
) -> tuple[Recording, Analysis]:
    """(recording, result) of one file; errors and warnings begin with its name."""
    with warnings.catch_warnings():
        for kind in (AmplitudeWarning, RecordingWarning):
            warnings.simplefilter("always", kind)
        warnings.showwarning = lambda message, kind, *_, **__: progress.say(
            f"edgeecg: {message if kind is RecordingWarning else f'{file}: warning: {message}'}"
        )
        recording = read_recording(file, args)
        return recording, analyze(encoder, recording, args.hop, args.nan, threads_for(recording), heads)


def threads_for(recording: Recording) -> int:
    """All processors for a long recording, whose bytes stay the same; for a short one threads are not worth it."""
    return len(os.sched_getaffinity(0)) if recording.seconds > LONG and hasattr(os, "sched_getaffinity") else 1
