"""Which of the signals of a file is the ECG: decided by name and unit here, whatever the format."""

import re
from collections.abc import Sequence
from typing import Protocol

from ..errors import InputError
from ._units import normal_unit

__all__ = ["choose_lead", "is_ecg", "is_other", "listed"]

NUMERAL = r"(?:i{1,3}|av[rlf]|avf|v[1-9]r?|[1-3])"
POLE = r"(?:la|ra|ll|rl|r|l|f|n|c[1-6]?|v[1-6x]?|wct|ref)"
# What may stand behind "ECG" in one word: a lead, an electrode, a number, or what people call a signal.
SUFFIX = (
    rf"(?:{NUMERAL}|{POLE}|"
    r"v|x|y|z|a|b|\d{1,3}|m|raw|filt|filtered|clean|cleaned|sig|signal|data|value|values|wave|waveform|lead|ch|chan|"
    r"channel|volt|voltage|sample|samples|adc|mv|uv|amplitude|bit|\d{1,2}bit)"
)
WORD = re.compile(rf"(?:raw|filt|filtered|clean|heart|chest|my|lead|single)?(?:e[ck]g){SUFFIX}{{0,4}}\d{{0,3}}")
FULL = ("electrocardiogram", "elektrokardiogramm", "electrocardiography", "electrocardiograma", "elettrocardiogramma")
LEAD = re.compile(
    rf"(?:(?:lead|ableitung|derivation|derivacion|derivazione|afleiding|dérivation|derivación|deriv|d)[\s_.:-]?)?{NUMERAL}"
    r"|v|m?v[1-9]r?|vx|vy|vz|ml?i{1,3}|mlii|ml[1-6]|mv[1-6]|mcl[1-6]?r?|cm[1-6v]?|cc5|cs[1-5]|cb5|cr5"
    rf"|{POLE}[-_/]{POLE}|(?:la|ra|ll)"
)
NOT_A_LEAD = {"1", "2", "3", "f", "n", "c", "r", "l"}  # what LEAD would take that may be anything
# Other signals, and what is derived from an ECG: never the lead that is taken where none is named.
OTHER = re.compile(
    r"eeg|emg|eog|eda|gsr|scl|scr|erg|meg|ecog|resp\w*|respiration|respiratory|breath\w*|atem\w*|airflow|flow|nasal|"
    r"thor\w*|abd|abdo\w*|pleth\w*|ppg|spo2|sao2|osat|oximet\w*|pulse|puls|bp|nibp|abp|art|cvp|icp|pap|"
    r"press\w*|acc|acc[xyz]|accel\w*|gyr|gyro\w*|gyr[xyz]|mag|magnet\w*|mag[xyz]|motion|activity|temp\w*|tmp|skin|"
    r"hr|bpm|heartrate|hrv|rr|rri|ibi|nn|qrs|qt|st|beat|beats|peak|peaks|rpeak|rpeaks|batt\w*|marker|markers|event|"
    r"events|trigger|trig|trg|annot\w*|label|labels|class|target|stage|hypno\w*|sleep|quality|sqi|status|state|flag|"
    r"flags|leadoff|off|contact|impedance|imp|imped\w*|digital|di|do|din|dout|io|button|light|lux|snor\w*|sound|mic|"
    r"audio|position|pos|posture|co2|etco2|o2|pcg|phono|heartsound|scg|bcg|icg|force|torque|strain|leg|legs|tib\w*|"
    r"chin|plm|loc|roc|eye|counter|count|seq|nseq|sequence|index|time|timestamp|error|confidence|rate|edr|derived|"
    r"speed|steps|latitude|longitude|lat|lon|altitude|noise|artifact|artefact|packet|gain|range|alarm|red|infrared|ir"
)
EEG = re.compile(
    r"(?:fp|af|fc|ft|cp|tp|po|f|c|t|p|o)(?:\d{1,2}|z)(?:[-_:](?:a|m|t)[12]|[-_:](?:a1a2|ref|le|re|ar|av|avg|linked|ear)"
    r"|[-_:](?:fp|af|fc|ft|cp|tp|po|f|c|t|p|o)(?:\d{1,2}|z))?|[am][12][-_:][am][12]|e[12][-_:][am][12]"
)
# Units of what is no voltage; one that nobody knows may be a voltage, misspelt.
OTHER_UNIT = re.compile(
    r"%|mm\s?hg|kpa|pa|cm\s?h2o|bpm|/min|1/min|rpm|brpm|breaths.*|l/min|ml/s|l/s|l|ml|k?ohms?|kω|ω|°?c|deg\s?c|celsius|"
    r"k?hz|g|mg|m/s\^?2|m/\(s\^2\)|deg/s|°/s|rad/s|µ?t|us|µs|μs|usiemens|siemens|s|sec|seconds|ms|msec|min|h|m|cm|mm|"
    r"lux|lx|n|nm|degrees?|deg|°|counts?/min|ppm|db|w|j|kg"
)
OF_AN_EEG = {"eeg", "ref", "le"}  # "EEG EKG-Ref" is how an EEG's recorder calls its ECG


