"""What the tables of an archive depend on."""

from __future__ import annotations

import dataclasses
from typing import Any

from .._signal import Nan, check_hop
from ..errors import InputError

__all__ = ["FORMATS", "Options"]

FORMATS = ("parquet", "npz", "csv")


@dataclasses.dataclass(frozen=True)
class Options:
    """How recordings are read and embedded, and how their tables are written.

    Attributes
    ----------
    model : str
        A bundled model's name or the path of an `.eecg` file.
    hop : float
        Seconds from one window's start to the next.
    lead, fs, unit, gain, nan, keep_identity
        As of `edgeecg.io.read` and `edgeecg.embed`.
    int8 : bool
        Whether embeddings are written in their int8 form.
    clock : bool
        Whether clock times are written.
    heads : tuple of str
        Names or paths of heads.
    format : {"parquet", "npz", "csv"}
        Of the tables.

    Raises
    ------
    InputError
        Where a value is out of range.
    """

    model: str = "default"
    hop: float = 10.0
    lead: str | int | None = None
    fs: float | None = None
    unit: str | None = None
    gain: float | None = None
    nan: Nan = "raise"
    keep_identity: bool = False
    int8: bool = False
    clock: bool = False
    heads: tuple[str, ...] = ()
    format: str = "parquet"

    def __post_init__(self) -> None:
        check_hop(self.hop)
        if self.format not in FORMATS:
            raise InputError(f"format is one of {', '.join(FORMATS)}, not {self.format!r}")

    def as_json(self) -> dict[str, Any]:
        """For the manifest."""
        return {**dataclasses.asdict(self), "heads": list(self.heads)}
