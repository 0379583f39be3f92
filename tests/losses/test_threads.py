"""The team of workers: they meet at gates, failures come through and leave nobody waiting."""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from edgeecg import losses
from edgeecg.errors import InputError
from edgeecg.losses._threads import Team


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_gate_opens_when_all_have_arrived_and_its_action_is_done(size):
    arrived, seen = [], []

    with Team(size, blas=False) as team:
        gate = team.gate(action=lambda: seen.append(len(arrived)))

        def work(worker):
            time.sleep(0.01 * worker)
            arrived.append(worker)
            gate.arrive()
            gate.wait()
            assert seen == [size] and gate.is_open
            return 10 * worker

        assert team.run(work) == [10 * worker for worker in range(size)]


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_worker_that_fails_ends_the_call_with_its_own_error(failing):
    later = []

    with Team(3, blas=False) as team:
        gate = team.gate()

        def work(worker):
            if worker == failing:
                raise InputError(f"worker {worker}")
            gate.arrive()
            gate.wait()
            later.append(worker)

        with pytest.raises(InputError, match=f"worker {failing}"):
            team.run(work)
        assert not later
        assert team.run(lambda worker: worker) == [0, 1, 2]  # the helpers are free again


def test_an_action_that_fails_ends_the_call_with_its_error():
    def action():
        raise InputError("the action")

    with Team(2, blas=False) as team:
        gate = team.gate(action=action)

        def work(worker):
            gate.arrive()
            gate.wait()

        with pytest.raises(InputError, match="the action"):
            team.run(work)


@pytest.mark.parametrize("threads", [0, -1, 1025, 10**9, 10**400, True, 2.0, "2", None, np.float64(2)])
def test_counts_that_no_team_has_are_refused_at_once(threads):
    with pytest.raises(InputError, match="it must be a whole number from 1 to 1024"):
        Team(threads)


@pytest.mark.parametrize("threads", [3, np.int64(7), np.uint8(40)])
def test_more_threads_than_rows(threads):
    z1, z2 = np.random.default_rng(0).standard_normal((2, 5, 3))
    for loss in (losses.nt_xent, losses.barlow_twins, losses.vicreg):
        value, grads = loss(z1, z2, threads=threads)
        expected, right = loss(z1, z2)
        assert value == pytest.approx(expected, rel=1e-12)
        np.testing.assert_allclose(grads, right, rtol=1e-10, atol=1e-14)


def test_a_system_that_starts_no_more_threads_is_named(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(InputError, match="the system starts no more threads"):
        Team(613)


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
                met = team.gate()

                def work(worker, met=met):
                    time.sleep(0)
                    met.arrive()
                    met.wait()

                team.run(work)
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(call, range(4), timeout=60))
