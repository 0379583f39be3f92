"""The only place where training calls the front end: the compiled one, the same as on the device."""

import warnings
from collections.abc import Callable

import numpy as np

import edgeecg
from edgeecg.constants import RATE
from edgeecg.errors import AmplitudeWarning
from edgeecg.model import FrontEnd, Head, Layer, Model, default_front_end

SCALE = 16.0  # front-end units per real unit of the networks' input: a power of two
ZERO = 128  # zero point of the front end's bytes

Reader = Callable[[np.ndarray, float, float | None], np.ndarray]


def to_input(y):
    """The front end's bytes, a tensor of uint8, as the networks' real input: float32 of the same shape."""
    return (y.float() - ZERO) / SCALE


def front_end_reader(front: FrontEnd) -> Reader:
    """`read(signal, fs, gain)`: one lead -> (samples at 128 Hz, channels) uint8; missing samples (NaN) are held.

    `signal` is float in mV, or integer with `gain` ADC units per mV; `fs` in Hz.
    """
    encoder = edgeecg.load(carrier(front))

    def read(signal: np.ndarray, fs: float, gain: float | None = None) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AmplitudeWarning)  # corpora hold flat leads too
            return encoder.front_end(signal, fs, gain=gain, nan="mask")

    return read


def windows_to_bytes(signal: np.ndarray) -> np.ndarray:
    """Isolated windows (..., 1280) in mV at 128 Hz through the default front end: uint8 of the same shape."""
    read = front_end_reader(default_front_end())
    rows = np.asarray(signal).reshape(-1, signal.shape[-1])
    return np.stack([read(window, RATE)[:, 0] for window in rows]).reshape(signal.shape)


def carrier(front: FrontEnd) -> Model:
    """The smallest model with this front end: the core takes its front end from a model."""
    one, weights = np.ones(1, np.int8), np.ones((1, 1, front.channels), np.int8)
    conv = Layer("conv", 0, cin=front.channels, stride=16, weights=weights, bias=one, mult=one)
    head = Head(2, 0, front.window // 16, 1, 0, None, np.ones((1, 1), np.int8), one, one)
    return Model("front end", front, (conv,), head)


__all__ = [
    "SCALE",
    "ZERO",
    "FrontEnd",
    "Reader",
    "carrier",
    "default_front_end",
    "front_end_reader",
    "to_input",
    "windows_to_bytes",
]
