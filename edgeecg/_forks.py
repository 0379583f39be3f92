"""What is done once, on first use, in a process that may fork meanwhile.

A fork copies every lock as it is: one that another thread holds at that moment is never released in the child. So what
this package does on first use holds no lock, or a fork waits for it.
"""

import contextlib
import importlib
import os
from typing import TYPE_CHECKING, Protocol

__all__ = ["lazy", "make_forks_wait_for"]

if TYPE_CHECKING:
    from functools import cached_property as lazy
else:

    class lazy:  # noqa: N801 (a decorator, like functools.cached_property, which up to Python 3.11 holds a lock)
        """An attribute that is computed when it is first asked for, by threads that ask at once by each of them."""

        def __init__(self, compute):
            self.compute, self.__doc__ = compute, compute.__doc__

        def __set_name__(self, owner, name):
            self.name = name

        def __get__(self, instance, owner=None):
            return self if instance is None else instance.__dict__.setdefault(self.name, self.compute(instance))


class Lock(Protocol):
    """What a fork can wait for: one of threading's locks, or one of its own kind."""

    def acquire(self) -> object: ...
    def release(self) -> object: ...


def make_forks_wait_for(lock: Lock) -> None:
    """A fork takes the lock before it copies the process.

    Of several locks, and that of logging is one, a fork takes the last one first: a thread that holds this one may
    take those, not the other way round.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)


def _finish_imports() -> None:
    """Waits for another thread that is importing what this package imports on first use."""
    importlib.import_module(".model", __package__)
    with contextlib.suppress(ImportError):
        importlib.import_module("._core", __package__)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_finish_imports)
