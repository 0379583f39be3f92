"""Each allocation of the binding fails in turn: MemoryError or a result, never a crash, and no trace of it afterwards.

The binding alone is asked: Python 3.12 itself crashes where a generator expression finds no memory.
"""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
_testcapi = pytest.importorskip("_testcapi", reason="this Python has no allocator that fails on request")

FRAME = """
import sys
import numpy as np
from _testcapi import remove_mem_hooks, set_nomemory
from edgeecg import _core
from tests.models import tiny

data, x = tiny().to_bytes(), np.sin(np.arange(400) / 3)
options = (128_000, 16, 0, 32768, 12, 8000.0, True)

{setup}

want, failed = work(), 0
for number in range(1, 2000):
    set_nomemory(number, number + 1)
    try:
        got = work()
    except MemoryError:
        got, failed = None, failed + 1
    finally:
        remove_mem_hooks()
    assert got is None or same(got, want), ("another result", number)
    assert same(work(), want), ("afterwards", number)
    if got is not None and number > failed + 20:
        break
print(failed)
"""
CASES = {
    "a model is opened": """
        def work():
            return _core.Model(data, None).kernels
        def same(a, b):
            return a == b
    """,
    "a stream is opened and fed": """
        model = _core.Model(data, None)
        def work():
            stream = _core.Stream(model, *options)
            return stream.push(x) + stream.flush()
        def same(a, b):
            return a == b
    """,
    "a stream is fed": """
        stream = _core.Stream(_core.Model(data, None), *options)
        def work():
            stream.reset()
            return stream.push(x) + stream.flush()
        def same(a, b):
            return a == b
    """,
    "a recording is embedded": """
        stream = _core.Stream(_core.Model(data, None), *options)
        def work():
            return stream.embed(x, 2, False)
        def same(a, b):
            return all(np.array_equal(one, two) for one, two in zip(a, b))
    """,
    "a batch is embedded": """
        stream, rows = _core.Stream(_core.Model(data, None), *options), np.stack([x, x])
        def work():
            return stream.embed(rows, 0, False, 2)
        same = np.array_equal
    """,
    "a device is planned": """
        model = _core.Model(data, None)
        def work():
            return _core.device_plan(model, 250_000, 128)
        def same(a, b):
            return a == b
    """,
}


@pytest.mark.parametrize("case", CASES)
def test_each_allocation_fails_in_turn(case):
    code = FRAME.format(setup=textwrap.dedent(CASES[case]))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) >= 1
