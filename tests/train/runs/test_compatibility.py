"""Checkpoints of earlier versions (tests/data) are read, and those of later ones named."""

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file

from edgeecg.errors import InputError
from train.nets import Conv, Encoder, Head, Spec
from train.runs.checkpoint import load_encoder, load_tensors, load_training

DATA = Path(__file__).resolve().parents[2] / "data"
SPEC = Spec("kept", (Conv(0, 1, 8, 9, 8), Conv(1, 8, 8, 5, 4)), Head("mean_max", 16))


def test_an_encoder_of_the_first_version():
    encoder, meta = load_encoder(DATA / "encoder.safetensors")
    assert encoder.spec == SPEC and meta["version"] == "0.1.0"
    assert float(sum(p.double().sum() for p in encoder.state_dict().values())) == pytest.approx(meta["sum"])


def test_a_training_of_the_first_version():
    encoder = Encoder(SPEC)
    optimizer = torch.optim.AdamW(encoder.parameters())
    assert load_training(DATA / "checkpoint.safetensors", {"encoder": encoder}, optimizer) == {"step": 3}
    stored = load_tensors(DATA / "checkpoint.safetensors")[0]
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, stored[f"encoder.{name}"])
    for number, state in optimizer.state_dict()["state"].items():
        assert state["step"] == 3 and torch.equal(state["exp_avg"], stored[f"optimizer.{number}.exp_avg"])


@pytest.mark.parametrize("version", ["1.5", "3", "x"])
def test_a_checkpoint_of_another_version_is_named(version, tmp_path):
    path = tmp_path / "later.safetensors"
    save_file({"w": torch.zeros(2)}, path, {"edgeecg": json.dumps({"sha256": "0"}), "format": version})
    with pytest.raises(
        InputError, match=f"^{path} is of format version {version}, this version of edgeecg reads up to 2$"
    ):
        load_tensors(path)
