"""Checkpoints: whole, or refused in a sentence."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from edgeecg.errors import EdgeECGError, InputError
from train.runs import checkpoint
from train.runs.checkpoint import load_tensors, load_training, save_tensors, save_training


def trained(seed=0) -> tuple[dict[str, nn.Module], torch.optim.Optimizer]:
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.1)
    net(torch.randn(8, 3)).square().mean().backward()
    optimizer.step()
    return {"net": net}, optimizer


def test_all_that_the_next_step_depends_on_comes_back(tmp_path):
    modules, optimizer = trained()
    save_training(tmp_path / "c.safetensors", modules, optimizer, {"step": 1})
    others, other = trained(seed=1)
    assert load_training(tmp_path / "c.safetensors", others, other) == {"step": 1}
    for a, b in ((modules, optimizer), (others, other)):
        torch.manual_seed(5)
        b.zero_grad()
        a["net"](torch.randn(8, 3)).square().mean().backward()
        b.step()
    for p, q in zip(modules["net"].state_dict().values(), others["net"].state_dict().values(), strict=True):
        assert torch.equal(p, q)


@given(st.data())
def test_one_flipped_bit_is_noticed(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("flip")
    save_training(folder / "c.safetensors", *trained(), {"step": 1, "best": 0.25})
    content = bytearray((folder / "c.safetensors").read_bytes())
    whole = load_tensors(folder / "c.safetensors")
    place = data.draw(st.integers(0, 8 * len(content) - 1))
    content[place // 8] ^= 1 << place % 8
    (folder / "c.safetensors").write_bytes(content)
    try:
        tensors, meta = load_tensors(folder / "c.safetensors")
    except InputError as error:
        assert "c.safetensors" in str(error)
    else:  # padding of the header, or the like: nothing that is stated changed
        assert meta == whole[1] and all(torch.equal(value, whole[0][name]) for name, value in tensors.items())


@pytest.mark.parametrize("missing", ["optimizer.", "optimizer.0.exp_avg", "net.0.weight", "net.1.running_mean"])
def test_a_checkpoint_without_a_part_is_refused(missing, tmp_path):
    save_training(tmp_path / "c.safetensors", *trained(), {"step": 1})
    tensors, meta = load_tensors(tmp_path / "c.safetensors")
    kept = {name: t for name, t in tensors.items() if not name.startswith(missing)}
    assert len(kept) < len(tensors)
    save_tensors(tmp_path / "d.safetensors", kept, meta)
    with pytest.raises(InputError, match=r"optimizer's state is missing|belongs to another configuration"):
        load_training(tmp_path / "d.safetensors", *trained())


def test_a_full_disk_is_said_in_a_sentence_and_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "c.safetensors"
    save_tensors(path, {"x": torch.ones(3)}, {})
    before = path.read_bytes()

    def full(*_):
        raise checkpoint.SafetensorError("Error while serializing: No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(EdgeECGError, match=r"c.safetensors cannot be written: .*No space left"):
        save_tensors(path, {"x": torch.zeros(3)}, {})
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["c.safetensors"]


def test_files_from_before_there_were_checksums_are_read(tmp_path):
    save_file({"x": torch.ones(2)}, tmp_path / "old.safetensors", {"edgeecg": json.dumps({"step": 3})})
    tensors, meta = load_tensors(tmp_path / "old.safetensors")
    assert meta == {"step": 3} and np.array_equal(tensors["x"], np.ones(2))
