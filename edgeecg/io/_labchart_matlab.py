"""What LabChart exports to MATLAB: all channels and blocks in one row, with the places where each begins and ends."""

from typing import Any

import numpy as np

from ..errors import InputError
from ._table import Column
from ._variables import Variables

__all__ = ["is_labchart", "labchart_columns"]


def is_labchart(variables: Variables) -> bool:
    """Whether the variables are those of a LabChart export."""
    return {"data", "datastart", "dataend", "titles"} <= set(variables)


def table(variables: Variables, name: str, channels: int) -> Any:
    """(channels, blocks)."""
    return np.atleast_2d(np.asarray(variables[name], np.float64)).reshape(channels, -1)


def labchart_columns(where: str, variables: Variables) -> list[Column]:
    """The channels of a recording of one block; InputError where there are several, with time between them."""
    titles = [str(title).strip() for title in np.ravel(np.asarray(variables["titles"], dtype=object))]
    start, end = (table(variables, name, len(titles)) for name in ("datastart", "dataend"))
    if start.shape[1] != 1:
        raise InputError(f"{where}: holds {start.shape[1]} blocks, between which time passed: export one block a file")
    data = np.ravel(np.asarray(variables["data"], np.float64))
    units = [str(unit).strip() for unit in np.ravel(np.asarray(variables.get("unittext", []), dtype=object))]
    places = np.ravel(np.asarray(variables.get("unittextmap", np.full(len(titles), -1)), np.int64))
    columns = []
    for i, title in enumerate(titles):
        first, last = int(start[i, 0]), int(end[i, 0])
        if not 0 < first <= last <= len(data):
            continue
        unit = units[places[i] - 1] if i < len(places) and 0 < places[i] <= len(units) else None
        columns.append(Column(title or None, unit, data[first - 1 : last]))
    lengths = {len(column.values) for column in columns if column.values is not None}
    if len(lengths) != 1:
        raise InputError(f"{where}: its channels have different lengths: export those of one rate")
    return columns
