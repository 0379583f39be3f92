"""The command `edgeecg`. Its subcommands are in `edgeecg/commands/`, one file each.

Exit codes: 0 all went well, 1 an error that is edgeecg's own, 2 something wrong with the call or its input,
130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn, TypeAlias

from . import __version__, export_c
from .commands import demo, embed, fit, info
from .errors import EdgeECGError

__all__ = ["build_parser", "main"]

# Name, module, and one line for the list of commands.
COMMANDS: tuple[tuple[str, ModuleType, str], ...] = (
    ("embed", embed, "embed recordings into one table, or a folder of tables"),
    ("fit", fit, "fit a classifier on the embeddings of labelled recordings"),
    ("info", info, "describe a model or a recording"),
    ("demo", demo, "embed a real recording and draw the result"),
    ("export-c", export_c, "write a folder of C for a device"),
)

Subcommands: TypeAlias = "argparse._SubParsersAction[Parser]"


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
    for name, module, summary in COMMANDS:
        add_command(commands, name, module, summary)
    return parser


def add_command(commands: Subcommands, name: str, module: ModuleType, summary: str) -> None:
    """A subcommand with examples below its options."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary.capitalize() + ".",
        epilog=module.EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    parser.set_defaults(run=module.run)


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
