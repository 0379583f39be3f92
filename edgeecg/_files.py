"""Files that are written at once or not at all."""

from __future__ import annotations

import os

__all__ = ["new_file_beside", "write_atomically"]


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to a temporary file of the same folder, then put it in its place: a reader never sees half of it.

    A file that is replaced keeps its mode, a new one has that of the umask; behind a symbolic link its target is
    written.

    Parameters
    ----------
    path : str or path-like
    data : bytes

    Raises
    ------
    OSError
        Where the folder or the disk does not take it; what was there before is still there.
    """
    target = os.path.realpath(path)
    temporary = new_file_beside(target)
    try:
        with open(temporary, "wb") as file:
            file.write(data)
        if os.path.exists(target):
            os.chmod(temporary, os.stat(target).st_mode & 0o7777)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def new_file_beside(target: str) -> str:
    """An empty file of a new name in the folder of `target`, with the mode that the umask gives."""
    folder, name = os.path.split(target)
    while True:
        temporary = os.path.join(folder, f".{name[:40]}.{os.urandom(6).hex()}.part")
        try:
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            continue
        return temporary
