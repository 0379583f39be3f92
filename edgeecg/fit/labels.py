"""Labels of recordings or of spans of them, from a table, and the recordings that they name."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ..errors import InputError
from ..io import SUFFIXES

__all__ = ["Label", "by_file", "find_recordings", "read_labels"]

COLUMNS = {
    "recording": ("recording", "record", "file", "filename", "path", "name"),
    "label": ("label", "class", "diagnosis", "rhythm"),
    "subject": ("subject", "patient", "person", "subject_id", "patient_id"),
    "start": ("start", "start_s", "begin", "onset"),
    "end": ("end", "end_s", "stop", "offset"),
    "split": ("split", "set", "fold"),
}
TEST = ("test", "testing", "holdout", "heldout")
TRAIN = ("train", "training", "dev", "val", "valid", "validation")


class Label(NamedTuple):
    """What is known of a recording, or of a span of it.

    Attributes
    ----------
    recording : str
        A name or a path.
    label : str
        A class.
    subject : str
        The person; the recording where no column tells.
    start, end : float
        Seconds; 0 and infinity for the whole recording.
    test : bool
        Whether it is kept for the test, by the column `split`.
    """

    recording: str
    label: str
    subject: str
    start: float = 0.0
    end: float = math.inf
    test: bool = False


def read_labels(path: str | os.PathLike[str]) -> list[Label]:
    """Read a CSV file with a heading: `recording` and `label`, and if there are `subject`, `start`, `end` and `split`.

    Parameters
    ----------
    path : str or path-like
        A row a label; the delimiter is a comma, a semicolon or a tab. `start` and `end` are seconds.

    Returns
    -------
    list of Label

    Raises
    ------
    InputError
        Where a column is missing, a cell is empty or no number, there is one class only, or a subject is on both sides
        of the column `split`.
    """
    name = os.fspath(path)
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    first = text.split("\n", 1)[0]
    rows = csv.DictReader(text.splitlines(), delimiter=max(",;\t", key=first.count))
    columns = columns_of(name, rows.fieldnames or [])
    labels = [label_of(f"{name}: line {line}", row, columns) for line, row in enumerate(rows, 2) if any(row.values())]
    check_labels(name, labels)
    return labels


def columns_of(name: str, titles: Sequence[str]) -> dict[str, str]:
    """Titles by what they hold."""
    plain = {title.strip().lower(): title for title in titles if title}
    found = {what: next((plain[one] for one in known if one in plain), None) for what, known in COLUMNS.items()}
    for needed in ("recording", "label"):
        if found[needed] is None:
            there = ", ".join(titles) or "none"
            raise InputError(f"{name}: needs the columns 'recording' and 'label'; there is {there}")
    return {what: title for what, title in found.items() if title is not None}


def label_of(where: str, row: Mapping[str, str | None], columns: Mapping[str, str]) -> Label:
    """One row."""
    cells = {what: (row.get(title) or "").strip() for what, title in columns.items()}
    for needed in ("recording", "label", *(["subject"] if "subject" in columns else [])):
        if not cells[needed] or cells[needed].lower() in ("nan", "none", "null"):
            raise InputError(f"{where}: the cell {columns[needed]!r} is empty")
    try:
        start, end = float(cells.get("start") or 0.0), float(cells.get("end") or math.inf)
    except ValueError:
        said = f"{cells.get('start')!r} and {cells.get('end')!r}"
        raise InputError(f"{where}: start and end are seconds, not {said}") from None
    if not 0 <= start < end:
        raise InputError(f"{where}: a span needs 0 <= start < end")
    split = cells.get("split", "").lower()
    if split and split not in TEST + TRAIN:
        raise InputError(f"{where}: the column {columns['split']!r} says 'train' or 'test', not {split!r}")
    return Label(
        cells["recording"], cells["label"], cells.get("subject") or cells["recording"], start, end, split in TEST
    )


def check_labels(name: str, labels: Sequence[Label]) -> None:
    """Refuse one class only, and subjects on both sides of a split."""
    classes = {label.label for label in labels if not label.test}
    if len(classes) < 2:
        raise InputError(f"{name}: a head needs two classes or more, and there is {', '.join(classes) or 'no label'}")
    trained, tested = ({label.subject for label in labels if label.test is side} for side in (False, True))
    both = sorted(trained & tested)
    if both:
        some = ", ".join(both[:3])
        raise InputError(f"{name}: {len(both)} subjects are both in train and in test ({some}): split by subject")


def find_recordings(labels: Iterable[Label], places: Sequence[str]) -> dict[str, str]:
    """Paths of the labelled recordings, which lie in folders or are files.

    Parameters
    ----------
    labels : iterable of Label
        Whose recordings are looked for.
    places : sequence of str
        Folders, whose folders are looked at too, and files.

    Returns
    -------
    dict
        Paths by the names in the labels.

    Raises
    ------
    InputError
        Where a label matches no recording, or a name two; the sentence says which.
    """
    wanted = sorted({label.recording for label in labels})
    known = index_of(places)
    found = {}
    for name in wanted:
        paths = known.get(os.path.normpath(name).lower()) or known.get(os.path.basename(name).lower()) or []
        if len(paths) > 1:
            raise InputError(f"the label of {name!r} may mean {paths[0]} or {paths[1]}: write the path in the labels")
        if paths:
            found[name] = paths[0]
        elif os.path.isfile(name):
            found[name] = name
    missing = [name for name in wanted if name not in found]
    if missing:
        some = ", ".join(missing[:3]) + (" ..." if len(missing) > 3 else "")
        where = ", ".join(places[:3])
        raise InputError(f"{len(missing)} of {len(wanted)} labelled recordings are not in {where}: {some}")
    return found


def by_file(labels: Sequence[Label], paths: Mapping[str, str]) -> list[Label]:
    """The labels, whose subject is the file where no column tells: two names of one file are one person.

    Raises
    ------
    InputError
        Where a subject or a file is on both sides of a split.
    """
    found = [
        label._replace(subject=paths[label.recording]) if label.subject == label.recording else label
        for label in labels
    ]
    check_labels("the labels", found)
    check_labels("the labels", [label._replace(subject=paths[label.recording]) for label in labels])
    return found


def index_of(places: Sequence[str]) -> dict[str, list[str]]:
    """Paths by name, by name without suffix, and by path from the place, in small letters: a header before its data."""
    known: dict[str, list[str]] = {}
    for place in places:
        if not os.path.exists(place):
            raise InputError(f"{place}: there is no such file or folder")
        files = [place] if os.path.isfile(place) else walk(place)
        stems: dict[str, str] = {}
        for path in sorted(files, key=lambda path: (rank(path), path)):
            stems.setdefault(os.path.splitext(path.removesuffix(".gz"))[0], path)
            known.setdefault(os.path.basename(path).lower(), []).append(path)
            known.setdefault(os.path.relpath(path, place).lower(), [path])
        for stem, path in stems.items():
            name = os.path.basename(stem).lower()
            if path not in known.setdefault(name, []):
                known[name].append(path)
            known.setdefault(os.path.relpath(stem, place).lower(), [path])
    return known


def walk(folder: str) -> list[str]:
    found = [os.path.join(root, name) for root, _, names in os.walk(folder) for name in names]
    return [path for path in found if rank(path) < len(SUFFIXES) and not os.path.basename(path).startswith(".")]


def rank(path: str) -> int:
    """Which file of a record is opened: the lowest."""
    suffix = os.path.splitext(path.lower().removesuffix(".gz"))[1]
    return SUFFIXES.index(suffix) if suffix in SUFFIXES else len(SUFFIXES)
