"""JSON: AliveCor (Kardia), Apple Health, Fitbit, Withings, Movesense, FHIR, and what people write with json.dump.

Kardia API: https://developers.kardia.com; FHIR: https://hl7.org/fhir/observation-example-sample-data.html; Fitbit Web
API, "Get ECG Log List"; Withings API, "Heart v2 - Get"; Movesense API, meas/ecg.yaml.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import InputError
from ._files import File
from ._table import Column, Facts, table_source
from ._times import parse_moment
from ._variables import source_of
from .recording import Source

__all__ = ["open_source"]

Json = Any
DEEPEST = 12


def open_source(file: File, keep_identity: bool = False) -> Source:
    """Open the file: its lists of numbers are columns.

    Nothing of a person is kept. Raises InputError where the document is damaged, or holds several recordings or none.
    """
    file.afford(24 * file.size, "the document")
    found = document(file.name, file.read())
    for layout in LAYOUTS:
        columns_and_facts = layout(file.name, found)
        if columns_and_facts is not None:
            return table_source(file.name, "JSON", *columns_and_facts, file.budget)
    variables = flattened(file.name, found)
    return source_of(file.name, "JSON", variables, file.budget)


def document(where: str, content: bytes) -> Json:
    """The document; of a document a line (JSON lines), their list."""
    marked = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    text = content.decode("utf-16" if marked else "utf-8-sig", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        wrong = str(error)
    lines = [line for line in text.split("\n") if line.strip()]
    try:
        if len(lines) > 1 and json.loads(lines[0]) is not None:
            return [json.loads(line) for line in lines]
    except (ValueError, RecursionError) as error:
        wrong = str(error) if not wrong.startswith("Extra data") else wrong
    raise InputError(f"{where}: not a readable JSON file: {wrong[:100]}")


def array(where: str, values: Json) -> np.ndarray[Any, np.dtype[Any]]:
    """A list of numbers; null is missing."""
    try:
        found = np.array([np.nan if value is None else value for value in values])
    except (TypeError, ValueError, OverflowError):
        found = np.empty(0, dtype=object)
    if found.ndim != 1 or found.dtype.kind not in "iuf":
        raise InputError(f"{where}: a list of samples holds something that is no number")
    return found.astype(np.float64)


def number(value: Json) -> float | None:
    try:
        return None if isinstance(value, bool) or value is None else float(value)
    except (TypeError, ValueError):
        return None


Layout = tuple[list[Column], Facts] | None


def kardia(where: str, found: Json) -> Layout:
    """AliveCor's recording: raw samples of each lead, and how many nanovolts one is."""
    data = found.get("data", found) if isinstance(found, dict) else None
    block = (data.get("raw") or data.get("enhanced")) if isinstance(data, dict) else None
    if not isinstance(block, dict) or not isinstance(block.get("samples"), dict):
        return None
    resolution = number(block.get("amplitudeResolution"))
    gain = 1e6 / resolution if resolution else None
    leads = [
        Column(str(name).removeprefix("lead"), None, array(where, values).astype(np.int32), gain=gain)
        for name, values in block["samples"].items()
        if isinstance(values, list) and values
    ]
    return leads, Facts(number(block.get("frequency")), start=parse_moment(str(found.get("recordedAt") or "")))


def apple(where: str, found: Json) -> Layout:
    """A Health export by an app: one ECG with its voltages and their unit."""
    data = found.get("data") if isinstance(found, dict) else None
    records = data.get("ecg") if isinstance(data, dict) else None
    if not isinstance(records, list) or not records or not isinstance(records[0], dict):
        return None
    measured = [record for record in records if isinstance(record, dict) and record.get("voltageMeasurements")]
    if len(measured) != 1:
        raise InputError(f"{where}: holds {len(measured)} ECGs: give a file with one")
    points = measured[0]["voltageMeasurements"]
    values = array(where, [point.get("voltage") if isinstance(point, dict) else point for point in points])
    unit = str(points[0].get("units") or "") if isinstance(points[0], dict) else ""
    rate = number(measured[0].get("samplingFrequency"))
    return [Column("Lead I", unit or None, values)], Facts(
        rate, start=parse_moment(str(measured[0].get("start") or ""))
    )


def fitbit(where: str, found: Json) -> Layout:
    """A Fitbit reading: samples, and how many are a millivolt."""
    records = found.get("ecgReadings") if isinstance(found, dict) else None
    if not isinstance(records, list):
        return None
    if len(records) != 1 or not isinstance(records[0], dict):
        raise InputError(f"{where}: holds {len(records)} ECGs: give a file with one")
    reading = records[0]
    samples = array(where, reading.get("waveformSamples") or []).astype(np.int32)
    column = Column("Lead I", None, samples, gain=number(reading.get("scalingFactor")))
    rate = number(reading.get("samplingFrequencyHz") or reading.get("samplingFrequency"))
    return [column], Facts(rate, start=parse_moment(str(reading.get("startTime") or "")))


