"""A model as C constants: the order in which the device reads weights."""

import dataclasses

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeecg import _export_model
from tests.models import edge_like


@given(st.integers(0, 2**32), st.sampled_from([16, 48, 256]), st.integers(1, 4))
def test_paired_weights_hold_both_channels(seed, fan_in, pairs):
    """What csrc/src/device/arm_dsp_rows.h does with them, in Python: the sums of both channels come back, in 32 bits,
    for the largest inputs too.
    """
    rng = np.random.default_rng(seed)
    weights = rng.choice([-127, -1, 0, 1, 127, -128 if seed % 3 == 0 else 5], (2 * pairs, 1, fan_in)).astype(np.int8)
    layer = dataclasses.replace(
        edge_like().layers[0],
        cin=fan_in,
        cout=2 * pairs,
        kernel=1,
        weights=weights,
        bias=np.zeros(2 * pairs, np.int32),
        mult=np.ones(2 * pairs, np.int16),
    )
    got = _export_model.paired(layer)
    first, second = weights[0::2, 0].astype(int), weights[1::2, 0].astype(int)
    if ((second == -128) & (first < 0)).any():
        assert got is None
        return
    x = rng.choice([0, 255, 255], fan_in)
    lanes = got.astype(np.int64).reshape(pairs, -1, 4)
    inputs = x.reshape(-1, 4)[:, [0, 2, 1, 3]]
    both = (lanes * inputs).sum((1, 2)).astype(np.int32)
    one = (lanes.astype(np.int8).astype(np.int64) * inputs).sum((1, 2)).astype(np.int32)
    np.testing.assert_array_equal(one, first @ x)
    np.testing.assert_array_equal((both - one) >> 8, second @ x)
