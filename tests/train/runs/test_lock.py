"""One process at a time in the folder of a run."""

import subprocess
import sys
from pathlib import Path

import pytest

from edgeecg._folder_lock import locked
from edgeecg.errors import InputError

ROOT = Path(__file__).resolve().parents[3]
HOLDER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from edgeecg._folder_lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path), str(ROOT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_a_folder_that_another_process_holds_is_refused_and_named(holder, tmp_path):
    with pytest.raises(InputError, match=rf"is being written by another process \({holder.pid}\)"), locked(tmp_path):
        pass


def test_a_killed_process_lets_go(holder, tmp_path):
    holder.kill()
    holder.wait()
    with locked(tmp_path):
        pass
    with locked(tmp_path):  # and so does a block that ended
        pass
