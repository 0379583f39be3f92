"""What comes out: of a recording, and of a stream."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._progress import clock
from .errors import InputError, MissingDependencyError
from .quality import Quality

if TYPE_CHECKING:
    import datetime
    from collections.abc import Mapping

    from .heads.head import HeadResult

__all__ = ["Analysis", "Result"]


class _Fields(NamedTuple):
    start: NDArray[np.float64]
    embedding: NDArray[np.float32]
    int8: NDArray[np.int8]
    quality: NDArray[np.uint8]


class Analysis(_Fields):
    """What an encoder makes of a recording of n windows; an embedding has `Encoder.dim` numbers.

    Attributes
    ----------
    start : ndarray of float64, shape (n,)
        Start of each window in seconds from the first sample.
    embedding : ndarray of float32, shape (n, dim)
        The embedding of each window.
    int8 : ndarray of int8, shape (n, dim)
        Its int8 form, for radio links; times `Encoder.int8_scale` it approximates the embedding.
    quality : ndarray of uint8, shape (n,)
        Bits of `Quality`; 0 is good.
    recorded : datetime.datetime or None
        When the first sample was taken, where the recording tells it.
    heads : mapping of str to HeadResult
        What each head says of the windows, by its name: `probability` and `verdict`.
    """

    recorded: datetime.datetime | None = None
    heads: Mapping[str, HeadResult] = MappingProxyType({})

    @property
    def good(self) -> NDArray[np.bool_]:
        """Whether each window has no quality flag: a mask of shape (n,), as in `result.embedding[result.good]`."""
        return np.asarray(self.quality == 0)

    @property
    def time(self) -> NDArray[np.datetime64]:
        """Clock time of each window's start, shape (n,), in UTC where the recording has a time zone.

        Raises
        ------
        InputError
            Where the recording does not tell when it began.
        """
        if self.recorded is None:
            raise InputError("the recording does not tell when it began: there are only seconds, in .start")
        offset = self.recorded.utcoffset()
        local = self.recorded.replace(tzinfo=None)
        first = np.datetime64(local - offset if offset else local, "us")
        return first + np.rint(self.start * 1e6).astype("m8[us]")

    def to_frame(self, library: str | None = None) -> Any:
        """A data frame, one row a window: start (seconds), time (where it is known), quality, good, e0, e1, ...

        Parameters
        ----------
        library : {"pandas", "polars"}, optional
            Without it the one that is installed, pandas before polars.

        Returns
        -------
        DataFrame
            One row a window.

        Raises
        ------
        MissingDependencyError
            Where it is not installed.
        """
        columns: dict[str, Any] = {"start": self.start}
        if self.recorded is not None:
            columns["time"] = self.time.astype("M8[ns]")
        columns |= {"quality": self.quality, "good": self.good}
        columns |= {f"e{i}": self.embedding[:, i] for i in range(self.embedding.shape[1])}
        return frame_library(library).DataFrame(columns)

    def _counts(self) -> dict[str, int]:
        names = [str(Quality(int(flags))) for flags in self.quality]
        return {name: names.count(name) for name in sorted(set(names), key=lambda name: (name != "good", name))}

    def _summary(self) -> str:
        n, dim = self.embedding.shape
        length = f"{clock(float(self.start[0]))} to {clock(float(self.start[-1]))}, " if n else ""
        since = f", recorded {self.recorded.isoformat(sep=' ', timespec='seconds')}" if self.recorded else ""
        return f"{n} windows of {dim} numbers, {length}{int(self.good.sum())} good{since}"

    def __repr__(self) -> str:
        return f"<edgeecg.Analysis: {self._summary()}>"

    def _repr_html_(self) -> str:
        """A line of text and a picture, for notebooks."""
        import html  # here: most results are never shown

        from ._picture import picture

        counts = ", ".join(f"{count} {name}" for name, count in self._counts().items())
        return (
            f"<div><p>{html.escape(self._summary())}<br><small>{html.escape(counts)}</small></p>{picture(self)}</div>"
        )


class _ResultFields(NamedTuple):
    start: float
    embedding: NDArray[np.float32]
    int8: NDArray[np.int8]
    quality: Quality


class Result(_ResultFields):
    """What a stream makes of one window; an embedding has `Encoder.dim` numbers.

    Attributes
    ----------
    start : float
        Start of the window in seconds from the first sample pushed.
    embedding : ndarray of float32, shape (dim,)
        The embedding.
    int8 : ndarray of int8, shape (dim,)
        Its int8 form, for radio links; times `Encoder.int8_scale` it approximates the embedding.
    quality : Quality
        Flags; 0 is good.
    heads : mapping of str to HeadResult
        What each head says of the window, by its name: `probability` and `verdict`.
    """

    heads: Mapping[str, HeadResult] = MappingProxyType({})

    @property
    def good(self) -> bool:
        """Whether the window has no quality flag."""
        return self.quality == 0

    def __repr__(self) -> str:
        return f"<edgeecg.Result: {len(self.embedding)} numbers, window at {self.start:g} s, {self.quality}>"


def frame_library(name: str | None) -> Any:
    """The library of data frames that is asked for, or installed."""
    import importlib

    if name not in (None, "pandas", "polars"):
        raise InputError(f'library is "pandas" or "polars", not {name!r}')
    for candidate in ("pandas", "polars") if name is None else (name,):
        try:
            return importlib.import_module(candidate)
        except ImportError:
            continue
    wanted = name or "pandas"
    raise MissingDependencyError(f"to_frame() needs the package {wanted}: pip install {wanted}")
