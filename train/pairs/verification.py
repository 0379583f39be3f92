"""Verification of a Siamese network: the pair score's test on unseen patients, with baselines.

The baselines are an encoder with random weights, the initial encoder, and the distance of fifteen rhythm and shape
features, each standardized over the pairs; all on the same pairs.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from edgeecg.errors import InputError
from train.data import open_cache
from train.data.corpora import find_folder
from train.data.front_end import default_front_end
from train.data.windows import WindowSampler, is_validation
from train.nets import ENCODERS, Encoder
from train.pairs.sampling import MatchedPairs, PatientWindows, beat_windows, own_windows, view_matches
from train.pairs.score import PairScore, Tested, distances, reliability, tested
from train.plots import windows as plots_windows
from train.probes.features import hrv_and_shape
from train.quantization.dequantize import PretrainedSource

PAIRS = 1000  # true ones of a test, and as many false ones
DRAWN = 3  # of each kind in the picture
WARM = 1024  # windows that give a random encoder its batch norms' statistics


@dataclass
class VerificationReport:
    """`tests`: for each set of pairs, scores of each way of comparing two windows, the network ("siamese") first."""

    score: PairScore
    tests: dict[str, dict[str, Tested]]
    matches: MatchedPairs  # of the first test
    distance: np.ndarray
    people: dict[str, int]  # of each test
    held_out: bool  # False: no patient was, and the first test is on training patients

    def to_dict(self) -> dict:
        return {"score": asdict(self.score), "held_out": self.held_out, "people": self.people} | {
            name: {way: asdict(result) for way, result in ways.items()} for name, ways in self.tests.items()
        }

    def lines(self) -> list[str]:
        text = []
        for name, ways in self.tests.items():
            own, others = (
                ways["siamese"],
                [f"{way} {r.auc.text(3)}" for way, r in ways.items() if way != "siamese"],
            )
            text.append(
                f"AUC of the distance, {name} ({self.people[name]} people): {own.auc.text(3)}; {', '.join(others)}"
            )
            text.append(
                f"pair score, {name}: accuracy {own.accuracy.text(3)}, Brier score {own.brier:.3f}, "
                f"calibration error {own.calibration_error:.3f}"
            )
        return text

    def pictures(self, folder: Path, log: list[dict], margin: float) -> list[tuple[str, str]]:
        """Draw into `folder`; (caption, file name) of each picture."""
        chosen = [
            rows[i]
            for rows in (np.flatnonzero(~self.matches.different), np.flatnonzero(self.matches.different))
            for i in range(DRAWN)
        ]
        p = self.score.probability(self.distance)
        titles = [
            f"{'different' if self.matches.different[i] else 'match'}: distance {self.distance[i]:.2f}, probability "
            f"of a match {p[i]:.2f}"
            for i in chosen
        ]
        plots_windows.pairs(folder / "pairs.png", self.matches.first[chosen], self.matches.second[chosen], titles)
        plots_windows.score(
            folder / "score.png",
            self.distance,
            self.matches.different,
            self.score,
            reliability(p, self.matches.different),
        )
        plots_windows.accuracy(folder / "accuracy.png", log)
        whose = "held-out patients" if self.held_out else "training patients (none was held out)"
        return [
            (f"Pairs of {whose}, both windows of each", "pairs.png"),
            ("Distances of true and false pairs, and how often a probability is right", "score.png"),
            (f"Accuracy of calling a pair false from a distance of {margin / 2:g} on, and the loss", "accuracy.png"),
        ]


def verify(learner) -> VerificationReport:
    """The verdict on a trained `Siamese`."""
    config, generator = learner.config, torch.Generator().manual_seed(30)
    held_out = learner.validates
    fitting, test = split_held_out(learner) if held_out else (~learner.held_out, ~learner.held_out)
    fit_on = held_out_pairs(learner, learner.cache, fitting, generator)
    score = PairScore.fit(distances(learner.encoder, fit_on), fit_on.different)
    first = held_out_pairs(learner, learner.cache, test, generator)
    sets = {"held-out patients" if held_out else "training patients": first}
    for name in config.tests:
        if config.data is not None and find_folder(config.data, name):
            other = open_cache(config.data, (name,), default_front_end(), config.cache, quiet=True)
            sets[name] = held_out_pairs(learner, other, np.ones(len(other.index["start"]), bool), generator)
    ways = comparisons(learner, fit_on)
    tests: dict[str, dict[str, Tested]] = {}
    with tqdm(total=len(sets) * (1 + len(ways)), desc="testing", unit=" ways", mininterval=0.5) as bar:
        for name, matches in sets.items():
            tests[name] = {"siamese": tested(distances(learner.encoder, matches), matches, score)}
            bar.update()
            for way, distance in ways.items():
                tests[name][way] = tested(distance(matches), matches)
                bar.update()
    people = {name: len(np.unique(matches.group)) for name, matches in sets.items()}
    return VerificationReport(score, tests, first, distances(learner.encoder, first), people, held_out)


def split_held_out(learner) -> tuple[np.ndarray, np.ndarray]:
    """Held-out rows for the score, and for its test; both have patients."""
    given = learner.cache.index.get("split")
    test = learner.held_out & (
        is_validation(learner.cache, learner.config.validation / 2) if given is None else given == "test"
    )
    fitting = learner.held_out & ~test
    if not test.any() or not fitting.any():
        raise InputError(
            "too few patients are held out to fit a pair score on some and test it on others: raise --validation"
        )
    return fitting, test


def held_out_pairs(learner, cache, rows: np.ndarray, generator: torch.Generator) -> MatchedPairs:
    config = learner.config
    if config.pairs == "patient":
        return PatientWindows(cache, rows).matches(PAIRS, generator)
    if config.labels:
        return own_windows(cache, rows).matches(PAIRS, generator)
    if config.pairs == "label":
        return beat_windows(cache, config.data, config.annotator, rows).matches(PAIRS, generator)
    return view_matches(WindowSampler(cache, rows), learner.augment, PAIRS, generator)


def comparisons(learner, matches: MatchedPairs) -> dict:
    """The baselines: name -> distances of pairs. `matches` are the pairs the score was fitted on."""
    untrained = random_encoder(learner.config.encoder, matches.first)
    ways = {"random encoder": lambda m: distances(untrained, m)}
    if learner.config.start:
        start = PretrainedSource(learner.config.start).encoder(matches.first)
        ways["the encoder it started from"] = lambda m: distances(start, m)
    deviation = features(matches.first).std(0) + 1e-6
    ways["rhythm and shape features"] = lambda m: np.linalg.norm(
        (features(m.first) - features(m.second)) / deviation, axis=1
    )
    return ways


def features(x: Tensor) -> np.ndarray:
    return hrv_and_shape(x.numpy())


def random_encoder(name: str, windows: Tensor) -> Encoder:
    """Random weights; batch norms have the statistics of the windows, as an untrained network's would."""
    torch.manual_seed(0)
    encoder = Encoder(ENCODERS[name]())
    with torch.no_grad():
        for piece in windows[:WARM].split(256):
            encoder.train()(piece)
    return encoder.eval()
