"""Threads under the thread sanitizer; threads, forks and fresh processes with one encoder."""

import hashlib
import multiprocessing
import os
import subprocess
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

import edgeecg.model
from edgeecg.loading import bundled_models
from tests.csrc import builds
from tests.models import ecg

THREADS = 8


@pytest.mark.parametrize("model", ["nano", "default"])
def test_the_thread_sanitizer_finds_no_race(model, figure):
    """Clang's, which this core was not compiled for anywhere else: every access of every thread is watched."""
    flags = ("-fsanitize=thread", "-fno-omit-frame-pointer", "-pthread")
    build = builds.Build("threads", "clang-14", flags, flags, optimize="-O1", optimize_x86="-O1")
    program = builds.program(build, "threads.c")
    command = ["setarch", "-R", str(program), bundled_models()[model], str(THREADS), "3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr[-3000:]
    figure(f"{THREADS} threads, {done.stdout.split()[0]} windows, no report, the same bytes in each thread")


def digest(encoder, x) -> str:
    return hashlib.sha256(encoder.embed(x, 250, hop=1).tobytes()).hexdigest()


def of_a_process(data, x) -> str:
    return digest(edgeecg.load(edgeecg.model.Model.from_bytes(data)), x)


def test_threads_share_an_encoder(figure):
    encoder, signals = edgeecg.load(), [ecg(60, 250, seed, offset=0) for seed in range(50)]
    want = [digest(encoder, x) for x in signals]
    rounds = 20
    with ThreadPoolExecutor(THREADS) as pool:
        got = list(pool.map(lambda x: digest(encoder, x), signals * rounds))
    assert got == want * rounds
    figure(f"{THREADS} threads, {len(got):,} recordings with one encoder: the bytes of one thread")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes(method, figure):
    """Pools of each kind; a fork happens while eight threads embed."""
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    encoder, signals = edgeecg.load(), [ecg(30, 250, seed, offset=0) for seed in range(40)]
    data, want = encoder.model.to_bytes(), [digest(encoder, x) for x in signals]
    with ThreadPoolExecutor(THREADS) as busy:
        background = [busy.submit(digest, encoder, x) for x in signals * 5]
        with ProcessPoolExecutor(4, multiprocessing.get_context(method)) as pool:
            got = list(pool.map(of_a_process, [data] * len(signals), signals, timeout=300))
        assert [b.result() for b in background] == want * 5
    assert got == want
    figure(f"4 processes, {len(got)} recordings, while {THREADS} threads work: the same bytes")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_thousand_forks_in_the_middle_of_work(figure):
    """A child forked while threads embed embeds at once, with the encoder that it got."""
    encoder, x = edgeecg.load("nano"), ecg(30, 250, 3, offset=0)
    want, stop, forks = digest(encoder, x), [], 1000

    def busy():
        while not stop:
            assert digest(encoder, x) == want

    with ThreadPoolExecutor(4) as pool:
        threads = [pool.submit(busy) for _ in range(4)]
        for _ in range(forks):
            child = os.fork()
            if child == 0:
                import signal

                signal.alarm(60)
                os._exit(digest(encoder, x) != want)
            assert os.waitpid(child, 0)[1] == 0
        stop.append(True)
        [thread.result() for thread in threads]
    figure(f"{forks} forks, none hangs, each child gets the bytes")
