"""The bank of beats is built once."""

import shutil

import numpy as np
import pytest

pytest.importorskip("torch")

from train.targets import open_bank


def test_bank_is_built_once(toy_cache):
    bank = open_bank(toy_cache, quiet=True)
    assert len(bank.start) == 30 and np.array_equal(bank.row, np.repeat(np.arange(10), 3))
    stamp = next(toy_cache.path.glob("targets-*/beats.npz")).stat().st_mtime_ns
    open_bank(toy_cache, quiet=True)
    assert next(toy_cache.path.glob("targets-*/beats.npz")).stat().st_mtime_ns == stamp
    shutil.rmtree(next(toy_cache.path.glob("targets-*")))
