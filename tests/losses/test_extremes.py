"""Any temperature, any size: each loss gives what extended precision gives, within its stated bound, or InputError."""

import itertools
import os
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeecg import losses
from edgeecg.errors import InputError
from tests.losses import bounds, exact
from tests.losses.adversarial import SHAPES, TAME, Draw, draws
from tests.losses.cases import CASES

THOROUGH = os.environ.get("EDGEECG_HYPOTHESIS") == "thorough"
each_loss = pytest.mark.parametrize("case", CASES, ids=str)
pytestmark = exact.needs_extended


def refusable(case, arrays, options, value, grads, slacks):
    """Whether docs/losses.md lets a loss refuse: a result, or a square on the way, that its dtype does not hold."""
    info = np.finfo(arrays[0].dtype)
    most, least = float(info.max) / 4, float(info.tiny) * 4
    largest = max(abs(np.asarray(g)).max() for g in grads)
    squares = max((bounds.row_lengths(z) ** 2).max() for z in arrays)
    if not (abs(value) < 1e307 and largest < most and squares < 1e307):
        return True
    if case.name == "siamese_contrastive":
        apart = (bounds.row_lengths(np.subtract(*bounds.extended(*arrays))) ** 2).max()
        return apart > most or 2 * np.sqrt(value / len(arrays[0])) < least
    if case.name == "vicreg":
        smallest, largest = (
            max((abs(g) + sign * s).max() for g, s in zip(grads, slacks, strict=True)) for sign in (-1, 1)
        )
        return smallest < least or largest > most
    if case.name == "barlow_twins":
        eps = options.get("eps", 1e-5)
        deviation = max(bounds.deviations(z, eps).min() for z in bounds.extended(*arrays))
        return 2 * max(1, options.get("lambd", 0)) / deviation / len(arrays[0]) < least
    temperature = np.longdouble(options.get("temperature", 0.5))
    if case.name == "soft_nearest_neighbor":
        reach = bounds.reach(arrays, temperature)
        return reach > 2.0**31.9 or np.sqrt(reach * 2 / temperature) < least
    lengths = [bounds.row_lengths(z) for z in arrays]
    if case.name not in ("patient_nce", "sigmoid_contrastive"):
        lengths = [np.concatenate(lengths)]
    shortest = [some[some > 0].min(initial=np.inf) for some in lengths]
    bank = bounds.row_lengths(options["bank"]).max() if "bank" in options else 1.0
    sizes = [bank / temperature / size / len(some) for size, some in zip(shortest, lengths, strict=True)]
    return any(0 < size < least for size in sizes) or max(sizes) > most or min(shortest) < 2.0**-999


def worst_over_bound(case, draw):
    """The largest error of value and gradients in units of its bound; None where the loss rightly refuses."""
    arrays, options = draw.arrays(case), draw.options(case)
    kernel = getattr(losses, case.name)
    right, slopes = exact.evaluate(getattr(exact, case.name), arrays, options)
    if case.name == "sigmoid_contrastive":
        slopes += exact.of_options(exact.sigmoid_contrastive, arrays, options, temperature=0.1, bias=-10.0)
    ulp = np.finfo(bounds.computed_in(case.name, arrays, options)).eps
    slack, grad_slacks = getattr(bounds, case.name)(*arrays, ulp=ulp, **options)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            value, grads = kernel(*arrays, **options)
    except InputError as error:
        assert refusable(case, arrays, options, right, slopes, grad_slacks), error
        return None
    info = np.finfo(arrays[0].dtype)
    worst = abs(value - right) / (slack + 2.3e-16 * abs(right) + 5e-324)
    for grad, slope, grad_slack in zip(grads, slopes, grad_slacks, strict=True):
        rounded = info.eps * abs(slope) + 2 * np.longdouble(info.smallest_subnormal)
        worst = max(worst, (abs(grad - slope) / (grad_slack + rounded)).max())
    return worst


@each_loss
@given(draws())
def test_it_is_right_or_refused(case, draw):
    worst = worst_over_bound(case, draw)
    assert worst is None or worst <= 1


@each_loss
@given(draws(size=st.just(0.0), option_sizes=st.none(), shape=st.sampled_from(TAME)))
def test_ordinary_sizes_are_never_refused(case, draw):
    assert worst_over_bound(case, draw) <= 1


@given(draws())
def test_the_matrix_of_barlow_twins_is_right_or_refused(draw):
    arrays, eps = draw.arrays(CASES[0]), draw.options(CASES[0]).get("eps", 1e-5)
    try:
        matrix = losses.cross_correlation(*arrays, eps=eps)
    except InputError:
        assert max((bounds.row_lengths(z) ** 2).max() for z in arrays) > 1e307
        return
    right = exact.cross_correlation(*bounds.extended(*arrays), eps=np.longdouble(eps))
    info = np.finfo(matrix.dtype)
    slack = bounds.cross_correlation(*arrays, ulp=info.eps, eps=eps)
    assert (abs(matrix - right) <= slack + 2 * np.longdouble(info.smallest_subnormal)).all()


SIZES = (-45, -30, -10, 0, 10, 30) if THOROUGH else (-45, 0, 30)
PLACES = np.linspace(0, 1, 21 if THOROUGH else 4)
KINDS = list(SHAPES) if THOROUGH else ["plain", "one row", "constant but for rounding", "one-hot"]


@each_loss
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_size_with_every_option(case, dtype):
    for size, place, kind, rows in itertools.product(SIZES, PLACES, KINDS, (1, 4)):
        draw = Draw(dtype, rows, 3, kind, "near", "few", size, (place,) * 5, 0)
        worst = worst_over_bound(case, draw)
        assert worst is None or worst <= 1, draw
