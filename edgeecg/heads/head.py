"""A head, and what it says of windows: probabilities, and verdicts with their thresholds and smoothing."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..quality import Quality
from .arithmetic import ONE, logits, probabilities

if TYPE_CHECKING:
    from ..encoder import Encoder

__all__ = ["MOST_CLASSES", "UNDECIDED", "UNREADABLE", "Head", "HeadResult", "Smoothing", "Verdicts"]

Kind: TypeAlias = Literal["softmax", "independent"]
MOST_CLASSES = 16
MOST_WINDOWS = 32
UNDECIDED = -1
"""The verdict of a softmax head where no class reaches its threshold."""
UNREADABLE = -2
"""The verdict of a window whose quality the head does not accept."""
READABLE = Quality.MISSING | Quality.LEAD_OFF | Quality.FLAT


class Smoothing(NamedTuple):
    """A class is on once `k` of the last `n` readable windows are positive, and off below `hold` of them.

    Attributes
    ----------
    k, n : int
        1 <= k <= n <= 32.
    hold : int
        At most k; 1 keeps a class on as long as one of the last n windows is positive.
    """

    k: int
    n: int
    hold: int


class HeadResult(NamedTuple):
    """What a head says of n windows, or of one (then without the first axis).

    Attributes
    ----------
    probability : ndarray of float32, shape (n, classes)
        Multiples of 2^-15.
    verdict : ndarray of int8
        Of a softmax head, shape (n,): the index of a class, or -1 where none reaches its threshold. Of independent
        classes, shape (n, classes): 1 or 0. -2 where the quality of the window does not let it be read.
    """

    probability: NDArray[np.float32]
    verdict: NDArray[np.int8]


@dataclasses.dataclass(frozen=True, eq=False)
class Head:
    """A linear classifier on the int16 embedding of one model, in integers.

    Attributes
    ----------
    name : str
        For columns of tables.
    classes : tuple of str
        1 to 16 names; a softmax head has 2 at least.
    kind : {"softmax", "independent"}
        One class a window, or any number of them.
    weights : ndarray of int16, shape (classes, dim)
    bias : ndarray of int64, shape (classes,)
    shift : int
        1 to 47: (weights * embedding + bias) / 2^shift is a logit in units of 2^-11.
    thresholds : ndarray of uint16, shape (classes,)
        In units of 2^-15: what a probability has to reach.
    smoothing : Smoothing or None
    unreadable : int
        Bits of `Quality`: a window with one of them gets no verdict.
    model_id : bytes
        32 bytes: `Encoder.info["id"]` of the model whose embeddings it takes.
    info : mapping
        Training sources, metrics, licence: what JSON holds.

    Raises
    ------
    InputError
        Where a value is out of range.
    """

    name: str
    classes: tuple[str, ...]
    kind: Kind
    weights: NDArray[np.int16]
    bias: NDArray[np.int64]
    shift: int
    thresholds: NDArray[np.uint16]
    model_id: bytes
    smoothing: Smoothing | None = None
    unreadable: int = int(READABLE)
    info: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        k = len(self.classes)
        least = 2 if self.kind == "softmax" else 1
        require(self.kind in ("softmax", "independent"), f'kind is "softmax" or "independent", not {self.kind!r}')
        require(least <= k <= MOST_CLASSES, f"a {self.kind} head has {least} to {MOST_CLASSES} classes, not {k}")
        require(len(set(self.classes)) == k and all(self.classes), "the names of the classes must differ")
        require(self.weights.shape[:1] == (k,) and self.weights.ndim == 2, "weights must have the shape (classes, dim)")
        require(1 <= self.weights.shape[1] <= 1024, "the embedding must have 1 to 1024 numbers")
        require(self.bias.shape == (k,) and self.thresholds.shape == (k,), "each class has one bias and one threshold")
        require(bool(np.all(np.abs(self.bias) < 1 << 46)), "a bias must be below 2^46")
        require(bool(np.all(self.thresholds <= ONE)), "a threshold is at most 1")
        require(1 <= self.shift <= 47, f"shift is 1 to 47, not {self.shift}")
        require(0 <= self.unreadable <= 255, "unreadable holds bits of Quality")
        require(len(self.model_id) == 32, "model_id has 32 bytes")
        if self.smoothing is not None:
            windows, n, hold = self.smoothing
            fits = 1 <= hold <= windows <= n <= MOST_WINDOWS
            require(fits, f"smoothing needs 1 <= hold <= k <= n <= {MOST_WINDOWS}, not {tuple(self.smoothing)}")

    @property
    def dim(self) -> int:
        """Numbers of the embedding."""
        return int(self.weights.shape[1])

    def check(self, encoder: Encoder) -> None:
        """Refuse the head of another model.

        Raises
        ------
        InputError
            Where the encoder's embeddings are not those that the head was fitted on.
        """
        if bytes.fromhex(encoder.info["id"]) != self.model_id:
            raise InputError(
                f"head {self.name!r} belongs to the model with id {self.model_id.hex()[:16]}, not to "
                f"{encoder.info['name']!r} with id {encoder.info['id'][:16]}: fit it again (edgeecg fit)"
            )

    def logits(self, embedding: NDArray[np.int16]) -> NDArray[np.int32]:
        """(n, dim) int16 embeddings -> (n, classes) int32 logits in units of 2^-11."""
        return logits(embedding, self.weights, self.bias, self.shift)

    def probabilities(self, embedding: NDArray[np.int16]) -> NDArray[np.uint16]:
        """(n, dim) int16 embeddings -> (n, classes) uint16 probabilities in units of 2^-15."""
        return probabilities(self.logits(embedding), self.kind == "independent")

    def names(self, verdict: NDArray[np.int8]) -> NDArray[np.str_]:
        """Verdicts in words, shape (n,): a class, "undecided" or "unreadable"; or those that are on, "A+B" or "none".

        Parameters
        ----------
        verdict : ndarray of int8, shape (n,) or (n, classes)
            As `HeadResult` has it.
        """
        if self.kind == "softmax":
            known = np.array([*self.classes, "unreadable", "undecided"], np.str_)  # indexed from behind too
            return np.asarray(known[verdict])
        words = [
            "unreadable" if UNREADABLE in row else "+".join(np.array(self.classes)[row == 1]) or "none"
            for row in np.asarray(verdict)
        ]
        return np.array(words, np.str_)

    def __repr__(self) -> str:
        return f"<edgeecg.Head {self.name!r}: {self.kind}, {', '.join(self.classes)}>"


class Verdicts:
    """Verdicts of windows that come one after the other: thresholds, then smoothing over the last windows.

    Parameters
    ----------
    head : Head
    """

    def __init__(self, head: Head):
        self.head = head
        self.reset()

    def reset(self) -> None:
        """Go back to before the first window."""
        self.recent: deque[NDArray[np.bool_]] = deque(maxlen=self.head.smoothing.n if self.head.smoothing else 1)
        self.on = np.zeros(len(self.head.classes), np.bool_)

    def one(self, probability: NDArray[np.uint16], quality: int) -> NDArray[np.int8]:
        """The verdict of the next window, shape () or (classes,)."""
        head = self.head
        softmax = head.kind == "softmax"
        if quality & head.unreadable:
            return np.full(() if softmax else len(head.classes), UNREADABLE, np.int8)
        positive = probability >= head.thresholds
        if softmax:
            positive &= np.arange(len(positive)) == np.argmax(probability)
        if head.smoothing is not None:
            positive = self.smoothed(positive, head.smoothing)
        if softmax:
            return np.array(np.argmax(positive) if positive.any() else UNDECIDED, np.int8)
        return positive.astype(np.int8)

    def smoothed(self, positive: NDArray[np.bool_], smoothing: Smoothing) -> NDArray[np.bool_]:
        """Which classes are on. Of a softmax head one at most: the one with the most windows, then the first."""
        self.recent.append(positive)
        counts = np.sum(self.recent, axis=0)
        self.on = (counts >= smoothing.k) | (self.on & (counts >= smoothing.hold))
        if self.head.kind == "independent":
            return self.on
        best = np.argmax(np.where(self.on, counts, -1))
        return np.asarray(self.on & (np.arange(len(counts)) == best))


def require(holds: bool, sentence: str) -> None:
    if not holds:
        raise InputError(sentence)
