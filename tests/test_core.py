"""The binding to the C core: it answers, or says in a word why not."""

import re
from pathlib import Path

import numpy as np
import pytest

import edgeecg
from edgeecg import _engines
from edgeecg._engines import ALL, FLOAT32, INT8, Options, open_engine
from tests.models import ecg, edge_like

SIGNAL = ecg(12, 128, seed=1, offset=0.0)
BROKEN = np.where(np.arange(len(SIGNAL)) == 700, np.nan, SIGNAL)
UNALIGNED = np.frombuffer(b"x" + SIGNAL.tobytes(), np.uint8)[1:].view(np.float64)


@pytest.fixture(scope="module")
def encoder():
    return edgeecg.load(edge_like())


def stream(encoder, gain=None):
    return open_engine("c", encoder.model).open(Options.checked(128, 1.0, "mV", gain))


WORDS = {
    "a list": (SIGNAL.tolist(), "type"),
    "bytes": (SIGNAL.tobytes(), "type"),
    "a masked array": (np.ma.masked_invalid(BROKEN), "type"),
    "another type": (SIGNAL.astype(np.float16), "type"),
    "another order of bytes": (SIGNAL.astype(">f8"), "type"),
    "no alignment": (UNALIGNED, "type"),
    "dates": (np.arange(1280).astype("datetime64[s]"), "type"),
    "two dimensions": (SIGNAL[None], "type"),
    "no dimension": (np.array(1.0), "type"),
    "integers of unknown gain": ((SIGNAL * 200).astype(np.int16), "unit"),
    "nothing": (SIGNAL[:0], "length"),
    "less than a window": (SIGNAL[:1279], "length"),
    "a sample that is not finite": (BROKEN, "missing"),
    "volts": (SIGNAL / 1000, "amplitude"),
    "microvolts": (SIGNAL * 1000, "amplitude"),
}


@pytest.mark.parametrize("form", [FLOAT32, INT8, ALL])
@pytest.mark.parametrize("case", WORDS)
def test_why_there_is_no_answer(encoder, case, form):
    samples, word = WORDS[case]
    assert stream(encoder).embed(samples, form, False) == word


def test_what_is_marked_as_missing_has_a_word_too(encoder):
    counts = np.where(np.isnan(BROKEN), -(2**31), np.nan_to_num(BROKEN) * 200).astype(np.int32)
    core = stream(encoder, gain=200)
    assert core.embed(counts, FLOAT32, False) == "missing"
    assert core.embed(counts, FLOAT32, True).shape == (3, 128)


def test_checked_samples_are_not_looked_through_again(encoder):
    core = stream(encoder)
    for samples in (BROKEN, SIGNAL / 1000):
        floats, int8, quality = core.embed(samples, ALL, False, checked=True)
        assert floats.shape == int8.shape == (3, 128) and quality.shape == (3,)


def test_every_form_is_of_one_computation(encoder):
    core = stream(encoder)
    floats, int8, quality = core.embed(SIGNAL, ALL, False)
    np.testing.assert_array_equal(core.embed(SIGNAL, FLOAT32, False), floats)
    np.testing.assert_array_equal(core.embed(SIGNAL, INT8, False), int8)
    assert (floats.dtype, int8.dtype, quality.dtype) == (np.float32, np.int8, np.uint8)


def test_rows_give_their_first_windows(encoder):
    rows = np.stack([ecg(12, 128, seed=i, offset=0.0) for i in range(4)])
    core = stream(encoder)
    together = core.embed(rows[:, ::-1][:, ::-1], ALL, False, 2)
    for name, form in enumerate(together):
        for row, got in zip(rows, form, strict=True):
            np.testing.assert_array_equal(core.embed(row, ALL, False)[name][0], got)
    rows[2, 5] = np.inf
    assert core.embed(rows, FLOAT32, False, 2) == "missing"


@pytest.mark.parametrize("backend", ["numba", "numpy"])
def test_the_other_engines_take_what_was_checked(encoder, backend):
    other = _engines.open_engine(backend, encoder.model).open(Options.checked(128, 1.0, "mV", None))
    assert other.embed(SIGNAL, FLOAT32, False) == "type"
    assert other.embed(SIGNAL[:1000], FLOAT32, False, checked=True) == "length"
    for ours, theirs in zip(
        stream(encoder).embed(SIGNAL, ALL, False), other.embed(SIGNAL, ALL, False, checked=True), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_the_binding_imports_the_constants_alone():
    """What else it took from the package would be a circle that no tool sees."""
    source = (Path(edgeecg.__file__).parent / "_core.pyx").read_text()
    assert re.findall(r"^from \.(\S*) import (.+)$", source, re.MULTILINE) == [("", "constants")]
