"""What the lines before a table say: rate, unit, gain, leads, when it begins; and what they say of a person, which
stays there.
"""

import dataclasses
import datetime
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import InputError
from ._clock_names import says_time
from ._leads import is_ecg
from ._times import parse_moment
from ._units import normal_unit, split_unit

__all__ = ["Head", "head_of", "is_fact", "is_remark", "tells_one_lead"]

RATE = re.compile(
    r"samp\w*|abtast\w*|[ée]chantillon\w*|muestr\w*|amostr\w*|campion\w*|bemonster\w*|pr[óo]bkow\w*|acquisition|"
    r"recording"
)
FULL_RATE = re.compile(
    r"fs|sfreq|srate|sps|sampl(?:e|ing)_?(?:rate|freq\w*)|(?:abtast|mess|aufnahme|aufzeichnungs|erfassungs)"
    r"(?:rate|frequenz)|bemonsteringsfrequentie|sampler|målefrekvens"
)
FREQUENCY = re.compile(
    r"rate|freq|frequency|frequenz|fréquence|frecuencia|frequenza|frequência|frequentie|hz|taux|tasa"
)
INTERVAL = re.compile(r"interval|intervall|intervalle|intervalo|period|periode|dt|step|spacing")
NO_RATE = re.compile(
    r"filter\w*|filtre|filtro|notch|mains|line|low\w*|high\w*|cut\w*|band\w*|corner|hr|heart|pulse|puls|cardia\w*|card\w*|"
    r"herz\w*|resp\w*|baud|refresh|number|no|count|size|format|index|bits?|resolution|time|file|id|total|n|num|accel\w*|"
    r"acc|gyro\w*|mag\w*|ppg|spo2|temp\w*|trigger|display|max|min|average|mean|bpm"
)
UNIT = re.compile(
    r"units?|unitname|einheit\w*|unité\w*|unite|unidad\w*|unità|unidade\w*|eenheid|enhet|yunit|yunits|measure"
)
LEAD = re.compile(
    r"leads?|leadname|labels?|channels?|channeltitle|channelname\w*|channellabel\w*|title|ableitung\w*|dérivation\w*|"
    r"derivation|derivación|derivacion|derivazione|derivação|afleiding|sensors?|signal\w*"
)
START = re.compile(
    r"start\w*|begin\w*|begun|record\w*|recorded|recorddate|date\w*|datum|fecha|data|time|timestamp|datetime|acquired|"
    r"acquisition|aufgezeichnet|aufgenommen|aufnahme\w*|enregistr\w*|registr\w*|grabad\w*|exceldatetime|measured|created"
)
PERSON = re.compile(
    r"name|names|nom|nombre|nome|naam|vorname|nachname|prénom|prenom|surname|forename|firstname|lastname|fullname|"
    r"patient\w*|subject\w*|subjekt|person|participant\w*|proband\w*|user|username|id|ident\w*|mrn|ssn|nhs|dob|birth\w*|"
    r"dateofbirth|geburt\w*|geboren|naissance|nacimiento|nascita|nascimento|geboorte\w*|age|alter|âge|edad|età|sex|gender|"
    r"geschlecht|sexe|sexo|email|phone|telefon|address|adresse|doctor|physician|arzt|operator|technician|investigator|"
    r"hospital|comment\w*|note|notes|remark\w*"
)
BIRTH = re.compile(
    r"dob|birth\w*|dateofbirth|geb|geburt\w*|geboren|naissance|n[ée]e?|nacimiento|nascita|nascimento|geboorte\w*"
)
KEPT = re.compile(r"(?:first|last|full)?name|patient\w*|subject\w*|mrn|dob|birth\w*|dateofbirth|geburt\w*")
NUMBER = re.compile(r"[+-]?\d{1,12}(?:[.,]\d{1,12})?(?:[eE][+-]?\d{1,2})?")
PER_SAMPLE = re.compile(r"^\s*([\d.]{1,12})\s*(msec|ms|µs|usec|us|sec|s)\s*/\s*sample\s*$", re.IGNORECASE)
MARKS = re.compile(r"^\s*(?:[#%!;\"']+|//)\s*")
MICROVOLTS = re.compile(r"OpenBCI Raw E[XEMC]G Data")  # by its documentation, in every version
HERTZ = re.compile(r"^(k)?\s*(?:hz|hertz|sps|s/s|1/s|samples?\s*(?:/|per)\s*s\w*|herz)\b", re.IGNORECASE)
SECONDS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "msec": 1e-3, "us": 1e-6, "µs": 1e-6, "": 1.0}


