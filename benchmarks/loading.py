"""Does drawing windows and making views keep up with training on them?

    python benchmarks/loading.py --data DIR
    python benchmarks/loading.py --data DIR --encoder basic_cnn --precision bf16

One thread does both in turn: batches of views from the memory-mapped cache, and updates on them. Counted is the
processor's time, which a busy machine does not change, and of each the median over rounds. Loading keeps up where its
windows a second are above those of two training cores.
"""

import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch

from train.data import PRETRAINING, open_cache
from train.data.front_end import default_front_end
from train.engine.distributed import Processes
from train.engine.learner import TRAINING
from train.engine.trainer import Trainer
from train.nets import ENCODERS
from train.pretrain import Config as Pretrain
from train.pretrain import Pretraining
from train.runs.command_line import run_command
from train.views import load_noise


@dataclass(frozen=True)
class Config:
    """Loading against training."""

    data: Path | None = None  # as for train/pretrain.py
    corpora: tuple[str, ...] = PRETRAINING
    encoder: Literal[tuple(ENCODERS)] = "edge"
    precision: Literal["float32", "bf16"] = "float32"
    compile: bool = False
    batch: int = 256
    rounds: int = 8
    cache: Path = Path("~/.cache/edgeecg/train")


def measure(config: Config) -> dict[str, float]:
    """Processor seconds of a batch: windows alone, windows and views, a whole update on it (drawing included)."""
    torch.set_num_threads(1)
    pretrain = Pretrain(
        data=config.data,
        corpora=config.corpora,
        encoder=config.encoder,
        precision=config.precision,
        batch=config.batch,
        compile=config.compile,
        cache=config.cache.expanduser(),
        context=0.0,
    )
    team = Processes()
    cache = open_cache(config.data, config.corpora, default_front_end(), pretrain.cache)
    trainer = Trainer(Pretraining(pretrain, cache, load_noise(config.data, default_front_end())), pretrain, team)
    sampler, generator = trainer.learner.pairs.training, torch.Generator().manual_seed(0)
    stages = {
        "windows": lambda i: sampler.draw(config.batch, generator, 0, 1.0, 0.5),
        "views": lambda i: trainer.batch(TRAINING, i, 0),
        "update": lambda i: trainer.step(i),
    }
    times: dict[str, list[float]] = {name: [] for name in stages}
    for turn in range(1, config.rounds + 3):
        for name, run in stages.items():
            start = time.process_time()
            run(turn)
            times[name].append(time.process_time() - start)
    return {name: statistics.median(values[2:]) for name, values in times.items()}


def main(config: Config) -> None:
    seconds = measure(config)
    rate = {name: config.batch / value for name, value in seconds.items()}
    training = config.batch / max(seconds["update"] - seconds["views"], 1e-9)
    print(
        f"\n{config.encoder}, {config.precision}{', compiled' if config.compile else ''}, batches of {config.batch} "
        "pairs"
    )
    print("\n| one core | windows per second |\n|---|---|")
    print(f"| pairs of windows from the cache | {rate['windows']:.0f} |")
    print(f"| and their views | {rate['views']:.0f} |")
    print(f"| training without loading | {training:.0f} |")
    print(f"| updates, loading included | {rate['update']:.0f} |")
    print(f"\nLoading is {rate['views'] / (2 * training):.1f} times as fast as two cores train.")


if __name__ == "__main__":
    run_command(main, Config, __doc__)
