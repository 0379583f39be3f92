"""The low-pass of the resampler."""

import numpy as np
from numpy.typing import NDArray

from ..constants import RATE, TABLE_STEP

__all__ = ["kernel_table"]


def kernel_table(half: int = 16) -> NDArray[np.int16]:
    """Compute the right half of the resampler's low-pass kernel.

    A Kaiser-windowed sinc, -6 dB at 43 Hz; with `half` = 16 the pass band ends at 36 Hz and the stop band begins at
    50 Hz.

    Parameters
    ----------
    half : int, default 16
        Half the length of the kernel in samples at 128 Hz, 4 to 32.

    Returns
    -------
    ndarray of int16, shape (half * 32 + 1,)
        Q15: the taps at 128 Hz sum to 2^15, the last point is 0.

    References
    ----------
    J. F. Kaiser, "Nonrecursive digital filter design using the I0-sinh window function", Proc. IEEE ISCAS, 1974.
    A. V. Oppenheim and R. W. Schafer, Discrete-Time Signal Processing, section 7.5. docs/numerics.md, section 2.1.
    """
    u = np.arange(half * TABLE_STEP + 1) / TABLE_STEP
    cutoff = 43.0 / RATE
    h = np.sinc(2 * cutoff * u) * np.i0(5.4 * np.sqrt(1 - (u / half) ** 2))
    area = (2 * h.sum() - h[0]) / TABLE_STEP
    table: NDArray[np.int16] = np.floor(h / area * 2**15 + 0.5).astype(np.int16)
    table[-1] = 0
    return table
