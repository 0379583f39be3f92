"""Embeddings to files: one table of windows, written whole or not at all as .npz, .csv or .parquet."""

import csv
import dataclasses
import io
import os
import stat
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .._files import new_file_beside, write_atomically
from ..errors import InputError
from ._decode import import_decoder
from ._files import is_url

if TYPE_CHECKING:
    from ..heads import Head
    from ..results import Analysis
    from .recording import Recording

__all__ = ["EmbeddingTable", "check_output", "save", "table_bytes", "table_of", "written_name"]


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


def table_of(
    results: Sequence[tuple[str, "Recording", "Analysis"]],
    heads: "Sequence[Head]",
    int8: bool,
    int8_scale: float,
    clock: bool,
    about: Mapping[str, Any],
) -> EmbeddingTable:
    """One table of all windows of (file, recording, analysis).

    Parameters
    ----------
    results : sequence of (str, Recording, Analysis)
        At least one.
    heads : sequence of Head
        Those that the analyses have.
    int8 : bool
        Whether embeddings are written in their int8 form.
    int8_scale : float
        `Encoder.int8_scale`.
    clock : bool
        Whether clock times are written.
    about : mapping
        For the file's metadata.
    """
    analyses = [analysis for *_, analysis in results]
    lengths = [len(analysis.start) for analysis in analyses]

    def each(values: list[str]) -> npt.NDArray[np.str_]:
        return np.repeat(np.array(values, dtype=np.str_), lengths)

    more: dict[str, npt.NDArray[Any]] = {}
    if clock:
        more["time"] = np.concatenate([clock_times(analysis) for analysis in analyses])
    for name in sorted({name for _, recording, _ in results for name in recording.identity}):
        more[name] = each([recording.identity.get(name, "") for _, recording, _ in results])
    return EmbeddingTable(
        file=each([written_name(file) for file, *_ in results]),
        start=np.concatenate([analysis.start for analysis in analyses]),
        quality=np.concatenate([analysis.quality for analysis in analyses]),
        embedding=np.concatenate([analysis.int8 if int8 else analysis.embedding for analysis in analyses]),
        scale=int8_scale if int8 else None,
        about=about,
        more=more | head_columns(heads, analyses),
    )


def head_columns(heads: "Sequence[Head]", analyses: "Sequence[Analysis]") -> dict[str, npt.NDArray[Any]]:
    """What each head says: its verdict in words, and a probability for each of its classes."""
    columns: dict[str, npt.NDArray[Any]] = {}
    for head in heads:
        found = [analysis.heads[head.name] for analysis in analyses]
        columns[head.name] = np.concatenate([head.names(one.verdict) for one in found])
        for i, name in enumerate(head.classes):
            columns[f"{head.name}_{name}"] = np.concatenate([one.probability[:, i] for one in found])
    return columns


def clock_times(analysis: "Analysis") -> npt.NDArray[np.str_]:
    """ISO 8601 of each window's start, in UTC with a Z where there is a time zone; empty where no time is known."""
    if analysis.recorded is None:
        return np.full(len(analysis.start), "", dtype=np.str_)
    times = np.datetime_as_string(analysis.time, "ms")
    return np.char.add(times, "Z") if analysis.recorded.tzinfo else times


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


def as_parquet(table: EmbeddingTable, lists: bool = False) -> bytes:
    """One column each for file, start, quality, e0, ...; `about` in the schema's metadata.

    With `lists`, the embedding is one column of lists of one length, which Arrow reads as an array without a copy.
    """
    pyarrow = import_decoder("pyarrow", ".parquet files", "parquet")
    parquet = import_decoder("pyarrow.parquet", ".parquet files", "parquet")

    def column(values: npt.NDArray[Any]) -> Any:
        return pyarrow.array(values.tolist() if values.dtype.kind == "U" else np.ascontiguousarray(values))

    columns = {name: column(values) for name, values in (table.head().items() if lists else table.columns())}
    if lists:
        numbers = column(table.embedding.ravel())
        columns["embedding"] = pyarrow.FixedSizeListArray.from_arrays(numbers, table.embedding.shape[1])
    fields = [pyarrow.field(name, values.type, metadata=meaning_of(name)) for name, values in columns.items()]
    metadata = {f"edgeecg.{key}": str(value) for key, value in table.extra.items()}
    rows = pyarrow.table(list(columns.values()), schema=pyarrow.schema(fields, metadata=metadata))
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(rows, sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


MEANINGS = {
    "file": {"description": "the recording"},
    "start": {"description": "start of the window, from the first sample", "unit": "s"},
    "quality": {"description": "bits: 1 flat, 2 clipped, 4 lead off, 8 missing samples, 16 noisy; 0 is good"},
    "time": {"description": "start of the window by the clock, ISO 8601"},
    "embedding": {"description": "of the window; int8 times the scale of the metadata approximates float32"},
}


def meaning_of(name: str) -> dict[str, str]:
    """What a column is, for its field in the schema."""
    return MEANINGS.get(name, {})


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


def table_bytes(table: EmbeddingTable, path: str | os.PathLike[str], lists: bool = False) -> bytes:
    """The file of a table, in the format of the path's suffix.

    Parameters
    ----------
    table : EmbeddingTable
        What to write.
    path : str or path-like
        Ends in .npz, .csv or .parquet.
    lists : bool, default False
        Whether a .parquet file has the embedding in one column, as lists of one length.
    """
    suffix = Path(path).suffix.lower()
    return as_parquet(table, lists) if suffix == ".parquet" else WRITERS[suffix](table)


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
        write_atomically(path, table_bytes(table, path))
    except OSError as error:
        raise InputError(f"{written_name(os.fspath(path))}: cannot be written: {error.strerror or error}") from None
