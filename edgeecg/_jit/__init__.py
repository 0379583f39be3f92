"""The compiled kernels behind `edgeecg.jit`, a file a section of docs/numerics.md. Importing one imports Numba."""
