"""Rows that a program wrote twice."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["repeated_rows"]

Integers = npt.NDArray[np.int64]
MOST = 0.02  # part of the rows; a clock that repeats itself more often is a coarse one


def repeated_rows(columns: Sequence[npt.NDArray[Any]]) -> Integers:
    """Rows that are equal to the row before in every column, by a clock that rises everywhere else.

    A clock that repeats itself while the samples change is coarse: its rows are all samples, and none is returned.

    Parameters
    ----------
    columns : sequence of ndarray, shape (n,)
        Numbers, moments, or the text of times.
    """
    for clock in columns:
        repeats = standing_still(clock)
        if repeats is None:
            continue
        same = all(bool(np.all(equal(column[repeats], column[repeats - 1]))) for column in columns)
        return repeats if same else np.empty(0, np.int64)
    return np.empty(0, np.int64)


def standing_still(clock: npt.NDArray[Any]) -> Integers | None:
    """The few rows at which a column that rises otherwise has the value of the row before; None of other columns."""
    if clock.dtype.kind not in "iufMS":
        return None
    still = clock[1:] == clock[:-1]
    if clock.dtype.kind != "S" and not np.all(still | (clock[1:] > clock[:-1])):  # only a column of times has its text
        return None
    rows = np.flatnonzero(still) + 1
    return rows if len(rows) <= MOST * len(clock) else None


def equal(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Elementwise; nothing is equal to nothing."""
    same: npt.NDArray[np.bool_] = a == b
    return same | ((a != a) & (b != b)) if a.dtype.kind == "f" else same
