"""The cache of samples: damage is noticed and mended, what killed processes left is removed."""

import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sleepecg")

from train.data import open_cache
from train.data.front_end import default_front_end
from train.targets import open_bank


def opened(root):
    return open_cache(None, (), default_front_end(), root, quiet=True)


@pytest.mark.parametrize("name", ["samples.u8", "index.npz"])
@pytest.mark.parametrize("damage", ["gone", "empty", "half", "noise"])
def test_a_damaged_cache_is_built_anew_and_said(name, damage, tmp_path, capsys):
    cache = opened(tmp_path)
    samples, path = np.array(cache.samples), cache.path / name
    content = path.read_bytes()
    path.unlink()  # it is mapped
    if damage != "gone":
        changed = {"empty": b"", "half": content[: len(content) // 2], "noise": os.urandom(len(content) // 2)}
        path.write_bytes(changed[damage])
    again = opened(tmp_path)
    assert np.array_equal(again.samples, samples) and "is damaged" in capsys.readouterr().out


def test_a_damaged_bank_is_built_anew(tmp_path, capsys):
    cache = opened(tmp_path)
    bank = open_bank(cache, quiet=True)
    path = next(cache.path.glob("targets-*/beats.npz"))
    path.write_bytes(path.read_bytes()[:100])
    assert np.array_equal(open_bank(cache, quiet=True).beats.position, bank.beats.position)
    assert "is damaged" in capsys.readouterr().out


def test_what_killed_processes_left_is_removed_and_what_others_write_is_not(tmp_path):
    cache = opened(tmp_path)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead, alive = (tmp_path / f".{cache.path.name}.{number}.part" for number in (ended.pid, os.getppid()))
    dead.mkdir()
    alive.mkdir()
    (cache.path / "index.npz").unlink()
    opened(tmp_path)
    assert not dead.exists() and alive.exists()
