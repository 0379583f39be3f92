"""The `.eech` file of a head: docs/format.md. No byte of it is trusted: fields are checked, a CRC covers all."""

from __future__ import annotations

import json
import os
import struct
import zlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from .._bundled import bundled_heads
from .._files import write_atomically
from ..errors import InputError, ModelError
from .head import Head, Smoothing

if TYPE_CHECKING:
    from ..encoder import Encoder

__all__ = ["from_bytes", "load", "save", "to_bytes"]

MAGIC: Final = b"\x89EECH\r\n\x1a"
VERSION: Final = 1
HEADER: Final = struct.Struct("<8sHHIIIIBBHHBBBB26x32s")  # 96 bytes
AT_CRC: Final = 16
COVERED: Final = 20  # by the CRC: from here on
KINDS: Final = ("softmax", "independent")
MOST_BYTES: Final = 1 << 20


def to_bytes(head: Head) -> bytes:
    """The file of a head."""
    k, dim = head.weights.shape
    said = {"name": head.name, "classes": list(head.classes), **head.info}
    info = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    typed = ((head.bias, "<i8"), (head.thresholds, "<u2"), (head.weights, "<i2"))
    arrays = b"".join(array.astype(dtype).tobytes() for array, dtype in typed)
    arrays += bytes(-len(arrays) % 4)
    at = HEADER.size + len(arrays)
    size = at + len(info) + -len(info) % 4
    windows, n, hold = head.smoothing or (0, 0, 0)
    fields = (KINDS.index(head.kind), head.unreadable, k, dim, head.shift, windows, n, hold, head.model_id)
    content = bytearray(HEADER.pack(MAGIC, VERSION, HEADER.size, size, 0, at, len(info), *fields) + arrays + info)
    content += bytes(size - len(content))
    content[AT_CRC:COVERED] = struct.pack("<I", zlib.crc32(content[COVERED:]))
    return bytes(content)


def from_bytes(content: bytes, name: str = "the head") -> Head:
    """A head from the bytes of its file.

    Raises
    ------
    ModelError
        Where they are damaged, of another version, or hold a value that is not allowed.
    """
    size = len(content)
    if size < HEADER.size:
        raise ModelError(f"{name}: the file is shorter than the header of a head")
    fields = HEADER.unpack_from(content)
    magic, version, header, said, crc, at, length, kind, unreadable, k, dim, shift, windows, n, hold, model_id = fields
    require(name, magic == MAGIC, "this is no .eech file")
    require(name, version == VERSION, f"its format has version {version}, and this edgeecg reads version {VERSION}")
    require(name, header == HEADER.size, f"its header has {header} bytes")
    require(name, said == size <= MOST_BYTES, f"its header says {said} bytes, and there are {size}")
    require(name, zlib.crc32(content[COVERED:]) == crc, "it is damaged: its CRC does not match")
    require(name, kind < len(KINDS), f"its kind is {kind}")
    require(name, not any(content[38:64]), "reserved bytes of its header are not 0")
    end = HEADER.size + k * (10 + 2 * dim)
    require(name, at == end + -end % 4 and at + length + -length % 4 == size, "its arrays do not fill it")
    require(name, not any(content[end:at]) and not any(content[at + length :]), "its padding is not 0")
    bias = np.frombuffer(content, "<i8", k, HEADER.size)
    thresholds = np.frombuffer(content, "<u2", k, HEADER.size + 8 * k)
    weights = np.frombuffer(content, "<i2", k * dim, HEADER.size + 10 * k).reshape(k, dim)
    info = information(name, content[at : at + length])
    try:
        return Head(
            name=info.pop("name"),
            classes=tuple(info.pop("classes")),
            kind=KINDS[kind],
            weights=weights,
            bias=bias,
            shift=shift,
            thresholds=thresholds,
            model_id=model_id,
            smoothing=Smoothing(windows, n, hold) if windows or n or hold else None,
            unreadable=unreadable,
            info=info,
        )
    except InputError as error:
        raise ModelError(f"{name}: {error}") from None


def information(name: str, text: bytes) -> dict[str, Any]:
    """The JSON of a head, with its name and its classes."""
    try:
        info = json.loads(text.decode())
    except (ValueError, RecursionError):
        raise ModelError(f"{name}: its information is no JSON") from None
    classes = info.get("classes") if isinstance(info, dict) else None
    named = isinstance(classes, list) and all(isinstance(one, str) for one in classes)
    require(name, named and isinstance(info.get("name"), str), "its information lacks a name or classes")
    return dict(info)


def require(name: str, holds: bool, sentence: str) -> None:
    if not holds:
        raise ModelError(f"{name}: {sentence}")


def load(where: str | os.PathLike[str] | bytes, encoder: Encoder | None = None) -> Head:
    """Read a head.

    Parameters
    ----------
    where : str, path-like or bytes
        The path of an `.eech` file, the name of a bundled head, or the content of a file.
    encoder : Encoder, optional
        The model whose embeddings the head shall take.

    Returns
    -------
    Head

    Raises
    ------
    ModelError
        Where the file is damaged or no head.
    InputError
        Where it cannot be read, or belongs to another model than `encoder`.
    """
    if isinstance(where, (bytes, bytearray, memoryview)):
        head = from_bytes(bytes(where))
    else:
        head = from_bytes(content_of(os.fspath(where)), os.fspath(where))
    if encoder is not None:
        head.check(encoder)
    return head


def content_of(path: str) -> bytes:
    """The bytes of a file, or of a bundled head."""
    try:
        with open(bundled_heads().get(path, path) if not os.path.exists(path) else path, "rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        known = ", ".join(bundled_heads())
        hint = f"; bundled heads: {known}" if known else ""
        raise InputError(f"{path}: cannot be read: {error.strerror or error}{hint}") from None


def save(head: Head, path: str | os.PathLike[str]) -> None:
    """Write a head, at once or not at all.

    Raises
    ------
    OSError
        Where the folder or the disk does not take it.
    """
    write_atomically(path, to_bytes(head))
