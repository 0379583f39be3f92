"""Shared helpers of the commands: typed options, checks of recordings and names, one-sentence errors."""

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from edgeecg.errors import EdgeECGError, InputError


def known_names(kind: str, names: Iterable[str], known: Iterable[str]) -> None:
    """InputError for the first of `names` that is not in `known`: "task 'x' is not one of ..."."""
    for name in names:
        if name not in known:
            raise InputError(f"{kind} {name!r} is not one of {', '.join(known)}")


def recordings_folder() -> Path | None:
    """The default of --data: the environment variable EDGEECG_DATA."""
    return Path(os.environ["EDGEECG_DATA"]) if "EDGEECG_DATA" in os.environ else None


def need_recordings(data: Path | None) -> None:
    if data is None or not data.is_dir():
        raise InputError("give the folder of the recordings with --data, or in the environment variable EDGEECG_DATA")


def run_command(main: Callable, config: type, description: str, stopped: str = "stopped; go on with --resume") -> None:
    """main(options) with the options of the command line, `config` saying which.

    Exits with a sentence for bad input or Ctrl-C.
    """
    import tyro

    try:
        main(tyro.cli(config, description=description))
    except KeyboardInterrupt:
        sys.exit(stopped)
    except (EdgeECGError, OSError) as error:
        sys.exit(f"error: {error}")
