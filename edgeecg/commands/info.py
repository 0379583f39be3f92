"""`edgeecg info`: describe the installation, a model or a recording."""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import __version__
from .. import io as recordings
from .._bundled import bundled_heads
from .._progress import clock
from ..errors import EdgeECGError, InputError
from ..heads import Head, to_bytes
from ..heads import load as load_head
from ..heads.arithmetic import ONE
from ..loading import bundled_models, load
from ..model import describe
from ..quality import Quality
from .signal_options import opened

if TYPE_CHECKING:
    from ..io import Source

__all__ = ["EXAMPLES", "add_arguments", "run"]

EXAMPLES = """examples:
  edgeecg info              version, kernels in use, bundled model
  edgeecg info default      the layers of a bundled model
  edgeecg info my.eecg      the layers of a model file
  edgeecg info af.eech      what a head tells apart, its thresholds and its metrics
  edgeecg info 100.hea      rate, leads, gain and length of a recording"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the subcommand."""
    parser.add_argument(
        "file", nargs="?", metavar="MODEL|HEAD|FILE", help="a model or head, by its name or file, or a recording"
    )
    parser.add_argument("--keep-identity", action="store_true", help="also print what the file says of the person")


def run(args: argparse.Namespace) -> int:
    """Describe the installation, a model or a recording."""
    if args.file is None:
        print(
            f"edgeecg {__version__} (Python {platform.python_version()}, numpy {np.__version__}, {platform.machine()})"
        )
        try:
            info = load().info
        except EdgeECGError as error:
            print(error)
            return 2
        print(f"kernels   {info['kernels']} (backend {info['backend']})")
        print(
            f"model     {info['name']}, id {info['id'][:16]}, {info['macs_per_window'] / 1e6:.2f} M "
            "multiply-accumulates a window"
        )
        print(f"bundled   {', '.join(bundled_models())}")
        if bundled_heads():
            print(f"heads     {', '.join(bundled_heads())}")
        return 0
    if Path(args.file).suffix == ".eech" or (args.file in bundled_heads() and not Path(args.file).exists()):
        print_head(load_head(args.file))
        return 0
    bundled = bundled_models().get(args.file)
    if Path(args.file).suffix == ".eecg" or (bundled and not Path(args.file).exists()):
        print(describe(bundled or args.file))
        return 0
    try:
        source = recordings.open_source(opened(args.file), args.keep_identity)
    except InputError as error:
        if Path(args.file).suffix or "no such file" not in str(error):
            raise
        known = ", ".join(bundled_models())
        raise InputError(f"{error}, and no bundled model of this name ({known})") from None
    print_source(source)
    return 0


def print_head(head: Head) -> None:
    """Describe a head."""
    print(f"{head.name}  {head.kind} head of {len(head.classes)} classes, {len(to_bytes(head))} bytes")
    print(f"  model       {head.model_id.hex()[:16]}")
    for name, threshold in zip(head.classes, head.thresholds, strict=True):
        print(f"  class       {name}, from a probability of {threshold / ONE:.3f} on")
    if head.smoothing:
        k, n, hold = head.smoothing
        print(f"  smoothing   on once {k} of {n} windows are positive, off below {hold}")
    print(f"  unreadable  {Quality(head.unreadable)}")
    for key, value in head.info.items():
        print(f"  {key.replace('_', ' '):11} {value if isinstance(value, str) else json.dumps(value)}")


def print_source(source: Source) -> None:
    """Describe a recording: its length, when it began, and its leads."""
    rates = {lead.fs for lead in source.leads}
    rate = rates.pop() if len(rates) == 1 else None
    length = f", {clock(source.length / rate)} at {rate:g} Hz" if rate else ""
    print(
        f"{source.name}  {source.format}{length}, {source.length} samples, {len(source.leads)} "
        f"lead{'s' * (len(source.leads) != 1)}"
    )
    if source.start:
        print(f"  recorded {source.start.isoformat(sep=' ', timespec='seconds')}")
    for name, said in source.identity.items():
        print(f"  {name.replace('_', ' ')}: {said}")
    for index, lead in enumerate(source.leads):
        gain = f"{lead.gain:g} ADC units per mV" if lead.gain else lead.unit or "unit not stated"
        print(f"  {index:3}  {lead.name:12}  {f'{lead.fs:g} Hz' if lead.fs else 'rate not stated':16}  {gain}")
