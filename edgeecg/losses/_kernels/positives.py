"""Sums of the rows of each class."""

from ..._compiled import compiled
from .._types import Array


@compiled()
def class_sums(rows: Array, codes: Array, sums: Array) -> None:
    """sums_c += rows of class c, in float64."""
    for i in range(rows.shape[0]):
        total, row = sums[codes[i]], rows[i]
        for k in range(row.shape[0]):
            total[k] += row[k]
