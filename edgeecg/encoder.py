"""A loaded model: whole recordings and batches."""

import contextlib
import functools
import importlib
import os
from numbers import Real

import numpy as np
from numpy import ndarray

from . import _signal
from .errors import InputError, MissingDependencyError, ModelError
from .quality import Quality
from .results import Analysis

__all__ = ["Analysis", "Encoder", "Quality", "bundled_models", "load"]

RATE = 128
BACKENDS = {"c": "._core", "numba": ".jit", "numpy": ".reference"}
BLOCK = 1280  # samples at 128 Hz that the trunk takes at once: its tensors stay in the second-level cache
CACHED_PLANS, CACHED_STREAMS = 8, 4
BUNDLED = os.path.join(os.path.dirname(__file__), "models")


def backend_module(name: str):
    """The engine's module, imported when it is first asked for."""
    if name not in BACKENDS:
        raise InputError(f'backend is "c", "numba" or "numpy", not {name!r}')
    try:
        return importlib.import_module(BACKENDS[name], __package__)
    except ImportError as error:
        help_ = {
            "c": 'the compiled core is missing: reinstall edgeecg with a C compiler, or use backend="numba" or "numpy"',
            "numba": 'backend="numba" needs numba: pip install "edgeecg[jit]"',
        }
        raise MissingDependencyError(help_.get(name, str(error))) from error


class _Plan:
    """How a kind of recording is embedded: its checked options, and streams of the C core that wait for
    the next one.
    """

    __slots__ = ("convert", "fs_mhz", "gain", "hop", "idle", "unit")

    def __init__(self, fs, hop, unit, gain):
        self.unit, self.gain = unit, gain
        self.convert = _signal.conversion(unit, gain)
        self.fs_mhz, self.hop = _signal.fs_millihertz(fs), _signal.check_hop(hop)
        self.idle = []

    def put_back(self, stream):
        if len(self.idle) < CACHED_STREAMS:
            self.idle.append(stream)


