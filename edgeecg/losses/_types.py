"""Names for the types that the losses hand to one another."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
"""float32 or float64, as the embeddings are."""
Pair: TypeAlias = tuple[Array, Array]
"""The same of both views."""
Grads: TypeAlias = tuple[Any, ...]
"""A gradient of each differentiable argument: of one view or two, in arrays, and of scalars in floats."""
Floats: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.int32]
"""`(N,)`: the class of each row."""
Booleans: TypeAlias = NDArray[np.bool_]
DType: TypeAlias = np.dtype[Any]
Scalar: TypeAlias = float | np.floating[Any]
"""A number of a kernel, in the precision that it computes in."""
Positive: TypeAlias = Callable[[slice], Booleans]
"""Booleans (rows, others): who is a positive of these rows."""
