"""The three engines behind one interface: the C core, Numba, NumPy. They give the same bytes."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ._forks import lazy
from ._signal import Conversion, check_hop, conversion, fs_millihertz, resampled_length
from .constants import RATE
from .errors import InputError, MissingDependencyError, ModelError

if TYPE_CHECKING:
    from . import _core
    from ._operations import Bytes, Samples
    from .model import FrontEnd, Model

__all__ = ["Backend", "Engine", "Options", "Stream", "open_engine"]

Backend: TypeAlias = Literal["c", "numba", "numpy"]
MODULES = {"c": "._core", "numba": ".jit", "numpy": ".reference"}
RECORDING_BLOCK = 1280
"""Samples at 128 Hz that the trunk takes at once of a recording: its tensors stay in the second-level cache."""
FLOAT32, INT8, ALL = range(3)
"""What a stream's `embed` gives, as the core counts: float32, int8, or (float32, int8, quality flags)."""


class Options(NamedTuple):
    """How a signal is read and cut into windows; checked."""

    fs_mhz: int
    hop: int
    """Samples at 128 Hz."""
    unit: str
    gain: float | None
    convert: Conversion

    @classmethod
    def checked(cls, fs: float, hop: float, unit: str, gain: float | None) -> Options:
        """A caller's options; InputError names what is wrong."""
        convert = conversion(unit, gain)
        return cls(fs_millihertz(fs), check_hop(hop), unit, gain, convert)


class Stream(Protocol):
    """A model with options, ready for one recording after the other; of one thread at a time."""

    @property
    def lowest(self) -> float:
        """Of the samples that `embed` scanned last, as is `highest`."""

    @property
    def highest(self) -> float: ...

    @property
    def delay(self) -> int:
        """Samples at 128 Hz between a window's end and its result."""

    def embed(self, samples: Any, form: int, masked: bool, ndim: int = 1, checked: bool = False) -> Any:
        """The results in the `form` asked for, or a word that says why there are none: `edgeecg._core.Stream.embed`."""

    def front_end(self, samples: NDArray[Any], y: NDArray[np.uint8]) -> int:
        """The bytes behind the front end, into `y` (samples at 128 Hz, channels); returns how many frames."""


class Engine(Protocol):
    """A model in an engine."""

    kernels: str
    window: int
    """Samples at 128 Hz."""
    dim: int
    exponent: int
    works_in_pieces: bool
    """Whether threads may share a recording."""

    @property
    def model(self) -> Model: ...

    @property
    def data(self) -> bytes:
        """The bytes of the model's file."""

    def open(self, options: Options) -> Stream:
        """A stream for whole recordings."""


def import_engine(backend: Backend) -> Any:
    """The engine's module, imported when it is first asked for."""
    if backend not in MODULES:
        raise InputError(f'backend is "c", "numba" or "numpy", not {backend!r}')
    try:
        return importlib.import_module(MODULES[backend], __package__)
    except ImportError as error:
        help_ = {
            "c": 'the compiled core is missing: reinstall edgeecg with a C compiler, or use backend="numba" or "numpy"',
            "numba": 'backend="numba" needs numba: pip install "edgeecg[jit]"',
        }
        raise MissingDependencyError(help_.get(backend, str(error))) from error


def open_engine(backend: Backend, model: Model | bytes) -> Engine:
    """The engine with a model, or with the bytes of its file, which only the C core reads as they are."""
    module = import_engine(backend)
    return CoreEngine(module, model) if backend == "c" else PythonEngine(module, as_model(model), backend)


def as_model(model: Model | bytes) -> Model:
    """The model of a file's bytes."""
    if not isinstance(model, bytes):
        return model
    from .model import Model  # here: embedding needs none of it, and it takes as long as loading and running the core

    return Model.from_bytes(model)


class CoreEngine:
    """The compiled C core."""

    works_in_pieces = True

    def __init__(self, module: Any, model: Model | bytes):
        self._model_or_bytes = model
        self.data = model if isinstance(model, bytes) else model.to_bytes()
        kernels = os.environ.get("EDGEECG_ISA") or None
        self._module = module
        try:
            self._core: _core.Model = module.Model(self.data, kernels)
        except LookupError:
            raise InputError(f"EDGEECG_ISA={kernels} is unknown or cannot run on this processor") from None
        except ValueError as error:
            raise ModelError(str(error)) from None
        self.kernels, self.window = self._core.kernels, self._core.window
        self.dim, self.exponent = self._core.dim, self._core.exponent

    @lazy
    def model(self) -> Model:
        """The model as plain data."""
        return as_model(self._model_or_bytes)

    def open(self, options: Options, block: int = RECORDING_BLOCK) -> _core.Stream:
        """A stream; of `block` 0, for a live signal, it answers as soon as it can."""
        convert = options.convert
        numbers = (options.fs_mhz, options.hop, block, convert.mult, convert.shift, convert.scale)
        try:
            stream: _core.Stream = self._module.Stream(self._core, *numbers, True)
        except ValueError as error:
            place = f"{options.fs_mhz / 1000:g} Hz, hop {options.hop / RATE:g} s"
            raise InputError(f"{error}: {place}") from None
        return stream


class EngineModule(Protocol):
    """The functions of `edgeecg.reference` and `edgeecg.jit` that make an engine."""

    def samples(self, signal: Any, unit: str, gain: float | None) -> tuple[Samples, NDArray[np.bool_]]: ...
    def front_end(self, x: Samples, fs_mhz: int, front: FrontEnd) -> Bytes: ...
    def embed(
        self, x: Samples, missing: NDArray[np.bool_], fs_mhz: int, model: Model, hop: int
    ) -> tuple[NDArray[np.int16], NDArray[np.int8], NDArray[np.uint8]]: ...


class PythonEngine:
    """The engine of a Python module, Numba's or NumPy's."""

    works_in_pieces = False

    def __init__(self, module: EngineModule, model: Model, name: str):
        self.module, self.model, self.kernels = module, model, name
        self.window, self.dim, self.exponent = model.front.window, model.head.dim, model.head.exponent

    @property
    def data(self) -> bytes:
        """The bytes of the model's file."""
        return self.model.to_bytes()

    def open(self, options: Options) -> PythonStream:
        """A stream."""
        return PythonStream(self, options)


class PythonStream:
    """`Stream` by the functions of a Python engine: it computes whole recordings that were checked, nothing else."""

    lowest = highest = 0.0
    delay = 0

    def __init__(self, engine: PythonEngine, options: Options):
        self._engine, self._options = engine, options

    def embed(self, samples: Any, form: int, masked: bool, ndim: int = 1, checked: bool = False) -> Any:
        engine, options = self._engine, self._options
        if not checked or ndim != 1:
            return "type"
        if resampled_length(len(samples), options.fs_mhz) < engine.window:
            return "length"
        x, missing = engine.module.samples(samples, options.unit, options.gain)
        e16, e8, flags = engine.module.embed(x, missing, options.fs_mhz, engine.model, options.hop)
        floats = e16.astype(np.float32) * np.float32(2.0**-engine.exponent)
        return (floats, e8, (floats, e8, flags))[form]

    def front_end(self, samples: NDArray[Any], y: NDArray[np.uint8]) -> int:
        x, _ = self._engine.module.samples(samples, self._options.unit, self._options.gain)
        frames = self._engine.module.front_end(x, self._options.fs_mhz, self._engine.model.front)
        y[: len(frames)] = frames
        return len(frames)
