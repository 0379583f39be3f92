"""Which recordings an archive is made of, and what their tables are called."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence

from ..errors import InputError
from ..io import recordings_in
from ..io._files import is_url

__all__ = ["found_inputs", "outputs_of"]


def found_inputs(places: Sequence[str]) -> list[str]:
    """Recordings of files, folders with their folders, patterns, lists (`@list.txt`, a path a line) and URLs.

    Parameters
    ----------
    places : sequence of str
        As people name them.

    Returns
    -------
    list of str
        Each once, in the order in which they are found.

    Raises
    ------
    InputError
        Where a place holds none.
    """
    found: list[str] = []
    for place in places:
        if is_url(place):
            here = [place]
        elif place.startswith("@"):
            here = found_inputs(listed(place[1:]))
        elif os.path.isdir(place):
            here = [path for root in folders_of(place) for path in recordings_in(root)]
        elif glob.has_magic(place) and not os.path.exists(place):
            here = sorted(glob.glob(place, recursive=True))
        else:
            here = [place]
        if not here:
            raise InputError(f"{place}: holds no recording")
        found += here
    return list(dict.fromkeys(found))


def listed(path: str) -> list[str]:
    """The lines of a list."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return [line.strip() for line in file if line.strip() and not line.startswith("#")]
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


def folders_of(folder: str) -> list[str]:
    """A folder and those below it, in alphabetical order, without hidden ones."""
    found = []
    for root, folders, _ in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found.append(root)
    return found


def outputs_of(inputs: Sequence[str], suffix: str) -> dict[str, str]:
    """Names of tables by inputs: the folders below what all inputs share stay, so that no two are the same."""
    plain = [os.path.abspath(path) if not is_url(path) else path.partition("://")[2] for path in inputs]
    shared = os.path.commonpath([os.path.dirname(path) for path in plain]) if plain else ""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for path, place in zip(inputs, plain, strict=True):
        stem = os.path.relpath(place, shared) if shared else place
        name, number = f"{stem}.{suffix}", 2
        while name.lower() in taken:  # on a disk that does not tell capitals apart
            name, number = f"{stem}-{number}.{suffix}", number + 1
        taken.add(name.lower())
        names[path] = name
    return names
