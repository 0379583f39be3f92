"""Embeddings to files: one table of windows, written whole or not at all as .npz, .csv or .parquet."""

import csv
import dataclasses
import io
import os
import stat
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .._files import new_file_beside, write_atomically
from ..errors import InputError
from ._decode import import_decoder
from ._files import is_url

__all__ = ["EmbeddingTable", "check_output", "save", "written_name"]


def written_name(file: str) -> str:
    """A file's name as a table can hold it: what is not UTF-8 as backslashes."""
    return file.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


@dataclasses.dataclass(frozen=True)
class EmbeddingTable:
    """n windows of any number of recordings.

    Attributes
    ----------
    file : ndarray of str, shape (n,)
    start : ndarray of float64, shape (n,)
        Seconds in that file.
    quality : ndarray of uint8, shape (n,)
        Bits of edgeecg.Quality.
    embedding : ndarray, shape (n, dim)
        float32, or int8 with `scale`.
    scale : float or None
    about : mapping
        Model, model_id, hop and the like, for the file's metadata.
    more : mapping of str to ndarray, shape (n,)
        Further columns: clock times, and what was asked for of the person.
    """

    file: npt.NDArray[np.str_]
    start: npt.NDArray[np.float64]
    quality: npt.NDArray[np.uint8]
    embedding: npt.NDArray[Any]
    scale: float | None
    about: Mapping[str, Any]
    more: Mapping[str, npt.NDArray[Any]] = dataclasses.field(default_factory=dict)

    @property
    def extra(self) -> dict[str, Any]:
        """What belongs to the whole table."""
        return dict(self.about) if self.scale is None else {**self.about, "scale": self.scale}

    def head(self) -> dict[str, npt.NDArray[Any]]:
        """The columns before the embedding."""
        return {"file": self.file, "start": self.start, "quality": self.quality, **self.more}

    def columns(self) -> list[tuple[str, npt.NDArray[Any]]]:
        """Name and values of each column, e0, e1, ... for the embedding."""
        return [*self.head().items(), *((f"e{i}", self.embedding[:, i]) for i in range(self.embedding.shape[1]))]


def as_npz(table: EmbeddingTable) -> bytes:
    """Arrays file, start, quality, embedding; int8 embeddings also have scale; `about` as further arrays.

    An .npz is a zip of .npy files; numpy.savez cannot write an array that is called `file`.
    """
    arrays = {**table.head(), "embedding": table.embedding, **table.extra}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(values), allow_pickle=False)
    return buffer.getvalue()


def as_csv(table: EmbeddingTable) -> bytes:
    """One row a window, the shortest digits that give back the same float32."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    columns = table.columns()
    writer.writerow([name for name, _ in columns])
    writer.writerows(zip(*(cells(values) for _, values in columns), strict=True))
    return text.getvalue().encode()


def cells(values: npt.NDArray[Any]) -> list[Any]:
    """Text of a column: float32 in its own shortest form, not that of the float64 beside it."""
    found: list[Any] = values.astype(str).tolist() if values.dtype == np.float32 else values.tolist()
    return found


def as_parquet(table: EmbeddingTable) -> bytes:
    """One column each for file, start, quality, e0, ...; `about` in the schema's metadata."""
    pyarrow = import_decoder("pyarrow", ".parquet files", "parquet")
    parquet = import_decoder("pyarrow.parquet", ".parquet files", "parquet")
    rows = pyarrow.table(
        [
            pyarrow.array(values.tolist() if values.dtype.kind == "U" else np.ascontiguousarray(values))
            for _, values in table.columns()
        ],
        names=[name for name, _ in table.columns()],
        metadata={f"edgeecg.{key}": str(value) for key, value in table.extra.items()},
    )
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(rows, sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


WRITERS: dict[str, Callable[[EmbeddingTable], bytes]] = {".npz": as_npz, ".csv": as_csv, ".parquet": as_parquet}


def check_output(path: str | os.PathLike[str], recordings: Sequence[str] = ()) -> None:
    """Refuse an output that could not be written, or is one of the recordings, before the work is done.

    Parameters
    ----------
    path : str or path-like
        Where to write.
    recordings : sequence of str
        Files that must not be replaced.

    Raises
    ------
    InputError
        In one sentence.
    MissingDependencyError
        Where the format needs a package that is not installed.
    """
    path = Path(path)
    name = written_name(os.fspath(path))
    if path.suffix.lower() not in WRITERS:
        raise InputError(f"{name}: an output ends in {', '.join(WRITERS)}")
    if path.suffix.lower() == ".parquet":
        import_decoder("pyarrow", ".parquet files", "parquet")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{name}: there is no folder {path.parent}")
    if path.is_dir():
        raise InputError(f"{name}: is a folder")
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise InputError(f"{name}: is no regular file")
    if path.exists() and any(
        not is_url(file) and os.path.exists(file) and os.path.samefile(path, file) for file in recordings
    ):
        raise InputError(f"{name}: is one of the recordings, which it would replace: give another output")
    target = os.path.realpath(path)
    if not os.path.isdir(os.path.dirname(target)):
        raise InputError(f"{name}: links to a folder that is not there")
    try:
        os.unlink(new_file_beside(target))
    except OSError as error:
        raise InputError(
            f"{name}: the folder {path.absolute().parent} cannot be written to: {error.strerror or error}"
        ) from None
    if path.exists() and not os.access(path, os.W_OK):
        raise InputError(f"{name}: may not be written to")


def save(table: EmbeddingTable, path: str | os.PathLike[str]) -> None:
    """Write the table in the format of the path's suffix.

    Parameters
    ----------
    table : EmbeddingTable
        What to write.
    path : str or path-like
        Where to write: .npz, .csv or .parquet.

    Raises
    ------
    InputError
        Where it cannot be written; what was there before is still there.
    """
    check_output(path)
    try:
        write_atomically(path, WRITERS[Path(path).suffix.lower()](table))
    except OSError as error:
        raise InputError(f"{written_name(os.fspath(path))}: cannot be written: {error.strerror or error}") from None
