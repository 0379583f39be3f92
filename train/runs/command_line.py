"""Shared helpers of the commands: typed options, checks of recordings and names, one-sentence errors."""

import dataclasses
import os
import sys
import typing
from collections.abc import Callable, Iterable
from pathlib import Path

from edgeecg.errors import EdgeECGError, InputError
from train.runs.folder import NOTES, read_config


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
    """main(options) with the options of the command line, which the dataclass `config` describes.

    With --resume, options that are not given are those of the run in --out. Exits with a sentence for bad input or
    Ctrl-C.
    """
    import tyro

    try:
        options = tyro.cli(config, description=description)
        if getattr(options, "resume", False):
            options = tyro.cli(config, description=description, default=options_of_run(config, options.out))
        main(options)
    except KeyboardInterrupt:
        sys.exit(stopped)
    except (EdgeECGError, OSError) as error:
        sys.exit(f"error: {error}")


def options_of_run(config: type, out: Path):
    """The options in `out`/config.json as the dataclass `config`; options that the file lacks have their defaults.

    Raises InputError if there is no run, or one of another command.
    """
    stored = read_config(out)
    unknown = stored.keys() - {field.name for field in dataclasses.fields(config)} - NOTES
    if unknown:
        raise InputError(f"{out} holds a run of another command: this one has no option {', '.join(sorted(unknown))}")
    return from_json(config, stored)


def from_json(kind: type, values: dict):
    """The inverse of `config_dict`: a dataclass with its paths, tuples and nested dataclasses."""
    hints = typing.get_type_hints(kind)
    known = {field.name: values[field.name] for field in dataclasses.fields(kind) if field.name in values}
    return kind(**{name: typed(hints[name], value) for name, value in known.items()})


def typed(hint, value):
    """A JSON value converted to the type of the hint."""
    kinds = typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return from_json(hint, value)
    if isinstance(value, list):
        whole = next((kind for kind in (hint, *kinds) if typing.get_origin(kind) is tuple), tuple)
        inner = [kind for kind in typing.get_args(whole) if kind is not Ellipsis] or [object]
        return tuple(typed(inner[min(i, len(inner) - 1)], each) for i, each in enumerate(value))
    return Path(value) if isinstance(value, str) and Path in (hint, *kinds) else value
