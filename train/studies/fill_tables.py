"""Fill the tables of a results page from the files that the measuring commands wrote.

    python train/evaluate.py --model default --float encoder.safetensors --json own.json
    python train/evaluate.py --model --baselines random random_mean_max hrv catch22 minirocket --json cheap.json
    python train/evaluate.py --model default --fractions 0.01 0.1 1 --json few.json
    python train/evaluate.py --model default --baselines hrv --tasks more --json more.json
    python train/evaluate.py --model default --baselines hrv --tasks transfer --json transfer.json
    python train/studies/fill_tables.py --probes own.json cheap.json few.json more.json transfer.json

    python train/studies/invariance.py --model default --json moved.json --picture docs/results/pictures/invariance.png
    python train/studies/fill_tables.py --moved moved.json --document docs/results/invariance.md

A table stands between the lines `<!-- NAME -->` and `<!-- /NAME -->`, where NAME is probes, quantization, few, more,
transfer or moved. Text outside the marks is unchanged, and so is a table for which the files hold no results.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    __import__("train")  # says in a sentence what is not installed

import tyro

from edgeecg.errors import EdgeECGError
from train.reporting.tables import every_table, fill, read_all
from train.runs.folder import write_text


@dataclass(frozen=True)
class Config:
    """Fill the tables of a document."""

    probes: tuple[Path, ...] = ()  # files of train/evaluate.py --json; the first file has priority
    moved: Path | None = None  # file of train/studies/invariance.py --json (--document docs/results/invariance.md)
    model: str = "default"  # model whose column is bold: its name, or that of its file
    document: Path = Path("docs/results/quality.md")


def run(config: Config) -> list[str]:
    """Fill the tables; returns their names."""
    tables = every_table(read_all(config.probes), config.moved, Path(config.model).stem)
    text = config.document.read_text(encoding="utf-8")
    for name, content in tables.items():
        text = fill(text, name, content)
    write_text(config.document, text)
    return list(tables)


if __name__ == "__main__":
    try:
        print("filled: " + (", ".join(run(tyro.cli(Config, description=__doc__))) or "nothing"))
    except (EdgeECGError, OSError) as error:
        sys.exit(f"error: {error}")
