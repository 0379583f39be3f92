"""Numba's compiler with a cache on disk where there is a place for one, and without where there is none.

`numba.njit(cache=True)` raises where neither the package's folder nor the user's cache can be written (a read-only
installation without a home, as in many containers), where the disk is full, and where a cached file is damaged. The
cache only saves seconds: here a function is compiled anew instead.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

from numba import njit
from numba.core.caching import FunctionCache

__all__ = ["compiled"]

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


class _Cache(FunctionCache):  # type: ignore[misc]
    """Numba's cache of one function, whose failures mean a compilation more."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever a damaged pickle raises
            self._start_anew()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except OSError:  # a full disk, a folder that went away
            self.disable()

    def _start_anew(self) -> None:
        try:
            self.flush()
        except OSError:
            self.disable()


def compiled(fastmath: bool | set[str] = False, **options: Any) -> Callable[[Kernel], Kernel]:
    """A decorator: `numba.njit(**options)` that releases the GIL and is cached on disk if that can be.

    `fastmath` is handed over in any case: where it is not, Numba takes that of the first kernel to call the function.
    For a type checker the kernel stays the function that it was.
    """

    def decorate(function: Kernel) -> Kernel:
        dispatcher = njit(nogil=True, fastmath=fastmath, **options)(function)
        with suppress(RuntimeError):  # Numba found no folder that it may write into
            dispatcher._cache = _Cache(function)
        return cast("Kernel", dispatcher)

    return decorate
