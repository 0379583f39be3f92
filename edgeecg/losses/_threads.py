"""Threads that a call asks for, and no others.

A loss runs `threads` workers of its own and wants every matrix product inside a worker on that worker alone. NumPy's
BLAS has one process-wide thread count, so it is set to 1 for the time of the call and put back after it. That needs
threadpoolctl (part of the extra `jit`); without it BLAS keeps whatever the process gave it (for OpenBLAS the
environment variable OPENBLAS_NUM_THREADS) and results stay the same to rounding.
"""

import os
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import lru_cache
from numbers import Integral
from threading import Barrier, BrokenBarrierError, Lock

from ..errors import InputError


class Team:
    """The workers of one call: `with Team(threads) as team`. Inside, the BLAS runs on the thread that asks for it.

    `blas=False` leaves the BLAS alone, for calls that make no matrix product.
    """

    def __init__(self, threads, blas=True):
        if not isinstance(threads, Integral) or threads < 1:
            raise InputError(f"threads is {threads!r}: it must be a whole number of at least 1")
        self.size = int(threads)
        self._blas = blas
        self._pool = None

    def __enter__(self):
        if self._blas:
            _single_threaded_blas.enter()
        if self.size > 1:
            self._pool = _helpers(self.size - 1)
        return self

    def __exit__(self, *_):
        if self._blas:
            _single_threaded_blas.leave()

    def run(self, work):
        """[work(0), ..., work(size - 1)], side by side: kernels and BLAS release the GIL."""
        others = self._pool.submit(work, range(1, self.size)) if self._pool else []
        mine = Future()
        try:
            mine.set_result(work(0))
        except BaseException as error:
            mine.set_exception(error)
        wait(others)  # whatever happened: no thread writes into the arrays of a call that is over
        everyone = [mine, *others]
        # A worker's own failure comes first, not that the others stopped for it.
        everyone.sort(key=lambda future: isinstance(future.exception(), BrokenBarrierError))
        return [future.result() for future in everyone]

    def run_stages(self, *stages):
        """Each stage a pair (work, join): all workers do work(worker), the last one then join(results) if there is one.

        The helpers are woken once; between stages a worker waits only for those that are not there yet.
        """
        results, going = [None] * self.size, iter(stages)
        now = next(going)

        def meet():
            nonlocal now
            if now[1] is not None:
                now[1](results[:])
            now = next(going, None)

        barrier = Barrier(self.size, action=meet)

        def work(worker):
            try:
                while now is not None:
                    results[worker] = now[0](worker)
                    barrier.wait()
            except BaseException:
                barrier.abort()  # who waits there, or would, ends with BrokenBarrierError
                raise

        self.run(work)

    def share(self, total, worker, multiple=16, of=None):
        """The slice of range(total) of this worker among `of` (the team), cut at multiples of a cache line's numbers."""
        step = -(-total // ((of or self.size) * multiple)) * multiple
        return slice(min(worker * step, total), min((worker + 1) * step, total))


class _Helpers:
    """The threads beside the caller's, kept for the next call, which then need not start them. They sleep in between."""

    def __init__(self, count):
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="edgeecg-losses")
        self._lock = Lock()

    def submit(self, work, workers):
        """A future for each worker. All in a row: of two calls whose workers meet, one would wait for the other's thread."""
        with self._lock:
            return [self._pool.submit(work, worker) for worker in workers]


_helpers = lru_cache(_Helpers)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_helpers.cache_clear)  # a child has none of its parent's threads


class _SingleThreadedBlas:
    """Counts the calls under way: the first one in saves and sets, the last one out restores.

    Without the count two overlapping calls could restore in the wrong order and leave the process at one thread.
    """

    def __init__(self):
        self._lock = Lock()
        self._users = 0
        self._limits = None

    def enter(self):
        with self._lock:
            if self._users == 0 and _blas() is not None:
                self._limits = _blas().limit(limits=1, user_api="blas")
            self._users += 1

    def leave(self):
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._limits is not None:
                self._limits.restore_original_limits()
                self._limits = None


_single_threaded_blas = _SingleThreadedBlas()


@lru_cache(maxsize=1)
def _blas():
    """The loaded BLAS libraries, looked up once: finding them costs milliseconds, setting them microseconds."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController().select(user_api="blas")
