"""Embeds recordings with one set of options, and keeps idle streams for the next recording."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ._engines import ALL, FLOAT32, INT8, Engine, Options, Stream
from ._signal import IN_PLACE, check_nan, check_signal, check_threads, is_plausible, resampled_length
from .constants import CANONICAL_PER_MV, RATE
from .errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ._segments import Segment
    from .encoder import Encoder
    from .heads.running import Heads, Runner

__all__ = ["EVERYTHING", "Pool", "Pools", "runners_of"]

KEPT_POOLS, KEPT_STREAMS = 8, 4
EVERYTHING = object()
"""The dtype of `Encoder.analyze`: all forms, and the quality flags."""


def form_of(dtype: object) -> int:
    """The engine's code for a dtype: ALL, FLOAT32 or INT8. Raises InputError for any other."""
    if dtype is EVERYTHING:
        return ALL
    if dtype not in ("float32", "int8"):
        raise InputError(f'dtype is "float32" or "int8", not {dtype!r}')
    return FLOAT32 if dtype == "float32" else INT8


class Pool:
    """Streams of an engine with options that were checked.

    The engine gets a signal unchecked. It returns embeddings, or one word for why it cannot
    (`edgeecg._core.Stream.embed`). `check_signal` then raises the InputError, or warns and returns samples that the
    engine takes.
    """

    __slots__ = ("engine", "form", "idle", "masked", "options")

    def __init__(self, engine: Engine, options: Options, masked: bool, form: int):
        self.engine, self.options, self.masked, self.form = engine, options, masked, form
        self.idle: list[Stream] = []

    def take(self) -> Stream:
        """A stream that no other thread uses."""
        try:
            return self.idle.pop()
        except IndexError:
            return self.engine.open(self.options)

    def put_back(self, stream: Stream) -> None:
        """Keep the stream for the next recording."""
        if len(self.idle) < KEPT_STREAMS:
            self.idle.append(stream)

    def embed(self, signal: Any, threads: int = 1) -> Any:
        """The results of a recording."""
        if type(threads) is int and threads == 1:  # a window takes microseconds, and each function in between counts
            try:
                stream = self.idle.pop()
            except IndexError:
                results = self.ask(signal)
            else:
                results = stream.embed(signal, self.form, self.masked)
                self.idle.append(stream)
        else:
            threads = check_threads(threads)
            results = self.ask(signal, threads)
        if type(results) is str:
            return self.ask_checked(check_signal(signal, self.options.convert, self.masked), threads)
        return results

    def ask(self, samples: Any, threads: int = 1, ndim: int = 1, checked: bool = False) -> Any:
        """The engine's answer: the results, or one word for why there are none."""
        if threads > 1 and self.engine.works_in_pieces:
            return self.ask_in_pieces(samples, threads, checked)
        stream = self.take()
        results = stream.embed(samples, self.form, self.masked, ndim, checked)
        self.put_back(stream)
        return results

    def ask_checked(self, samples: NDArray[Any], threads: int = 1) -> Any:
        """The results of samples from `check_signal`, of which only their number may be wrong."""
        results = self.ask(samples, threads, checked=True)
        if type(results) is str:
            fs, window = self.options.fs_mhz / 1000, self.engine.window / RATE
            raise InputError(f"the signal is {len(samples) / fs:.3g} s long at {fs:g} Hz; a window needs {window:g} s")
        return results

    def front_end(self, signal: Any) -> NDArray[np.uint8]:
        """The bytes behind the front end, (samples at 128 Hz, channels)."""
        x = check_signal(signal, self.options.convert, self.masked)
        y = np.empty((resampled_length(len(x), self.options.fs_mhz), self.engine.model.front.channels), np.uint8)
        stream = self.take()
        y = y[: stream.front_end(x, y)]
        self.put_back(stream)
        return y

    # A long recording, in pieces ------------------------------------------------------------------------------------
    def ask_in_pieces(self, samples: Any, threads: int, checked: bool) -> Any:
        """`ask` of pieces of a recording, each on a thread that also checks its samples."""
        from concurrent.futures import ThreadPoolExecutor  # here: importing it takes a tenth of importing numpy

        from ._segments import segments

        n = self.windows(samples)
        if n < 1:
            return self.ask(samples, checked=checked)
        results, spans = self.empty(n), []

        def work(piece: Segment) -> str | None:
            stream = self.take()
            answer = stream.embed(samples[piece.start : piece.stop], self.form, self.masked, 1, checked)
            spans.append((stream.lowest, stream.highest))
            self.put_back(stream)
            if type(answer) is str:
                return answer
            for whole, windows in zip(results, answer if self.form == ALL else [answer], strict=True):
                whole[piece.first : piece.last] = windows[piece.skip : piece.skip + piece.last - piece.first]
            return None

        options, stream = self.options, self.take()
        pieces = segments(self.engine.model, samples, options.fs_mhz, options.hop, n, stream.delay, threads)
        self.put_back(stream)
        with ThreadPoolExecutor(len(pieces)) as workers:
            words = [word for word in workers.map(work, pieces) if word is not None]
        if words:
            return words[0]
        if not checked:  # pieces of a plausible size may lie volts apart
            lowest, highest = min(low for low, _ in spans), max(high for _, high in spans)
            if not is_plausible((highest - lowest) * self.options.convert.scale / CANONICAL_PER_MV):
                return "amplitude"
        return results if self.form == ALL else results[0]

    def windows(self, samples: Any) -> int:
        """How many a recording has; 0 for what cannot be cut into pieces."""
        if type(samples) is not np.ndarray or samples.ndim != 1 or samples.dtype not in IN_PLACE:
            return 0
        beyond = resampled_length(len(samples), self.options.fs_mhz) - self.engine.window
        return beyond // self.options.hop + 1 if beyond >= 0 else 0

    def empty(self, n: int) -> tuple[NDArray[Any], ...]:
        """Arrays for the results of n windows."""
        shape = n, self.engine.dim
        if self.form != ALL:
            return (np.empty(shape, np.float32 if self.form == FLOAT32 else np.int8),)
        return np.empty(shape, np.float32), np.empty(shape, np.int8), np.empty(n, np.uint8)

    # Rows of a batch ------------------------------------------------------------------------------------------------
    def embed_rows(self, rows: NDArray[Any], threads: int) -> NDArray[Any]:
        """The first window of each row."""
        threads = check_threads(threads)
        if threads == 1 or len(rows) == 1:
            return self.embed_shares(map, [rows])[0]
        from concurrent.futures import ThreadPoolExecutor

        shares = np.array_split(rows, min(threads, len(rows)))
        with ThreadPoolExecutor(len(shares)) as workers:
            return np.concatenate(self.embed_shares(workers.map, shares))

    def embed_shares(self, each: Callable[..., Iterable[Any]], shares: list[NDArray[Any]]) -> list[NDArray[Any]]:
        """Embeddings of each share of the rows, one share per thread; `each` is `map` or an executor's `map`."""
        answers = list(each(lambda share: self.ask(share, ndim=2), shares))
        first = 0
        for i, share in enumerate(shares):
            if type(answers[i]) is str:
                answers[i] = np.stack(list(each(lambda x: self.ask_checked(x)[0], self.checked_rows(share, first))))
            first += len(share)
        return answers

    def checked_rows(self, rows: NDArray[Any], first: int) -> list[NDArray[Any]]:
        """The rows by `check_signal`, in the caller's thread: warnings point at who called."""
        checked = []
        for number, row in enumerate(rows, first):
            try:
                checked.append(check_signal(row, self.options.convert, self.masked))
            except InputError as error:
                raise InputError(f"row {number}: {error}") from None
        return checked


