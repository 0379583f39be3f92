"""Embeddings to files: one table of windows, written whole or not at all as .npz, .csv or .parquet."""

import csv
import dataclasses
import io
import os
import zipfile
from pathlib import Path

import numpy as np

from ..errors import InputError, MissingDependencyError
from ..model import write_atomically

__all__ = ["EmbeddingTable", "check_output", "save"]


@dataclasses.dataclass(frozen=True)
class EmbeddingTable:
    """n windows of any number of recordings.

    file: (n,) str. start: (n,) float64, seconds in that file. quality: (n,) uint8, bits of edgeecg.Quality.
    embedding: (n, dim) float32, or int8 with `scale`. about: model, model_id, hop and the like, for the file's
    metadata.
    """

    file: np.ndarray
    start: np.ndarray
    quality: np.ndarray
    embedding: np.ndarray
    scale: float | None
    about: dict

    @property
    def extra(self) -> dict:
        """What belongs to the whole table."""
        return self.about if self.scale is None else {**self.about, "scale": self.scale}

    def columns(self) -> list[tuple[str, np.ndarray]]:
        """Name and values of each column, e0, e1, ... for the embedding."""
        head = [("file", self.file), ("start", self.start), ("quality", self.quality)]
        return head + [(f"e{i}", self.embedding[:, i]) for i in range(self.embedding.shape[1])]


def as_npz(table: EmbeddingTable) -> bytes:
    """Arrays file, start, quality, embedding; int8 embeddings also have scale; `about` as further arrays.

    An .npz is a zip of .npy files; numpy.savez cannot write an array that is called `file`.
    """
    arrays = {
        "file": table.file,
        "start": table.start,
        "quality": table.quality,
        "embedding": table.embedding,
        **table.extra,
    }
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


def cells(values: np.ndarray) -> list:
    """Text of a column: float32 in its own shortest form, not that of the float64 beside it."""
    return values.astype(str).tolist() if values.dtype == np.float32 else values.tolist()


def as_parquet(table: EmbeddingTable) -> bytes:
    """One column each for file, start, quality, e0, ...; `about` in the schema's metadata."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingDependencyError('.parquet needs the package pyarrow: pip install "edgeecg[io]"') from error
    rows = pyarrow.table(
        [
            pyarrow.array(values.tolist() if values.dtype.kind == "U" else np.ascontiguousarray(values))
            for _, values in table.columns()
        ],
        names=[name for name, _ in table.columns()],
        metadata={f"edgeecg.{key}": str(value) for key, value in table.extra.items()},
    )
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(rows, sink)
    return sink.getvalue().to_pybytes()


WRITERS = {".npz": as_npz, ".csv": as_csv, ".parquet": as_parquet}


def check_output(path, recordings=()) -> None:
    """Refuse an output that could not be written, or is one of the recordings, before the work is done."""
    path = Path(path)
    if path.suffix.lower() not in WRITERS:
        raise InputError(f"{path}: an output ends in {', '.join(WRITERS)}")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}")
    if path.is_dir():
        raise InputError(f"{path}: is a folder")
    if not os.access(path.absolute().parent, os.W_OK):
        raise InputError(f"{path}: the folder {path.absolute().parent} may not be written to")
    if path.exists() and any(os.path.exists(file) and os.path.samefile(path, file) for file in recordings):
        raise InputError(f"{path}: is one of the recordings, which it would replace: give another output")


def save(table: EmbeddingTable, path) -> None:
    """Write the table in the format of the path's suffix."""
    check_output(path)
    try:
        write_atomically(path, WRITERS[Path(path).suffix.lower()](table))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
