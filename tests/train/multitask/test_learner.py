"""What a step of the recipe sees, and that it learns."""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from train.engine.distributed import Processes
from train.engine.trainer import Trainer
from train.multitask import learner as module
from train.multitask.learner import Multitask
from train.multitask.sampler import WeightedWindowSampler
from train.targets import SIGNAL, open_bank
from train.views import Augment
from train.views.rhythm_cache import with_other_rhythms


def trainer_of(options, cache) -> Trainer:
    torch.manual_seed(options.seed)
    return Trainer(Multitask(options, cache), options, Processes(independent=True))


def test_positives_across_rhythms_are_the_same_moment_of_the_same_lead(toy_cache, small):
    cache = with_other_rhythms(toy_cache, open_bank(toy_cache, quiet=True).beats.position, quiet=True)
    bank, starts = open_bank(cache, quiet=True), []

    def targets(start, x, level):
        starts.append(start)
        return {}

    for across in (0.0, 0.3, 1.0):
        options = replace(small, rhythms=True, across=across, neighbors=0.0, leads=0.0)
        drawn = SimpleNamespace(options=options, samples=cache.samples, augment=Augment(small.views), targets=targets)
        Multitask.pairs(drawn, WeightedWindowSampler(cache, bank, np.ones(20, bool)), 400, 0, (1,))
        first, second = starts[-1].reshape(2, -1)
        half = len(cache.samples) // 2
        assert (np.abs(first % half - second % half) <= 48).all()
        assert (first // half != second // half).mean() == pytest.approx(across, abs=0.07)
        assert 0.3 < (first >= half).mean() < 0.7
    shutil.rmtree(cache.path)


def test_a_step_sees_other_leads_of_the_same_copy(toy_cache, small, monkeypatch):
    cache = with_other_rhythms(toy_cache, open_bank(toy_cache, quiet=True).beats.position, quiet=True)
    # rows 0 and 1, 2 and 3, ..., the same names in both copies
    record = np.tile(np.repeat(np.arange(5), 2), 2).astype(str)
    paired, starts = replace(cache, index=dict(cache.index, record=record)), []
    for leads in (0.25, 1.0):
        learner = Multitask(
            replace(small, rhythms=True, across=0.0, neighbors=0.0, leads=leads, validation=0.0), paired
        )
        with monkeypatch.context() as patch:
            patch.setattr(learner, "targets", lambda start, x, level: starts.append(start) or {})
            learner.pairs(learner.training_windows, 400, 0, (1,))
        first, second = starts[-1].reshape(2, -1) // 3840
        assert (second != first).mean() == pytest.approx(leads, abs=0.07)
        assert np.array_equal(first // 2, second // 2)
    shutil.rmtree(cache.path)


def test_the_losses_fall(toy_cache, small):
    torch.set_num_threads(1)
    trainer = trainer_of(replace(small, steps=60), toy_cache)
    values = [trainer.step(number) for number in range(1, 51)]
    dimensions = trainer.learner.finish()["dimensions"]
    numbers = {"statistics": 33, "signal": SIGNAL, "noise": 1, "contrast": 125 - 34 - SIGNAL, "levels": 3}
    assert {name: end - first for name, (first, end) in dimensions.items()} == numbers
    assert next(iter(dimensions)) == "statistics" and dimensions["levels"] == [125, 128]
    for name in ("statistics", "beat", "signal", "heat"):
        assert np.mean([v[name] for v in values[-5:]]) < 0.9 * np.mean([v[name] for v in values[:5]]), name


@pytest.mark.parametrize("objective", ["masked_nt_xent", "barlow_twins", "vicreg"])
def test_each_objective_trains_on_the_pooling_asked_for(objective, small, toy_cache):
    config = replace(small, objective=objective, pool="mean", workers=1)
    trainer = trainer_of(config, toy_cache)
    learner = trainer.learner
    assert learner.encoder.spec.features == learner.encoder.spec.shapes()[-1][0]  # half of mean and max
    before = [p.detach().clone() for p in learner.projector.parameters()]
    assert np.isfinite(trainer.step(1)["contrast"])
    assert any((p != b).any() for p, b in zip(learner.projector.parameters(), before, strict=True))


def test_views_take_the_noises_they_name(small, toy_cache, monkeypatch):
    asked = []
    monkeypatch.setattr(module, "load_noise", lambda data, front, kinds: asked.append(kinds))
    Multitask(replace(small, views=replace(small.views, noises=("em",))), toy_cache)
    assert asked == [("em",)]


def test_clean_pairs_are_the_signal_as_it_is(small, toy_cache):
    views = replace(small.views, p_gaussian=1.0, gaussian_snr=(0.0, 0.0))
    learner = Multitask(replace(small, views=views, clean=0.5), toy_cache)
    noisy = Multitask(replace(small, views=views, clean=0.0), toy_cache)
    batches = [one.pairs(one.training_windows, 8, 0, (1, 2, 3)) for one in (learner, noisy)]
    (x, level), (other, other_level) = ((batch["x"], batch["noise"]) for batch in batches)
    clean = torch.tensor([True] * 4 + [False] * 4).repeat(2)
    assert torch.equal(x[~clean], other[~clean]) and not torch.isclose(x[clean], other[clean]).all(1).any()
    assert (level[clean] == -3).all() and (other_level > -1).all()
    assert torch.equal(x[clean] * 16, (x[clean] * 16).round()), "bytes of the front end"
