"""Mutated recordings of every format are read or refused in one sentence; `make fuzz` does the same for longer."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeecg import io
from tests.files import refused_or_read
from tests.fuzz.mutations import OWN, mutated
from tests.fuzz.seeds import SEEDS
from tests.fuzz.worker import write

OPTIONS = ({}, {"fs": 250.0}, {"fs": 250.0, "unit": "mV"}, {"lead": 0, "fs": 250.0, "gain": 200.0})


@pytest.fixture(scope="module", params=SEEDS)
def files(request):
    try:
        return SEEDS[request.param]()
    except ImportError as error:
        pytest.skip(str(error))


def test_every_format_has_a_seed():
    assert {form.name for form in io.FORMATS} <= set(SEEDS)


def test_a_seed_is_read(files, tmp_path):
    assert refused_or_read(write(tmp_path, files), **OPTIONS[2]) == "read"


@settings(derandomize=True)  # what is new is for `make fuzz` to find
@given(seed=st.integers(0, 2**40), options=st.sampled_from(OPTIONS))
def test_mutated_files_are_read_or_refused_in_one_sentence(files, tmp_path_factory, seed, options):
    folder = tmp_path_factory.mktemp("mutated")
    refused_or_read(write(folder, mutated(Random(seed), files)), **options)


@pytest.mark.parametrize("name", ["EDF", "BDF", "NumPy npz", "AliveCor ATC", "text gzip"])
def test_mutations_of_a_format_change_it_and_follow_from_the_seed(name):
    files = SEEDS[name]()
    path, content = next(iter(files.items()))
    own = OWN[path[path.rfind(".") :]]
    assert len({own(Random(seed), content) for seed in range(20)} - {content}) > 5
    assert mutated(Random(3), files) == mutated(Random(3), files)
