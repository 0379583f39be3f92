"""GE MUSE XML (RestingECG): the rhythm, 16-bit samples in Base64, each lead with its microvolts a bit.

Format: the restecg.dtd of GE Healthcare's MUSE XML export.
"""

import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ._files import File
from ._units import UNITS_PER_MV, normal_unit
from ._xml import Element, child, children, decoded, text, tree, words16
from .recording import Lead, Source

__all__ = ["open_source"]


def open_source(file: File, keep_identity: bool = False) -> Source:
    """Open the file: its waveform called Rhythm.

    Of the person it keeps: name, number and birth date of the patient. Raises InputError where there is no rhythm, or
    its samples are cut off.
    """
    root = tree(file)
    waveforms = list(children(root, "Waveform"))
    waveform = next((one for one in waveforms if text(one, "WaveformType").lower() == "rhythm"), None)
    if waveform is None:
        raise InputError(f"{file.name}: not a readable MUSE file: it holds no rhythm")
    rate = rate_of(waveform)
    samples: list[npt.NDArray[np.int16]] = []
    leads: list[Lead] = []
    for part in children(waveform, "LeadData"):
        samples.append(words16(file.name, decoded(file.name, text(part, "WaveFormData"))))
        leads.append(lead_of(part, len(leads), rate))
    if not leads:
        raise InputError(f"{file.name}: not a readable MUSE file: it holds no lead")

    def load(index: int) -> npt.NDArray[Any]:
        return samples[index].astype(np.int32)

    identity = identity_of(child(root, "PatientDemographics")) if keep_identity else {}
    longest = max(len(values) for values in samples)
    return Source(
        file.name, "GE MUSE XML", longest, tuple(leads), load, start_of(child(root, "TestDemographics")), identity
    )


def number(written: str) -> float | None:
    try:
        return float(written)
    except ValueError:
        return None


def rate_of(waveform: Element) -> float | None:
    """The base, and so many tens as its exponent says."""
    base, exponent = number(text(waveform, "SampleBase")), number(text(waveform, "SampleExponent")) or 0.0
    return base * 10**exponent if base is not None and abs(exponent) < 10 else None


def lead_of(part: Element, index: int, rate: float | None) -> Lead:
    step = number(text(part, "LeadAmplitudeUnitsPerBit"))
    unit = text(part, "LeadAmplitudeUnits") or None
    known = normal_unit(unit)
    name = text(part, "LeadID") or str(index)
    if not step:
        return Lead(name, None, None, rate, kind="ECG")  # of bits, which are no microvolts
    gain = UNITS_PER_MV[known] / step if known else None
    return Lead(name, unit, gain, rate, None if known else 1 / step, kind="ECG")


def start_of(test: Element | None) -> datetime.datetime | None:
    """Month, day and year, as MUSE writes them."""
    try:
        return datetime.datetime.strptime(
            f"{text(test, 'AcquisitionDate')} {text(test, 'AcquisitionTime')}", "%m-%d-%Y %H:%M:%S"
        )
    except ValueError:
        return None


def identity_of(patient: Element | None) -> dict[str, str]:
    """What the document says of the patient."""
    names = (
        ("id", "PatientID"),
        ("first_name", "PatientFirstName"),
        ("last_name", "PatientLastName"),
        ("birth_date", "DateofBirth"),
    )
    found = {name: text(patient, tag) for name, tag in names}
    return {name: said for name, said in found.items() if said}
