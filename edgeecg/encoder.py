"""A loaded model: whole recordings and batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _signal
from ._engines import Backend, open_engine
from ._forks import lazy
from ._inputs import SignalLike, taken
from ._pool import EVERYTHING, Pools, runners_of
from ._signal import Nan
from .constants import LONGEST_HOP, RATE
from .errors import InputError
from .results import Analysis
from .stream import Stream

if TYPE_CHECKING:
    from .heads.running import Heads, Runner
    from .model import Model

__all__ = ["Encoder"]


class Encoder:
    """A model, ready to embed; `edgeecg.load` opens one.

    Safe to use from several threads; may be copied and pickled.

    Parameters
    ----------
    model : Model or bytes
        A model, or the bytes of an `.eecg` file.
    backend : {"c", "numba", "numpy"}, default "c"
        The engine: the compiled core, Numba for machines without it, or the NumPy reference. All give the same bytes.

    Attributes
    ----------
    backend : str
        As it was given.
    dim : int
        Numbers of an embedding: 128 with the default model.
    window : float
        Length of a window in seconds: 10 with the bundled models.
    int8_scale : float
        What a number of the int8 form is worth.
    model : edgeecg.model.Model
        The model as plain data.
    info : dict
        Name, id, sizes, sources and licence of the model, and what it runs on.

    Raises
    ------
    ModelError
        Where the bytes are no valid model.
    InputError
        For another backend, and where the environment variable EDGEECG_ISA names kernels that cannot run here.
    MissingDependencyError
        Where the backend's library is missing.
    """

    def __init__(self, model: Model | bytes, backend: Backend = "c"):
        if not isinstance(model, bytes) and not hasattr(model, "to_bytes"):
            raise InputError(
                f'Encoder takes a Model, not {type(model).__name__}: edgeecg.load("default") opens one by name or path'
            )
        self.backend = backend
        self._engine = open_engine(backend, model)
        self._pools = Pools(self._engine)
        self._kept_heads: dict[Any, dict[str, Runner]] = {}
        self.dim = self._engine.dim
        self.window = self._engine.window / RATE
        self.int8_scale: float = 2.0 ** (8 - self._engine.exponent)

    @property
    def model(self) -> Model:
        """The model as plain data."""
        return self._engine.model

    def __repr__(self) -> str:
        return f"<edgeecg.Encoder {self.model.name}, backend {self.backend}>"

    def __reduce__(self) -> tuple[type[Encoder], tuple[bytes, Backend]]:
        """Copies and other processes get the model's bytes and open the engine anew."""
        return type(self), (self._engine.data, self.backend)

    @lazy
    def info(self) -> dict[str, Any]:
        """Name, id, sizes, sources and licence of the model, and what it runs on."""
        m = self.model
        return {
            **m.meta,
            "name": m.name,
            "id": m.id,
            "backend": self.backend,
            "kernels": self._engine.kernels,
            "window_seconds": self.window,
            "dim": self.dim,
            "levels": list(m.levels),
            "macs_per_window": m.macs,
            "weight_bytes": m.weight_bytes,
            "int8_scale": self.int8_scale,
            "exponent": self._engine.exponent,
        }

    @overload
    def embed(
        self,
        signal: SignalLike,
        fs: float | None = ...,
        hop: float = ...,
        unit: str | None = ...,
        gain: float | None = ...,
        nan: Nan = ...,
        dtype: Literal["float32"] = ...,
        threads: int = ...,
        lead: str | int | None = ...,
    ) -> NDArray[np.float32]: ...

    @overload
    def embed(
        self,
        signal: SignalLike,
        fs: float | None = ...,
        hop: float = ...,
        unit: str | None = ...,
        gain: float | None = ...,
        nan: Nan = ...,
        *,
        dtype: Literal["int8"],
        threads: int = ...,
        lead: str | int | None = ...,
    ) -> NDArray[np.int8]: ...

    @overload
    def embed(
        self,
        signal: SignalLike,
        fs: float | None = ...,
        hop: float = ...,
        unit: str | None = ...,
        gain: float | None = ...,
        nan: Nan = ...,
        dtype: str = ...,
        threads: int = ...,
        lead: str | int | None = ...,
    ) -> NDArray[np.float32] | NDArray[np.int8]: ...

    def embed(
        self,
        signal: SignalLike,
        fs: float | None = None,
        hop: float = 10.0,
        unit: str | None = None,
        gain: float | None = None,
        nan: Nan = "raise",
        dtype: str = "float32",
        threads: int = 1,
        lead: str | int | None = None,
    ) -> NDArray[np.float32] | NDArray[np.int8]:
        """Embed a recording.

        Parameters
        ----------
        signal : array_like, shape (n,), or Recording, Source or path
            One lead: floats in `unit`, or integers with `gain`. Frames and arrays of several leads go with `lead`.
        fs, hop, unit, gain, nan, dtype, threads, lead
            As for `edgeecg.embed`.

        Returns
        -------
        ndarray of float32 or int8, shape (n_windows, dim)
            One row a window. The last dimensions are the levels that `info["levels"]` names; of all dimensions only the
            level "size" depends on `unit` and `gain`.

        Raises
        ------
        InputError
            For a signal that cannot be embedded or an option out of range, in one sentence.

        Warns
        -----
        AmplitudeWarning, RateWarning, RecordingWarning
            As `edgeecg.embed`.
        """
        if type(signal) is not np.ndarray or fs is None or lead is not None or signal.ndim != 1:
            signal, fs, unit, gain, _ = taken(signal, fs, unit, gain, lead)
        elif unit is None:
            unit = "mV"
        try:  # a window takes microseconds: options that were good before are not checked again
            pool = self._pools.known[fs, hop, unit, gain, nan, dtype]
        except (KeyError, TypeError):  # TypeError: something that is no key
            pool = self._pools.of(fs, hop, unit, gain, nan, dtype)
        return pool.embed(signal, threads)  # type: ignore[no-any-return]

    def analyze(
        self,
        signal: SignalLike,
        fs: float | None = None,
        hop: float = 10.0,
        unit: str | None = None,
        gain: float | None = None,
        nan: Nan = "raise",
        threads: int = 1,
        lead: str | int | None = None,
        heads: Heads = (),
    ) -> Analysis:
        """Embed a recording, with all that is known of its windows.

        Parameters
        ----------
        signal : array_like, shape (n,)
            One lead, as for `embed`.
        fs, hop, unit, gain, nan, threads, lead
            As for `embed`.
        heads : sequence of Head, path or name
            Classifiers on the embedding, from `edgeecg fit` or bundled.

        Returns
        -------
        Analysis
            Starts, embeddings, their int8 form and quality flags of the windows, and what the heads say.

        Raises
        ------
        InputError
            As `embed`; for a head of another model.

        Warns
        -----
        AmplitudeWarning, RateWarning, RecordingWarning
            As `embed`.
        """
        runners = None if heads == () else runners_of(self._kept_heads, heads, self)
        signal, fs, unit, gain, recorded = taken(signal, fs, unit, gain, lead)
        pool = self._pools.of(fs, hop, unit, gain, nan, EVERYTHING)
        embedding, int8, quality = pool.embed(signal, threads)
        start = np.arange(len(embedding), dtype=np.float64) * (pool.options.hop / RATE * _signal.clock_factor(fs))
        analysis = Analysis(start, embedding, int8, quality)
        analysis.recorded = recorded
        if runners:
            analysis.heads = {name: runner.run(embedding, quality, fresh=True) for name, runner in runners.items()}
        return analysis

    @overload
    def embed_batch(
        self,
        windows: ArrayLike,
        fs: float = ...,
        unit: str = ...,
        gain: float | None = ...,
        nan: Nan = ...,
        dtype: Literal["float32"] = ...,
        threads: int = ...,
    ) -> NDArray[np.float32]: ...

    @overload
    def embed_batch(
        self,
        windows: ArrayLike,
        fs: float = ...,
        unit: str = ...,
        gain: float | None = ...,
        nan: Nan = ...,
        *,
        dtype: Literal["int8"],
        threads: int = ...,
    ) -> NDArray[np.int8]: ...

    @overload
    def embed_batch(
        self,
        windows: ArrayLike,
        fs: float = ...,
        unit: str = ...,
        gain: float | None = ...,
        nan: Nan = ...,
        dtype: str = ...,
        threads: int = ...,
    ) -> NDArray[np.float32] | NDArray[np.int8]: ...

    def embed_batch(
        self,
        windows: ArrayLike,
        fs: float = RATE,
        unit: str = "mV",
        gain: float | None = None,
        nan: Nan = "raise",
        dtype: str = "float32",
        threads: int = 1,
    ) -> NDArray[np.float32] | NDArray[np.int8]:
        """Embed rows, each as a recording of its own.

        A batch is only a loop: no row changes another's embedding.

        Parameters
        ----------
        windows : array_like, shape (n, samples)
            Rows of at least a window; of a longer one the first window counts.
        fs, unit, gain, nan, dtype
            As for `embed`.
        threads : int, default 1
            Shares of the rows to work on side by side, 1 to 1024.

        Returns
        -------
        ndarray of float32 or int8, shape (n, dim)
            One row a row.

        Raises
        ------
        InputError
            As `embed`; the sentence begins with the row's number.

        Warns
        -----
        AmplitudeWarning
            As `embed`, once a row.
        """
        x = _signal.as_array(windows)
        if x.ndim != 2 or not x.size:
            raise InputError(f"windows must have two dimensions and at least one row, not the shape {x.shape}")
        hop = min(x.shape[1] / float(fs) + 1, LONGEST_HOP) if _signal.fs_millihertz(fs) else 0
        return self._pools.of(fs, hop, unit, gain, nan, dtype).embed_rows(x, threads)

    def stream(
        self,
        fs: float = RATE,
        hop: float = 10.0,
        unit: str = "mV",
        gain: float | None = None,
        nan: Nan = "raise",
        heads: Heads = (),
    ) -> Stream:
        """Open a stream: push samples as they arrive, get the same embeddings, bit for bit.

        Parameters
        ----------
        fs, hop, unit, gain, nan
            As for `embed`.
        heads
            As for `analyze`.

        Returns
        -------
        Stream
            A stream before its first sample.

        Raises
        ------
        InputError
            Where an option is out of range, the backend is not "c", the model does not take this rate, or a head
            belongs to another model.
        """
        return Stream(self, fs, hop, unit, gain, nan, heads)

    def front_end(
        self,
        signal: SignalLike,
        fs: float | None = None,
        unit: str | None = None,
        gain: float | None = None,
        nan: Nan = "raise",
        lead: str | int | None = None,
    ) -> NDArray[np.uint8]:
        """Compute what the trunk sees. Training reads its data here.

        Parameters
        ----------
        signal : array_like, shape (n,)
            One lead, as for `embed`.
        fs, unit, gain, nan, lead
            As for `embed`.

        Returns
        -------
        ndarray of uint8, shape (ceil(n * 128 / fs), channels)
            The signal at 128 Hz without its baseline, divided by the mean magnitude around; 128 means 0.

        Raises
        ------
        InputError
            As `embed`.

        Warns
        -----
        AmplitudeWarning, RateWarning, RecordingWarning
            As `embed`.

        References
        ----------
        docs/numerics.md, section 2.
        """
        signal, fs, unit, gain, _ = taken(signal, fs, unit, gain, lead)
        return self._pools.of(fs, self.window, unit, gain, nan, "float32").front_end(signal)
