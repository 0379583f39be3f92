"""Is one run better than another? A paired bootstrap over the same test patients, on two finished runs of
train/finetune.py.

    python train/studies/compare_runs.py runs/old runs/new
    python train/studies/compare_runs.py runs/old runs/new --markdown verdict.md

Both runs must have scored the same windows in the same splits (same task, --splits and --seed). Each difference is new
minus old. Its 95 % interval comes from draws of patients on which both runs are scored. "Better" and "worse" mean that
the interval excludes zero.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    __import__("train")  # says in a sentence what is not installed

import tyro

from train.downstream.report import compare, read_run
from train.runs.command_line import run_command
from train.runs.folder import write_text


@dataclass(frozen=True)
class Config:
    """A verdict between two runs."""

    old: Annotated[Path, tyro.conf.Positional]  # folder of a finished run
    new: Annotated[Path, tyro.conf.Positional]
    markdown: Path | None = None  # write the table to this file


def main(config: Config) -> None:
    text = compare(read_run(config.old), read_run(config.new))
    print(text)
    if config.markdown:
        write_text(config.markdown, text)


if __name__ == "__main__":
    run_command(main, Config, __doc__)
