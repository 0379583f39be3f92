"""Libraries that decode files: imported when a file asks for one, and whatever a damaged file makes them raise is a
sentence.
"""

import importlib

from ..errors import InputError, MissingDependencyError

__all__ = ["attempt", "import_decoder"]


def import_decoder(name: str, files: str):
    """The package `name`, which reads `files` ("WFDB records")."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingDependencyError(f'{files} need the package {name}: pip install "edgeecg[io]"') from error


def attempt(path, kind: str, function, *args, **kwargs):
    """Call into a library; of any exception's text, the first line says why `path` is no readable `kind` ("WFDB
    record").
    """
    try:
        return function(*args, **kwargs)
    except Exception as error:
        text = str(error).strip().splitlines()
        raise InputError(f"{path}: not a readable {kind}: {text[0] if text else type(error).__name__}") from error