class Encoder:
    """A model, ready to embed. Use `edgeecg.load` to get one. Safe to use from several threads; may be copied and
    pickled.

    Attributes: `model` (edgeecg.model.Model), `backend`, `dim` (128), `window` (seconds), `int8_scale`.
    """

    def __init__(self, model, backend: str = "c"):
        """model: a Model, or the bytes of a file, which only the C core reads until `model` is asked for."""
        if not isinstance(model, bytes) and not hasattr(model, "to_bytes"):
            raise InputError(
                f'Encoder takes a Model, not {type(model).__name__}: edgeecg.load("default") opens one by name or path'
            )
        self._given = model
        self.backend = backend
        self._engine = backend_module(backend)
        self._core = self._open_model() if backend == "c" else None
        self._plans = {}  # by (fs, hop, unit, gain) as a caller gave them
        self._ready = {}  # by these, nan and dtype: idle streams of the plan, and what the core takes for the other two
        if self._core:
            self.dim, self._window, exponent = self._core.dim, self._core.window, self._core.exponent
        else:
            self.dim, self._window, exponent = self.model.head.dim, self.model.front.window, self.model.head.exponent
        self.window = self._window / RATE
        self.int8_scale = 2.0 ** (8 - exponent)
        self._unit = np.float32(2.0**-exponent)

    @functools.cached_property
    def model(self):
        # here: embedding needs none of it, and it takes as long as loading and running the core
        from .model import Model

        return Model.from_bytes(self._given) if isinstance(self._given, bytes) else self._given

    def __repr__(self):
        return f"<edgeecg.Encoder {self.model.name}, backend {self.backend}>"

    def __reduce__(self):
        """Copies and other processes get the model's bytes and open the engine anew."""
        return type(self), (self._given if isinstance(self._given, bytes) else self._given.to_bytes(), self.backend)

    @functools.cached_property
    def info(self) -> dict:
        """Name, id, sizes, sources and licence of the model, and what it runs on."""
        m = self.model
        return {
            **m.meta,
            "name": m.name,
            "id": m.id,
            "backend": self.backend,
            "kernels": self._core.kernels if self._core else self.backend,
            "window_seconds": self.window,
            "dim": self.dim,
            "levels": list(m.levels),
            "macs_per_window": m.macs,
            "weight_bytes": m.weight_bytes,
            "int8_scale": self.int8_scale,
        }

    def embed(
        self, signal, fs=None, hop=10.0, unit=None, gain=None, nan="raise", dtype="float32", threads=1, lead=None
    ):
        """Embed a recording.

        signal: 1-D array of floats in `unit` (mV), or of integers with `gain` (ADC units per millivolt); a Recording, a
        path, a data frame or an array of several leads, with `lead` (a name, or an index from 0).
        fs: sampling rate in Hz, 50 to 4000; that of the recording, or 128 for an array. hop: seconds between window
        starts. nan: "raise", or "mask" to hold the last value and flag the windows. dtype: "float32", or "int8" (see
        `int8_scale`). threads: pieces of a long recording to work on side by side; the bytes stay the same. Returns
        (n_windows, 128): one row a 10 s window. The last numbers are those that `info["levels"]` names; of them the
        size of the signal needs the right `unit` or `gain`, nothing else depends on it. Raises InputError; warns
        AmplitudeWarning.
        """
        if type(signal) is not ndarray or fs is None or lead is not None or signal.ndim != 1:
            signal, fs, unit, gain, _ = _taken(signal, fs, unit, gain, lead)
        elif unit is None:
            unit = "mV"
        if type(signal) is ndarray and type(threads) is int and threads == 1:
            try:  # one window takes a few microseconds: options that were good before are not looked at again
                idle, masked, as_int8 = self._ready[fs, hop, unit, gain, nan, dtype]
                stream = idle.pop()
            except (KeyError, TypeError, IndexError):
                pass
            else:
                found = stream.embed(signal, masked, as_int8, 1)
                idle.append(stream)
                if found is not None:
                    return found
        plan = self._plan(fs, hop, unit, gain)
        check_dtype(dtype)
        if type(signal) is ndarray and check_threads(threads) > 1:
            found = self._side_by_side(plan, signal, nan, dtype, threads)
            if found is not None:
                return found
        elif type(signal) is ndarray:
            found = self._directly(plan, signal, 1, nan, dtype)
            if found is not None:
                if len(self._ready) >= CACHED_PLANS:
                    self._ready.clear()
                with contextlib.suppress(TypeError):  # a rate that is an array without dimensions is no key
                    self._ready[fs, hop, unit, gain, nan, dtype] = plan.idle, nan == "mask", dtype == "int8"
                return found
        e16, e8, _ = self._run(plan, signal, nan, threads)
        return e8 if dtype == "int8" else self._floats(e16)

    def analyze(self, signal, fs=None, hop=10.0, unit=None, gain=None, nan="raise", threads=1, lead=None) -> Analysis:
        """The same as `embed`, with window starts, the int8 form and quality flags."""
        signal, fs, unit, gain, recorded = _taken(signal, fs, unit, gain, lead)
        e16, e8, quality = self._run(self._plan(fs, hop, unit, gain), signal, nan, threads)
        start = np.arange(len(e16)) * (_signal.check_hop(hop) / RATE * _signal.clock_factor(fs))
        result = Analysis(start, self._floats(e16), e8, quality)
        result.recorded = recorded
        return result

    def embed_batch(self, windows, fs=128, unit="mV", gain=None, nan="raise", dtype="float32", threads=1):
        """Embed each row of (n, samples) as a recording of its own, of which the first window counts: (n, 128).

        A batch is only a loop: no row changes another's embedding.
        """
        x = _signal.as_array(windows)
        if x.ndim != 2 or not x.size:
            raise InputError(f"windows must have two dimensions and at least one row, not the shape {x.shape}")
        hop = min(x.shape[1] / float(fs) + 1, _signal.LONGEST_HOP) if _signal.fs_millihertz(fs) else 0
        plan = self._plan(fs, hop, unit, gain)
        check_dtype(dtype)
        _signal.check_nan(nan)

        def run(part):
            return self._directly(plan, part, 2, nan, dtype) if type(part) is ndarray else None

        if check_threads(threads) == 1 or len(x) == 1:
            found = run(x)
            return self._row_by_row(map, x, 0, plan, nan, dtype) if found is None else found
        from concurrent.futures import ThreadPoolExecutor

        parts = np.array_split(x, min(threads, len(x)))
        starts = np.cumsum([0] + [len(part) for part in parts])
        with ThreadPoolExecutor(len(parts)) as pool:
            found = list(pool.map(run, parts))
            done = [
                self._row_by_row(pool.map, parts[i], starts[i], plan, nan, dtype) if z is None else z
                for i, z in enumerate(found)
            ]
        return np.concatenate(done)

    def stream(self, fs=128, hop=10.0, unit="mV", gain=None, nan="raise"):
        """A Stream: push samples as they arrive, get the same embeddings, bit for bit."""
        from .stream import Stream

        return Stream(self, fs, hop, unit, gain, nan)

    def front_end(self, signal, fs=None, unit=None, gain=None, nan="raise", lead=None):
        """What the trunk sees: (samples at 128 Hz, channels) uint8 with zero point 128."""
        signal, fs, unit, gain, _ = _taken(signal, fs, unit, gain, lead)
        plan = self._plan(fs, self.window, unit, gain)
        x = _signal.check_signal(signal, plan.convert, nan)
        if self._core is None:
            samples, _ = self._engine.samples(x, unit=unit, gain=gain)
            return self._engine.front_end(samples, plan.fs_mhz, self.model.front)
        y = np.empty((resampled_length(len(x), plan.fs_mhz), self.model.front.channels), np.uint8)
        stream = self._checkout(plan)
        y = y[: stream.front_end(x, y)]
        plan.put_back(stream)
        return y

    # ------------------------------------------------------------------------------------------------ inside
    def _row_by_row(self, each, rows, first, plan, nan, dtype):
        """The first window of each row; `each` is map, or that of threads.

        Rows are checked here: warnings point at the caller.
        """
        checked = []
        for number, row in enumerate(rows, first):
            try:
                checked.append(_signal.check_signal(row, plan.convert, nan))
            except InputError as error:
                raise InputError(f"row {number}: {error}") from None
        form = (lambda e16, e8, _: e8[0]) if dtype == "int8" else (lambda e16, e8, _: self._floats(e16[0]))
        return np.stack(list(each(lambda x: form(*self._run_samples(plan, x, 1)), checked)))

    def _open_model(self):
        kernels = os.environ.get("EDGEECG_ISA") or None
        try:
            return self._engine.Model(
                self._given if isinstance(self._given, bytes) else self._given.to_bytes(), kernels
            )
        except LookupError:
            raise InputError(f"EDGEECG_ISA={kernels} is unknown or cannot run on this processor") from None
        except ValueError as error:
            raise ModelError(str(error)) from None

    def _floats(self, e16):
        return e16.astype(np.float32) * self._unit

    def open_stream(self, fs_mhz, hop, convert, block=BLOCK):
        """A new stream of the C core."""
        try:
            return self._engine.Stream(self._core, fs_mhz, hop, block, convert.mult, convert.shift, convert.scale, True)
        except ValueError as error:
            raise InputError(f"{error}: {fs_mhz / 1000:g} Hz, hop {hop / RATE:g} s") from None

    def _plan(self, fs, hop, unit, gain) -> _Plan:
        try:
            return self._plans[fs, hop, unit, gain]
        except (KeyError, TypeError):  # new, or something that is no key
            plan = _Plan(fs, hop, unit, gain)
        if isinstance(fs, Real) and isinstance(hop, Real) and (gain is None or isinstance(gain, Real)):
            while len(self._plans) >= CACHED_PLANS:
                self._plans.pop(next(iter(self._plans), None), None)
            self._plans[fs, hop, unit, gain] = plan
        return plan

    def _checkout(self, plan: _Plan):
        """A stream of the C core that no other thread uses; the caller gives it to plan.put_back."""
        try:
            return plan.idle.pop()
        except IndexError:
            return self.open_stream(plan.fs_mhz, plan.hop, plan.convert)

    def _directly(self, plan, x, ndim, nan, dtype):
        """One call of the core for an array that needs no closer look (_core.Stream.embed), else None."""
        if self._core is None or not (nan == "raise" or nan == "mask"):
            return None
        stream = self._checkout(plan)
        found = stream.embed(x, nan == "mask", dtype == "int8", ndim)
        plan.put_back(stream)
        return found

    def _side_by_side(self, plan, x, nan, dtype, threads):
        """The same of a recording's pieces, each on a thread, which looks at its samples itself."""
        n = (resampled_length(len(x), plan.fs_mhz) - self._window) // plan.hop + 1 if x.ndim == 1 else 0
        if self._core is None or nan not in ("raise", "mask") or n < 1 or x.dtype.kind not in "fi":
            return None
        out, spans = np.empty((n, self.dim), np.int8 if dtype == "int8" else np.float32), []

        def run(piece):
            stream = self._checkout(plan)
            found = stream.embed(x[piece.start : piece.stop], nan == "mask", dtype == "int8", 1)
            spans.append((stream.lowest, stream.highest))
            plan.put_back(stream)
            return None if found is None else (found,)

        whole = self._run_pieces(plan, x, n, threads, run, (out,))
        low, high = (pick(ends) for pick, ends in zip((min, max), zip(*spans, strict=True), strict=True))
        return out if whole and _signal.is_plausible((high - low) * plan.convert.scale / 8000) else None

    def _run_pieces(self, plan, x, n, threads, run, results) -> bool:
        from ._segments import run_in_threads, segments

        stream = self._checkout(plan)
        pieces = segments(self.model, x, plan.fs_mhz, plan.hop, n, stream.delay, threads)
        plan.put_back(stream)
        return run_in_threads(run, pieces, results)

    def _run(self, plan, signal, nan, threads):
        """(e16, e8, quality) of a recording's windows."""
        return self._run_samples(plan, _signal.check_signal(signal, plan.convert, nan), threads)

    def _run_samples(self, plan, x, threads):
        """The same of samples that were checked."""
        fs_mhz, hop = plan.fs_mhz, plan.hop
        window, length = self._window, resampled_length(len(x), fs_mhz)
        if length < window:
            seconds = len(x) * 1000 / fs_mhz
            raise InputError(
                f"the signal is {seconds:.3g} s long at {fs_mhz / 1000:g} Hz; a window needs {self.window:g} s"
            )
        if self._core is None:
            samples, missing = self._engine.samples(x, unit=plan.unit, gain=plan.gain)
            return self._engine.embed(samples, missing, fs_mhz, self.model, hop)
        n = (length - window) // hop + 1
        if check_threads(threads) == 1:
            return self._run_piece(plan, x, n)
        results = self._arrays(n)

        def run(piece):
            windows = (resampled_length(piece.stop - piece.start, fs_mhz) - window) // hop + 1
            return self._run_piece(plan, x[piece.start : piece.stop], windows)

        self._run_pieces(plan, x, n, threads, run, results)
        return results

    def _arrays(self, n):
        return np.empty((n, self.dim), np.int16), np.empty((n, self.dim), np.int8), np.empty(n, np.uint8)

    def _run_piece(self, plan, x, n):
        results = self._arrays(n)
        stream = self._checkout(plan)
        written = stream.run(x, *results)
        plan.put_back(stream)
        assert written == n, (written, n)
        return results


