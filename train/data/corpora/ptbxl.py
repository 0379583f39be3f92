"""PTB-XL: 21,799 twelve-lead ECGs of 10 s, at 500 and at 100 Hz.

Wagner et al., "PTB-XL, a large publicly available electrocardiography dataset", Scientific Data 7, 2020. Folds 1 to 9
are read in two disjoint sets: `ptbxl`, the records that the bundled models were trained on (train/data/lists), eight
leads from 500 Hz; `ptbxl_100hz`, all others, leads I and II. Fold 10, the official test, is never read.
"""

from ast import literal_eval
from collections.abc import Iterator
from pathlib import Path

from edgeecg.errors import InputError
from train.data.corpora.base import ARRAY, Corpus, array_record, load_array, whole
from train.data.recordings import Record
from train.data.tables import listed, need_file, table
from train.data.wfdb_files import INDEPENDENT, wfdb_record

TEST_FOLD = 10
LIMBS = ("I", "II")
TITLE, LICENCE = "PTB-XL 1.0.3 (subset)", "CC BY 4.0"
PLACE = {
    "names": ("ptb-xl", "ptbxl", "ptb-xl-a-large-publicly-available-electrocardiography-dataset"),
    "address": "ptb-xl/1.0.3",
    "size": "3 GB",
    "needs": "ptbxl_database.csv, scp_statements.csv",
    "left_out": "fold 10 is the official test",
}


def superclasses(folder: Path) -> dict[str, str]:
    """SCP statement -> its diagnostic superclass, of scp_statements.csv."""
    path = need_file(folder, "scp_statements.csv")
    rows = table(path.parent, path.name)
    name = next(iter(rows[0]))  # the statements' column has no name
    return {row[name]: row["diagnostic_class"] for row in rows if row.get("diagnostic_class")}


def published(folder: Path, mine: bool) -> Iterator[Record]:
    """The records of the list, or those of folds 1 to 9 that it does not name."""
    path, known, chosen = need_file(folder, "ptbxl_database.csv"), superclasses(folder), listed("ptbxl")
    column, fs = ("filename_hr", 500) if mine else ("filename_lr", 100)
    there = 0
    for row in table(path.parent, path.name):
        number, header = whole(row["ecg_id"]), path.parent / f"{row[column]}.hea"
        if (number in chosen) != mine or int(float(row["strat_fold"])) == TEST_FOLD or not header.is_file():
            continue
        there += 1
        stated = literal_eval(row["scp_codes"])
        found = ";".join(sorted({known[code] for code in stated if code in known}))
        split = "val" if int(float(row["strat_fold"])) == TEST_FOLD - 1 else "train"
        facts = {**row, "ecg_id": number, "superclass": found, "official_split": split}
        patient = whole(row["patient_id"])
        yield wfdb_record(header, number, patient, INDEPENDENT if mine else LIMBS, label=found, facts=facts)
    if not there:
        raise InputError(f"{path.parent} has no record at {fs} Hz of {path.name}: {column} names them")


def ptbxl_arrays(folder: Path) -> Iterator[Record]:
    for row, signal in zip(table(folder, "metadata.csv"), load_array(folder, ARRAY), strict=True):
        yield array_record(row["ecg_id"], row["patient_id"], signal, INDEPENDENT, label=row["superclass"], facts=row)


def limbs_arrays(folder: Path) -> Iterator[Record]:
    """Where the patient is not told, the record counts as one."""
    diagnoses = folder / "snomed24.csv"
    labels = {row["ecg_id"]: row["labels"] for row in table(folder, diagnoses.name)} if diagnoses.is_file() else {}
    for row, signal in zip(table(folder, "metadata.csv"), load_array(folder, LIMBS_ARRAY), strict=True):
        number = row["ecg_id"]
        patient = whole(row["patient_id"]) or f"ecg{number}"
        facts = {**row, "snomed24": labels.get(number, "")}
        yield array_record(number, patient, signal, LIMBS, 100.0, label=row["superclass"], facts=facts)


LIMBS_ARRAY = "ecg_I_II_100hz_uV_int16.npy"
PTBXL = Corpus(TITLE, LICENCE, lambda folder: published(folder, True), ptbxl_arrays, expected=2277, **PLACE)
PTBXL_100HZ = Corpus(
    "PTB-XL 1.0.3, folds 1 to 9 without the subset, leads I and II at 100 Hz",
    LICENCE,
    lambda folder: published(folder, False),
    limbs_arrays,
    LIMBS_ARRAY,
    expected=17316,
    **PLACE,
)
