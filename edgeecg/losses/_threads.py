"""Threads that a call asks for, and no others.

A loss runs `threads` workers of its own and wants every matrix product inside a worker on that worker alone. NumPy's
BLAS has one process-wide thread count, so it is set to 1 for the time of the call and put back after it. That needs
threadpoolctl (part of the extra `jit`); without it BLAS keeps whatever the process gave it (for OpenBLAS the
environment variable OPENBLAS_NUM_THREADS) and results stay the same to rounding.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from numbers import Integral
from threading import BrokenBarrierError, Event, Lock
from typing import Any, Self, TypeVar

import numpy as np

from ..errors import InputError

Result = TypeVar("Result")
MOST_THREADS = 1024


class Gate:
    """Opens once `count` workers have arrived, the last of whom does `action` first.

    Who finds it open need not stop.
    """

    def __init__(self, count: int, action: Callable[[], None] | None = None) -> None:
        self._missing, self._action = count, action
        self._lock, self._closed = Lock(), Lock()
        self._broken = False
        self.is_open = count == 0
        if not self.is_open:
            self._closed.acquire()

    def arrive(self) -> None:
        with self._lock:
            self._missing -= 1
            last = self._missing == 0
        if last:
            action, self._action = self._action, None  # kept, it would keep the arrays that it works on, in a circle
            if action is not None:
                action()
            self._open()

    def wait(self) -> None:
        """Returns once it is open; raises BrokenBarrierError where it never will."""
        if not self.is_open:
            with self._closed:
                pass
        if self._broken:
            raise BrokenBarrierError

    def give_up(self) -> None:
        """Lets everybody through who waits here or will, into an error."""
        self._broken, self._action = True, None
        self._open()

    def _open(self) -> None:
        with self._lock:
            if self.is_open:
                return
            self.is_open = True
        self._closed.release()


class Team:
    """The workers of one call: `with Team(threads) as team`. Inside, the BLAS runs on the thread that asks for it.

    `blas=False` leaves the BLAS alone, for calls that make no matrix product.
    """

    def __init__(self, threads: object, blas: bool = True) -> None:
        if isinstance(threads, bool) or not isinstance(threads, Integral) or not 1 <= int(threads) <= MOST_THREADS:
            raise InputError(f"threads is {threads!r}: it must be a whole number from 1 to {MOST_THREADS}")
        self.size = int(threads)
        self._blas = blas
        self._pool = _helpers(self.size - 1) if self.size > 1 else None
        self._gates: list[Gate] = []

    def __enter__(self) -> Self:
        if self._blas:
            _single_threaded_blas.enter()
        return self

    def __exit__(self, *_: object) -> None:
        if self._blas:
            _single_threaded_blas.leave()

    def run(self, work: Callable[[int], Result]) -> list[Result]:
        """[work(0), ..., work(size - 1)], side by side: kernels and BLAS release the GIL."""
        results: list[Any] = [None] * self.size
        errors: list[BaseException] = []
        done = Gate(self.size - 1)

        def safely(worker: int) -> None:
            try:
                results[worker] = work(worker)
            except BaseException as error:
                errors.append(error)
                for gate in self._gates:
                    gate.give_up()

        def help_out(worker: int) -> None:
            with np.errstate(all="ignore"):
                safely(worker)
            done.arrive()

        if self._pool:
            self._pool.submit(help_out, range(1, self.size))
        safely(0)
        done.wait()  # whatever happened: no thread writes into the arrays of a call that is over
        self._gates.clear()
        # A worker's own failure comes first, not that the others stopped for it.
        for error in sorted(errors, key=lambda error: isinstance(error, BrokenBarrierError)):
            raise error
        return results

    def gate(self, count: int | None = None, action: Callable[[], None] | None = None) -> Gate:
        """A Gate for so many workers of the next run (all of them), which opens with an error if one of them fails."""
        self._gates.append(Gate(self.size if count is None else count, action))
        return self._gates[-1]

    def share(self, total: int, worker: int, multiple: int = 16, of: int | None = None) -> slice:
        """The slice of range(total) of this worker among `of` (the team), cut at multiples of a cache
        line's numbers.
        """
        step = -(-total // ((of or self.size) * multiple)) * multiple
        return slice(min(worker * step, total), min((worker + 1) * step, total))


class _Helpers:
    """The threads beside the caller's, kept for the next call, which then need not start them.

    They sleep in between.
    """

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="edgeecg-losses")
        self._lock = Lock()
        all_there = Event()
        try:
            for _ in range(count):
                self._pool.submit(all_there.wait)
        except RuntimeError as error:  # started later, a thread that cannot be would leave the others waiting for it
            raise InputError(f"threads is {count + 1}: the system starts no more threads here") from error
        finally:
            all_there.set()

    def submit(self, work: Callable[[int], None], workers: Iterable[int]) -> None:
        """Starts work(worker) for each, all in a row: of two calls that meet inside, one would wait for the other's."""
        with self._lock:
            for worker in workers:
                self._pool.submit(work, worker)


_helpers = lru_cache(_Helpers)


class _SingleThreadedBlas:
    """Counts the calls under way: the first one in saves and sets, the last one out restores.

    Without the count two overlapping calls could restore in the wrong order and leave the process at one thread.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._users = 0
        self._limits = None

    def enter(self) -> None:
        with self._lock:
            if self._users == 0 and _blas() is not None:
                self._limits = _blas().limit(limits=1, user_api="blas")
            self._users += 1

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._limits is not None:
                self._limits.restore_original_limits()
                self._limits = None

    def forget_users(self) -> None:
        """In the child of a fork: whoever was inside, or held the lock, was a thread of the parent."""
        self._lock, self._users = Lock(), 0
        if self._limits is not None:
            self._limits.restore_original_limits()
            self._limits = None


_single_threaded_blas = _SingleThreadedBlas()


def _after_fork_in_child() -> None:
    _helpers.cache_clear()  # a child has none of its parent's threads
    _single_threaded_blas.forget_users()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


@lru_cache(maxsize=1)
def _blas() -> Any:
    """The loaded BLAS libraries, looked up once: finding them costs milliseconds, setting them microseconds."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController().select(user_api="blas")
