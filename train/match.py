"""Do two recordings match? The pair score of a Siamese network, over their windows.

    python train/match.py runs/siamese A.hea B.hea          probability that windows of A and B match
    python train/match.py runs/siamese A.hea B.hea --lead I

"Match" means what the run's pairs meant (the same patient, the same beat label, ...), at equal odds. If A and B are one
file, windows of A are compared only with windows that do not overlap them.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    __import__("train")  # says in a sentence what is not installed

import numpy as np
import tyro

from edgeecg import io
from edgeecg.errors import InputError
from train.inference.embedders import embedder_by_name
from train.pairs.score import PairScore
from train.runs.command_line import run_command


@dataclass(frozen=True)
class Config:
    """Compare two recordings."""

    run: Annotated[Path, tyro.conf.Positional]  # folder of a run of train/siamese.py
    first: Annotated[str, tyro.conf.Positional]  # a recording of any format that edgeecg reads
    second: Annotated[str, tyro.conf.Positional]
    lead: str | None = None  # name, or index from 0; default: the first voltage
    hop: float = 10.0  # seconds between windows


def probabilities(config: Config) -> tuple[np.ndarray, np.ndarray]:
    """Distances and probabilities of a match (windows of the first, windows of the second); a window with itself is
    NaN.
    """
    score = PairScore.load(config.run / "pair_score.json")
    embedder = embedder_by_name(str(config.run / "encoder.safetensors"))
    first, second = (
        embedder.embed_sliding(io.read(path, config.lead), config.hop) for path in (config.first, config.second)
    )
    distance = np.linalg.norm(first.embedding[:, None].astype(float) - second.embedding[None], axis=2)
    if Path(config.first).resolve() == Path(config.second).resolve():
        distance[np.abs(first.start[:, None] - second.start[None]) < 10.0] = np.nan
        if np.isnan(distance).all():
            raise InputError(f"{config.first} has a single window: there is nothing to compare it with")
    return distance, score.probability(distance)


def main(config: Config) -> None:
    distance, p = probabilities(config)
    known = p[np.isfinite(p)]
    shown = f"{p.shape[0]} and {p.shape[1]} windows: distance {np.nanmedian(distance):.2f} (median)"
    print(f"{shown}, probability of a match {known.mean():.2f} (mean), {(known >= 0.5).mean():.0%} of the pairs match")


if __name__ == "__main__":
    run_command(main, Config, __doc__)