class Pools:
    """The pools of an engine, by the options as callers gave them."""

    __slots__ = ("engine", "known")

    def __init__(self, engine: Engine):
        self.engine = engine
        self.known: dict[Any, Pool] = {}

    def of(self, fs: Any, hop: float, unit: Any, gain: float | None, nan: str, dtype: object) -> Pool:
        """The pool of these options, which are checked when they are new."""
        try:
            return self.known[fs, hop, unit, gain, nan, dtype]
        except (KeyError, TypeError):
            pool = Pool(self.engine, Options.checked(fs, hop, unit, gain), check_nan(nan), form_of(dtype))
        if all(isinstance(number, Real) for number in (fs, hop, gain or 1.0)):  # arrays without dimensions are no keys
            for key in list(self.known)[: 1 - KEPT_POOLS]:
                self.known.pop(key, None)
            self.known[fs, hop, unit, gain, nan, dtype] = pool
        return pool


def runners_of(kept: dict[Any, dict[str, Runner]], heads: Heads, encoder: Encoder) -> dict[str, Runner]:
    """Runners of heads by name, those in `kept` where they are: making one takes longer than a window."""
    known = kept.get(tuple(heads)) if isinstance(heads, (list, tuple)) else None
    if known is None:
        from .heads.running import kept_runners  # here: most calls have none

        known = kept_runners(kept, heads, encoder)
    return known
