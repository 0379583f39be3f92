"""What every loss promises: the paper's value and gradient, invariances, edges, and nothing done behind one's back."""

import gc
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from edgeecg import losses
from edgeecg.errors import InputError
from edgeecg.losses import _tiles
from tests.losses.cases import CASES, assert_agrees, permuted, worst

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-10}
each_loss = pytest.mark.parametrize("case", CASES, ids=str)
each_dtype = pytest.mark.parametrize("dtype", TOLERANCE, ids=["float32", "float64"])


def problem(case, n, d, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return case.arrays(rng, n, d, dtype), case.options(rng, n, d)


@each_loss
@each_dtype
@pytest.mark.parametrize("n, d", [(37, 64), (96, 24), (7, 3), (40, 40)])
def test_agrees_with_the_paper(case, dtype, n, d):
    assert_agrees(case, *problem(case, n, d, dtype), TOLERANCE[dtype])


@each_loss
@settings(max_examples=15, deadline=None)
@given(st.integers(3, 24), st.integers(2, 20), st.integers(0, 2**31))
def test_agrees_with_the_paper_on_any_shape(case, n, d, seed):
    assert_agrees(case, *problem(case, n, d, seed=seed), TOLERANCE[np.float64])


@each_loss
@each_dtype
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("keep", [0, 1 << 20], ids=["remade-tiles", "kept-tiles"])
def test_many_tiles_agree_too(case, dtype, threads, keep, monkeypatch):
    monkeypatch.setattr(_tiles, "TILE_ROWS", 16)
    monkeypatch.setattr(_tiles, "TILE_COLUMNS", 24)
    monkeypatch.setattr(_tiles, "KEEP_BYTES", keep)
    assert_agrees(case, *problem(case, 61, 20, dtype), TOLERANCE[dtype], threads=threads)


@each_loss
def test_row_order_does_not_matter(case):
    arrays, options = problem(case, 33, 12)
    order = np.random.default_rng(1).permutation(33)
    value, grads = case.kernel(arrays, options)
    again, moved = case.kernel([z[order] for z in arrays], permuted(options, case.by_row, order))
    assert again == pytest.approx(value, rel=1e-12)
    assert all(worst(m, g[order]) < 1e-10 for m, g in zip(moved, grads, strict=True))


@pytest.mark.parametrize("case", [c for c in CASES if "rotation" in c.invariant], ids=str)
def test_a_joint_rotation_does_not_matter(case):
    arrays, options = problem(case, 21, 9)
    turn = np.linalg.qr(np.random.default_rng(2).standard_normal((9, 9)))[0]
    value, grads = case.kernel(arrays, options)
    again, turned = case.kernel([z @ turn for z in arrays], options)
    assert again == pytest.approx(value, rel=1e-12)
    assert all(worst(t, g @ turn) < 1e-10 for t, g in zip(turned, grads, strict=True))


@pytest.mark.parametrize("case", [c for c in CASES if "scale" in c.invariant], ids=str)
def test_row_lengths_do_not_matter(case):
    arrays, options = problem(case, 21, 9)
    lengths = np.random.default_rng(3).uniform(1e-3, 1e3, (21, 1))
    value, grads = case.kernel(arrays, options)
    again, scaled = case.kernel([z * lengths for z in arrays], options)
    assert again == pytest.approx(value, rel=1e-12)
    assert all(worst(s * lengths, g) < 1e-10 for s, g in zip(scaled, grads, strict=True))


@pytest.mark.parametrize("name", ["barlow_twins", "cross_correlation"])
def test_column_scale_and_offset_do_not_matter(name):
    rng = np.random.default_rng(4)
    z1, z2 = rng.standard_normal((2, 50, 7))
    kernel = getattr(losses, name)
    plain = kernel(z1, z2, eps=1e-12)
    moved = kernel(z1 * rng.uniform(0.1, 10, 7) + 3.0, z2 * 5.0 - 1.0, eps=1e-12)
    if name == "barlow_twins":
        plain, moved = plain[0], moved[0]
    np.testing.assert_allclose(moved, plain, rtol=1e-9, atol=1e-9)


@each_loss
def test_a_step_down_the_gradient_lowers_the_loss(case):
    arrays, options = problem(case, 25, 10)
    value, grads = case.kernel(arrays, options)
    size = sum(float((g**2).sum()) for g in grads)
    step = 1e-4 / max(size, 1e-12) * max(abs(value), 1e-3)
    lower, _ = case.kernel([z - step * g for z, g in zip(arrays, grads, strict=True)], options)
    assert lower < value


@each_loss
def test_non_contiguous_input_gives_the_same(case):
    arrays, options = problem(case, 24, 8)
    value, grads = case.kernel(arrays, options)
    awkward = [np.asfortranarray(z) for z in arrays], [np.repeat(z, 2, axis=1)[:, ::2] for z in arrays]
    for views in awkward:
        again, other = case.kernel(list(views), options)
        assert again == value and all(np.array_equal(a, b) for a, b in zip(grads, other, strict=True))


@each_loss
def test_input_is_left_alone(case):
    arrays, options = problem(case, 24, 8)
    copies = [z.copy() for z in arrays]
    case.kernel(arrays, options)
    assert all(np.array_equal(z, c) for z, c in zip(arrays, copies, strict=True))


@each_loss
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("threads", [1, 2, 3, 4])
def test_nan_and_infinity_are_named(case, bad, threads):
    arrays, options = problem(case, 9, 50)
    arrays[-1][4, 41] = arrays[-1][6, 2] = bad  # the later row lies in an earlier worker's columns
    with pytest.raises(InputError, match=f"z{len(arrays)} holds NaN or infinity, first in row 4"):
        case.kernel(arrays, options, threads=threads)


@each_loss
# by NumPy, on the way to the sentence
@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("dtype", "size"), [(np.float64, 1e170), (np.float32, 1e30)])
def test_numbers_that_overflow_are_named_or_harmless(case, dtype, size, threads):
    arrays, options = problem(case, 9, 50, dtype)
    try:
        value, grads = case.kernel([z * dtype(size) for z in arrays], options, threads=threads)
    except InputError as error:
        assert "too large" in str(error)
        return
    assert dtype is np.float32 and ("scale" in case.invariant or case.name == "barlow_twins"), "1e340 is no float64"
    assert value == pytest.approx(case.kernel(arrays, options)[0], rel=1e-3) and all(
        np.isfinite(g).all() for g in grads
    )


