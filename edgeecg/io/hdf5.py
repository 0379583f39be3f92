"""HDF5: MATLAB 7.3, OpenSignals (BITalino, biosignalsplux), and files of people, decoded by h5py.

Datasets of numbers by their names, attributes of them and of their groups as what belongs to them (sampling rate,
unit). Format: https://docs.hdfgroup.org/hdf5/; sizes are compared with that of the file before a dataset is read.
"""

from typing import Any

import numpy as np

from ..errors import InputError
from ._decode import import_decoder
from ._files import File
from ._variables import source_of
from .recording import Source

__all__ = ["open_source"]

MOST_OBJECTS = 2000
SMALL = 4096  # elements of a dataset that may be a number or names
NOT_SAMPLES = ("support", "events", "#refs#", "#subsystem#")  # groups of OpenSignals and MATLAB


def open_source(file: File, keep_identity: bool = False) -> Source:
    """Open the file: its datasets are columns.

    Datasets say nothing of a person. Raises InputError where the file is damaged, a dataset is too large for it, or
    none is a signal.
    """
    h5py = import_decoder("h5py", "HDF5 files", "hdf5")
    with h5py.File(file.path or file.opener(), "r") as tree:
        datasets, facts = walked(h5py, tree)
        if not datasets:
            raise InputError(f"{file.name}: holds no dataset of numbers")
        file.afford(
            3 * sum(float(dataset.size) * dataset.dtype.itemsize for dataset in datasets.values()), "what it holds"
        )
        variables = {**facts, **{name: value_of(dataset) for name, dataset in datasets.items()}}
    return source_of(file.name, "HDF5", variables, file.budget)


def walked(h5py: Any, tree: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """(datasets by path, attributes by path and name), each object once, links out of the file left out."""
    datasets: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    waiting, seen = [("", tree)], 0
    while waiting and seen < MOST_OBJECTS:
        path, group = waiting.pop(0)
        facts |= attributes(path, group)
        for name in group:
            seen += 1
            link = group.get(name, getlink=True)
            if isinstance(link, (h5py.ExternalLink, h5py.SoftLink)) or name in NOT_SAMPLES or seen > MOST_OBJECTS:
                continue
            found = group[name]
            if isinstance(found, h5py.Group) and path.count("/") < 8:
                waiting.append((f"{path}{name}/", found))
            elif isinstance(found, h5py.Dataset) and found.shape and not found.is_virtual and not found.external:
                facts |= attributes(f"{path}{name}/", found)
                if (
                    found.dtype.kind in "iufb"
                    or found.dtype.names
                    or (found.dtype.kind in "SO" and found.size <= SMALL)
                ):
                    datasets[f"{path}{name}"] = found
            elif isinstance(found, h5py.Dataset) and found.shape == ():
                facts[f"{path}{name}"] = found[()]
    return datasets, facts


def attributes(path: str, found: Any) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in list(found.attrs)[:100]:
        value = found.attrs[name]
        if isinstance(value, (str, bytes, int, float, np.generic)) or (
            isinstance(value, np.ndarray) and value.size <= SMALL
        ):
            values[f"{path}{name}"] = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return values


def value_of(dataset: Any) -> Any:
    """The values; MATLAB's letters as text, and its arrays the way round that MATLAB shows them."""
    value = dataset[()]
    matlab = dataset.attrs.get("MATLAB_class")
    if matlab == b"char" or matlab == "char":
        return "".join(chr(int(letter)) for letter in np.ravel(value.T)[:SMALL])
    if dataset.dtype.kind == "O":
        return np.array(
            [part.decode("utf-8", "replace") if isinstance(part, bytes) else part for part in np.ravel(value)], object
        )
    return value
