"""The same computation as Encoder.embed, with samples pushed as they arrive."""

import threading

import numpy as np

from . import _signal
from .encoder import RATE, Encoder
from .errors import InputError
from .quality import Quality
from .results import Result

__all__ = ["Result", "Stream"]


class Stream:
    """Embeds a live signal: `push` as samples arrive, `flush` at the end; the results are those of `embed`, bit for
    bit.

        stream = edgeecg.load().stream(fs=250, hop=1.0, unit="uV")
        for chunk in source:
            for result in stream.push(chunk):
                ...

    Gaps and lead-off: push NaN with nan="mask"; the last value is held and the windows are flagged.
    `delay` is the time in seconds between a window's end and its result, `state_bytes` the memory of the stream.
    Streams run in the C core. One thread at a time may use a stream. They look at no more than they are pushed, so they
    do not warn of an implausible amplitude as `embed` does.
    """

    def __init__(self, encoder: Encoder, fs=128, hop=10.0, unit="mV", gain=None, nan="raise"):
        if encoder.backend != "c":
            raise InputError(f'streams run in the C core: load the model with backend="c", not {encoder.backend!r}')
        self.encoder, self.nan = encoder, nan
        self._convert = _signal.conversion(unit, gain)
        self._core = encoder.open_stream(_signal.fs_millihertz(fs), _signal.check_hop(hop), self._convert, block=0)
        _signal.check_nan(nan)
        self._flushed = False
        self._lock = threading.Lock()
        self._seconds = _signal.clock_factor(fs) / RATE  # of a sample at 128 Hz

    def __reduce__(self):
        raise TypeError("a Stream cannot be copied or pickled: make one where it runs, from an Encoder, which can")

    @property
    def delay(self) -> float:
        """Seconds between the end of a window and its result, at most."""
        return self._core.delay / RATE

    @property
    def state_bytes(self) -> int:
        """Size of the stream's whole state in bytes."""
        return self._core.state_bytes

    def push(self, samples) -> list[Result]:
        """Take any number of samples (none is fine too); returns the windows that they complete, in order."""
        if self._flushed:
            raise InputError("the stream has been flushed: call reset() before the next recording")
        x = _signal.as_array(samples)
        if not x.size:
            return []
        x = _signal.as_samples(x)
        _signal.check_samples(x, self._convert, self.nan)
        return self._results(self._alone(self._core.push, x))

    def flush(self) -> list[Result]:
        """End the recording: the windows that were still waiting for what follows them."""
        raw = self._alone(self._core.flush)
        self._flushed = True
        return self._results(raw)

    def reset(self) -> None:
        """Back to before the first sample."""
        self._alone(self._core.reset)
        self._flushed = False

    def _alone(self, work, *args):
        """work(*args), which no second thread may enter: its state is one block of memory."""
        if not self._lock.acquire(blocking=False):
            raise InputError("another thread is using this stream: each thread needs one of its own")
        try:
            return work(*args)
        finally:
            self._lock.release()

    def _results(self, raw) -> list[Result]:
        scale = np.float32(2.0**-self.encoder.model.head.exponent)
        return [
            Result(
                start * self._seconds,
                np.frombuffer(e16, np.int16).astype(np.float32) * scale,
                np.frombuffer(e8, np.int8),
                Quality(flags),
            )
            for start, e16, e8, flags in raw
        ]
