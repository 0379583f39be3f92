"""Heads over the windows of a recording or of a stream: in the C core where there is one, else in NumPy."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .arithmetic import ONE
from .file import load, to_bytes
from .head import Head, HeadResult, Verdicts

if TYPE_CHECKING:
    from ..encoder import Encoder

__all__ = ["Heads", "Runner", "kept_runners", "runners"]

Heads: TypeAlias = Union[Head, str, bytes, "os.PathLike[str]", Sequence[Union[Head, str, bytes, "os.PathLike[str]"]]]
"""One head or several: the heads themselves, paths of `.eech` files, names of bundled ones, or bytes."""


def runners(heads: Heads, encoder: Encoder) -> dict[str, Runner]:
    """Runners of heads, paths or names, by the names of the heads.

    Raises
    ------
    InputError
        Where a head belongs to another model, or two have one name.
    """
    found: dict[str, Runner] = {}
    for one in [heads] if isinstance(heads, (Head, str, bytes, os.PathLike)) else heads:
        head = one if isinstance(one, Head) else load(one)
        head.check(encoder)
        if head.name in found:
            raise InputError(f"two heads have the name {head.name!r}")
        found[head.name] = Runner(head, encoder)
    return found


def kept_runners(kept: dict[Any, dict[str, Runner]], heads: Heads, encoder: Encoder) -> dict[str, Runner]:
    """`runners`, which are kept where all are Head objects: these do not change, as files may."""
    found = runners(heads, encoder)
    if isinstance(heads, (list, tuple)) and all(isinstance(head, Head) for head in heads):
        kept[tuple(heads)] = found
    return found


class Runner:
    """A head that sees windows in their order."""

    def __init__(self, head: Head, encoder: Encoder):
        self.head, self.exponent = head, encoder.info["exponent"]
        self.width: Sequence[int] = () if head.kind == "softmax" else (len(head.classes),)
        self.engine = self.compiled() if encoder.backend == "c" else None
        self.verdicts = Verdicts(head)

    def compiled(self) -> Any:
        """The head in the C core."""
        from .._core import Classifier

        return Classifier(to_bytes(self.head), self.exponent)

    def reset(self) -> None:
        """Go back to before the first window."""
        self.verdicts.reset()
        if self.engine is not None:
            self.engine.reset()

    def run(self, embedding: NDArray[np.float32], quality: NDArray[np.uint8], fresh: bool = False) -> HeadResult:
        """The next n windows, (n, dim) and (n,); with `fresh` all those of a recording, in any thread."""
        if self.engine is None:
            return self.in_numpy(embedding, quality, Verdicts(self.head) if fresh else self.verdicts)
        n = len(quality)
        result = HeadResult(np.empty((n, len(self.head.classes)), np.float32), np.empty((n, *self.width), np.int8))
        self.engine.run(embedding, quality, *result, fresh)
        return result

    def in_numpy(self, embedding: NDArray[np.float32], quality: NDArray[np.uint8], verdicts: Verdicts) -> HeadResult:
        """The same by the specification."""
        e16 = (embedding * np.float32(2.0**self.exponent)).astype(np.int16)
        probability = self.head.probabilities(e16)
        found = [verdicts.one(p, int(q)) for p, q in zip(probability, quality, strict=True)]
        verdict = np.array(found, np.int8).reshape(len(quality), *self.width)
        return HeadResult(probability.astype(np.float32) / np.float32(ONE), verdict)

    def one(self, embedding: NDArray[np.float32], quality: int) -> HeadResult:
        """The next window, (dim,)."""
        probability, verdict = self.run(embedding[None], np.array([quality], np.uint8))
        return HeadResult(probability[0], verdict[0])
