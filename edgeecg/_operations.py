"""What the engines in Python share: the types of their operations, how a layer is applied, which rates are taken."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ._model.components import FrontEnd, Layer
from .constants import FASTEST, RATE_MHZ, SLOWEST
from .errors import InputError

__all__ = ["Array", "Bytes", "Operations", "Samples", "Starts", "apply_layer", "check_rate"]

Samples: TypeAlias = NDArray[np.signedinteger[Any]]
"""`(n,)`: canonical samples (1/8 microvolt), or what the front end makes of them."""
Bytes: TypeAlias = NDArray[np.uint8]
"""A tensor `(frames, channels)`, or flags `(windows,)`."""
Array: TypeAlias = NDArray[Any]
"""An argument of a compiled kernel; the function in `edgeecg.jit` that calls it says of which type."""
Starts: TypeAlias = Sequence[int] | NDArray[np.int64]
"""Samples at 128 Hz where windows begin."""


class Operations(Protocol):
    """An engine's operations of the trunk: this module or edgeecg.jit."""

    def conv(self, tensor: Bytes, layer: Layer, zero_point: int) -> Bytes: ...
    def add(self, a: Bytes, b: Bytes, layer: Layer, zero_a: int, zero_b: int) -> Bytes: ...
    def max_pool(self, tensor: Bytes, layer: Layer) -> Bytes: ...


def apply_layer(
    engine: Operations, layer: Layer, tensors: Sequence[Bytes] | Mapping[int, Bytes], zeros: Sequence[int]
) -> Bytes:
    """What `layer` makes of the tensors before it, by the operations of the module `engine`."""
    a, zero_a = tensors[layer.src_a], zeros[layer.src_a]
    if layer.op == "conv":
        return engine.conv(a, layer, zero_a)
    if layer.src_b is not None:
        return engine.add(a, tensors[layer.src_b], layer, zero_a, zeros[layer.src_b])
    return engine.max_pool(a, layer)


def check_rate(fs_mhz: int, front: FrontEnd) -> None:
    """Raise InputError for a sampling rate that the front end does not take."""
    if front.kind == 0 and fs_mhz != RATE_MHZ:
        raise InputError(f"this model takes samples at 128 Hz only, not {fs_mhz / 1000:g} Hz")
    if not 1000 * SLOWEST <= fs_mhz <= 1000 * FASTEST:
        raise InputError(f"sampling rate {fs_mhz / 1000:g} Hz is outside {SLOWEST:g} .. {FASTEST:g} Hz")
