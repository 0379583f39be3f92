"""Libraries that decode files: imported when a file asks for one, and whatever a damaged file makes them raise is a
sentence.
"""

import importlib
import os
import re
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from ..errors import EdgeECGError, InputError, MissingDependencyError

__all__ = ["attempt", "import_decoder"]

P = ParamSpec("P")
R = TypeVar("R")


def import_decoder(name: str, files: str, extra: str = "io") -> Any:
    """The package `name`, which reads `files` ("DICOM files") and comes with an extra of edgeecg.

    Raises
    ------
    MissingDependencyError
        Where it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise MissingDependencyError(f'{files} need the package {package}: pip install "edgeecg[{extra}]"') from error


def attempt(path: str | os.PathLike[str], kind: str, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call into a library; of any exception's text, the first line says why `path` is no readable `kind` ("DICOM
    file").

    Raises
    ------
    InputError
        Whatever else was raised.
    """
    try:
        return function(*args, **kwargs)
    except EdgeECGError:
        raise
    except (Exception, RecursionError) as error:
        text = str(error).strip().splitlines()
        why = re.sub(r"[\x00-\x1f\x7f]", "?", text[0][:200]) if text and text[0] else type(error).__name__
        raise InputError(f"{os.fspath(path)}: not a readable {kind}: {why}") from error
