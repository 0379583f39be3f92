"""Columns of times by their headings, and the unit of their numbers."""

import re
from typing import Final

__all__ = ["is_index", "says_time", "scale_of"]

WORDS: Final = {
    1e-9: "ns nsec nanos nanosecond nanoseconds nanosekunden",
    1e-6: "us µs μs usec micros microsecond microseconds mikrosekunden",
    1e-3: "ms msec msecs millis millisec millisecs millisecond milliseconds millisekunden milisegundos",
    1.0: "s sec secs second seconds sek sekunde sekunden segundos secondes secondi",
    60.0: "min mins minute minutes minuten minutos",
    3600.0: "h hr hrs hour hours stunden",
    86400.0: "day days",
}
SECONDS_PER: Final = {word: scale for scale, words in WORDS.items() for word in words.split()}
UNITS_ONLY: Final = {"h", "hr", "hrs", "day", "days"}  # as the name of a column they are something else
TIME = re.compile(
    r"t|ts|time|times|timestamp|timestamps|timepoint|date|datetime|elapsed|clock|epoch|unix|utc|gmt|posix|lsl|zeit|"
    r"uhrzeit|zeitstempel|datum|temps|heure|tiempo|fecha|hora|tempo|ora|tijd|tid|time\w{0,4}|\w{0,9}time|"
    r"\w{0,9}timestamp|timestamp\w{0,4}"
)
INDEX: Final = frozenset(
    "sample|sample #|sample number|sample no|sample nr|sample index|sample id|samples|index|idx|n|#|no|nr|row|"
    "row number|number|id|i|frame|counter|count|seq|nseq|sequence|sequence number|seq no|package num|"
    "package num channel|unnamed: 0|level 0".split("|")
)


def words(name: str | None) -> list[str]:
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", (name or "")[:120])
    return [word for word in re.split(r"[^0-9a-zµμ]+", text.lower()) if word]


def plain(name: str | None) -> str:
    return re.sub(r"[\s_.-]+", " ", (name or "").strip().lower())


def is_index(name: str | None) -> bool:
    """Sample numbers, by name."""
    return plain(name) in INDEX


def says_time(name: str | None) -> bool:
    """Whether a heading says that the column is one of times."""
    said = words(name)
    return any(TIME.fullmatch(word) for word in said) or (
        bool(said) and all(word in SECONDS_PER and word not in UNITS_ONLY for word in said)
    )


def scale_of(name: str | None, unit: str | None) -> float | None:
    """Seconds per unit of a column of times, where its unit or its name ("time_ms", "millis") says so."""
    text = (unit or "").strip().lower().strip(".")
    if text in SECONDS_PER:
        return SECONDS_PER[text]
    said = words(name)
    stated = [SECONDS_PER[word] for word in said if word in SECONDS_PER and word not in UNITS_ONLY]
    return stated[-1] if stated else None
