"""What comes out: of a recording, and of a stream."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .quality import Quality

__all__ = ["Analysis", "Result"]


class Analysis(NamedTuple):
    """What an encoder makes of a recording of n windows; an embedding has `Encoder.dim` numbers.

    Attributes
    ----------
    start : ndarray of float64, shape (n,)
        Start of each window in seconds from the first sample.
    embedding : ndarray of float32, shape (n, dim)
        The embedding of each window.
    int8 : ndarray of int8, shape (n, dim)
        Its int8 form, for radio links; times `Encoder.int8_scale` it approximates the embedding.
    quality : ndarray of uint8, shape (n,)
        Bits of `Quality`; 0 is good.
    """

    start: NDArray[np.float64]
    embedding: NDArray[np.float32]
    int8: NDArray[np.int8]
    quality: NDArray[np.uint8]


class Result(NamedTuple):
    """What a stream makes of one window; an embedding has `Encoder.dim` numbers.

    Attributes
    ----------
    start : float
        Start of the window in seconds from the first sample pushed.
    embedding : ndarray of float32, shape (dim,)
        The embedding.
    int8 : ndarray of int8, shape (dim,)
        Its int8 form, for radio links; times `Encoder.int8_scale` it approximates the embedding.
    quality : Quality
        Flags; 0 is good.
    """

    start: float
    embedding: NDArray[np.float32]
    int8: NDArray[np.int8]
    quality: Quality