@dataclasses.dataclass
class Head:
    """Facts of the lines before a table.

    Attributes
    ----------
    rate, gain : float or None
        Hz; ADC units per mV.
    labels, units : list of str
        Of the columns, the last of them where there are fewer.
    sensors : list of str
        What the columns are of, as a device says ("ECG").
    raw : bool
        Whether the columns are an ADC's integers.
    start : datetime.datetime or None
    identity : dict
    """

    rate: float | None = None
    gain: float | None = None
    labels: list[str] = dataclasses.field(default_factory=list)
    units: list[str] = dataclasses.field(default_factory=list)
    columns: list[str] = dataclasses.field(default_factory=list)
    sensors: dict[str, str] = dataclasses.field(default_factory=dict)
    raw: bool = False
    start: datetime.datetime | None = None
    identity: dict[str, str] = dataclasses.field(default_factory=dict)


def words(key: str) -> list[str]:
    parts = re.sub(r"(?<=[a-zà-ÿ])(?=[A-Z])", " ", key[:120])
    return [word for word in re.split(r"[^0-9a-zà-ÿ#]+", parts.lower()) if word]


def says(form: re.Pattern[str], key: Sequence[str]) -> bool:
    return any(form.fullmatch(word) for word in key) or form.fullmatch("".join(key)) is not None