@each_loss
def test_other_dtypes_are_refused(case):
    arrays, options = problem(case, 9, 5)
    for dtype in (np.float16, np.int64, np.complex128):
        with pytest.raises(InputError, match="float32 or float64"):
            case.kernel(
                [z.astype(dtype) for z in arrays],
                {k: v for k, v in options.items() if k != "bank"}
                | ({"bank": options["bank"]} if "bank" in options else {}),
            )


@each_loss
def test_shapes_and_threads_are_checked(case):
    arrays, options = problem(case, 9, 5)
    with pytest.raises(InputError, match="must be \\(N, D\\)"):
        case.kernel([z.ravel() for z in arrays], options)
    with pytest.raises(InputError, match="needs at least"):
        case.kernel([z[: case.minimum_rows - 1] for z in arrays], options)
    with pytest.raises(InputError, match="threads is 0"):
        case.kernel(arrays, options, threads=0)
    if case.views == 2:
        with pytest.raises(InputError, match="must be alike"):
            case.kernel([arrays[0], arrays[1][:-1]], options)


@pytest.mark.parametrize("case", [c for c in CASES if c.minimum_rows == 1], ids=str)
def test_one_row_is_defined(case):
    arrays, options = problem(case, 1, 5)
    if "bank" not in options:
        assert_agrees(case, arrays, options, 1e-10)
    value, grads = case.kernel(arrays, options)
    assert np.isfinite(value) and all(np.isfinite(g).all() for g in grads)


