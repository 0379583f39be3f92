"""Folders of WFDB records as PhysioNet publishes them and as wfdb, wget or a zip file leave them, with or without
sub-folders and RECORDS.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from edgeecg import io
from edgeecg.errors import InputError
from train.data.recordings import Record
from train.data.tables import table

INDEPENDENT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")  # leads of twelve that are no sums of others


def wfdb_headers(folder: Path) -> list[Path]:
    """The records' headers below a folder, without those of the segments (name_0001, name_layout) of longer records."""
    paths = sorted(folder.rglob("*.hea"))
    names = {path.with_suffix("") for path in paths}
    return [p for p in paths if p.with_name(re.sub(r"_(\d{4}|layout)$", "", p.stem)) not in names - {p.with_suffix("")}]


def headers_by_name(folder: Path) -> dict[str, Path]:
    """Record -> header. If a record is there twice (some Challenges have samples of the training set), the first one in
    `training`, else the first.
    """
    paths = sorted(wfdb_headers(folder), key=lambda path: (not is_training(path), path))
    found: dict[str, Path] = {}
    for path in paths:
        found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def is_training(path: Path) -> bool:
    return any(part.startswith("training") for part in path.parts)


def wfdb_record(path: Path, name: str, patient: str, wanted: tuple[str, ...] = (), **more) -> Record:
    """The voltages of a record, as the integers of the file; what is none (blood pressure) has no gain.

    `wanted`: only these leads, in this order. `more`: label and facts.
    """
    source = io.open_source(path)
    places = [i for i, lead in enumerate(source.leads) if lead.gain]
    if wanted:
        by_name = {source.leads[i].name.upper(): i for i in reversed(places)}
        missing = [lead for lead in wanted if lead.upper() not in by_name]
        if missing:
            raise InputError(f"{path} has no lead {', '.join(missing)}")
        places = [by_name[lead.upper()] for lead in wanted]
    leads = tuple(source.leads[i] for i in places)
    return Record(name, patient, leads, lambda number: source.load(places[number]), **more)


def wfdb_folder(folder: Path) -> Iterator[Record]:
    """Every WFDB record of a folder and its sub-folders.

    A record is taken for a patient, unless the folder has a table patients.csv with the columns record and patient.
    """
    listed = table(folder, "patients.csv") if (folder / "patients.csv").is_file() else []
    try:
        patients = {row["record"]: row["patient"] for row in listed}
    except KeyError as error:
        raise InputError(f"{folder / 'patients.csv'} needs the columns record and patient") from error
    for path in wfdb_headers(folder):
        name = path.relative_to(folder).with_suffix("").as_posix()
        yield wfdb_record(path, name, patients.get(name, name))


def comments(path: Path) -> dict[str, str]:
    """The lines behind # of a header by what stands before their colon ("Dx"), lower case; a line without one is its
    own name.
    """
    lines = path.read_text("latin-1").splitlines()
    pairs = (line.lstrip("# \t").partition(":") for line in lines if line.startswith("#"))
    return {name.strip().lower(): value.strip() or name.strip() for name, _, value in pairs}
