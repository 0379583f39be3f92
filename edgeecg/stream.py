"""The same computation as Encoder.embed, with samples pushed as they arrive."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from . import _signal
from ._engines import CoreEngine, Options
from ._signal import Nan
from .constants import RATE
from .errors import InputError
from .quality import Quality
from .results import Result

if TYPE_CHECKING:
    from .encoder import Encoder
    from .heads.running import Heads, Runner

__all__ = ["Stream"]

T = TypeVar("T")


class Stream:
    """A live signal: `push` as samples arrive, `flush` at the end; the results are those of `embed`, bit for bit.

    Streams run in the C core, in one block of memory that does not grow. One thread at a time may use a stream. It sees
    no more than it is pushed, so it does not warn of an implausible amplitude as `embed` does.

    Parameters
    ----------
    encoder : Encoder
        With the backend "c"; `Encoder.stream` passes itself.
    fs : float, default 128
        Sampling rate in Hz, 50 to 4000.
    hop : float, default 10
        Seconds from one window's start to the next, 1/128 to 86400.
    unit : {"mV", "uV", "V"}, default "mV"
        Unit of floats, and of integers where it is "uV".
    gain : float, optional
        ADC units per millivolt, 0.25 to 2^24, of integers.
    nan : {"raise", "mask"}, default "raise"
        What is done with NaN, infinity and the integer -2^31: an InputError, or the value before is held and the
        windows are flagged `Quality.MISSING`: for gaps and electrodes that are off.
    heads : sequence of Head, path or name
        Classifiers on the embedding; `Result.heads` holds what they say of each window.

    Attributes
    ----------
    encoder : Encoder
        The encoder that made it.
    nan : str
        As it was given.
    delay : float
        Seconds between the end of a window and its result, at most.
    state_bytes : int
        Size of the stream's whole state in bytes.

    Raises
    ------
    InputError
        Where an option is out of range, the backend is not "c", or the model does not take this rate.

    Examples
    --------
    >>> import numpy as np, edgeecg
    >>> stream = edgeecg.load().stream(fs=250, hop=1.0, unit="uV")
    >>> results = stream.push(np.zeros(250 * 12)) + stream.flush()
    >>> [(result.start, str(result.quality)) for result in results]
    [(0.0, 'flat+lead-off'), (1.0, 'flat+lead-off'), (2.0, 'flat+lead-off')]
    """

    def __init__(
        self,
        encoder: Encoder,
        fs: float = RATE,
        hop: float = 10.0,
        unit: str = "mV",
        gain: float | None = None,
        nan: Nan = "raise",
        heads: Heads = (),
    ):
        engine = encoder._engine
        if not isinstance(engine, CoreEngine):
            raise InputError(f'streams run in the C core: load the model with backend="c", not {encoder.backend!r}')
        self.encoder, self.nan = encoder, nan
        self._options = Options.checked(fs, hop, unit, gain)
        self._core = engine.open(self._options, block=0)
        self._masked = _signal.check_nan(nan)
        self._scale = np.float32(2.0**-engine.exponent)
        self._flushed = False
        self._lock = threading.Lock()
        self._heads: dict[str, Runner] = {}
        if heads != ():
            from .heads.running import runners  # here: most streams have none

            self._heads = runners(heads, encoder)
        self._seconds = _signal.clock_factor(fs) / RATE  # of a sample at 128 Hz

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Stream cannot be copied or pickled: make one where it runs, from an Encoder, which can")

    @property
    def delay(self) -> float:
        """Seconds between the end of a window and its result, at most."""
        return self._core.delay / RATE

    @property
    def state_bytes(self) -> int:
        """Size of the stream's whole state in bytes."""
        return self._core.state_bytes

    def push(self, samples: ArrayLike) -> list[Result]:
        """Take samples, any number of them.

        Parameters
        ----------
        samples : array_like, shape (n,)
            The next samples; n may be 0.

        Returns
        -------
        list of Result
            The windows that they complete, in order.

        Raises
        ------
        InputError
            Where `embed` raises it for such samples; after `flush`; where another thread is using the stream. The
            stream is then as it was before.
        """
        if self._flushed:
            raise InputError("the stream has been flushed: call reset() before the next recording")
        x = _signal.as_array(samples)
        if not x.size:
            return []
        x = _signal.as_samples(x)
        _signal.check_samples(x, self._options.convert, self._masked)
        return self._results(self._exclusively(self._core.push, x))

    def flush(self) -> list[Result]:
        """End the recording.

        Returns
        -------
        list of Result
            The windows that were still waiting for what follows them.

        Raises
        ------
        InputError
            Where another thread is using the stream.
        """
        raw = self._exclusively(self._core.flush)
        self._flushed = True
        return self._results(raw)

    def reset(self) -> None:
        """Go back to before the first sample, for the next recording.

        Raises
        ------
        InputError
            Where another thread is using the stream.
        """
        self._exclusively(self._core.reset)
        self._flushed = False
        for runner in self._heads.values():
            runner.reset()

    def _exclusively(self, work: Callable[..., T], *args: Any) -> T:
        """work(*args), which no second thread may enter: its state is one block of memory."""
        if not self._lock.acquire(blocking=False):
            raise InputError("another thread is using this stream: each thread needs one of its own")
        try:
            return work(*args)
        finally:
            self._lock.release()

    def _results(self, raw: list[tuple[int, bytes, bytes, int]]) -> list[Result]:
        results = [
            Result(
                start * self._seconds,
                np.frombuffer(e16, np.int16).astype(np.float32) * self._scale,
                np.frombuffer(e8, np.int8),
                Quality(flags),
            )
            for start, e16, e8, flags in raw
        ]
        for result in results if self._heads else ():
            result.heads = {
                name: runner.one(result.embedding, int(result.quality)) for name, runner in self._heads.items()
            }
        return results