@each_loss
@each_dtype
def test_identical_rows_are_finite(case, dtype):
    arrays, options = problem(case, 8, 5, dtype)
    arrays = [np.repeat(arrays[0][:1], 8, axis=0) for _ in arrays]
    value, grads = case.kernel(arrays, options)
    assert np.isfinite(value) and all(np.isfinite(g).all() for g in grads)


@pytest.mark.parametrize("case", [c for c in CASES if "scale" in c.invariant], ids=str)
@each_dtype
def test_huge_logits(case, dtype):
    arrays, options = problem(case, 48, 16, dtype)
    assert_agrees(case, arrays, {**options, "temperature": 0.01}, TOLERANCE[dtype])


@pytest.mark.parametrize("case", [c for c in CASES if "scale" in c.invariant], ids=str)
def test_a_zero_row_has_no_gradient(case):
    arrays, options = problem(case, 8, 5)
    arrays[0][3] = 0.0
    value, grads = case.kernel(arrays, options)
    assert np.isfinite(value) and all(np.isfinite(g).all() for g in grads)
    assert not grads[0][3].any()


@each_loss
def test_threads_change_only_rounding_and_repeat_exactly(case):
    arrays, options = problem(case, 300, 48, np.float32)
    one, two, again = (case.kernel(arrays, options, threads=t) for t in (1, 2, 2))
    assert two[0] == again[0] and all(np.array_equal(a, b) for a, b in zip(two[1], again[1], strict=True))
    assert two[0] == pytest.approx(one[0], rel=1e-6)
    assert all(worst(a, b) < 1e-5 for a, b in zip(two[1], one[1], strict=True))


def test_the_blas_is_left_as_found():
    def blas():
        return [(i["filepath"], i["num_threads"]) for i in threadpool_info() if i["user_api"] == "blas"]

    before = blas()
    z1, z2 = np.random.default_rng(0).standard_normal((2, 40, 8))
    losses.nt_xent(z1, z2, threads=2)
    with pytest.raises(InputError):
        losses.nt_xent(z1, z2 * np.nan)
    assert blas() == before


@pytest.fixture(scope="module")
def only_new_objects():
    """Collections that skip what all the tests before have made: they take a tenth of the time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@each_loss
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.usefixtures("only_new_objects")
def test_arrays_are_free_when_the_call_is_over(case, threads):
    """Circles of references would keep them until the next collection, and the next call would fault in new pages."""
    arrays, options = problem(case, 40, 60)
    case.kernel(arrays, options, threads=threads)
    gc.collect()
    gc.disable()
    try:
        case.kernel(arrays, options, threads=threads)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_memory_grows_with_n_not_with_its_square():
    z1, z2 = np.random.default_rng(0).standard_normal((2, 2048, 64)).astype(np.float32)
    losses.nt_xent(z1[:64], z2[:64])
    tracemalloc.start()
    losses.nt_xent(z1, z2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12e6, "the 4096 x 4096 matrix alone would be 67 MB"


def run(program):
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)


def test_importing_brings_neither_numba_nor_torch():
    done = run("import sys, edgeecg.losses; print(sorted({'numba', 'llvmlite', 'torch'} & set(sys.modules)))")
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def test_missing_numba_is_one_sentence():
    done = run(
        "import sys; sys.modules['numba'] = None\n"
        "import numpy as np, edgeecg.losses as L\n"
        "from edgeecg.errors import MissingDependencyError\n"
        "try: L.nt_xent(np.eye(2), np.eye(2))\n"
        "except MissingDependencyError as error: print(error)"
    )
    assert done.stdout.strip() == "the loss kernels need Numba: pip install edgeecg[jit]", done.stderr