class Named(Protocol):
    """A lead: its name, its unit as written, and whether its values can be those of a signal."""

    @property
    def name(self) -> str: ...
    @property
    def unit(self) -> str | None: ...
    @property
    def constant(self) -> bool: ...
    @property
    def kind(self) -> str | None: ...


def words(name: str) -> list[str]:
    """Lower-case words of a name: "EcgWaveform_2" is ecg, waveform, 2."""
    parts = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name[:200])
    return [word for word in re.split(r"[^0-9a-zà-ÿ]+", parts.lower()) if word]


def is_other(name: str, unit: str | None = None) -> bool:
    """Whether name and unit say that this is no ECG: another signal, or a number derived from one."""
    if unit and not normal_unit(unit) and OTHER_UNIT.fullmatch(unit.strip().lower()[:40]):
        return True
    bare = [re.sub(r"^e[ck]g(?=[a-z]{2})|\d+$", "", word) for word in words(name)]
    said = [word for word in [*words(name), *bare] if OTHER.fullmatch(word)]
    if says_ecg(name):
        return any(word not in OF_AN_EEG for word in said)
    return (
        bool(said)
        or words(name) in (["chest"], ["belt"], ["chest", "belt"])
        or EEG.fullmatch(name.strip().lower()) is not None
    )


def says_ecg(name: str) -> bool:
    return any(WORD.fullmatch(word) or word in FULL for word in [*words(name), *re.split(r"[^0-9a-z]+", name.lower())])


def is_ecg(name: str, unit: str | None = None) -> bool:
    """Whether a name says ECG ("ECGL", "EKG1", "ecg_raw") or is that of one of its leads ("II", "MLII", "Lead I")."""
    if is_other(name, unit):
        return False
    plain = re.sub(r"\s+", " ", name.strip().lower())
    return says_ecg(name) or (plain not in NOT_A_LEAD and LEAD.fullmatch(plain) is not None)


def listed(leads: Sequence[Named]) -> str:
    """Names for a sentence, a dozen at most."""
    names = [repr(lead.name) for lead in leads[:12]]
    return ", ".join(names) + (f" and {len(leads) - 12} more" if len(leads) > 12 else "")


def choose_lead(leads: Sequence[Named], wanted: str | int | None, where: str) -> int:
    """Index of the lead that the user named, or of the one that is the ECG.

    Parameters
    ----------
    leads : sequence of leads
        With name and unit as the file writes them.
    wanted : str, int or None
        A name (or an index as text), an index from 0, or None for the ECG: the first that is called ECG or has the
        name of a lead, else the only signal that nothing says is another.
    where : str
        The file, for the sentence.

    Returns
    -------
    int

    Raises
    ------
    InputError
        Where there is no such lead, or no name decides.
    """
    if not leads:
        raise InputError(f"{where}: the file has no lead")
    return default_lead(leads, where) if wanted is None else named_lead(leads, wanted, where)


def default_lead(leads: Sequence[Named], where: str) -> int:
    titles = [f"{lead.kind} {lead.name}" if lead.kind else lead.name for lead in leads]
    possible = [i for i, lead in enumerate(leads) if not is_other(titles[i], lead.unit)]
    called = [i for i in possible if is_ecg(titles[i], leads[i].unit)]
    live = [i for i in called or possible if not leads[i].constant] or called
    explicit = [i for i in live if says_ecg(titles[i])]
    if called or len(live) == 1:
        return (explicit or live)[0]
    if len(possible) == 1:  # flat
        return possible[0]
    if not possible:
        raise InputError(
            f"{where}: no signal is an ECG by its name and unit: to take one, name it with lead= (--lead), by name or "
            f"index from 0, of {listed(leads)}"
        )
    raise InputError(
        f"{where}: nothing says which signal is the ECG: choose one with lead= (--lead), by name or index from 0, of "
        f"{listed(leads)}"
    )


def named_lead(leads: Sequence[Named], wanted: str | int, where: str) -> int:
    names, text = [lead.name for lead in leads], str(wanted).strip()
    if not isinstance(wanted, str):
        if isinstance(wanted, bool) or not 0 <= wanted < len(leads):
            raise InputError(
                f"{where}: there is no lead {text}; there are {listed(leads)}, indices 0 to {len(leads) - 1}"
            )
        return int(wanted)
    for plain in (str, str.lower, without_title):
        found = [i for i, name in enumerate(names) if plain(name.strip()) == plain(text)]
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(f"{where}: {len(found)} leads are called {text!r}: choose by index, one of {found}")
    if text.isdecimal() and int(text[:9]) < len(leads):
        return int(text)
    raise InputError(f"{where}: there is no lead {text!r}; there are {listed(leads)} (or an index from 0)")


def without_title(name: str) -> str:
    """ "ECG II", "Lead II" and "ii" are one lead."""
    kept = [word for word in words(name) if word not in ("ecg", "ekg", "lead", "channel")]
    return "".join(kept) or name.lower()