def is_fact(cells: Sequence[str]) -> bool:
    """Whether cells are a key and its value ("Unit", "µV"), not headings of columns ("time", "ECG")."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    if len(filled) != 2:
        return False
    key, value = words(filled[0]), filled[1]
    name, _ = split_unit(value)
    if says(PERSON, key):
        return not (is_ecg(name) or normal_unit(value))
    return (
        (rate_in(key, filled[0], value) is not None)
        or (says(UNIT, key) and normal_unit(value) is not None)
        or (says(LEAD, key) and is_ecg(value) and not key[0].startswith("signal") and not says_time(filled[0]))
        or (says(START, key) and parse_moment(value) is not None)
    )


def tells_one_lead(lines: Sequence[str]) -> bool:
    """Whether lines before a table name the unit or the lead of its one column."""
    found = [(words(key), values[0]) for line in lines for key, values in pairs(line)]
    return any(
        (says(UNIT, key) and normal_unit(value)) or (says(LEAD, key) and is_ecg(split_unit(value)[0]))
        for key, value in found
    )


def is_remark(line: str) -> bool:
    """Whether a line tells a fact, in any of the ways of `pairs`, or what a program says of a sample."""
    return PER_SAMPLE.match(line) is not None or any(is_fact([key, values[0]]) for key, values in pairs(line))


def pairs(line: str) -> Iterable[tuple[str, list[str]]]:
    """(key, values) as a line may mean them: "a: b", "a = b", "a := b", "a,b", "a;b", "a<tab>b"."""
    bare = MARKS.sub("", line[:2000]).strip()
    for mark in (":=", "=", ":", ",", ";", "\t"):
        key, found, value = bare.partition(mark)
        if found and key.strip() and len(key) < 120:
            parts = [value.rstrip(",; ")] if mark == "," else re.split(r"[\t;]", value)
            values = [part.strip().strip("\"'").strip() for part in parts]
            yield key.strip().strip("\"'"), [part for part in values if part] or [""]


def number_in(text: str) -> tuple[float | None, str]:
    """The number that a text begins with, in 50 to 4000 where a comma may mean two things, and what follows."""
    found = NUMBER.match(text.strip())
    if not found:
        return None, text
    written, rest = found[0], text.strip()[found.end() :].strip()
    if "," in written:
        both = float(written.replace(",", ".")), float(written.replace(",", ""))
        return next((value for value in both if 50 <= value <= 4000), both[0]), rest
    return float(written), rest


def rate_in(key: Sequence[str], title: str, value: str) -> float | None:
    """Hz, where key and value are about how often samples are taken."""
    number, rest = number_in(value)
    if number is None or number <= 0:
        return None
    hertz = HERTZ.match(rest) or HERTZ.match((split_unit(title)[1] or "").strip())
    said = [
        word
        for word in key
        if word not in ("hz", "khz", "hertz", "in", "the", "ecg", "ekg", "of", "s", "per", "second")
    ]
    if any(NO_RATE.fullmatch(word) for word in said) and not (
        says(FULL_RATE, said) or (says(RATE, said) and says(FREQUENCY, said))
    ):
        return None
    if says(INTERVAL, said):
        unit = SECONDS.get((rest or split_unit(title)[1] or "").split(" ")[0].lower().strip("()[]"))
        return 1 / (number * unit) if unit is not None and 1e-5 < number * unit < 1 else None
    sampled = says(FULL_RATE, said) or (says(RATE, said) and (hertz is not None or says(FREQUENCY, said)))
    if sampled or (hertz and (not said or says(FREQUENCY, said))):
        kilo = bool(hertz and hertz[1]) or "khz" in key
        return number * 1000 if kilo else number
    return None


def head_of(where: str, lines: Sequence[str], keep_identity: bool = False) -> Head:
    """Facts of the lines before a table.

    Parameters
    ----------
    where : str
        The file, for sentences.
    lines : sequence of str
    keep_identity : bool
        Whether what is said of the person is kept.

    Raises
    ------
    InputError
        Where the rate or the gain is stated, and is no number.
    """
    head = Head()
    for line in lines:
        per_sample = PER_SAMPLE.match(line)
        if per_sample:
            head.rate = head.rate or 1 / (float(per_sample[1]) * SECONDS.get(per_sample[2].lower(), 1e-3))
        opened = MARKS.sub("", line)
        if MICROVOLTS.match(opened) and not head.units:
            head.units = ["uV"]
        if opened.startswith("{"):
            devices(head, opened)
            continue
        for key, values in pairs(line):
            if learned(where, head, key, values, keep_identity):
                break
    return head


def learned(where: str, head: Head, title: str, values: list[str], keep_identity: bool) -> bool:
    """Whether a key and its values said something that a reader wants to know, or of a person."""
    key, value = words(title), values[0]
    if key in (
        ["fs"],
        ["sampling", "rate"],
        ["sample", "rate"],
        ["samplerate"],
        ["sfreq"],
        ["rate"],
        ["sampling", "frequency"],
    ):
        number, rest = number_in(value)
        if number is None and head.rate is None:
            raise InputError(f"{where}: in the head, {title!r} must be a number")
        head.rate = head.rate or (number or 0.0) * (
            1000 if re.match(r"\(?khz", rest, re.IGNORECASE) or "khz" in key else 1
        )
        return True
    rate = rate_in(key, title, value)
    if rate is not None:
        head.rate = head.rate or rate
        return True
    if key == ["gain"]:
        number, rest = number_in(value)
        if number is not None and (not rest or "mv" in rest.lower()):
            head.gain = number
        elif number is None:
            raise InputError(f"{where}: in the head, {title!r} must be a number")
        return True
    if says(UNIT, key) and (normal_unit(value) or len(values) > 1):
        head.units = values
        return True
    if says(LEAD, key) and (
        len(values) > 1 or says(re.compile(r"labels?|leads?|ableitung|channeltitle"), key) or is_ecg(value)
    ):
        head.labels = values
        return True
    if says(BIRTH, key) or (says(PERSON, key) and not says(START, key[:1])):
        if keep_identity and says(KEPT, key) and value:
            head.identity.setdefault("_".join(key), value)
        return True
    if says(START, key):
        moment = next((found for text in reversed(values) if (found := parse_moment(text))), None)
        head.start = head.start or moment
        return moment is not None
    return False


def devices(head: Head, text: str) -> None:
    """OpenSignals: for each device a sampling rate, the names of its columns, and the sensors of its channels."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return
    for device in found.values() if isinstance(found, dict) else ():
        if not isinstance(device, dict):
            continue
        rate = device.get("sampling rate")
        if isinstance(rate, (int, float)) and not isinstance(rate, bool):
            head.rate = head.rate or float(rate)
        head.columns += texts(device.get("column"))
        head.sensors |= dict(zip(texts(device.get("label")), texts(device.get("sensor")), strict=False))
        head.raw = head.raw or ("resolution" in device and not device.get("convertedValues"))
        head.start = head.start or moment_of(device)


def moment_of(device: dict[str, Any]) -> datetime.datetime | None:
    """ "2024-1-1" and "9:5:7.25", whose numbers need no zeros before them."""
    numbers = re.findall(r"\d{1,6}", f"{device.get('date', '')} {device.get('time', '')}")
    try:
        year, month, day, hour, minute, second = map(int, numbers[:6])
        micro = int(numbers[6].ljust(6, "0")) if len(numbers) > 6 else 0
        return datetime.datetime(year, month, day, hour, minute, second, micro)
    except ValueError:
        return None


def texts(value: Any) -> list[str]:
    return [str(part) for part in value] if isinstance(value, list) else []
