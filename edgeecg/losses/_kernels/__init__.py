"""The compiled inner loops. Importing this package imports Numba, so it is imported inside the first call only.

Matrix products never happen here: they are NumPy's BLAS, called by the modules one level up. What is here is
everything between two products, one sweep over a tile that sits in the cache.
"""

from ...errors import MissingDependencyError

try:
    import numba  # noqa: F401 (asked for here so that the sentence below is said once)
except ImportError as error:
    raise MissingDependencyError("the loss kernels need Numba: pip install edgeecg[jit]") from error
