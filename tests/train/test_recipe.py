"""The recipe: a run that is killed and continued, what is refused, what is stated."""

import json
import multiprocessing
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

import edgeecg
from edgeecg.errors import EdgeECGError, InputError
from train import recipe
from train.engine.trainer import Trainer
from train.multitask.learner import Multitask
from train.quantization.dequantize import PretrainedSource
from train.runs.checkpoint import load_encoder, load_tensors
from train.runs.folder import write_config
from train.views import Views


@pytest.mark.slow
def test_a_killed_run_continues_bit_for_bit(toy_cache, small):
    whole = replace(small, out=small.out / "whole")
    killed = replace(small, out=small.out / "killed")
    for config in (whole, killed):
        config.out.mkdir(parents=True)
    recipe.train(whole, toy_cache)
    step, calls = Trainer.step, []

    def dies(self, number):
        if number == 5:
            raise KeyboardInterrupt
        calls.append(number)
        return step(self, number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "step", dies)
        with pytest.raises(KeyboardInterrupt):
            recipe.train(killed, toy_cache)
    recipe.train(replace(killed, resume=True), toy_cache)
    assert calls == [1, 2, 3, 4]
    a, b = (load_tensors(c.out / "checkpoint.safetensors")[0] for c in (whole, killed))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)
    lines = [json.loads(line) for line in (killed.out / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == [1, 2, 3, 4, 5, 6]
    assert "validation_contrast" in lines[-1]
    encoder, meta = load_encoder(killed.out / "encoder.safetensors")
    # the levels are not of the network
    assert encoder(torch.zeros(2, 1280)).shape == (2, 125) and (meta["steps"], meta["processes"]) == (6, 1)


def test_a_process_ends_when_its_command_was_killed(toy_cache, small, monkeypatch):
    """Killed between steps 3, where it saved, and 6: nothing is written any more, and the run can be resumed."""
    small.out.mkdir(parents=True)
    alive = iter([True, False])
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: SimpleNamespace(is_alive=lambda: next(alive)))
    with pytest.raises(EdgeECGError, match="continue with --resume"):
        recipe.train(small, toy_cache)
    assert load_tensors(small.out / "checkpoint.safetensors")[1]["step"] == 3
    monkeypatch.undo()
    recipe.train(replace(small, resume=True), toy_cache)
    assert load_tensors(small.out / "checkpoint.safetensors")[1]["step"] == 6


def test_bad_options_end_in_a_sentence():
    with pytest.raises(InputError, match="no loss is called labels"):
        recipe.Config(data=Path(), weights={"labels": 1.0})
    with pytest.raises(InputError, match="workers must be at least 1"):
        recipe.Config(data=Path(), workers=0)
    for name in ("clean", "across"):
        with pytest.raises(InputError, match=f"{name} is a share"):
            recipe.Config(data=Path(), **{name: 1.5})
    with pytest.raises(InputError, match="views: p_warp, p_flip would make the heads' targets wrong"):
        recipe.Config(data=Path(), views=Views(p_warp=0.1, p_flip=0.1))


@pytest.mark.parametrize(
    ("start", "says"),
    [("no such", "there is no bundled model"), ("x.safetensors", "does not exist"), ("nano", "not edge")],
)
def test_a_wrong_start_is_named_before_anything_is_read(start, says, tmp_path):
    with pytest.raises(EdgeECGError, match=says):
        recipe.main(recipe.Config(data=tmp_path / "nowhere", start=start, out=tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_hours_of_training_are_not_replaced_nor_gone_on_with_otherwise(tmp_path):
    out, nowhere = tmp_path / "out", "the data folder .* does not exist"  # what comes next, where nothing is refused
    config = recipe.Config(data=tmp_path / "nowhere", out=out, steps=8)
    with pytest.raises(InputError, match="holds no run to resume"):
        recipe.main(replace(config, resume=True))
    with pytest.raises(EdgeECGError, match=nowhere):
        recipe.main(config)
    assert not out.exists()
    out.mkdir()
    write_config(config)
    with pytest.raises(EdgeECGError, match=nowhere):  # nothing was done yet
        recipe.main(config)
    (out / "checkpoint.safetensors").write_bytes(b"hours")
    with pytest.raises(
        InputError, match=r"holds a run already .checkpoint.safetensors.: go on with --resume, or give another --out"
    ):
        recipe.main(config)
    with pytest.raises(
        InputError, match=r"other values of views, temperature \(0.1\): a resumed run keeps its options"
    ):
        recipe.main(replace(config, resume=True, temperature=0.2, views=replace(config.views, p_noise=0.1)))
    with pytest.raises(EdgeECGError, match=nowhere):
        recipe.main(replace(config, resume=True, steps=6, levels=False))
    assert (out / "checkpoint.safetensors").read_bytes() == b"hours"


@pytest.mark.slow
def test_a_run_is_lengthened_until_its_learning_rate_falls(toy_cache, small):
    recipe.train(replace(small, steps=4, decay=0.25), toy_cache)
    longer = replace(small, steps=6, decay=0.25, resume=True)
    with pytest.raises(InputError, match="is at step 4 of 4, where its learning rate falls: its steps stay"):
        recipe.train(longer, toy_cache)
    killed = replace(small, out=small.out / "killed", steps=12, decay=0.25)
    step = Trainer.step

    def dies(self, number):
        if number == 4:
            raise KeyboardInterrupt
        return step(self, number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "step", dies)
        with pytest.raises(KeyboardInterrupt):
            recipe.train(killed, toy_cache)
    recipe.train(replace(killed, steps=5, resume=True), toy_cache)
    assert json.loads((killed.out / "config.json").read_text())["steps"] == 5
    assert load_tensors(killed.out / "checkpoint.safetensors")[1]["step"] == 5


def test_a_run_can_start_from_an_encoder(toy_cache, small):
    small.out.mkdir(parents=True)
    recipe.train(small, toy_cache)
    config = replace(small, seed=5, start=str(small.out / "encoder.safetensors"))
    learner = Multitask(config, toy_cache)
    meta = recipe.stated(config, toy_cache, 4, 60.0)
    assert meta["steps"] == 10 and meta["minutes"] >= 1 and meta["config"]["start"] == "encoder.safetensors"  # no path
    stored = load_encoder(small.out / "encoder.safetensors")[0].units.state_dict()
    assert all(torch.equal(value, stored[key]) for key, value in learner.encoder.units.state_dict().items())
    bundled = replace(small, encoder="nano", start="nano")
    sources = [source["name"] for source in recipe.stated(bundled, toy_cache, 4, 60.0)["sources"]]
    # what nano met, and this run
    assert "PTB-XL 1.0.3 (subset)" in sources and sources[-1].startswith("MIT-BIH Arrhythmia Database, five")
    learner = Multitask(bundled, toy_cache)
    before, said = edgeecg.load("nano").model.meta["training"], recipe.stated(bundled, toy_cache, 4, 60.0)
    # of two processes, then of one
    assert (said["steps"], said["processes"]) == (4 + before["steps"] * before["processes"], 1)
    said = recipe.stated(replace(bundled, workers=2), toy_cache, 4, 60.0)
    assert (said["steps"], said["processes"]) == (4 + before["steps"], 2)
    x = learner.pairs(learner.training_windows, 8, 0, (1,))["x"]
    expected = PretrainedSource("nano").encoder(x)
    torch.testing.assert_close(learner.encoder.eval().tensors(x)[-1] > 0, expected.tensors(x)[-1] > 0)


def test_leads_in_both_rhythms_are_built_once_and_counted_once(toy_cache, small, monkeypatch):
    monkeypatch.setattr(recipe, "open_cache", lambda *_: toy_cache)
    config = replace(small, rhythms=True)
    both, plain = recipe.open_leads(config, quiet=True), recipe.open_leads(small, quiet=True)
    assert plain is toy_cache and len(both.index["start"]) == 20 and len(both.samples) == 2 * len(toy_cache.samples)
    assert next(both.path.glob("targets-*/beats.npz")).is_file()
    assert recipe.stated(config, both, 1, 1.0)["hours"] == recipe.stated(small, plain, 1, 1.0)["hours"]
    shutil.rmtree(both.path)
