"""Text tables as programs write them, of a spike train whose numbers are known, and what reading them must give."""

import datetime

import numpy as np

import edgeecg
from edgeecg import io

SECONDS = 12
START = datetime.datetime(2024, 1, 1, 10)
RATE = 250


def spikes(fs=RATE, seconds=SECONDS):
    """(times in s, mV) of 72 beats a minute, 0 to about 1 mV."""
    t = np.arange(round(fs * seconds)) / fs
    phase = t * 1.2 % 1
    return t, np.exp(-(((phase - 0.5) / 0.012) ** 2)) + 0.2 * np.exp(-(((phase - 0.75) / 0.04) ** 2))


def table(head, row, fs=RATE) -> str:
    """Head, then row(i, seconds, mV) of each sample."""
    return head + "".join(
        row(i, a, v) for i, (a, v) in enumerate(zip(*map(np.ndarray.tolist, spikes(fs)), strict=True))
    )


def iso(seconds, start=START, sep=" ") -> str:
    return (start + datetime.timedelta(seconds=seconds)).isoformat(sep=sep, timespec="milliseconds")


def read_text(tmp_path, text, name="a.csv", encoding="utf-8", **given):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return io.read(path, **given)


def check(recording, fs=RATE, missing=0, lead=None, n=None, tolerance=2e-3):
    """The spike train, with `missing` samples among it."""
    expected = spikes(fs)[1]
    values = recording.millivolts()
    assert recording.fs == (fs if isinstance(fs, int) else float(fs))
    assert len(values) == (len(expected) if n is None else n)
    assert np.isnan(values).sum() == missing
    if n is None:
        known = ~np.isnan(values)
        np.testing.assert_allclose(values[known], expected[known], atol=tolerance)
    if lead is not None:
        assert recording.lead == lead


def refused(call, *parts):
    """One sentence that names these; the error."""
    try:
        call()
    except edgeecg.EdgeECGError as error:
        assert "\n" not in str(error)
        for part in parts:
            assert part in str(error), str(error)
        return error
    raise AssertionError("was read")
