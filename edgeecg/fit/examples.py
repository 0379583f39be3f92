"""Labelled examples: the embeddings of recordings, each a row with its class and its subject."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._files import write_atomically
from ..errors import EdgeECGError, InputError
from ..heads.head import READABLE
from .labels import Label

if TYPE_CHECKING:
    from ..encoder import Encoder
    from ..results import Analysis

__all__ = ["Examples", "Windows", "embedded", "examples_of"]

Read = Callable[[str], "Analysis"]


@dataclass(frozen=True)
class Windows:
    """Embedded windows of one recording that can be read.

    Attributes
    ----------
    start : ndarray of float64, shape (n,)
    embedding : ndarray of float32, shape (n, dim)
    """

    start: NDArray[np.float64]
    embedding: NDArray[np.float32]


@dataclass(frozen=True)
class Examples:
    """Rows that a classifier is fitted on.

    Attributes
    ----------
    x : ndarray of float32, shape (n, dim)
        The embedding of a window, or the mean of a recording's.
    y : ndarray of int64, shape (n,)
        Index of the class.
    subject : ndarray of str, shape (n,)
    test : ndarray of bool, shape (n,)
    recording : ndarray of str, shape (n,)
    start : ndarray of float64, shape (n,)
        Seconds; NaN of a whole recording.
    classes : tuple of str
        In alphabetical order.
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    subject: NDArray[np.str_]
    test: NDArray[np.bool_]
    recording: NDArray[np.str_]
    start: NDArray[np.float64]
    classes: tuple[str, ...]

    @property
    def of_recordings(self) -> bool:
        """Whether a row is a recording, not a window."""
        return bool(np.isnan(self.start).all())

    def only(self, rows: NDArray[Any]) -> Examples:
        """Some of the rows."""
        return Examples(
            self.x[rows],
            self.y[rows],
            self.subject[rows],
            self.test[rows],
            self.recording[rows],
            self.start[rows],
            self.classes,
        )


def embedded(path: str, encoder: Encoder, read: Read, options: Mapping[str, Any], cache: str | None = None) -> Windows:
    """The readable windows of a recording, from the cache where they are.

    Parameters
    ----------
    path : str
        Of a local file.
    encoder : Encoder
        Whose embeddings they are.
    read : callable
        path -> Analysis.
    options : mapping
        What the embeddings depend on: a part of the key of the cache.
    cache : str, optional
        A folder.
    """
    place = None
    if cache is not None:
        status = os.stat(path)
        made_of = (os.path.abspath(path), status.st_size, status.st_mtime_ns, encoder.info["id"])
        key = repr((*made_of, sorted(options.items())))
        place = os.path.join(cache, hashlib.sha256(key.encode()).hexdigest()[:32] + ".npz")
        if os.path.exists(place):
            try:
                with np.load(place, allow_pickle=False) as kept:
                    return Windows(kept["start"], kept["embedding"])
            except (OSError, ValueError, KeyError, EOFError):
                pass  # damaged: made anew
    analysis = read(path)
    good = (analysis.quality & int(READABLE)) == 0
    windows = Windows(analysis.start[good], analysis.embedding[good])
    if place is not None:
        buffer = io.BytesIO()
        np.savez(buffer, start=windows.start, embedding=windows.embedding)
        write_atomically(place, buffer.getvalue())
    return windows


def examples_of(
    labels: Sequence[Label], windows: Mapping[str, Windows], window: float, say: Callable[[str], None] = print
) -> Examples:
    """Rows of labelled recordings: a recording each, or where labels are of spans a window each.

    Parameters
    ----------
    labels : sequence of Label
        What is known.
    windows : mapping of str to Windows
        By the names in the labels.
    window : float
        Seconds of a window: it belongs to the span that covers more than half of it.
    say : callable
        Takes a line about labels that are left out.

    Raises
    ------
    InputError
        Where nothing is left of the labels, or of all classes but one.
    """
    classes = tuple(sorted({label.label for label in labels}))
    whole = all(label.start == 0 and label.end == np.inf for label in labels)
    rows: list[tuple[Any, ...]] = []
    left_out = 0
    for label in labels:
        of = windows[label.recording]
        covered = np.minimum(of.start + window, label.end) - np.maximum(of.start, label.start)
        picked = np.flatnonzero(covered > window / 2)
        left_out += not len(picked)
        fields = (classes.index(label.label), label.subject, label.test, label.recording)
        if whole and len(picked):
            rows.append((of.embedding[picked].mean(axis=0), *fields, np.nan))
        elif not whole:
            rows += [(of.embedding[i], *fields, of.start[i]) for i in picked]
    if left_out:
        say(f"edgeecg: {left_out} labels are left out: no window of theirs can be read")
    if not rows or len({row[1] for row in rows}) < 2:
        raise InputError("no windows that can be read are left of two classes")
    x, y, subject, test, recording, start = zip(*rows, strict=True)
    return Examples(
        np.array(x, np.float32),
        np.array(y, np.int64),
        np.array(subject, np.str_),
        np.array(test, np.bool_),
        np.array(recording, np.str_),
        np.array(start, np.float64),
        classes,
    )


def read_with(encoder: Encoder, recording_of: Callable[[str], Any], hop: float, nan: Any) -> Read:
    """A reader of paths; errors begin with the path."""

    def read(path: str) -> Analysis:
        try:
            return encoder.analyze(recording_of(path), hop=hop, nan=nan)
        except EdgeECGError as error:
            raise InputError(str(error) if str(error).startswith(path) else f"{path}: {error}") from None

    return read
