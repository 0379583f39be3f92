"""Train the bundled encoder: a contrastive loss, and regression of signal, rhythm and beat statistics.

    python train/recipe.py --data DIR --out runs/recipe
    python train/recipe.py --out runs/recipe --resume                      continue after a kill
    python train/recipe.py --data DIR --steps 200 --workers 1 --out runs/trial             a trial, on one core
    python train/recipe.py --data DIR --start default --steps 4000 --out runs/more         start from the bundled model

Each lead is present twice: as recorded, and with a resynthesized rhythm (train/views/rhythm.py). Half of the positives
are the same ten seconds under other noise, half lie within 30 s; some of each kind have the other rhythm or come from
another lead. Other windows of a patient are not negatives (train/objectives/masked.py). The losses are in
train/multitask/learner.py. At the end the last linear layer is assembled (train/multitask/last_layer.py):
`latest.safetensors` is the encoder as trained, `encoder.safetensors` the finished one. Each process takes steps of its
own (--average-every). train/runs/folder.py describes OUT, docs/recipe.md the recipe.
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    __import__("train")  # says in a sentence what is not installed

from edgeecg.errors import InputError
from train.data import PRETRAINING, Cache, open_cache
from train.data.corpora import find_folder
from train.data.front_end import default_front_end
from train.engine import check_folder, fit, launch
from train.engine.distributed import Processes
from train.engine.report import insert, next_command
from train.multitask.learner import Multitask, MultitaskOptions
from train.quantization.dequantize import PretrainedSource
from train.reporting.provenance import provenance
from train.reporting.verdict import verdict
from train.runs.checkpoint import load_encoder
from train.runs.command_line import run_command
from train.targets import open_bank
from train.views.rhythm_cache import with_other_rhythms

OBJECTIVE = "NT-Xent with neighbors, and regression of signal, rhythm and beat statistics"


@dataclass(frozen=True)
class Config(MultitaskOptions):
    """The recipe."""

    data: Path | None = None  # folder with one sub-folder per corpus
    corpora: tuple[str, ...] = PRETRAINING
    out: Path = Path("runs/recipe")

    steps: int = 20000  # updates of each process; a resumed run may change it until the decay begins
    batch: int = 192  # windows per step and process
    workers: int = 2
    average_every: int | None = 10
    lr: float = 2e-3
    schedule: Literal["cosine", "trapezoid"] = "trapezoid"
    weight_decay: float = 1e-3
    clip: float = 3.0
    log_every: int = 25
    save_every: int = 250
    evaluate_every: int = 500


def open_leads(config: Config, quiet: bool = False) -> Cache:
    """The corpora's leads, built where they are not there; each a second time in another rhythm."""
    cache = open_cache(config.data, config.corpora, default_front_end(), config.cache, quiet)
    bank = open_bank(cache, quiet)
    if not config.rhythms:
        return cache
    larger = with_other_rhythms(cache, bank.beats.position, quiet)
    open_bank(larger, quiet, cache)
    return larger


def stated(config: Config, cache: Cache, steps: int, seconds: float) -> dict:
    """The statements that a model made from this run needs."""
    noise = find_folder(config.data, "nstdb") is not None
    return provenance(config, cache, OBJECTIVE, noise, steps, seconds, config.start, processes=config.workers)


def train(config: Config, cache: Cache, quiet: bool = False) -> Path:
    """Train as configured. Returns the path of the finished encoder."""

    def describe(options, progress, learner) -> dict:
        return stated(options, learner.read(), progress.step, progress.seconds)

    return fit(lambda: Multitask(config, cache, quiet), config, describe, f"The recipe: {config.encoder}")


def process(config: Config, team: Processes) -> None:
    """The work of each process of the run."""
    cache = open_leads(config, quiet=True)
    finished = train(config, cache, quiet=not team.first)
    if team.first and not config.find_lr:
        lines = verdict(load_encoder(finished)[0], Multitask(config, cache, True).probe_windows(), config.out)
        insert(config, lines)
        print("\n".join(["", *lines, str(config.out / "report.md"), f"Next: {next_command(config)}"]))


def main(config: Config) -> None:
    if config.data is None:
        raise InputError("give the folder of the recordings with --data")
    config = replace(config, cache=config.cache.expanduser())
    if config.start:
        PretrainedSource(config.start).must_be(config.encoder)
    check_folder(config)
    cache = open_leads(config)  # once, before several processes want it
    leads = len(cache.index["start"]) // (2 if config.rhythms else 1)
    print(f"{cache.hours:.1f} h of recordings, {leads} leads; results go to {config.out}")
    launch(process, config)


if __name__ == "__main__":
    run_command(main, Config, __doc__)
