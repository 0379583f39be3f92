"""A clinic's recordings and its table of labels: broad beats are of class "wide", narrow ones of class "narrow"."""

from pathlib import Path

from tests.train.records import write_record

SUBJECTS = 12
WIDTH = {"narrow": 0.02, "wide": 0.07}


def class_of(subject: int) -> str:
    return ("narrow", "wide")[subject % 2]


def write_clinic(folder: Path, seconds: float = 31.0) -> Path:
    """Two recordings of each subject, at 250 Hz; labels.csv of recordings. Returns its path."""
    folder.mkdir()
    rows = ["record,label,subject"]
    for subject in range(SUBJECTS):
        for visit in "ab":
            name, kind = f"p{subject:02d}{visit}", class_of(subject)
            shape = {"width": WIDTH[kind], "period": 0.7 + 0.02 * subject}
            codes = (lambda _: "V") if kind == "wide" else (lambda _: "N")
            write_record(folder, name, 250, seconds, codes=codes, leads=("I", "II"), **shape)
            rows.append(f"{name},{kind},s{subject:02d}")
    (folder / "patients.csv").write_text(
        "record,patient\n" + "".join(f"{row.split(',')[0]},{row.split(',')[2]}\n" for row in rows[1:])
    )
    path = folder / "labels.csv"
    path.write_text("\n".join(rows) + "\n")
    return path
