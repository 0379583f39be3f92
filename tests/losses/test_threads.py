"""The team of workers: stages meet, failures come through and leave nobody waiting."""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from edgeecg.errors import InputError
from edgeecg.losses._threads import Team


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_stage_begins_when_all_have_ended_the_one_before(size):
    ended, joined = [], []

    def first(worker):
        time.sleep(0.01 * worker)
        ended.append(worker)
        return 10 * worker

    def second(worker):
        assert len(ended) == size and len(joined) == 1
        return worker

    with Team(size, blas=False) as team:
        team.run_stages((first, joined.append), (second, joined.append))
    assert joined == [[10 * worker for worker in range(size)], list(range(size))]


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_worker_that_fails_ends_the_call_with_its_own_error(failing):
    later = []

    def work(worker):
        if worker == failing:
            raise InputError(f"worker {worker}")
        return worker

    with Team(3, blas=False) as team:
        with pytest.raises(InputError, match=f"worker {failing}"):
            team.run_stages((work, None), (later.append, None))
        assert not later
        assert team.run(lambda worker: worker) == [0, 1, 2]  # the helpers are free again


def test_a_join_that_fails_ends_the_call_with_its_error():
    def join(results):
        raise InputError(f"{len(results)} results")

    with Team(2, blas=False) as team, pytest.raises(InputError, match="2 results"):
        team.run_stages((lambda worker: None, join), (lambda worker: None, None))


@pytest.fixture
def busy_switching():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_calls_side_by_side_do_not_wait_for_each_others_workers(busy_switching):
    gate = threading.Barrier(4)

    def call(_):
        gate.wait()
        with Team(4, blas=False) as team:
            for _ in range(1000):
                team.run_stages((lambda worker: time.sleep(0), None), (lambda worker: None, None))
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(call, range(4), timeout=60))
