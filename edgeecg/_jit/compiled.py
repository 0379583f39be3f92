"""How all kernels are compiled: when first used, kept on disk beside the package, without the GIL."""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

from numba import njit
from numpy.typing import NDArray

__all__ = ["Array", "compiled"]

Array: TypeAlias = NDArray[Any]
"""An argument of a kernel; the function in `edgeecg.jit` that calls it says of which type."""
Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(kernel: Kernel) -> Kernel:
    """Compile a kernel, for the type checker the function that it was."""
    return cast("Kernel", njit(cache=True, nogil=True)(kernel))
