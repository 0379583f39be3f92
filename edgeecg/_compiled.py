"""How all kernels are compiled: when first used, kept on disk beside the package, without the GIL."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

__all__ = ["compiled"]

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(fastmath: bool | set[str] = False, **options: Any) -> Callable[[Kernel], Kernel]:
    """A decorator: `numba.njit(**options)`; for a type checker the kernel stays the function that it was."""

    def decorate(kernel: Kernel) -> Kernel:
        return cast("Kernel", njit(cache=True, nogil=True, fastmath=fastmath, **options)(kernel))

    return decorate
