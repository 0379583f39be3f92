"""Labels from the rhythm annotations of WFDB records."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .. import io
from ..errors import InputError
from ..io.wfdb_annotations import read_notes
from .labels import Label, check_labels, walk

__all__ = ["rhythm_labels"]


def rhythm_labels(places: Sequence[str], annotator: str) -> list[Label]:
    """Spans between rhythm changes ("(AFIB", "(N") of every record that has them; each record is a subject.

    Parameters
    ----------
    places : sequence of str
        Folders, whose folders are looked at too, and headers.
    annotator : str
        Suffix of the annotation files: atr, ...

    Returns
    -------
    list of Label

    Raises
    ------
    InputError
        Where there is no such annotation of two rhythms.
    """
    labels = []
    for place in places:
        for path in sorted(walk(place)) if os.path.isdir(place) else [place]:
            record = Path(path).with_suffix("")
            if path.endswith(".hea") and record.with_suffix(f".{annotator}").is_file():
                labels += labels_of(path, record, annotator)
    if not labels:
        raise InputError(f"{places[0]}: no record has rhythm annotations in a file .{annotator}")
    check_labels(f"the annotations .{annotator}", labels)
    return labels


def labels_of(path: str, record: Path, annotator: str) -> list[Label]:
    """The spans of one record."""
    second, _, text = read_notes(record, annotator, io.open_source(path).leads[0].fs or 0.0)
    changes = [
        (at, words.strip("(")) for at, words in zip(second.tolist(), text.tolist(), strict=True) if words[:1] == "("
    ]
    ends = [at for at, _ in changes[1:]] + [np.inf]
    return [
        Label(path, rhythm, str(record), max(0.0, at), end)
        for (at, rhythm), end in zip(changes, ends, strict=True)
        if end > max(0.0, at)
    ]
