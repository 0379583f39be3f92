"""The one rounding rule, for the integers of a model file (docs/numerics.md)."""

import numpy as np
import numpy.typing as npt


def round_half_up(values: npt.ArrayLike) -> np.ndarray:
    """The nearest integers as float64; of two that are as near the higher one, where `np.round` takes the even one."""
    values = np.asarray(values, np.float64)
    below = np.floor(values)
    return below + (values - below >= 0.5)