def withings(where: str, found: Json) -> Layout:
    """A Withings signal, which is in microvolts."""
    body = found.get("body", found) if isinstance(found, dict) else None
    if (
        not isinstance(body, dict)
        or "sampling_frequency" not in body
        or "signal" not in body
        or "wearposition" not in body
    ):
        return None
    return [Column("Lead I", "uV", array(where, body["signal"]))], Facts(number(body["sampling_frequency"]))


def movesense(where: str, found: Json) -> Layout:
    """Packets of samples with the time of each packet's first; they say no unit."""
    packets = found.get("data", found) if isinstance(found, dict) else found
    if not isinstance(packets, list) or not packets or not isinstance(packets[0], dict):
        return None
    bodies = [
        packet.get("ecg") or packet.get("ECG") or packet.get("Body") or packet
        for packet in packets
        if isinstance(packet, dict)
    ]
    bodies = [
        body for body in bodies if isinstance(body, dict) and isinstance(body.get("Samples", body.get("samples")), list)
    ]
    if not bodies:
        return None
    samples, times = [], []
    for body in bodies:
        part = array(where, body.get("Samples", body.get("samples")))
        when = number(body.get("Timestamp", body.get("timestamp")))
        samples.append(part)
        times.append(
            np.concatenate([[np.nan if when is None else when], np.full(max(0, len(part) - 1), np.nan)])[: len(part)]
        )
    column = Column("ECG", None, np.concatenate(samples))
    if all(np.all(part == np.rint(part)) for part in samples):
        column.values = column.values.astype(np.int32) if column.values is not None else None
    return [Column("timestamp", "ms", np.concatenate(times)), column], Facts()


def fhir(where: str, found: Json) -> Layout:
    """An Observation with sampled data: origin, factor and period."""
    if not isinstance(found, dict) or found.get("resourceType") != "Observation":
        return None
    parts = [*(found.get("component") or []), found]
    sampled = [part for part in parts if isinstance(part, dict) and isinstance(part.get("valueSampledData"), dict)]
    columns, rates = [], set()
    for part in sampled:
        data = part["valueSampledData"]
        origin = data.get("origin") if isinstance(data.get("origin"), dict) else {}
        words = str(data.get("data") or "").split()
        values = array(where, [None if word in ("E", "U", "L") else number(word) for word in words])
        scaled = values * (number(data.get("factor")) or 1.0) + (number(origin.get("value")) or 0.0)
        columns.append(Column(fhir_name(part), origin.get("code") or origin.get("unit"), scaled))
        period = number(data.get("period", data.get("interval")))
        unit = {"s": 1.0, "us": 1e-6}.get(str(data.get("intervalUnit") or "ms"), 1e-3)
        rates.add(1 / (period * unit) if period else None)
    if not columns or len(rates) != 1:
        raise InputError(f"{where}: this Observation has no sampled data of one rate")
    return columns, Facts(rates.pop(), start=parse_moment(str(found.get("effectiveDateTime") or "")))


def fhir_name(part: Mapping[str, Json]) -> str | None:
    """What a component is called: "MDC_ECG_ELEC_POTL_I" is lead I."""
    code = part.get("code")
    codings = code.get("coding") if isinstance(code, dict) else None
    names = [str(coding.get("display") or "") for coding in codings or [] if isinstance(coding, dict)]
    found = next((name for name in names if name), None) or (
        str(code.get("text") or "") if isinstance(code, dict) else ""
    )
    return found.removeprefix("MDC_ECG_ELEC_POTL_") or None


LAYOUTS: tuple[Callable[[str, Json], Layout], ...] = (kardia, apple, fitbit, withings, movesense, fhir)


def flattened(where: str, found: Json) -> dict[str, Any]:
    """Lists of numbers, numbers and texts by their names; a list of rows as columns."""
    if isinstance(found, list):
        found = by_columns(found)
    variables: dict[str, Any] = {}
    waiting = [("", found, 0)]
    while waiting:
        before, value, depth = waiting.pop()
        if isinstance(value, list):
            value = by_columns(value)
        if isinstance(value, dict) and depth < DEEPEST:
            waiting += [
                (f"{before}.{name}" if before else str(name), part, depth + 1) for name, part in reversed(value.items())
            ]
        elif isinstance(value, list):
            variables[before or "signal"] = list_value(value)
        elif isinstance(value, (str, int, float)):
            variables[before] = value
    return variables


def by_columns(rows: list[Json]) -> Json:
    """[{"t": 0, "ecg": 1}, ...] as {"t": [0, ...], "ecg": [1, ...]}; anything else as it is."""
    if not rows or not isinstance(rows[0], dict):
        return rows
    return {name: [row.get(name) if isinstance(row, dict) else None for row in rows] for name in rows[0]}


def list_value(values: list[Json]) -> Any:
    """Numbers as an array, NaN for null; texts and mixtures as objects."""
    plain = [np.nan if value is None else value for value in values]
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in plain):
        try:
            return np.array(plain)
        except OverflowError:
            return np.array(plain, dtype=object)
    rows = [value for value in values if isinstance(value, list)]
    if rows and len(rows) == len(values) and len(set(map(len, rows))) == 1:
        try:
            return np.array(plain, dtype=np.float64)
        except (TypeError, ValueError):
            pass
    return np.array([str(value) for value in plain], dtype=object)
