"""Tables and text lists that come with recordings."""

import csv
from pathlib import Path

from edgeecg.errors import InputError

LISTS = Path(__file__).parent / "lists"


def table(folder: Path, name: str) -> list[dict[str, str]]:
    """A CSV file with a header line, as one dict per row."""
    with open(folder / name, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def answers(path: Path, separator: str | None = None) -> dict[str, str]:
    """First word of each line -> second ("A00001,N", "t01 A"); other lines are skipped."""
    lines = (line.split(separator) for line in path.read_text(encoding="utf-8", errors="replace").splitlines())
    return {words[0].strip(): words[1].strip() for words in lines if len(words) > 1}


def find_file(folder: Path, *patterns: str) -> Path | None:
    """The first file below a folder that fits a pattern, the patterns in their order; of several the last by name."""
    return next((sorted(found)[-1] for pattern in patterns if (found := list(folder.rglob(pattern)))), None)


def need_file(folder: Path, *patterns: str) -> Path:
    found = find_file(folder, *patterns)
    if found is None:
        raise InputError(f"{folder} has no {' or '.join(patterns)}: it comes with the recordings")
    return found


def listed(name: str) -> frozenset[str]:
    """The records of a corpus that the bundled models were trained on (train/data/lists)."""
    lines = (LISTS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())
