"""NumPy files: .npy with one array, .npz with an array and what belongs to it. Pickled objects are refused.

Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html; an .npz is a zip of .npy files.
"""

import sys
import zipfile
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ._files import File
from ._table import Facts, table_source
from ._variables import columns_of, source_of
from .recording import Source

__all__ = ["open_source"]

MOST_MEMBERS = 10_000
NUMPY = b"\x93NUMPY"


def open_source(file: File, keep_identity: bool = False) -> Source:
    """.npy: (n,), (leads, n) or (n, leads). .npz: such an array, and `fs`, `unit`, `gain`, `leads` where known.

    Arrays say nothing of a person. Raises InputError where the file is damaged, holds objects or more than its size
    allows.
    """
    if file.read(0, 6) == NUMPY:
        with file.opener() as opened:
            array = array_from(file, opened, file.size, "the array")
        columns = columns_of(file.name, "signal", array)
        for column in columns if array.dtype.names is None else ():
            column.name = None if len(columns) > 1 else "signal"
        return table_source(file.name, "NumPy array", columns, Facts(), file.budget)
    return source_of(file.name, "NumPy archive", members_of(file), file.budget)


def members_of(file: File) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an archive, within its budget."""
    found: dict[str, npt.NDArray[Any]] = {}
    try:
        with file.opener() as opened, zipfile.ZipFile(opened) as archive:
            members = archive.infolist()
            if len(members) > MOST_MEMBERS:
                raise InputError(f"{file.name}: not a readable NumPy file: it has {len(members)} members")
            file.afford(sum(member.file_size for member in members), "what is packed in it")
            for member in members:
                with archive.open(member) as packed:
                    if member.filename.endswith(".npy") and packed.read(6) == NUMPY:
                        packed.seek(0)
                        name = member.filename.removesuffix(".npy")
                        found[name] = array_from(file, packed, member.file_size, name)
    except InputError:
        raise
    # of any type: a damaged archive makes zipfile and zlib raise their own
    except Exception as error:
        raise InputError(f"{file.name}: not a readable NumPy file: {first_line(error)}") from None
    if not found:
        raise InputError(f"{file.name}: not a readable NumPy file: it holds no array")
    return found


def array_from(file: File, opened: IO[bytes], size: int, what: str) -> npt.NDArray[Any]:
    """An array, after its header was compared with the bytes there are."""
    try:
        version = np.lib.format.read_magic(opened)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(opened)
    # of any type: a damaged header makes NumPy and tokenize raise their own
    except Exception as error:
        raise InputError(f"{file.name}: not a readable NumPy file: {first_line(error)}") from None
    if dtype.hasobject:
        raise InputError(
            f"{file.name}: not a readable NumPy file: {what} holds Python objects (pickle), which are not read"
        )
    count = 1
    for n in shape:
        count *= int(n)
    needed = count * dtype.itemsize
    if needed > size or count < 0:
        raise InputError(f"{file.name}: not a readable NumPy file: {what} ends before its {shape} values")
    file.afford(2 * needed, what)
    content = opened.read(needed)
    if len(content) < needed:
        raise InputError(f"{file.name}: not a readable NumPy file: {what} ends before its {shape} values")
    flat = np.frombuffer(content, dtype, count)
    if dtype.kind == "U" and (flat.view(f"{dtype.byteorder}u4") > sys.maxunicode).any():
        raise InputError(f"{file.name}: not a readable NumPy file: {what} holds letters that do not exist")
    return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)


def first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return text[0][:200] if text else type(error).__name__
