"""List the recordings in a folder, and build the cache that training reads.

    python train/prepare.py DIR                          what is there, what is missing and how to get it; cache
    python train/prepare.py DIR --check                  the same without building the cache
    python train/prepare.py DIR --corpora larger         more corpora (train/data/corpora)
    python train/prepare.py DIR --corpora mitdb clinic   one corpus, and a folder of your own WFDB records

DIR has one folder per corpus, as wfdb.dl_database, wget or a zip file leave it: `DIR/mitdb`, `DIR/qt-database-1.0.0`,
`DIR/physionet.org/files/ptb-xl/1.0.3`. Nothing in it is changed. Afterwards `python train/pretrain.py --data DIR`
starts at once, and `make model EDGEECG_DATA=DIR` trains a model with the recipe of the bundled one.
"""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    __import__("train")  # says in a sentence what is not installed

import tyro
from tqdm import tqdm

from edgeecg.errors import InputError
from train.data import PRETRAINING, open_cache
from train.data.corpora import CORPORA, expand
from train.data.front_end import default_front_end
from train.data.inventory import lines, take_stock
from train.runs.command_line import run_command


@dataclass(frozen=True)
class Config:
    """Recordings for training."""

    data: Annotated[Path, tyro.conf.Positional]  # folder of recordings
    corpora: tuple[str, ...] = PRETRAINING  # corpora to prepare; larger: the list LARGER in train/data/corpora
    check: bool = False  # do not build the cache
    cache: Path = Path("~/.cache/edgeecg/train")  # folder of the cache

    def __post_init__(self):
        if not self.data.is_dir():
            raise InputError(f"the data folder {self.data} does not exist")


def main(config: Config) -> None:
    names = tuple(dict.fromkeys((*expand(config.corpora), *(n for n in CORPORA if n != "toy"), "nstdb")))
    with tqdm(total=len(names), unit=" corpora", leave=False) as bar:

        def next_one(name: str) -> None:
            bar.set_postfix(corpus=name)
            bar.update()

        stock = take_stock(config.data, names, next_one)
    print("\n".join(lines(config.data, stock, config.corpora)))
    usable = tuple(h.name for h in stock if h.usable and h.name in expand(config.corpora))
    if config.check or not usable:
        return
    cache = open_cache(config.data, usable, default_front_end(), config.cache.expanduser())
    print(f"\n{cache.summary()}, behind the front end in {cache.path}")
    words = ["python", "train/pretrain.py", "--data", str(config.data)]
    words += [] if config.corpora == PRETRAINING else ["--corpora", *config.corpora]
    print(f"Next: {shlex.join(words)}")


if __name__ == "__main__":
    run_command(main, Config, __doc__, stopped="stopped; the same command starts the unfinished cache again")
