"""DICOM waveforms (12-lead, general and ambulatory ECG), decoded by pydicom.

Format: DICOM PS3.3, C.10.9 Waveform Module. Of several groups the rhythm is read, not the median beat; each channel
with its sensitivity, correction and baseline, padding as missing.
"""

import datetime
import io
import math
import warnings
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ._decode import attempt, import_decoder
from ._files import File
from ._leads import is_ecg
from ._units import UNITS_PER_MV, normal_unit
from .recording import MISSING, Lead, Source

__all__ = ["open_source"]

DEFLATED: Final = "1.2.840.10008.1.2.1.99"  # a transfer syntax that unpacks to any size
TYPES: Final = {"SB": "i1", "UB": "u1", "SS": "<i2", "US": "<u2", "SL": "<i4", "UL": "<u4"}
TAGS: Final = ("WaveformSequence", "AcquisitionDateTime", "StudyDate", "StudyTime", "ContentDate", "ContentTime")


def open_source(file: File, keep_identity: bool = False) -> Source:
    """Open the file: the longest group of channels that is no median beat.

    Of the person it keeps: name, number and birth date of the patient. Raises InputError where the file is damaged,
    packed or holds no waveform.
    """
    pydicom = import_decoder("pydicom", "DICOM files", "dicom")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that are of nobody's interest here
        data = attempt(file.name, "DICOM file", read, pydicom, file)
        groups = attempt(file.name, "DICOM file", items_of, file.name, data, "WaveformSequence")
        if not groups:
            raise InputError(f"{file.name}: holds no waveform: it may be a picture")
        rhythm = [group for group in groups if "MEDIAN" not in text_of(group, "MultiplexGroupLabel").upper()] or groups
        group = max(rhythm, key=lambda one: number(file.name, one, "NumberOfWaveformSamples", 0.0))
        raw = attempt(file.name, "DICOM file", samples_of, file, group)
        padding = padding_of(group, raw.dtype)
        channels = attempt(file.name, "DICOM file", items_of, file.name, group, "ChannelDefinitionSequence")
        if len(channels) < raw.shape[1]:
            raise InputError(
                f"{file.name}: not a readable DICOM file: it defines {len(channels)} of {raw.shape[1]} channels"
            )
        rate = number(file.name, group, "SamplingFrequency", 0.0)
        leads = tuple(
            attempt(file.name, "DICOM file", lead_of, file.name, channels[i], i, rate) for i in range(raw.shape[1])
        )
        start, identity = start_of(data), identity_of(data) if keep_identity else {}

    def load(index: int) -> npt.NDArray[Any]:
        out = raw[:, index].astype(np.int64)
        missing = raw[:, index] == padding if padding is not None else np.zeros(len(out), bool)
        if out.size and (out.max() >= 2**31 or out.min() <= MISSING):
            return np.where(missing, np.nan, out.astype(np.float64))
        return np.where(missing, MISSING, out).astype(np.int32)

    return Source(file.name, "DICOM", len(raw), leads, load, start, identity)


def read(pydicom: Any, file: File) -> Any:
    """The data set, its waveforms among few other elements."""
    content = file.read()
    if transfer_syntax(content) == DEFLATED:
        raise InputError(f"{file.name}: is a deflated DICOM file, which is not read: store it unpacked")
    tags = [*TAGS, "PatientName", "PatientID", "PatientBirthDate"]
    return pydicom.dcmread(io.BytesIO(content), force=content[128:132] != b"DICM", specific_tags=tags)


def transfer_syntax(content: bytes) -> str:
    """How the data set is written, by the element (0002,0010) of the first bytes."""
    place = content.find(b"\x02\x00\x10\x00UI", 128, 4096)
    size = int.from_bytes(content[place + 6 : place + 8], "little") if place >= 0 else 0
    return content[place + 8 : place + 8 + size].decode("latin-1").strip("\0 ")


