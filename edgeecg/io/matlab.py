"""MATLAB files of versions 4 and 5 (to 7), decoded by SciPy; those of version 7.3 are HDF5.

The variables of PhysioNet, LabChart, AcqKnowledge and of people: a signal by its usual name (val, ecg, data ...), and
what belongs to it (fs, unit, gain, labels). Format: MAT-File Format, The MathWorks. What SciPy
would read is checked first (`_matlab_elements.py`).
"""

import io
from typing import Any

import numpy as np

from ._decode import attempt, import_decoder
from ._files import File
from ._labchart_matlab import is_labchart, labchart_columns
from ._matlab_elements import check_elements, is_version_5
from ._table import table_source
from ._variables import Variables, facts_of, source_of
from .recording import Source

__all__ = ["open_source"]

DEEPEST = 8  # structures in structures


def open_source(file: File, keep_identity: bool = False) -> Source:
    """Open the file: its variables are columns.

    Variables say nothing of a person. Raises InputError where the file is damaged, unpacks to too much, or has no
    signal.
    """
    matlab = import_decoder("scipy.io", "MATLAB files", "matlab")
    content = file.read()
    if is_version_5(content):
        check_elements(file, content)
    loaded = attempt(file.name, "MATLAB file", matlab.loadmat, io.BytesIO(content), simplify_cells=True)
    variables = flattened(loaded)
    if is_labchart(variables):
        columns = labchart_columns(file.name, variables)
        facts = facts_of(file.name, variables)
        return table_source(file.name, "MATLAB", columns, facts, file.budget)
    return source_of(file.name, "MATLAB", variables, file.budget)


def flattened(loaded: Variables, before: str = "", depth: int = 0) -> dict[str, Any]:
    """Variables and fields of structures, by names with points."""
    found: dict[str, Any] = {}
    for name, value in loaded.items():
        if name.startswith("__"):
            continue
        if isinstance(value, dict) and depth < DEEPEST:
            found |= flattened(value, f"{before}{name}.", depth + 1)
        elif isinstance(value, list):
            found[before + name] = np.array(value, dtype=object)
        else:
            found[before + name] = value
    return found
