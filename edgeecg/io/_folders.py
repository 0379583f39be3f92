"""Folders and names without a suffix: which file is meant."""

import os
import re

from ..errors import InputError
from ._files import File, open_file, printable

__all__ = ["SUFFIXES", "recordings_in", "resolved"]

MOST = 10_000  # files of a folder that are looked at
SUFFIXES = (
    ".hea .edf .bdf .csv .tsv .txt .asc .npy .npz .mat .h5 .hdf5 .dcm .scp .ecg .atc .xml .json .parquet .feather "
    ".arrow"
).split()
SEGMENTS = re.compile(rb"^\s*[^\s#]+/\d+[ \t]")


def resolved(path: str) -> str:
    """The path of the file that a path means.

    Raises
    ------
    InputError
        Where there is none, or a folder holds none or several recordings.
    """
    if "\0" in path:
        return path
    if os.path.isdir(path):
        header = f"{path.rstrip(os.sep)}.hea"
        return header if os.path.isfile(header) else only_one(path)
    if os.path.exists(path) or not os.path.basename(path):
        return path
    folder, name = os.path.split(path)
    names = listing(folder)
    exact = [other for other in names if other.lower() == name.lower()]
    if len(exact) == 1:
        return os.path.join(folder, exact[0])
    wanted = [f"{name.lower()}{suffix}{packed}" for suffix in ("", *SUFFIXES) for packed in ("", ".gz")]
    found = sorted((wanted.index(other.lower()), other) for other in names if other.lower() in wanted)
    return os.path.join(folder, found[0][1]) if found else path


def listing(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder or "."))
    except OSError:
        return []


def only_one(folder: str) -> str:
    found = recordings_in(folder)
    name = printable(folder)
    if not found:
        raise InputError(f"{name}: is a folder that holds no recording")
    if len(found) > 1:
        some = ", ".join(printable(os.path.basename(path)) for path in found[:4])
        raise InputError(f"{name}: is a folder of {len(found)} recordings ({some} ...): name one of them")
    return found[0]


def recordings_in(folder: str) -> list[str]:
    """List the recordings of a folder: WFDB records without their segments, else the files of known suffixes.

    Parameters
    ----------
    folder : str
        Its path; folders inside it are not searched.

    Returns
    -------
    list of str
        Paths in alphabetical order.
    """
    names = [name for name in listing(folder)[:MOST] if not name.startswith(".")]
    paths = [os.path.join(folder, name) for name in names if os.path.isfile(os.path.join(folder, name))]
    headers = [path for path in paths if path.lower().endswith(".hea")]
    if headers:
        parts = {name.lower() for path in headers for name in segments_of(open_file(path))}
        return [path for path in headers if os.path.basename(path)[:-4].lower() not in parts]
    kinds = tuple(SUFFIXES)
    return [path for path in paths if path.lower().removesuffix(".gz").endswith(kinds)]


def segments_of(header: File) -> list[str]:
    """The records that a header of several segments names."""
    content = header.read(0, 1 << 20)
    lines = [line for line in content.split(b"\n") if line.strip() and not line.lstrip().startswith(b"#")]
    if not lines or not SEGMENTS.match(lines[0]):
        return []
    return [line.split()[0].decode("latin-1").rpartition("/")[2] for line in lines[1:]]
