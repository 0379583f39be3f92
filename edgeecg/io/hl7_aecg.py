"""HL7 annotated ECG (aECG): the sequences of the rhythm, each with origin and scale.

Format: ANSI/HL7 V3 ECG, R1-2004; Brown and Badilini, HL7 aECG Implementation Guide, 2005.
"""

import datetime
import re
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ._files import File
from ._units import UNITS_PER_MV, normal_unit
from ._xml import Element, child, children, plain, text, tree
from .recording import Lead, Source

__all__ = ["open_source"]

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0}
AUGMENTED = {"AVR": "aVR", "AVL": "aVL", "AVF": "aVF"}
MOMENT = re.compile(r"(\d{8})(\d{6})?(?:\.(\d{1,9}))?([+-]\d{4})?")


def open_source(file: File, keep_identity: bool = False) -> Source:
    """Open the file: its first series of rhythm.

    Of the person it keeps: name, number and birth date of the subject. Raises InputError where there is no series of
    rhythm, or its sequences do not fit together.
    """
    root = tree(file)
    series = rhythm(root)
    if series is None:
        raise InputError(f"{file.name}: not a readable HL7 aECG file: it holds no rhythm")
    clock, sequences = None, []
    for part in children(series, "component"):
        found = [
            sequence
            for each in children(child(part, "sequenceSet"), "component")
            if (sequence := child(each, "sequence")) is not None
        ]
        clock = next((value for sequence in found if (value := clock_of(sequence)) is not None), None)
        sequences = [
            sequence
            for sequence in found
            if clock_of(sequence) is None and child(sequence, "value", "digits") is not None
        ]
        if sequences:
            break
    if not sequences:
        raise InputError(f"{file.name}: not a readable HL7 aECG file: it holds no samples")
    rate, start = rate_and_start(clock)
    contents: list[tuple[Lead, npt.NDArray[Any]]] = [
        lead_of(file.name, sequence, rate, digits_of(file.name, sequence)) for sequence in sequences
    ]

    def load(index: int) -> npt.NDArray[Any]:
        return contents[index][1]

    start = start or moment(attribute(series, "effectiveTime", "low", "value"))
    leads = tuple(lead for lead, _ in contents)
    longest = max(len(values) for _, values in contents)
    return Source(file.name, "HL7 aECG", longest, leads, load, start, identity_of(root) if keep_identity else {})


def rhythm(root: Element) -> Element | None:
    """The first series whose code is that of rhythm, else the first; derived ones (beats) are never it."""
    found = [series for part in children(root, "component") for series in children(part, "series")]
    coded = [series for series in found if "RHYTHM" in (attribute(series, "code", "code")).upper()]
    return next(iter(coded or found), None)


def attribute(element: Element, *path: str) -> str:
    """An attribute, the last of the names, of an element below."""
    found = child(element, *path[:-1])
    return str(found.get(path[-1]) or "") if found is not None else ""


def clock_of(sequence: Element) -> Element | None:
    """The value of a sequence of times."""
    return child(sequence, "value") if attribute(sequence, "code", "code").startswith("TIME_") else None


def rate_and_start(clock: Element | None) -> tuple[float | None, datetime.datetime | None]:
    """Hz by the increment of the times, and the first of them."""
    if clock is None:
        return None, None
    try:
        step = float(attribute(clock, "increment", "value")) * SECONDS.get(
            attribute(clock, "increment", "unit") or "s", 0.0
        )
    except ValueError:
        step = 0.0
    rate = 1 / step if step > 0 else None
    if rate is not None and abs(rate - round(rate)) < 1e-6 * rate:
        rate = float(round(rate))
    return rate, moment(attribute(clock, "head", "value"))


def moment(written: str) -> datetime.datetime | None:
    """20240102030405.678-0500."""
    found = MOMENT.fullmatch(written.strip())
    if not found:
        return None
    try:
        whole = datetime.datetime.strptime(found[1] + (found[2] or "000000"), "%Y%m%d%H%M%S")
        whole += datetime.timedelta(microseconds=int((found[3] or "").ljust(6, "0")[:6]))
        return whole.replace(tzinfo=datetime.datetime.strptime(found[4], "%z").tzinfo) if found[4] else whole
    except (ValueError, OverflowError):
        return None


def digits_of(where: str, sequence: Element) -> npt.NDArray[Any]:
    """The samples of a sequence: whole numbers as int32."""
    words = text(sequence, "value", "digits").split()
    try:
        values = np.array(words, "S32").astype(np.float64) if words else np.empty(0)
    except ValueError:
        raise InputError(f"{where}: not a readable HL7 aECG file: a sample is no number") from None
    if not len(values):
        raise InputError(f"{where}: not a readable HL7 aECG file: a lead has no samples")
    whole = np.all(values == np.rint(values)) and np.all(np.abs(values) < 2.0**31)
    return values.astype(np.int32) if whole else values


def lead_of(
    where: str, sequence: Element, rate: float | None, digits: npt.NDArray[Any]
) -> tuple[Lead, npt.NDArray[Any]]:
    """A lead and its samples: whole numbers with a gain, others in their unit."""
    name = attribute(sequence, "code", "code").removeprefix("MDC_ECG_LEAD_")
    name = AUGMENTED.get(name.upper(), name) or "ECG"
    value = child(sequence, "value")
    try:
        step = float(attribute(value, "scale", "value") or 0)
        origin = float(attribute(value, "origin", "value") or 0)
    except ValueError:
        raise InputError(f"{where}: not a readable HL7 aECG file: lead {name!r} has no readable scale") from None
    if not 0 < abs(step) < np.inf or not abs(origin) < np.inf:
        return Lead(name, None, None, rate), digits
    unit = attribute(value, "scale", "unit") or None
    known, of_origin = normal_unit(unit), normal_unit(attribute(value, "origin", "unit") or unit)
    if known and of_origin:
        origin *= UNITS_PER_MV[known] / UNITS_PER_MV[of_origin]
    if digits.dtype.kind == "f":
        return Lead(name, unit, None, rate), digits * step + origin
    gain = UNITS_PER_MV[known] / abs(step) if known else None
    lead = Lead(name, unit, gain, rate, None if known else 1 / abs(step), origin / abs(step))
    return lead, digits if step > 0 else -digits


def identity_of(root: Element) -> dict[str, str]:
    """What the document says of the subject."""
    found: dict[str, str] = {}
    for element in root.iter():
        if plain(element) == "trialsubject":
            found["id"] = attribute(element, "id", "extension")
        if plain(element) == "subjectdemographicperson":
            named = child(element, "name")
            found["name"] = " ".join(" ".join(named.itertext()).split()) if named is not None else ""
            found["birth_date"] = attribute(element, "birthTime", "value")
    return {name: said for name, said in found.items() if said}
