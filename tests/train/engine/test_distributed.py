"""One process or several."""

from types import SimpleNamespace

import pytest
import torch

from edgeecg.errors import EdgeECGError, InputError
from train.engine import distributed
from train.engine.distributed import Processes


def test_what_ends_a_process_is_said_in_a_sentence(monkeypatch):
    def ended(text):
        def spawn(*_, join):
            raise torch.multiprocessing.ProcessRaisedException(text, 1, 1)

        monkeypatch.setattr(torch.multiprocessing, "spawn", spawn)

    config = SimpleNamespace(workers=2)
    ended("-- Process 1\nTraceback\nedgeecg.errors.EdgeECGError: the loss became nan at step 3: lower --lr (now 9.0)")
    with pytest.raises(EdgeECGError, match=r"^the loss became nan at step 3: lower --lr \(now 9.0\)$"):
        distributed.spawn(print, config, "")
    ended("-- Process 1\nTraceback\nKeyError: 'x'")
    with pytest.raises(torch.multiprocessing.ProcessRaisedException):
        distributed.spawn(print, config, "")


def test_the_parts_of_a_batch_are_the_same_for_every_number_of_processes():
    for batch in (8, 12, 30, 256):
        whole = Processes().parts(batch)
        for count in (1, 2):
            shared = [Processes(rank, count).parts(batch) for rank in range(count)]
            assert {rows for rows, _ in shared} == {whole[0]}
            assert [part for _, parts in shared for part in parts] == list(whole[1])
            assert whole[0] * len(whole[1]) == batch
    with pytest.raises(InputError, match="shared by 2"):
        Processes(0, 2).parts(7)
