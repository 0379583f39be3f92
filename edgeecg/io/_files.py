"""Where the bytes of a recording are: a path, bytes, a file object or a URL, each with what lies beside it.

Nothing but a regular file is opened. What a reader may allocate is bounded by the size of what it was given: BUDGET
times its bytes and a floor, checked before the memory is asked for.
"""

import dataclasses
import io
import os
import re
import stat
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, Final, cast

from ..errors import InputError
from ._decode import attempt, import_decoder

__all__ = ["BUDGET", "FLOOR", "File", "is_url", "open_file"]

BUDGET: Final = 64  # bytes of memory for each byte of a file
FLOOR: Final = 64 << 20  # bytes that any file may take
HEAD = 1 << 16  # bytes by which a format is told
PIECE = 1 << 18
URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+(://|::)")
GZIP = b"\x1f\x8b"


@dataclasses.dataclass(frozen=True)
class File:
    """Bytes that can be read at any place, and the files beside them.

    Attributes
    ----------
    name : str
        For sentences; of bytes "bytes".
    size : int
    opener : callable
        () -> binary file object.
    beside : callable
        name -> File or None.
    budget : int
        Bytes of memory that a reader may take.
    path : str or None
        Of a local file.
    """

    name: str
    size: int
    opener: Callable[[], BinaryIO]
    beside: Callable[[str], "File | None"]
    budget: int
    path: str | None = None

    @property
    def stem(self) -> str:
        """The last part of the name without its suffix."""
        return self.base.removesuffix(os.path.splitext(self.base)[1])

    @property
    def base(self) -> str:
        """The last part of the name."""
        name = re.split(r"[/\\]" if self.path is None else r"/" if os.sep == "/" else r"[/\\]", self.name)[-1]
        return name[:-3] if name.lower().endswith(".gz") else name

    @property
    def suffix(self) -> str:
        """In small letters, with its dot; that before .gz."""
        return os.path.splitext(self.base)[1].lower()

    def of_size(self, size: int) -> "File":
        """The same file where others belong to it: with the budget of so many bytes."""
        return dataclasses.replace(self, size=size, budget=BUDGET * size + FLOOR)

    def read(self, start: int = 0, count: int | None = None) -> bytes:
        """`count` bytes from `start`, fewer where the file ends; InputError where they cannot be read."""
        try:
            with self.opener() as file:
                if start:
                    file.seek(start)
                return file.read() if count is None else file.read(count)
        except OSError as error:
            raise InputError(f"{self.name}: cannot be read: {error.strerror or error}") from None

    def head(self) -> bytes:
        """The first bytes, by which a format is told."""
        return self.read(0, HEAD)

    def afford(self, needed: float, what: str) -> None:
        """Refuse to take more memory than the file's size allows."""
        if not needed <= self.budget:
            raise InputError(
                f"{self.name}: {what} would take {needed / 2**20:,.0f} MiB of memory, more than {BUDGET} times the "
                f"{self.size} bytes of the file and {FLOOR >> 20} MiB"
            )


def printable(name: str) -> str:
    """A name as it can stand in a sentence: one line, no bytes that are not text."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return re.sub(r"[\x00-\x1f\x7f]", lambda found: f"\\x{ord(found[0]):02x}", text)


def is_url(where: object) -> bool:
    """Whether this is a URL of fsspec ("memory://a.csv", "https://...", "s3://...")."""
    return isinstance(where, str) and URL.match(where) is not None


def open_file(where: Any) -> File:
    """A file, unpacked where it is gzip.

    Parameters
    ----------
    where : path, str, bytes, file object
        A URL is opened by fsspec.

    Raises
    ------
    InputError
        Where it is missing, may not be read or is no regular file.
    """
    if isinstance(where, (bytes, bytearray, memoryview)):
        file = in_memory(bytes(where), "bytes")
    elif is_url(where):
        file = at_url(str(where))
    elif isinstance(where, (str, os.PathLike)):
        file = at_path(os.fsdecode(where))
    elif hasattr(where, "read"):
        file = from_object(where)
    else:
        raise InputError(
            f"a recording is a path, a URL, bytes or a file object, not {type(where).__name__}; arrays go to embed()"
        )
    return unpacked(file) if file.read(0, 2) == GZIP else file


def nothing_beside(_name: str) -> None:
    return None


def in_memory(
    content: bytes, name: str, beside: Callable[[str], File | None] = nothing_beside, budget: int | None = None
) -> File:
    """Bytes as a file."""
    allowed = FLOOR + BUDGET * len(content) if budget is None else budget
    return File(printable(name), len(content), lambda: io.BytesIO(content), beside, allowed)


def from_object(where: Any) -> File:
    """The rest of a file object, text or bytes."""
    name = getattr(where, "name", None)
    name = name if isinstance(name, str) else "file object"
    content = attempt(name, "file object", where.read)
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogateescape")
    if not isinstance(content, (bytes, bytearray, memoryview)):
        raise InputError(f"{name}: read() gives {type(content).__name__}, not bytes")
    return in_memory(bytes(content), name)


def at_path(path: str) -> File:
    """A local file; InputError where it is no regular one."""
    name = printable(path)
    if not path:
        raise InputError("the name of the file is empty")
    try:
        # not blocking: a pipe that took the name since would keep us waiting
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        raise InputError(f"{name}: there is no such file") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        status = os.fstat(handle)
    finally:
        os.close(handle)
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{name}: is no regular file")
    size = status.st_size
    folder = os.path.dirname(path)

    def beside(other: str) -> File | None:
        found = find(folder, other)
        return open_file(found) if found is not None else None

    return File(name, size, lambda: open(path, "rb"), beside, FLOOR + BUDGET * size, path)


def find(folder: str, name: str) -> str | None:
    """The path of a name in a folder: as written, compressed, or in other capitals; None where there is none."""
    path = os.path.join(folder, name)
    for candidate in (path, f"{path}.gz"):
        if os.path.exists(candidate):
            return candidate
    folder, name = os.path.split(path)
    try:
        names = os.listdir(folder or ".")
    except (OSError, ValueError):
        return None
    same = [other for other in names if other.lower() in (name.lower(), f"{name.lower()}.gz")]
    return os.path.join(folder, min(same)) if same else None


def at_url(url: str) -> File:
    """A file that fsspec reads, held in memory."""
    fsspec = import_decoder("fsspec", "URLs", "url")
    filesystem, path = attempt(url, "URL", fsspec.core.url_to_fs, url)

    def fetch(place: str) -> bytes:
        return cast(bytes, attempt(url, "URL", filesystem.cat_file, place))

    def beside(name: str) -> File | None:
        place = f"{path.rpartition('/')[0]}/{name}" if "/" in path else name
        for candidate in (place, f"{place}.gz"):
            if attempt(url, "URL", filesystem.exists, candidate):
                found = in_memory(fetch(candidate), candidate.rpartition("/")[2], beside)
                return unpacked(found) if found.read(0, 2) == GZIP else found
        return None

    if attempt(url, "URL", filesystem.isdir, path):
        raise InputError(f"{url}: is a folder: name a file of it")
    return in_memory(fetch(path), url.split("?")[0], beside)


def unpacked(file: File) -> File:
    """What a gzip file holds, within its budget."""
    pieces, total = [], 0
    inflate = zlib.decompressobj(wbits=31)
    with file.opener() as packed:
        block = packed.read(PIECE)
        while block or not inflate.eof:
            piece = attempt(file.name, "gzip file", inflate.decompress, block, PIECE)
            total += len(piece)
            file.afford(total, "its content")
            pieces.append(piece)
            if inflate.eof:  # another member may follow, or padding
                block = inflate.unused_data or packed.read(PIECE)
                if not block.startswith(GZIP):
                    break
                inflate = zlib.decompressobj(wbits=31)
            else:
                block = inflate.unconsumed_tail or packed.read(PIECE)
                if not block and not piece:
                    break
    if not inflate.eof:
        raise InputError(f"{file.name}: not a readable gzip file: it ends too early")
    content = b"".join(pieces)
    return dataclasses.replace(file, size=len(content), opener=lambda: io.BytesIO(content), path=None)
