"""Columns of an Arrow table: of Parquet and Feather files, and of polars."""

from typing import Any

import numpy as np

from ..errors import InputError
from ._table import Column
from ._units import split_unit
from ._variables import columns_of, whole_or_float

__all__ = ["arrow_columns"]


def arrow_columns(where: str, table: Any) -> list[Column]:
    """Numbers, times and texts that may be times; of one row with lists, each list is a column."""
    columns: list[Column] = []
    for name in table.column_names:
        chunked = table.column(name)
        kind = str(chunked.type)
        title, unit = split_unit(name) if not name.startswith("__index_level_") else ("", None)
        if "list" in kind:
            if table.num_rows != 1:
                raise InputError(
                    f"{where}: column {name!r} holds a recording in each of {table.num_rows} rows: give one row a file"
                )
            values = np.asarray(chunked[0].values.to_numpy(zero_copy_only=False))
            if values.dtype.kind in "iuf":
                columns += columns_of(where, name, values)
        elif kind.startswith(("int", "uint", "float", "double", "half", "decimal")):
            columns.append(Column(title or None, unit, numbers(chunked)))
        elif kind.startswith(("timestamp", "duration", "date", "time")):
            columns.append(Column(title or None, unit, moments(chunked)))
        elif kind in ("string", "large_string", "string_view") and table.num_rows:
            cells = np.array([(text or "").encode("utf-8", "replace")[:64] for text in chunked.to_pylist()])
            columns.append(Column(title or None, unit, None, cells))
    return columns


def numbers(chunked: Any) -> Any:
    """Floats with NaN where nulls are; integers as they are where there are none."""
    values = chunked.to_numpy()
    return whole_or_float(values) if values.dtype.kind in "iuf" else np.asarray(values, np.float64)


def moments(chunked: Any) -> Any:
    """datetime64 or timedelta64, NaT where nulls are."""
    values = chunked.to_numpy()
    return values if values.dtype.kind in "Mm" else np.array([str(v) if v is not None else "" for v in values], "S64")
