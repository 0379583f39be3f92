"""Named arrays and numbers (NumPy archives, MATLAB, HDF5, JSON) to a recording: which is the signal, what says what."""

import datetime
import re
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ._clock_names import says_time
from ._leads import is_ecg
from ._table import Column, Facts, table_source
from ._times import parse_moment
from ._units import split_unit
from .recording import MISSING, Source

__all__ = ["Variables", "columns_of", "source_of", "whole_or_float"]

Variables = Mapping[str, Any]
RATE: Final = frozenset(
    "fs fsample rate sr srate sfreq samplingrate samplerate samplingfrequency samplefrequency samplefreq samplingfreq "
    "freq frequency samplespersecond hz fsecg ecgfs fshz samplingratehz sampleratehz samplingfrequencyhz".split()
)
INTERVAL: Final = frozenset("dt isi interval sampleinterval samplinginterval period samplingperiod ts".split())
GAIN: Final = frozenset("gain adcgain scalingfactor adcunitspermv".split())
UNIT: Final = frozenset("unit units signalunit signalunits unitname unittext".split())
NAMES: Final = frozenset(
    "lead leads leadname leadnames channel channels channelname channelnames label labels signame signames titles "
    "names signalnames columns sigs".split()
)
KIND: Final = frozenset("sensor modality type sensortype label".split())
START: Final = frozenset(
    "start starttime startdate startdatetime date datetime recordedat recordingdate basedate".split()
)
SIGNAL: Final = tuple(
    "signal signals ecg ekg samples val data x sig ecgsignal ecgdata rawdata psignal y values waveform".split()
)


def plain(name: str) -> str:
    """The last part of a name, its letters and digits."""
    return re.sub(r"[^0-9a-z]", "", re.split(r"[./]", name)[-1].lower())


def source_of(
    where: str, form: str, variables: Variables, budget: int, identity: Mapping[str, str] | None = None
) -> Source:
    """A Source of named values.

    Parameters
    ----------
    where, form : str
        The file and its format, for sentences.
    variables : mapping of str to array, number or text
        Names of structures stand before a point or stroke ("ecg.fs").
    budget : int
        Bytes that missing samples may take.
    identity : mapping of str to str, optional

    Raises
    ------
    InputError
        Where no array is a signal, or a rate is no number.
    """
    facts = facts_of(where, variables)
    facts.identity = identity or {}
    arrays = {name: value for name, value in variables.items() if is_samples(name, value)}
    chosen = chosen_arrays(where, variables, arrays)
    columns = [
        said_of(variables, name, column) for name, array in chosen.items() for column in columns_of(where, name, array)
    ]
    named = texts_of(variables, NAMES)
    signals = [column for column in columns if not says_time(column.name)]
    if len(named) == len(signals):
        for column, name in zip(signals, named, strict=True):
            title, unit = split_unit(name)
            column.name, column.unit = title or name, column.unit or unit
    set_units(signals, texts_of(variables, UNIT))
    return table_source(where, form, columns, facts, budget)


def said_of(variables: Variables, name: str, column: Column) -> Column:
    """A column with what stands under its own name: unit and sensor of a dataset."""
    own = {key[len(name) + 1 :]: value for key, value in variables.items() if key.startswith((f"{name}/", f"{name}."))}
    if own:
        column.unit = column.unit or next(iter(texts_of(own, UNIT)), None)
        column.kind = next(iter(texts_of(own, KIND)), None)
    return column


def is_samples(name: str, value: object) -> bool:
    """Whether a value may be samples or times: an array of numbers that is not said to be something else."""
    if not isinstance(value, np.ndarray) or value.size < 2 or value.dtype.kind not in "iufbcMm":
        return False
    return plain(name) not in RATE | INTERVAL | GAIN | UNIT | NAMES


def number_of(where: str, variables: Variables, names: frozenset[str]) -> float | None:
    """The first of these names as a number; one value where all leads have the same."""
    for name, value in variables.items():
        if plain(name) not in names:
            continue
        array = np.asarray(value)
        if array.dtype.kind in "US" and array.size == 1:
            try:
                return float(str(array.reshape(-1)[0]).split()[0])
            except (ValueError, IndexError):
                continue
        if array.dtype.kind not in "iuf" or array.size == 0:
            continue
        values = np.unique(array.astype(np.float64))
        if len(values) != 1:
            raise InputError(f"{where}: {name!r} must be one number")
        return float(values[0])
    return None