def _taken(signal, fs, unit, gain, lead):
    """(samples, fs, unit, gain, moment of the first sample) of what a caller gives for a signal."""
    if type(signal) is ndarray and signal.ndim == 1 and fs is not None and lead is None:
        return signal, fs, "mV" if unit is None else unit, gain, None
    from ._inputs import taken  # here: an array needs none of it

    return taken(signal, fs, unit, gain, lead)


def check_dtype(dtype) -> None:
    if dtype not in ("float32", "int8"):
        raise InputError(f'dtype is "float32" or "int8", not {dtype!r}')


def check_threads(threads) -> int:
    if isinstance(threads, bool) or not isinstance(threads, (int, np.integer)) or not 1 <= threads <= 1024:
        raise InputError(f"threads is a whole number from 1 to 1024, not {threads!r}")
    return int(threads)


def resampled_length(n: int, fs_mhz: int) -> int:
    """Samples at 128 Hz that n samples give."""
    return -(-n * 128000 // fs_mhz)


def bundled_models() -> dict[str, str]:
    """Names and paths of the models that come with the package."""
    files = sorted(os.listdir(BUNDLED)) if os.path.isdir(BUNDLED) else []
    return {name[: -len(".eecg")]: os.path.join(BUNDLED, name) for name in files if name.endswith(".eecg")}


def load(name_or_path="default", backend: str = "c") -> Encoder:
    """An Encoder from a bundled model's name, the path of an `.eecg` file, or a Model.

    ModelError says what is wrong.
    """
    if not isinstance(name_or_path, (str, os.PathLike)):
        from .model import Model  # here, so that importing edgeecg stays as quick as importing numpy

        if not isinstance(name_or_path, Model):
            raise ModelError(f"a model is a name, a path or a Model, not {type(name_or_path).__name__}")
        return Encoder(name_or_path, backend)
    path = os.fspath(name_or_path)
    if not path.endswith(".eecg") and not os.path.dirname(path):
        models = bundled_models()
        if path not in models:
            known = ", ".join(models) or "none"
            raise ModelError(f"there is no bundled model {path!r} (there is: {known}); a path ends in .eecg")
        with open(models[path], "rb") as file:
            return Encoder(file.read(), backend)
    from .model import Model

    return Encoder(Model.load(path), backend)
