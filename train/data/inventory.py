"""The corpora in a data folder, those that are missing, and how to download them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edgeecg.errors import InputError
from train.data.corpora import CORPORA, NOISE, PRETRAINING, Corpus, corpus, expand, find_folder, has_headers


@dataclass(frozen=True)
class Holding:
    """A corpus in a data folder. `folder` None: it is missing; `problem`: why it cannot be read."""

    name: str
    folder: Path | None = None
    arrays: bool = False
    records: int = 0
    people: int = 0
    problem: str = ""

    @property
    def corpus(self) -> Corpus:
        return NOISE if self.name == "nstdb" else corpus(self.name)

    @property
    def usable(self) -> bool:
        return self.records > 0 and not self.problem

    def line(self) -> str:
        if self.folder is None:
            return f"  {self.name}: missing ({self.corpus.title}, {self.corpus.size or 'size unknown'})"
        if self.problem:
            return f"  {self.name}: cannot be read: {self.problem}"
        expected = self.corpus.expected
        share = f"{self.records} of {expected} records" if expected and self.records != expected else ""
        form = "arrays" if self.arrays else "WFDB files"
        people = "" if self.corpus.pieces or not self.people else f", {self.people} people"
        return f"  {self.name}: {share or f'{self.records} records'}{people}, {form} in {self.folder}"


def take_stock(data: Path, names: tuple[str, ...], progress: Callable[[str], None] = lambda _: None) -> list[Holding]:
    """A Holding per corpus; records are opened, not read. `progress` gets the name of the next corpus."""
    found = []
    for name in names:
        progress(name)
        found.append(holding(data, name))
    return found


def holding(data: Path, name: str) -> Holding:
    folder = find_folder(data, name)
    if folder is None:
        return Holding(name)
    described = Holding(name, folder).corpus
    arrays = described.is_arrays(folder)
    try:
        if name == "nstdb":
            return Holding(name, folder, not has_headers(folder), noises(folder))
        patients = [record.patient for record in described.records(folder)]
    except (InputError, OSError, ValueError, KeyError) as error:
        return Holding(name, folder, arrays, problem=f"{error}")
    if not patients:
        return Holding(name, folder, arrays, problem=f"{folder} holds none of its records")
    return Holding(name, folder, arrays, len(patients), len(set(patients)))


def noises(folder: Path) -> int:
    from train.data.noise import NOISES, noise_leads

    return sum(next(noise_leads(folder, kind), None) is not None for kind in NOISES)


def others(data: Path) -> list[str]:
    """Folders of WFDB records that are no known corpus; --corpora takes their names."""
    taken = {find_folder(data, name) for name in (*CORPORA, "nstdb")}
    places = sorted(path for path in data.iterdir() if path.is_dir() and not path.name.startswith("."))
    return [path.name for path in places if path not in taken and path.name != "physionet.org" and has_headers(path)]


def lines(data: Path, stock: list[Holding], chosen: tuple[str, ...]) -> Iterator[str]:
    """The lines that train/prepare.py prints: present, missing and excluded records."""
    wanted = expand(chosen)
    yield f"Corpora in {data}:"
    yield from (h.line() for h in stock if h.folder) if any(h.folder for h in stock) else ("  none",)
    more = others(data)
    if more:
        yield f"  other folders of WFDB records, to name with --corpora: {', '.join(more)}"
    missing = [h for h in stock if not h.usable and h.name in (*wanted, "nstdb")]
    if missing:
        yield "\nMissing, and how to download it (DIR is the data folder):"
        for h in missing:
            yield f"{h.line()}\n    {h.corpus.how_to_get(h.name) or 'no address is known'}"
            if h.corpus.needs:
                yield f"    it needs {h.corpus.needs}"
    yield "\nNever trained on:"
    yield from (f"  of {h.name}: {h.corpus.left_out}" for h in stock if h.folder and h.corpus.left_out)
    yield from (f"  {name}, unless named with --corpora: {one.test}" for name, one in CORPORA.items() if one.test)
    trained = [h.name for h in stock if h.usable and h.name in wanted]
    said = ", ".join(trained) or "nothing: download some of the above"
    yield f"\nTrained on with --corpora {' '.join(chosen)}: {said}"
    if set(wanted) == set(PRETRAINING):
        yield from bundled(stock)


def bundled(stock: list[Holding]) -> Iterator[str]:
    """Whether these are the recordings of the bundled models."""
    partial = [h.name for h in stock if h.name in PRETRAINING and h.usable and h.records != h.corpus.expected]
    partial = [name for name in partial if corpus(name).expected]
    lacking = [h.name for h in stock if h.name in PRETRAINING and not h.usable]
    if not partial and not lacking:
        yield "These are the recordings of the bundled models (train/data/lists)" + minutes(stock)
    else:
        yield "The bundled models were trained on all of: " + ", ".join(PRETRAINING) + minutes(stock)


def minutes(stock: list[Holding]) -> str:
    published = any(h.name == "cinc2018" and h.usable and not h.arrays for h in stock)
    return "; which minutes of Challenge 2018 they read is not known, so as many others are used" if published else ""
