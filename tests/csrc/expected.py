"""Results of a stream of the C core against the NumPy reference."""

import numpy as np

from edgeecg import reference


def embed(x, fs_mhz: int, model, hop: int, missing=None):
    """(e16, e8, flags) of canonical samples; `missing` marks those that are held."""
    return reference.embed(x, np.zeros(len(x), bool) if missing is None else missing, fs_mhz, model, hop)


def assert_equal(results, x, fs_mhz: int, model, hop: int, missing=None) -> None:
    """Results of a stream are those of the whole recording."""
    e16, e8, quality = embed(x, fs_mhz, model, hop, missing)
    assert [r.start for r in results] == [hop * i for i in range(len(e16))]
    for name, wanted in (("quality", quality), ("e16", e16), ("e8", e8)):
        got = np.array([getattr(r, name) for r in results], wanted.dtype).reshape(wanted.shape)
        np.testing.assert_array_equal(got, wanted, err_msg=name)
