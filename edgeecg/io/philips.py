"""Philips and Sierra XML (restingecgdata 1.03, 1.04, 1.04.01), packed with XLI or not.

XLI packs each lead by LZW of second differences, and the limb leads by how they differ from what I and II make of them.
The schema is SierraECG.xsd of Philips Medical Systems; the packing as the sierra-ecg-tools describe it
(https://github.com/sixlettervariables/sierra-ecg-tools).
"""

import datetime
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ._files import File
from ._xli import unpacked_leads
from ._xml import Element, child, decoded, plain, text, tree, words16
from .recording import Lead, Source

__all__ = ["open_source"]

STANDARD: Final = "I II III aVR aVL aVF V1 V2 V3 V4 V5 V6".split()
UV_PER_MV: Final = 1e3
MOST_SECONDS: Final = 86400


def open_source(file: File, keep_identity: bool = False) -> Source:
    """Open the file: the waveforms of the whole recording, no representative beats.

    Of the person it keeps: name, number and birth date of the patient. Raises InputError where the waveforms are
    missing, cut off or packed in another way.
    """
    root = tree(file)
    parsed = next((each for each in root.iter() if plain(each) == "parsedwaveforms"), None)
    if parsed is None:
        raise InputError(f"{file.name}: not a readable Philips file: it holds no waveforms")
    said = next((each for each in root.iter() if plain(each) == "signalcharacteristics"), None)
    rate = number(parsed.get("samplespersecond") or text(said, "samplingrate"))
    step = number(parsed.get("resolution") or text(said, "resolution") or text(said, "signalresolution"))
    duration = number(parsed.get("durationperchannel"))
    if rate is None or duration is None or not 0 < duration * rate / 1000 <= MOST_SECONDS * rate:
        raise InputError(f"{file.name}: not a readable Philips file: it does not say how long its leads are")
    names = names_of(parsed, said)
    samples = samples_of(file, parsed, names, round(duration * rate / 1000))
    gain = UV_PER_MV / step if step else None
    leads = tuple(Lead(name, "uV" if gain else None, gain, rate, kind="ECG") for name in names[: len(samples)])

    def load(index: int) -> npt.NDArray[Any]:
        return samples[index].astype(np.int32)

    longest = max(len(values) for values in samples)
    identity = identity_of(root) if keep_identity else {}
    return Source(file.name, "Philips XML", longest, leads, load, start_of(root), identity)


def number(written: str | None) -> float | None:
    try:
        value = float(written or "")
    except ValueError:
        return None
    return value if 0 < value < np.inf else None


def names_of(parsed: Element, said: Element | None) -> list[str]:
    """As they are listed; of older files the standard ones."""
    listed = (parsed.get("leadlabels") or "").split()
    if listed:
        return listed
    count = number(text(said, "numberchannelsallocated")) or len(STANDARD)
    return [STANDARD[i] if i < len(STANDARD) else str(i) for i in range(int(min(count, 64)))]


def samples_of(file: File, parsed: Element, names: list[str], length: int) -> list[npt.NDArray[Any]]:
    """Each lead in turn."""
    if (parsed.get("dataencoding") or "Base64").lower() != "base64":
        raise InputError(f"{file.name}: not a readable Philips file: its samples are no Base64")
    content = decoded(file.name, text(parsed))
    packing = (parsed.get("compression") or parsed.get("compressmethod") or "").lower()
    if parsed.get("compressflag", "True").lower() == "false" or packing in ("", "uncompressed", "none"):
        words = words16(file.name, content)
        if len(words) < len(names) * length:
            raise InputError(f"{file.name}: not a readable Philips file: its samples are cut off")
        return [words[i * length : (i + 1) * length] for i in range(len(names))]
    if packing != "xli":
        raise InputError(f"{file.name}: not a readable Philips file: it is packed by {packing[:20]!r}, not XLI")
    file.afford(16.0 * length * len(names), "its leads")
    return limb_leads(unpacked_leads(file.name, content, length), names)


def limb_leads(leads: list[npt.NDArray[np.int64]], names: list[str]) -> list[npt.NDArray[Any]]:
    """III, aVR, aVL and aVF from what is stored of them and from I and II."""
    if names[:6] != STANDARD[:6] or len(leads) < 6 or len({len(lead) for lead in leads[:6]}) != 1:
        return list(leads)
    i, ii, iii, avr, avl, avf = leads[:6]
    third = ii - i - iii
    return [i, ii, third, -avr - (i + ii) // 2, (i - third) // 2 - avl, (ii + third) // 2 - avf, *leads[6:]]


def start_of(root: Element) -> datetime.datetime | None:
    found: Mapping[str, str] = next((each.attrib for each in root.iter() if plain(each) == "dataacquisition"), {})
    try:
        return datetime.datetime.fromisoformat(f"{found.get('date')} {found.get('time')}")
    except ValueError:
        return None


def identity_of(root: Element) -> dict[str, str]:
    """What the document says of the patient."""
    patient = next((each for each in root.iter() if plain(each) == "generalpatientdata"), None)
    names = (
        ("id", ("patientid",)),
        ("first_name", ("name", "firstname")),
        ("last_name", ("name", "lastname")),
        ("birth_date", ("age", "dateofbirth")),
    )
    found = {name: text(child(patient, *path)) if child(patient, *path) is not None else "" for name, path in names}
    return {name: said for name, said in found.items() if said}
