"""Samples at and beyond every limit: NumPy, Numba and C make the same of them (docs/numerics.md, section 1)."""

import functools

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import edgeecg
from edgeecg import Quality, reference
from edgeecg._signal import MV_PER_UNIT
from edgeecg.constants import CANONICAL_PER_MV, X_MAX
from tests.models import plain, tiny

pytestmark = pytest.mark.filterwarnings("ignore::edgeecg.AmplitudeWarning")
BACKENDS = ("c", "numba", "numpy")
DIRECT_GAINS = (1 << 20, 1 << 12, 1 << 5)
"""Of the plain front end: its bytes then are the lowest, the middle and the highest bits of a canonical sample."""
SHORT = {"window": 64, "flat_blocks": 1, "off_blocks": 1}
LENGTH = 100
WIDTHS = {np.float16: 16, np.float32: 32, np.float64: 64, np.longdouble: 64}
gains = st.one_of(st.none(), st.floats(0.25, 2.0**24), st.sampled_from([0.25, 200.0, 1000.0, 2.0**24]))


@functools.cache
def encoders(direct_gain=None):
    model = plain(direct_gain=direct_gain, **SHORT) if direct_gain else tiny()
    return [edgeecg.load(model, backend) for backend in BACKENDS]


def assert_one_answer(x, **options):
    """Bytes of the front end, embeddings and flags of a recording at 128 Hz."""
    for direct_gain in DIRECT_GAINS:
        first, *others = (encoder.front_end(x, nan="mask", **options) for encoder in encoders(direct_gain))
        for other in others:
            np.testing.assert_array_equal(other, first)
    first, *others = (encoder.analyze(x, hop=0.1, nan="mask", **options) for encoder in encoders())
    for other in others:
        for one, two in zip(other, first, strict=True):
            np.testing.assert_array_equal(one, two)
    return first


@st.composite
def extreme_floats(draw, dtype):
    """A recording of a few values of any size."""
    highest = float(np.finfo(dtype if dtype != np.longdouble else np.float64).max)
    rails = st.sampled_from([X_MAX / (CANONICAL_PER_MV * mv) for mv in MV_PER_UNIT.values()])
    values = st.one_of(
        st.floats(-highest, highest, width=WIDTHS[dtype]),
        st.floats(allow_nan=True, allow_infinity=True, width=32),
        st.tuples(rails, st.floats(-2e-6, 2e-6), st.sampled_from([-1, 1])).map(lambda t: t[2] * t[0] * (1 + t[1])),
        st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 1e-40, 1e305, -1e305, highest, -highest, 0.5, -0.5]),
    )
    with np.errstate(over="ignore"):
        few = np.array(draw(st.lists(values, min_size=1, max_size=12))).astype(dtype)
    x = np.resize(few, LENGTH) if draw(st.booleans()) else np.repeat(few, -(-LENGTH // len(few)))[:LENGTH]
    return x[::-1] if draw(st.booleans()) else x


@pytest.mark.parametrize("dtype", WIDTHS, ids=lambda d: d.__name__)
@given(data=st.data(), unit=st.sampled_from(sorted(MV_PER_UNIT)), gain=gains)
def test_floats(dtype, data, unit, gain):
    assert_one_answer(data.draw(extreme_floats(dtype)), unit=unit, gain=gain)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64, np.uint8], ids=lambda d: d.__name__)
@given(data=st.data(), gain=gains)
@example(data=None, gain=0.25)
def test_integers(dtype, data, gain):
    low, high = (max(np.iinfo(dtype).min, -(2**31)), min(np.iinfo(dtype).max, 2**31 - 1))
    ends = [low, low + 1, high, high - 1, 0, 1]
    values = st.lists(st.one_of(st.integers(low, high), st.sampled_from(ends)), min_size=1, max_size=12)
    few = np.array(data.draw(values) if data else ends, dtype)
    assert_one_answer(np.resize(few, LENGTH), unit="uV", gain=gain)


@pytest.mark.parametrize("unit", ["mV", "uV", "V"])
@pytest.mark.parametrize("value", [1e305, -1e305, np.finfo(np.float64).max, 3.4e38, np.longdouble("1e400")])
def test_a_finite_sample_is_at_the_limit_and_never_missing(unit, value):
    x = np.full(LENGTH, value)
    x[70:] = 0
    assert assert_one_answer(x, unit=unit).quality[0] == Quality.LEAD_OFF | Quality.FLAT
    canonical, missing = reference.samples(x.astype(np.float64) if abs(value) < 1e306 else np.sign(x) * 1e306, unit)
    assert canonical[0] == np.sign(float(value)) * X_MAX and not missing.any()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_sample_that_is_not_finite_is_missing(value):
    x = np.sin(np.arange(float(LENGTH)))
    x[30] = value
    assert Quality(int(assert_one_answer(x).quality[0])) & Quality.MISSING
    with pytest.raises(edgeecg.InputError, match="sample 30 is not finite"):
        encoders()[0].embed(x)
