"""Whatever the bytes, a file is read or refused in one sentence, within the memory that its size allows."""

import resource
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeecg import io
from tests.files import refused_or_read

SUFFIXES = [suffix for form in io.FORMATS for suffix in form.suffixes]
STARTS = [
    b"",
    b"\x93NUMPY\1\0",
    b"PK\3\4",
    b"0       ",
    b"\xffBIOSEMI",
    b"ISHNE1.0",
    b"ALIVE\0\0\0",
    b"MATLAB 5.0 MAT-file",
    b"{",
]
STARTS += [
    b"[",
    b"<AnnotatedECG>",
    b"<RestingECG>",
    b"<restingecgdata>",
    b"PAR1",
    b"ARROW1\0\0",
    b"\x89HDF\r\n\x1a\n",
    b"\x1f\x8b\x08\0",
]
STARTS += [
    b"\0" * 128 + b"DICM",
    b"\0" * 16 + b"SCPECG",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"# OpenSignals\n# {",
    b"Interval=\t",
]
CONTENTS = st.one_of(st.binary(max_size=300), st.text("0123456789 \n,;\t.rdat/mV(-)#:e", max_size=300).map(str.encode))


@pytest.mark.parametrize("suffix", ["", *sorted(set(SUFFIXES))])
@given(start=st.sampled_from(STARTS), content=CONTENTS)
def test_arbitrary_bytes_are_read_or_refused_in_one_sentence(tmp_path_factory, suffix, start, content):
    path = tmp_path_factory.mktemp("any") / f"r{suffix}"
    path.write_bytes(start + content)
    path.with_suffix(".dat").write_bytes(content)
    refused_or_read(path)
    refused_or_read(start + content)


HOSTILE = {
    "a long line": b"1" * 10**6,
    "a long line of letters": b"x" * 10**6,
    "a long heading": b"(" * 10**6 + b"\n1\n2\n3\n",
    "a heading of brackets": b"a(" * 200_000 + b"\n1\n2\n3\n",
    "a heading of blanks": b" " * 10**6 + b"x\n1\n2\n3\n",
    "many columns": (b"1," * 30_000 + b"1\n") * 3,
    "many lines of remarks": b"#\n" * 300_000 + b"1\n2\n",
    "many quotes": b'"' * 10**6,
    "many keys": b"a=b:c=" * 100_000 + b"\n1\n2\n",
    "deep JSON": b"[" * 10**6,
    "deep XML": b"<AnnotatedECG>" + b"<a>" * 300_000,
    "digits before a letter": b"1" * 300_000 + b"x\n" + b"1\n" * 9,
    "times": b"1:" * 300_000 + b"\n" + b"1\n" * 9,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_time_and_memory_are_bounded_by_the_size_of_the_file(tmp_path, kind):
    """A megabyte takes seconds at most and 64 times its size and 64 MiB, whatever it holds."""
    path = tmp_path / "r.csv"
    path.write_bytes(HOSTILE[kind])
    program = (
        "import resource, sys, edgeecg\nfrom edgeecg import io\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    io.read(sys.argv[1], fs=250)\nexcept edgeecg.EdgeECGError: pass\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) * 1024 < 64 * path.stat().st_size + (64 << 20)


def test_a_long_recording_takes_the_memory_of_its_samples(tmp_path):
    values = np.random.default_rng(0).normal(size=300_000)
    np.savetxt(tmp_path / "r.csv", np.stack([np.arange(300_000) / 250, values], 1), "%.4f", ",")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    recording = io.read(tmp_path / "r.csv")
    assert recording.fs == 250 and np.abs(recording.samples - values).max() < 1e-4
    taken = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    assert taken < 64 * (tmp_path / "r.csv").stat().st_size
