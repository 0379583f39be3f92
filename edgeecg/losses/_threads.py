"""Threads that a call asks for, and no others.

A loss runs `threads` workers of its own and wants every matrix product inside a worker on that worker alone. NumPy's
BLAS has one process-wide thread count, so it is set to 1 for the time of the call and put back after it. That needs
threadpoolctl (part of the extra `jit`); without it BLAS keeps whatever the process gave it (for OpenBLAS the
environment variable OPENBLAS_NUM_THREADS) and results stay the same to rounding.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock


@lru_cache(maxsize=1)
def _blas():
    """The loaded BLAS libraries, looked up once: finding them costs milliseconds, setting them microseconds."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController().select(user_api="blas")


class _SingleThreadedBlas:
    """Counts the calls under way: the first one in saves and sets, the last one out restores.

    Without the count two overlapping calls would restore in the wrong order and leave the process at one thread.
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


@contextmanager
def one_blas_thread():
    """Inside, a matrix product runs on the thread that asks for it."""
    _single_threaded_blas.enter()
    try:
        yield
    finally:
        _single_threaded_blas.leave()


def run_workers(work, threads):
    """[work(0), ..., work(threads - 1)], side by side. Kernels and BLAS release the GIL."""
    if threads == 1:
        return [work(0)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, range(threads)))


def share(total, worker, threads, multiple=16):
    """The slice of range(total) that is this worker's, cut at multiples of a cache line's numbers."""
    step = -(-total // (threads * multiple)) * multiple
    return slice(min(worker * step, total), min((worker + 1) * step, total))
