"""Data frames and labelled arrays of other libraries as a recording: pandas, polars, Arrow, xarray.

Their libraries are loaded already, by who has such an object.
"""

from typing import Any

import numpy as np

from ..errors import InputError
from ._arrow_columns import arrow_columns
from ._files import FLOOR
from ._table import Column, Facts, table_source
from ._units import normal_unit, split_unit
from ._variables import RATE, plain, whole_or_float
from .recording import Source

__all__ = ["source_of"]

BUDGET = 64  # bytes of missing samples for each byte of a frame


def source_of(frame: Any) -> Source | None:
    """A frame or a column with times as a Source; None of a column without, which is an array.

    Parameters
    ----------
    frame : object
        A table or column of pandas, polars or pyarrow, a DataArray or Dataset of xarray.

    Returns
    -------
    Source or None
        Its leads; None of an object that is an array.

    Raises
    ------
    InputError
        Where there is no column of numbers.
    """
    library, kind = type(frame).__module__.partition(".")[0], type(frame).__name__
    facts = Facts()
    if library == "pandas":
        columns = pandas_columns(frame)
    elif library == "polars" and kind in ("DataFrame", "LazyFrame"):
        columns = [
            polars_column(column) for column in (frame.collect() if kind == "LazyFrame" else frame).get_columns()
        ]
    elif library == "polars" and kind == "Series":
        columns = [polars_column(frame)]
    elif library == "pyarrow" and hasattr(frame, "column_names"):
        columns = arrow_columns("the table", frame)
    elif library == "xarray":
        columns, facts = xarray_columns(frame)
    else:
        return None
    columns = [column for column in columns if column.values is not None or column.cells is not None]
    if not columns:
        raise InputError(f"the {kind} has no column of numbers")
    size = sum((column.values if column.values is not None else np.empty(0)).nbytes for column in columns)
    return table_source(f"the {kind}", kind, columns, facts, FLOOR + BUDGET * size)


def pandas_columns(frame: Any) -> list[Column]:
    """Index and columns; an index that only counts rows is none."""
    columns = []
    index = frame.index
    if index.dtype.kind in "Mm" or str(index.dtype).startswith("datetime64") or index.dtype.kind == "f":
        columns.append(Column(text_of(index.name) or None, None, moments_or_numbers(index)))
    names = [frame.name] if frame.ndim == 1 else list(frame.columns)
    for place, name in enumerate(names):
        series = frame if frame.ndim == 1 else frame.iloc[:, place]
        title, unit = split_unit(text_of(name))
        values = moments_or_numbers(series)
        if values.dtype.kind in "OSU":
            columns.append(Column(title or None, unit, None, texts(values)))
        else:
            columns.append(Column(title or None, unit, values))
    return columns


def texts(values: Any) -> Any:
    return np.array([("" if value is None else str(value)).encode("utf-8", "replace")[:64] for value in values])


def text_of(name: object) -> str:
    return "" if name is None else " ".join(map(str, name)) if isinstance(name, tuple) else str(name)


def moments_or_numbers(series: Any) -> Any:
    """Values as NumPy has them: times in UTC, nullable numbers with NaN."""
    kind = str(series.dtype)
    if kind.startswith(("datetime64", "timedelta64")):
        if getattr(series.dtype, "tz", None) is not None:
            times = getattr(series, "dt", series)  # of a column, or of an index
            return np.asarray(
                times.tz_convert("UTC").to_numpy(dtype="M8[ns]")
                if times is series
                else times.tz_convert("UTC").dt.tz_localize(None).to_numpy()
            )
        return series.to_numpy()
    if kind.startswith(("Int", "UInt", "Float", "boolean")) or "[pyarrow]" in kind:
        try:
            return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan))
        except (TypeError, ValueError):
            return np.asarray(series.to_numpy())
    values = np.asarray(series.to_numpy())
    return whole_or_float(values) if values.dtype.kind in "iufb" else values.astype(object)


def polars_column(series: Any) -> Column:
    """Numbers with NaN for null, times, or text."""
    title, unit = split_unit(series.name)
    kind = str(series.dtype)
    if kind.startswith(("Datetime", "Duration", "Date", "Time")):
        values = series.to_numpy()
        return (
            Column(title or None, unit, values)
            if values.dtype.kind in "Mm"
            else Column(title or None, unit, None, texts(series.to_list()))
        )
    if kind.startswith(("Int", "UInt", "Float", "Decimal")):
        values = np.asarray(series.to_numpy())
        return Column(
            title or None, unit, whole_or_float(values) if values.dtype.kind in "iuf" else values.astype(np.float64)
        )
    return (
        Column(title or None, unit, None, texts(series.to_list()))
        if kind in ("String", "Utf8")
        else Column(title, unit)
    )


def xarray_columns(data: Any) -> tuple[list[Column], Facts]:
    """A DataArray's rows or a Dataset's variables, its coordinate of time, its attributes."""
    attributes = dict(data.attrs)
    arrays = dict(data.data_vars) if hasattr(data, "data_vars") else {data.name or "": data}
    columns = []
    for name, array in arrays.items():
        attributes |= array.attrs
        columns += rows_of(str(name), array)
    length = max((len(column.values) for column in columns if column.values is not None), default=0)
    for name, coordinate in data.coords.items():
        if coordinate.ndim == 1 and coordinate.size == length and coordinate.dtype.kind in "Mmf":
            columns.insert(0, Column(str(name), text_of(coordinate.attrs.get("units")) or None, coordinate.values))
    rate = next((value for key, value in attributes.items() if plain(str(key)) in RATE), None)
    unit = next((str(value) for key, value in attributes.items() if plain(str(key)) in ("unit", "units")), None)
    known = unit if normal_unit(unit) else None
    return columns, Facts(float(rate) if isinstance(rate, (int, float, np.number)) else None, known)


def rows_of(name: str, array: Any) -> list[Column]:
    """The leads of an array; those of a labelled axis by their labels."""
    title, unit = split_unit(name)
    squeezed = array.squeeze()
    if squeezed.ndim == 1:
        return [Column(title or None, unit, whole_or_float(squeezed.values))]
    if squeezed.ndim != 2:
        return []
    rows = squeezed if squeezed.shape[0] <= squeezed.shape[1] else squeezed.T
    labels = rows.coords[rows.dims[0]].values if rows.dims[0] in rows.coords else range(rows.shape[0])
    return [
        Column(text_of(label), unit, whole_or_float(np.asarray(row)))
        for label, row in zip(labels, rows.values, strict=True)
    ]
