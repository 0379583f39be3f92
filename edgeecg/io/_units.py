"""Units of voltage, as people and devices spell them."""

import re
from typing import Final

__all__ = ["UNITS_PER_MV", "normal_unit", "split_unit"]

UNITS_PER_MV: Final = {"nV": 1e6, "uV": 1e3, "mV": 1.0, "V": 1e-3}

NANO, MICRO, MILLI = ("n", "nano"), ("u", "µ", "μ", "mc", "mic", "mcro", "micro", "mikro"), ("m", "mili", "milli")
PREFIXES = {prefix: unit for unit, same in (("nV", NANO), ("uV", MICRO), ("mV", MILLI)) for prefix in same} | {"": "V"}
SPELLED = re.compile(rf"({'|'.join(sorted(PREFIXES, key=len, reverse=True))})[\s_.-]*(?:v|volt|volts|voltios?)")
POWER = re.compile(r"(?:1e|10\s?\^\s?)(-[369]|-0[369])\s?\*?\s?v(?:olts?)?")
# A micro sign in UTF-8 that was read as latin-1, and signs as markup.
MANGLED = (("Â\xb5", "µ"), ("Î¼", "μ"), ("&micro;", "µ"), ("&mu;", "μ"), ("\\u00b5", "µ"), ("\\mu", "u"))
PER_STEP = re.compile(r"\s*(?:/|per\s)\s*(?:lsb|bit|bits|count|counts|step|nu|adu|au|digit)$")
IN_BRACKETS = re.compile(r"^([^()\[\]{}]{0,200}?)[\s_]*[(\[{]([^()\[\]{}]{0,40})[)\]}]\s*$")
BEHIND = re.compile(r"^(.{0,200}?)(?:\s*[/,;:|]\s*|\s+in\s+|[\s_.-]+)([^\s_/,;:|.-]{2,12})$")
GLUED = re.compile(r"^(.{0,40}e[ck]g.{0,20}?)([muµμ]v)$", re.IGNORECASE)


def normal_unit(text: str | None) -> str | None:
    """The unit of voltage that a text means.

    Parameters
    ----------
    text : str or None
        As a header writes it: "uV", "µV", "microvolts", "Milli Volt", also with a micro sign in the wrong encoding.

    Returns
    -------
    str or None
        "mV", "uV", "V" or "nV"; None for what is no voltage.
    """
    text = (text or "")[:64].replace("\0", " ").strip().strip("()[]{}\"'").strip()
    for mangled, meant in MANGLED:
        text = text.replace(mangled, meant)
    text = PER_STEP.sub("", text.lower())
    found = POWER.fullmatch(text)
    if found:
        return {-9: "nV", -6: "uV", -3: "mV"}[int(found[1])]
    found = SPELLED.fullmatch(text)
    return PREFIXES[found[1]] if found else None


def split_unit(name: str) -> tuple[str, str | None]:
    """A column's heading as name and unit.

    Parameters
    ----------
    name : str
        "ECG (mV)", "time [s]", "ecg_uV", "ECG/mV", "mV", "II".

    Returns
    -------
    tuple of str and str or None
        What stands in brackets is the unit whatever it is; what stands behind a mark or a blank only where it is a
        voltage of more than one letter ("ecg_V" may be a lead).
    """
    name = name[:240].strip()
    found = IN_BRACKETS.match(name)
    if found and found[2].strip():
        return found[1].strip(), found[2].strip()
    for form in (BEHIND, GLUED):
        found = form.match(name)
        if found and normal_unit(found[2]):
            return found[1].strip(), found[2]
    if name.upper() != "V" and normal_unit(name):
        return "", name
    return name, None
