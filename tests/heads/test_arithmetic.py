"""The arithmetic of heads: against floats, at its limits, and the core against the specification."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edgeecg
from edgeecg import heads
from edgeecg.heads.arithmetic import EXP2, MOST_LOGIT, ONE, logits, probabilities
from edgeecg.heads.head import UNDECIDED, UNREADABLE, Verdicts
from edgeecg.heads.running import Runner


@pytest.fixture(scope="module")
def encoder():
    return edgeecg.load()


def test_the_table_is_the_rounded_exponential():
    assert EXP2.tolist() == [round(65536 * 2 ** (-i / 32)) for i in range(33)]


@given(st.lists(st.integers(-MOST_LOGIT, MOST_LOGIT), min_size=2, max_size=16))
def test_probabilities_are_near_those_of_floats(row):
    z = np.array([row], np.int32)
    exact = np.exp((z - z.max()) / 2048.0)
    np.testing.assert_allclose(probabilities(z, False) / ONE, exact / exact.sum(), atol=1e-4)
    sigmoid = 1 / (1 + np.exp(np.clip(-z / 2048.0, -700, 700)))
    np.testing.assert_allclose(probabilities(z, True) / ONE, sigmoid, atol=1e-4)


@given(st.data())
def test_logits_are_those_of_exact_fractions(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    classes, dim = data.draw(st.integers(1, 16)), data.draw(st.sampled_from([1, 2, 3, 128, 1024]))
    shift = data.draw(st.integers(1, 47))
    limits = data.draw(st.sampled_from([(-32768, 32767), (-5, 5), (32767, 32767)]))
    w, e = (rng.integers(*limits, (n, dim), np.int16, endpoint=True) for n in (classes, 3))
    bias = rng.integers(-(2**46) + 1, 2**46, classes)
    found = logits(e, w, bias, shift)
    for i, row in enumerate(e.tolist()):
        for c in range(classes):
            total = sum(a * b for a, b in zip(w[c].tolist(), row, strict=True)) + int(bias[c])
            exact = (Fraction(total, 2**shift) + Fraction(1, 2)).__floor__()
            assert found[i, c] == max(-MOST_LOGIT, min(MOST_LOGIT, exact))


def random_head(rng, encoder, kind, smoothing, size=1.0, classes=None):
    k = classes or int(rng.integers(2, 17))
    return heads.quantize(
        rng.normal(0, size, (k, encoder.dim)),
        rng.normal(0, size, k),
        classes=[f"c{i}" for i in range(k)],
        kind=kind,
        encoder=encoder,
        thresholds=rng.choice([0, 0.2, 0.5, 0.9, 1], k),
        smoothing=smoothing,
        unreadable=int(rng.integers(0, 32)),
    )


@pytest.mark.parametrize(
    "smoothing", [None, heads.Smoothing(1, 1, 1), heads.Smoothing(3, 5, 1), heads.Smoothing(9, 32, 4)]
)
@pytest.mark.parametrize("kind", ["softmax", "independent"])
def test_the_core_gives_the_bytes_of_the_specification(encoder, kind, smoothing):
    rng = np.random.default_rng(0)
    exponent = encoder.info["exponent"]
    for size in (1e-6, 0.01, 0.3, 30):
        head = random_head(rng, encoder, kind, smoothing, size)
        e16 = rng.integers(-32767, 32768, (300, encoder.dim)) // rng.choice([1, 16, 400], (300, 1))
        embedding = (e16 * 2.0**-exponent).astype(np.float32)
        quality = rng.choice([0, 0, 0, 0, 1, 2, 4, 8, 16], 300).astype(np.uint8)
        core, specification = Runner(head, encoder), Runner(head, encoder)
        specification.engine = None
        for part in (slice(0, 1), slice(1, 120), slice(120, 120), slice(120, None)):
            a, b = (one.run(embedding[part], quality[part]) for one in (core, specification))
            np.testing.assert_array_equal(a.probability, b.probability)
            np.testing.assert_array_equal(a.verdict, b.verdict)
        whole = core.run(embedding, quality, fresh=True)
        specification.reset()
        np.testing.assert_array_equal(whole.verdict, specification.run(embedding, quality).verdict)


def test_verdicts_by_hand(encoder):
    head = random_head(np.random.default_rng(1), encoder, "independent", heads.Smoothing(2, 3, 1), classes=1)
    verdicts = Verdicts(head)
    off, on = np.zeros(1, np.uint16), np.full(1, ONE, np.uint16)
    object.__setattr__(head, "thresholds", np.full(1, ONE // 2, np.uint16))
    object.__setattr__(head, "unreadable", 8)
    said = [int(verdicts.one(p, q)[0]) for p, q in [(on, 0), (off, 0), (on, 0), (off, 0), (on, 8), (off, 0), (off, 0)]]
    assert said == [0, 0, 1, 1, UNREADABLE, 1, 0]
    softmax = random_head(np.random.default_rng(1), encoder, "softmax", None, classes=3)
    object.__setattr__(softmax, "thresholds", np.full(3, 16_000, np.uint16))
    object.__setattr__(softmax, "unreadable", 0)
    rows = np.array([[20_000, 12_000, 768], [11_000, 11_000, 10_768], [384, 16_192, 16_192]], np.uint16)
    assert [int(Verdicts(softmax).one(row, 255)) for row in rows] == [0, UNDECIDED, 1]