def text_of(data: Any, name: str) -> str:
    return str(data.get(name) or "").strip()


def samples_of(file: File, group: Any) -> npt.NDArray[Any]:
    """(n, channels) as stored."""
    kind = TYPES.get(text_of(group, "WaveformSampleInterpretation"))
    if kind is None:
        raise InputError(f"{file.name}: stores its samples in a way that is not read (companded)")
    count, channels = (
        int(number(file.name, group, f"NumberOfWaveform{what}", 0.0)) for what in ("Samples", "Channels")
    )
    content = bytes(group.get("WaveformData") or b"")
    needed = count * channels * np.dtype(kind).itemsize
    if not 0 < needed <= len(content):
        raise InputError(
            f"{file.name}: not a readable DICOM file: it holds {len(content)} of {needed} bytes of samples"
        )
    return np.frombuffer(content, kind, count * channels).reshape(count, channels)


def padding_of(group: Any, dtype: npt.DTypeLike) -> int | None:
    """The stored value of what was not measured."""
    value = group.get("WaveformPaddingValue")
    if isinstance(value, bytes) and len(value) >= np.dtype(dtype).itemsize:
        return int(np.frombuffer(value, dtype, 1)[0])
    return int(value) if isinstance(value, (int, float)) else None


def lead_of(where: str, channel: Any, index: int, rate: float) -> Lead:
    """Name, scale and rate of a channel."""
    sources = items_of(where, channel, "ChannelSourceSequence")
    name = text_of(channel, "ChannelLabel") or (text_of(sources[0], "CodeMeaning") if sources else "") or str(index)
    coded = text_of(sources[0], "CodeMeaning") if sources else ""
    name = coded if is_ecg(coded) and not is_ecg(name) else name
    units = items_of(where, channel, "ChannelSensitivityUnitsSequence")
    unit = text_of(units[0], "CodeValue") if units else None
    sensitivity = number(where, channel, "ChannelSensitivity", None)
    step = (sensitivity or 0.0) * number(where, channel, "ChannelSensitivityCorrectionFactor", 1.0)
    if not 1e-100 < abs(step) < 1e100:
        return Lead(name, None, None, rate)
    known = normal_unit(unit)
    offset = number(where, channel, "ChannelBaseline", 0.0) / step
    gain = UNITS_PER_MV[known] / step if known else None
    return Lead(name, unit, gain, rate, None if known else 1 / step, offset)


def items_of(where: str, data: Any, name: str) -> list[Any]:
    """The data sets of a sequence."""
    value = data.get(name) or []
    items = list(value) if isinstance(value, Sequence) else [value]
    if not all(hasattr(item, "get") for item in items):
        raise InputError(f"{where}: not a readable DICOM file: its {name} is no sequence")
    return items


def number(where: str, data: Any, name: str, otherwise: float | None) -> Any:
    """The number of an element, or what is given where it is absent."""
    value = data.get(name)
    if value in (None, ""):
        return otherwise
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise InputError(f"{where}: not a readable DICOM file: its {name} is {value!r}")
    return found


def start_of(data: Any) -> datetime.datetime | None:
    """When the recording began, by the first of several elements that tells it."""
    texts = [text_of(data, "AcquisitionDateTime")]
    texts += [text_of(data, f"{what}Date") + text_of(data, f"{what}Time") for what in ("Content", "Study")]
    for text in texts:
        digits = text.split(".")[0].split("+")[0]
        try:
            return datetime.datetime.strptime(digits[:14], "%Y%m%d%H%M%S")
        except ValueError:
            continue
    return None


def identity_of(data: Any) -> dict[str, str]:
    """What the data set says of the patient."""
    found = {
        name: text_of(data, tag)
        for name, tag in (("name", "PatientName"), ("id", "PatientID"), ("birth_date", "PatientBirthDate"))
    }
    return {name: text for name, text in found.items() if text}
