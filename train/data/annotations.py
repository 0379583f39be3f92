"""Annotations of WFDB records: which file, at which rate, and the label they give a window.

The codes are PhysioNet's (https://archive.physionet.org/physiobank/annotations.shtml); the beat classes are those of
ANSI/AAMI EC57.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeecg.io.wfdb_annotations import read_notes

# Of the class of every code that stands for a beat. Apnea-ECG's .apn has the codes N and A for minutes instead.
CLASSES = {
    code: name
    for name, codes in {"N": "NLRBej", "S": "AaJSn", "V": "VEr", "F": "F", "Q": "/fQ?"}.items()
    for code in codes
}
NOTHING = "-"  # label of a window of which no annotation speaks


@dataclass(frozen=True)
class Annotations:
    """`second` (n,) float64 from the record's first sample, rising; `code` (n,) str."""

    second: np.ndarray
    code: np.ndarray


def read_annotations(record: Path, annotator: str, fs: float) -> Annotations:
    """See `read_notes`. Only the codes of beats are kept; of a file without any, the names of rhythms ("AFIB") where it
    marks their changes, else all codes.
    """
    return chosen(*read_notes(record, annotator, fs))


def chosen(second: np.ndarray, code: np.ndarray, text: np.ndarray) -> Annotations:
    if np.isin(code, list(CLASSES)).any():
        kept = np.isin(code, list(CLASSES))
    elif (code == "+").any():
        kept, code = code == "+", np.char.strip(text, "(")
    else:
        kept = np.ones(len(code), bool)
    order = np.flatnonzero(kept)[np.argsort(second[kept], kind="stable")]
    return Annotations(second[order], code[order])


def label_of(codes: list[str], before: str | None) -> str:
    """The label of a window: its most frequent code other than a normal beat, else its most frequent code;
    without any, the code `before` it, which still holds (None: there is none).

    A window with one ectopic beat among ten normal ones gets the ectopic label.
    """
    counts = Counter(sorted(codes))
    unusual = Counter({code: n for code, n in counts.items() if CLASSES.get(code) != "N"})
    for some in (unusual, counts):
        if some:
            return some.most_common(1)[0][0]
    return before or NOTHING


def label_windows(notes: Annotations, start: np.ndarray, length: float) -> tuple[list[str], list[str]]:
    """Label of each window, and all its codes with their counts ("N:10 V:2").

    start: (n,) seconds; length in seconds.
    """
    first, last = (np.searchsorted(notes.second, start + edge) for edge in (0.0, length))
    labels, counts = [], []
    for low, high in zip(first, last, strict=True):
        codes = notes.code[low:high].tolist()
        labels.append(label_of(codes, str(notes.code[low - 1]) if low else None))
        counts.append(" ".join(f"{code}:{n}" for code, n in sorted(Counter(codes).items())))
    return labels, counts
