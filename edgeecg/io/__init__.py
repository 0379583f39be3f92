"""Recordings from files: one module a format, each importing its library only when a file asks for one.

recording = edgeecg.io.read("100.hea", lead="MLII")
edgeecg.embed(recording)
"""

import dataclasses
import os
import warnings
from io import BytesIO
from typing import Any

from ..errors import InputError
from ._files import File, is_url, open_file
from ._folders import SUFFIXES, recordings_in, resolved
from ._formats import FORMATS, check_packages, format_of, open_with
from .recording import MISSING, Lead, Recording, Source

__all__ = [
    "FORMATS",
    "MISSING",
    "SUFFIXES",
    "Lead",
    "Recording",
    "Source",
    "check",
    "open_source",
    "read",
    "recordings_in",
]

SMALL = 1 << 20
"""Bytes of a file that is opened as quickly as a header."""


def open_source(where: Any, keep_identity: bool = False) -> Source:
    """Open a recording, whose format its bytes tell.

    Parameters
    ----------
    where : str, path, bytes or file object
        A file, a folder that holds one recording, the name of a record without its suffix, a URL that fsspec reads
        ("https://...", "s3://...", "memory://..."), or the content itself; packed with gzip too.
    keep_identity : bool
        Whether names, numbers and birth dates of the person are kept (`Source.identity`).

    Returns
    -------
    Source
        Its leads, and how their samples are read.

    Raises
    ------
    InputError
        Where there is no such file, it is damaged, or of no known format.
    MissingDependencyError
        Where reading it needs a package that is not installed.
    """
    file = located(where)
    return open_with(format_of(file), file, keep_identity)


def located(where: Any) -> File:
    if isinstance(where, (str, os.PathLike)) and not is_url(where):
        where = resolved(os.fsdecode(where))
    return open_file(where)


def check(
    where: Any,
    lead: str | int | None = None,
    fs: float | None = None,
    unit: str | None = None,
    gain: float | None = None,
) -> Lead | None:
    """Refuse what cannot be read here, without much work.

    A file with a header, or a small one, is opened, and lead and unit are decided. Of a large text the first lines are
    read: they tell whether there is a rate.

    Parameters
    ----------
    where, lead, fs, unit, gain
        As of `read`.

    Returns
    -------
    Lead or None
        The lead that `read` takes; None where what was read does not decide.

    Raises
    ------
    InputError, MissingDependencyError
        As `read`; of a large file without a header as far as its first bytes tell.
    """
    file = located(where)
    form = format_of(file)
    check_packages(form)
    small = form.quick or file.size <= SMALL
    if not small and not form.rows:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they come when it is read
        try:
            source = open_with(form, file if small else beginning(file), False)
            chosen = source.leads[source.chosen(lead, fs, unit, gain)[0]]
            if not form.quick:
                source.recording(lead, fs, unit, gain).require_scale()
            return chosen
        except InputError:
            if small:
                raise
            return None  # rows that are not looked at may be of another opinion


def beginning(file: File) -> File:
    """The first whole lines of a text."""
    head = file.read(0, SMALL)
    content = head[: head.rfind(b"\n") + 1] or head
    return dataclasses.replace(file, size=len(content), opener=lambda: BytesIO(content))


def read(
    where: Any,
    lead: str | int | None = None,
    fs: float | None = None,
    unit: str | None = None,
    gain: float | None = None,
    keep_identity: bool = False,
) -> Recording:
    """Read one lead of a recording.

    Parameters
    ----------
    where : str, path, bytes or file object
        As for `open_source`.
    lead : str or int, optional
        Name, or index from 0; without one the lead that is the ECG by its name, or the only signal.
    fs : float, optional
        Sampling rate in Hz, where the file does not tell or is wrong.
    unit : {"mV", "uV", "V", "nV"}, optional
        The physical unit of the lead. A scale in the header stays.
    gain : float, optional
        ADC units per mV, instead of the header's scale.
    keep_identity : bool, default False
        Whether what the file says of the person is kept.

    Returns
    -------
    Recording
        Samples, rate, unit or gain, and when it begins.

    Raises
    ------
    InputError
        Where the file cannot be read, or a lead, a rate or a unit has to be given; the sentence says which.
    MissingDependencyError
        Where reading it needs a package that is not installed.

    Warns
    -----
    RecordingWarning
        Where the recording is incomplete, and what there is of it was read.
    """
    return open_source(where, keep_identity).recording(lead, fs, unit, gain)
