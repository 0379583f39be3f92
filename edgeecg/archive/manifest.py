"""The manifest of an archive: a line of JSON a recording, behind one that says what all depend on.

Lines are only added, each at once; of two lines about one recording the later one holds. A line that a power failure
cut off is ignored.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from ..errors import InputError

__all__ = ["MANIFEST", "Entry", "Manifest", "opened", "read_manifest"]

MANIFEST = "manifest.jsonl"
VERSION = 1


@dataclasses.dataclass(frozen=True)
class Entry:
    """What became of a recording.

    Attributes
    ----------
    input : str
        Its path or URL.
    state : {"done", "failed"}
    output : str
        Its table, below the folder of the archive; "" where it failed.
    size, mtime_ns : int
        Of the input, when it was read; 0 of a URL.
    seconds : float
        Length of the recording.
    windows, flagged : int
        Rows of the table, and those with a quality flag.
    error : str
        Why it failed, in one sentence.
    """

    input: str
    state: str
    output: str = ""
    size: int = 0
    mtime_ns: int = 0
    seconds: float = 0.0
    windows: int = 0
    flagged: int = 0
    error: str = ""


def read_manifest(folder: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Entry]]:
    """What an archive depends on, and the latest entry of each recording by its input.

    Parameters
    ----------
    folder : str or path-like
        Of the archive.

    Returns
    -------
    (dict, dict of str to Entry)
        Both empty where there is no manifest.

    Raises
    ------
    InputError
        Where the manifest is damaged.
    """
    path = os.path.join(folder, MANIFEST)
    if not os.path.exists(path):
        return {}, {}
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        lines = file.read().split("\n")
    *whole, _cut = lines  # a whole line ends in a line end
    entries: dict[str, Entry] = {}
    try:
        rows = [json.loads(line) for line in whole]
        if rows and rows[0].get("version") != VERSION:
            raise InputError(f"{path}: its version is {rows[0].get('version')}, and this edgeecg knows {VERSION}")
        for row in rows[1:]:
            entries[row["input"]] = Entry(**row)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: is no manifest of an archive: move it away to begin anew") from None
    return (rows[0] if rows else {}), entries


class Manifest:
    """An open manifest, to which entries are added."""

    def __init__(self, file: IO[str]):
        self.file = file

    def add(self, entry: Entry) -> None:
        """Add a line."""
        self.line(dataclasses.asdict(entry))

    def line(self, content: Mapping[str, Any]) -> None:
        """Add a line. A killed process loses none; a power failure may, and those recordings are embedded again."""
        self.file.write(json.dumps(content, sort_keys=True) + "\n")
        self.file.flush()


@contextmanager
def opened(folder: str, made_of: Mapping[str, Any]) -> Iterator[Manifest]:
    """The manifest of a folder, with its first line where it is new; a line that was cut off is ended first.

    Raises
    ------
    InputError
        Where the folder's tables were made with other options or another model; the sentence says which.
    """
    head, _ = read_manifest(folder)
    check_same(folder, head, made_of)
    path = os.path.join(folder, MANIFEST)
    end_cut_line(path)
    with open(path, "a", encoding="utf-8", errors="surrogateescape") as file:
        manifest = Manifest(file)
        if not head:
            manifest.line({"version": VERSION, **made_of})
        yield manifest


def end_cut_line(path: str) -> None:
    """Take away what stands behind the last line end."""
    if os.path.exists(path):
        with open(path, "rb+") as file:
            content = file.read()
            file.truncate(content.rfind(b"\n") + 1)


def check_same(folder: str, head: Mapping[str, Any], made_of: Mapping[str, Any]) -> None:
    """Refuse to mix tables."""
    for key, value in made_of.items() if head else ():
        if head.get(key) != value:
            raise InputError(
                f"{folder}: was made with {key} {head.get(key)!r}, and this is {value!r}: give another folder"
            )