def facts_of(where: str, variables: Variables) -> Facts:
    rate = number_of(where, variables, RATE)
    if rate is None:
        interval = number_of(where, variables, INTERVAL)
        unit = " ".join(texts_of(variables, frozenset({"isiunits", "intervalunit", "dtunit"}))).lower()
        scale = 1e-3 if unit.startswith("m") or (interval is not None and interval > 0.1) else 1.0
        rate = 1 / (interval * scale) if interval is not None and interval > 0 else None
    start = next((moment for text in texts_of(variables, START) if (moment := parse_moment(text))), None)
    return Facts(
        rate if rate is not None and 0 < rate < np.inf else None, None, number_of(where, variables, GAIN), None, start
    )


def texts_of(variables: Variables, names: frozenset[str]) -> list[str]:
    """The texts under the first of these names, one or a list."""
    for name, value in variables.items():
        if plain(name) in names:
            found = [text_of(part) for part in np.ravel(np.asarray(value, dtype=object))[:10_000]]
            if found and all(found):
                return [text for text in found if text]
    return []


def text_of(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip("\0 ")
    if isinstance(value, (str, np.str_)):
        return str(value).strip("\0 ")
    if isinstance(value, (datetime.date, np.datetime64)):
        return str(value)
    return None


def set_units(columns: list[Column], units: list[str]) -> None:
    """One unit for all leads, or one each; where it cannot be told whose they are, all of them, which is no voltage."""
    if not units:
        return
    each = units if len(units) == len(columns) else [", ".join(dict.fromkeys(units))] * len(columns)
    for column, unit in zip(columns, each, strict=True):
        column.unit = column.unit or unit


def chosen_arrays(where: str, variables: Variables, arrays: dict[str, Any]) -> dict[str, Any]:
    """The signal by its usual name, with a column of times of its length; else all arrays of the greatest length."""
    usual = [name for name in arrays if plain(name) in SIGNAL]
    if usual:
        best = min(usual, key=lambda name: (SIGNAL.index(plain(name)), -arrays[name].size))
        length = max(arrays[best].shape)
        chosen = {name: arrays[name] for name in arrays if says_time(plain(name)) and arrays[name].size == length}
        return {**chosen, best: arrays[best]}
    if not arrays:
        raise InputError(
            f"{where}: cannot tell which array is the signal: name it 'signal' (there are: "
            f"{', '.join(variables) or 'none'})"
        )
    longest = max(max(array.shape) for array in arrays.values())
    return {name: array for name, array in arrays.items() if max(array.shape) == longest}


def columns_of(where: str, name: str, array: npt.NDArray[Any]) -> list[Column]:
    """The rows or columns of an array, the longer axis being time, or the fields of a table."""
    title, unit = split_unit(re.split(r"[./]", name)[-1])
    if array.dtype.names:
        return [
            column
            for field in array.dtype.names
            if array[field].dtype.kind in "iufbMm"
            for column in columns_of(where, field, array[field].reshape(len(array), -1))
        ]
    if array.dtype.kind == "c":
        raise InputError(f"{where}: {name} holds {array.dtype.name}, not real numbers")
    shape = tuple(n for n in array.shape if n != 1) or (array.size,)
    if len(shape) > 2:
        raise InputError(
            f"{where}: {name} has the shape {array.shape}; one recording has one axis, or two (leads and time)"
        )
    table = array.reshape(shape)
    if table.ndim == 1:
        return [Column(title or None, unit, whole_or_float(table))]
    rows = table if table.shape[0] <= table.shape[1] else table.T
    own = title if is_ecg(title) else ""
    return [Column(f"{own}_{i}" if own else None, unit, whole_or_float(row)) for i, row in enumerate(rows)]


def whole_or_float(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Native int32, int64, float64 or times; integers beyond 32 bits as floats, unless they are times."""
    if values.dtype.kind in "Mm":
        return values
    if values.dtype.kind == "f":
        return values.astype(np.float64)
    if values.dtype.kind == "b" or values.dtype.itemsize <= 2 or values.dtype == np.int32:
        return values.astype(np.int32)
    wide = (
        values.astype(np.float64)
        if values.dtype.kind == "u" and values.dtype.itemsize == 8
        else values.astype(np.int64)
    )
    if len(wide) and (wide.min() < MISSING or wide.max() >= 2**31):
        return wide.astype(np.float64)
    return wide.astype(np.int32)
