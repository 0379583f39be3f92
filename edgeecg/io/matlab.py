"""MATLAB files of versions 4 and 5 (to 7), decoded by SciPy; those of version 7.3 are HDF5.

The variables of PhysioNet, LabChart, AcqKnowledge and of people: a signal by its usual name (val, ecg, data ...), and
what belongs to it (fs, unit, gain, labels). Format: MAT-File Format, The MathWorks. Packed variables are measured
before they are unpacked.
"""

import io
import zlib
from typing import Any

import numpy as np

from ..errors import InputError
from ._decode import attempt, import_decoder
from ._files import File
from ._labchart_matlab import is_labchart, labchart_columns
from ._table import table_source
from ._variables import Variables, facts_of, source_of
from .recording import Source

__all__ = ["open_source"]

COMPRESSED = 15  # data type of a packed variable
PIECE = 1 << 18
DEEPEST = 8  # structures in structures


def open_source(file: File, keep_identity: bool = False) -> Source:
    """Open the file: its variables are columns.

    Variables say nothing of a person. Raises InputError where the file is damaged, unpacks to too much, or has no
    signal.
    """
    matlab = import_decoder("scipy.io", "MATLAB files", "matlab")
    content = file.read()
    check_packed(file, content)
    loaded = attempt(file.name, "MATLAB file", matlab.loadmat, io.BytesIO(content), simplify_cells=True)
    variables = flattened(loaded)
    if is_labchart(variables):
        columns = labchart_columns(file.name, variables)
        facts = facts_of(file.name, variables)
        return table_source(file.name, "MATLAB", columns, facts, file.budget)
    return source_of(file.name, "MATLAB", variables, file.budget)


def check_packed(file: File, content: bytes) -> None:
    """Refuse packed variables that unpack to more than the file may take."""
    if not content.startswith(b"MATLAB 5"):
        return
    order = "little" if content[126:128] == b"IM" else "big"
    place, total = 128, 0
    while place + 8 <= len(content):
        kind = int.from_bytes(content[place : place + 4], order)  # type: ignore[arg-type]
        size = int.from_bytes(content[place + 4 : place + 8], order)  # type: ignore[arg-type]
        if kind == COMPRESSED:
            total += unpacked_size(file, content[place + 8 : place + 8 + size], total)
        place += 8 + size


def unpacked_size(file: File, packed: bytes, before: int) -> int:
    """Bytes that a packed variable holds, counted without keeping them."""
    inflate, total = zlib.decompressobj(), 0
    while packed and not inflate.eof:
        try:
            total += len(inflate.decompress(packed, PIECE))
        except zlib.error as error:
            raise InputError(f"{file.name}: not a readable MATLAB file: {error}") from None
        file.afford(2 * (before + total), "what is packed in it")
        packed = inflate.unconsumed_tail
    return total


def flattened(loaded: Variables, before: str = "", depth: int = 0) -> dict[str, Any]:
    """Variables and fields of structures, by names with points."""
    found: dict[str, Any] = {}
    for name, value in loaded.items():
        if name.startswith("__"):
            continue
        if isinstance(value, dict) and depth < DEEPEST:
            found |= flattened(value, f"{before}{name}.", depth + 1)
        elif isinstance(value, list):
            found[before + name] = np.array(value, dtype=object)
        else:
            found[before + name] = value
    return found
