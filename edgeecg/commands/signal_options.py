"""What the commands that embed recordings share: the options that say how to read one and how to embed it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from .. import io as recordings
from .._signal import fs_millihertz
from ..errors import InputError

if TYPE_CHECKING:
    from .._signal import Nan
    from ..encoder import Encoder
    from ..heads import Head
    from ..io import Recording
    from ..results import Analysis

__all__ = ["about", "add_signal_options", "analyze", "check_rate", "opened", "read_recording"]


class StandardInput:
    """What the process is given, which can be read once, as a file that can be read again."""

    name: Final = "standard input"

    def __init__(self) -> None:
        self.stream: object = None
        self.content = b""

    def read(self) -> bytes:
        """All of it."""
        if self.stream is not sys.stdin:
            self.stream, self.content = sys.stdin, sys.stdin.buffer.read()
        return self.content


STANDARD_INPUT: Final = StandardInput()


def opened(file: str) -> str | StandardInput:
    """What the readers take for a name on the command line: - is the standard input."""
    return STANDARD_INPUT if file == "-" else file


def add_signal_options(parser: argparse.ArgumentParser) -> None:
    """The options that say how to read a recording and how to embed it."""
    parser.add_argument(
        "--lead", metavar="NAME|INDEX", help="which lead, by name or index from 0 (the one that is the ECG)"
    )
    parser.add_argument("--hop", type=float, default=10.0, metavar="SECONDS", help="distance of window starts (10)")
    parser.add_argument(
        "--fs", type=float, metavar="HZ", help="sampling rate, where the file does not tell or is wrong"
    )
    parser.add_argument("--unit", choices=["mV", "uV", "V", "nV"], help="unit of the samples (as the file says)")
    parser.add_argument(
        "--gain", type=float, metavar="G", help="ADC units per mV of integer samples (as the file says)"
    )
    parser.add_argument(
        "--keep-identity", action="store_true", help="keep what the file says of the person: name, number, birth date"
    )
    parser.add_argument(
        "--nan", choices=["raise", "mask"], default="raise", help="missing samples: an error, or held and flagged"
    )
    parser.add_argument(
        "--model", default="default", metavar="MODEL", help="a bundled model's name or an .eecg file (default)"
    )


def read_recording(file: str, args: argparse.Namespace) -> Recording:
    """The lead that the options choose."""
    recording = recordings.read(opened(file), args.lead, args.fs, args.unit, args.gain, args.keep_identity)
    check_rate(recording.name, recording.fs)
    return recording


def check_rate(file: str, fs: float | None) -> None:
    """Refuse an unknown rate, and one that is out of range."""
    if fs is None:
        raise InputError(f"{file}: the file does not tell its sampling rate: give it with --fs")
    fs_millihertz(fs)


def analyze(
    encoder: Encoder, recording: Recording, hop: float, nan: Nan, threads: int = 1, heads: Sequence[Head] = ()
) -> Analysis:
    """`Encoder.analyze` of a recording; an InputError begins with its name."""
    try:
        return encoder.analyze(recording, hop=hop, nan=nan, threads=threads, heads=heads)
    except InputError as error:
        named = str(error).startswith(f"{recording.name}: ")
        raise InputError(str(error) if named else f"{recording.name}: {error}") from None


def about(encoder: Encoder, hop: float) -> dict[str, Any]:
    """What a table of embeddings should remember of how it was made."""
    return {"model": encoder.info["name"], "model_id": encoder.info["id"], "hop": hop}
