"""A fork while another thread does something for the first time: the child does not wait for a thread that it lacks.

Each case runs in a process of its own: a thread gets as far as `begun()` and stays there for a second, the main thread
forks, and the child does the same work.
"""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

FRAME = """
import os, signal, sys, threading, time
import numpy as np
import edgeecg

started = threading.Event()
def begun():
    if not started.is_set():
        started.set()
        time.sleep(1)

{setup}

thread = threading.Thread(target=work)
thread.start()
assert started.wait(60)
child = os.fork()
if child == 0:
    signal.alarm(30)
    work()
    os._exit(0)
thread.join()
assert os.waitpid(child, 0)[1] == 0, "the child hangs or fails"
"""
CASES = {
    "the model of an encoder is read": """
        import edgeecg.model
        encoder, read = edgeecg.load(), edgeecg.model.Model.from_bytes
        edgeecg.model.Model.from_bytes = lambda data: (begun(), read(data))[1]
        work = lambda: encoder.model.id
    """,
    "the code for models is imported": """
        class Finder:
            def find_spec(self, name, path=None, target=None):
                if name in ("edgeecg.model", "edgeecg._model.layout"):
                    begun()
        for name in [name for name in sys.modules if name.startswith(("edgeecg.model", "edgeecg._model"))]:
            del sys.modules[name]
        sys.meta_path.insert(0, Finder())
        encoder = edgeecg.load()
        work = lambda: encoder.model.id
    """,
    "an engine is imported": """
        class Finder:
            def find_spec(self, name, path=None, target=None):
                if name == "edgeecg._core":
                    begun()
        for name in [name for name in sys.modules if name.startswith("edgeecg._core")]:
            del sys.modules[name]
        sys.meta_path.insert(0, Finder())
        work = lambda: edgeecg.load("default", "c")
    """,
    "Numba compiles": """
        from numba.core import event
        class Listener(event.Listener):
            def on_start(self, _):
                begun()
            def on_end(self, _):
                pass
        from edgeecg import jit
        event.register("numba:compile", Listener())
        work = lambda: jit.samples(np.zeros(300))
    """,
}


@pytest.mark.parametrize("case", CASES)
def test_a_fork_meanwhile(case, tmp_path):
    if case.startswith("Numba"):
        pytest.importorskip("numba")
    code = FRAME.format(setup=textwrap.dedent(CASES[case]))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
