"""The PhysioNet/Computing in Cardiology Challenges of 2011 (signal quality), 2015 (alarms), 2017 (rhythm of a wearable)
and 2020/2021 (diagnoses of twelve leads).
"""

from collections.abc import Iterator
from pathlib import Path

from edgeecg.errors import InputError
from train.data.corpora.base import ARRAY, ODC, Corpus, array_record, load_array
from train.data.recordings import Record
from train.data.tables import answers, find_file, listed, need_file, table
from train.data.wfdb_files import INDEPENDENT, comments, headers_by_name, wfdb_headers, wfdb_record

QUALITY_LEADS = ("I", "II", "V2", "V5")
ALARM_LEADS = ("II", "I", "III", "V")  # the first that there is
ALARM = (180, 300)  # seconds of a recording that end with its alarm


# ------------------------------------------------------------------------------------------------- 2011
def quality(folder: Path) -> Iterator[Record]:
    """Set A, the records that have a label."""
    label = dict.fromkeys(words(need_file(folder, "RECORDS-acceptable")), "1")
    label |= dict.fromkeys(words(need_file(folder, "RECORDS-unacceptable")), "0")
    wanted = listed("challenge2011")
    for name, path in headers_by_name(folder).items():
        if name in wanted and name in label:
            facts = {"acceptable": label[name]}
            yield wfdb_record(path, name, name, QUALITY_LEADS, label=label[name], facts=facts)


def words(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split()


def quality_arrays(folder: Path) -> Iterator[Record]:
    for row, signal in zip(table(folder, "labels.csv"), load_array(folder, ARRAY), strict=True):
        name = row["record"]
        yield array_record(name, name, signal, QUALITY_LEADS, label=row["acceptable"], facts=row)


# ------------------------------------------------------------------------------------------------- 2015
def alarms(folder: Path) -> Iterator[Record]:
    """The ECG of the two minutes before each alarm."""
    for name, path in headers_by_name(folder).items():
        said = comments(path)
        whole = wfdb_record(path, name, name)
        named = {lead.name.upper(): i for i, lead in reversed(list(enumerate(whole.leads)))}
        place = next((named[lead] for lead in ALARM_LEADS if lead in named), None)
        if place is None or not ({"true alarm", "false alarm"} & said.keys()):
            continue  # no ECG, or of the hidden set
        kind = next((text for line, text in said.items() if line not in ("true alarm", "false alarm")), "")
        facts = {"alarm": kind.replace(" ", "_"), "true_alarm": str(int("true alarm" in said))}
        yield Record(name, name, whole.leads[place : place + 1], before_alarm(whole, place), facts["alarm"], facts)


def before_alarm(record: Record, place: int):
    first, last = (round(seconds * record.leads[place].fs) for seconds in ALARM)
    return lambda _: record.load(place)[first:last]


def stretches(folder: Path, rows: list[dict]) -> Iterator[tuple[dict, object]]:
    """Rows of recordings that lie one behind the other in one long array, each with its samples."""
    samples = load_array(folder, ARRAY).reshape(-1)
    for row in rows:
        start = int(row["start_128hz"])
        yield row, samples[None, start : start + int(row["samples_128hz"])]


def alarms_arrays(folder: Path) -> Iterator[Record]:
    for row, signal in stretches(folder, table(folder, "labels.csv")):
        yield array_record(row["record"], row["record"], signal, (row["lead"],), label=row["alarm"], facts=row)


# ------------------------------------------------------------------------------------------------- 2017
def rhythms(folder: Path, mine: bool) -> Iterator[Record]:
    """The training set: the records of the list, or all others. The newest labels that there are."""
    reference = find_file(folder, "REFERENCE-v*.csv", "REFERENCE.csv")
    said = answers(reference, ",") if reference else {}
    wanted = listed("cinc2017")
    for name, path in headers_by_name(folder).items():
        if (name in wanted) == mine:
            label = said.get(name, "")
            yield wfdb_record(path, name, name, label=label, facts={"rhythm": label})


def more_rhythms_arrays(folder: Path) -> Iterator[Record]:
    """Without the 200 that are a set of their own."""
    rows = [row for row in table(folder, "labels.csv") if row["in_shared200"] != "1"]
    for row, signal in stretches(folder, rows):
        facts = {**row, "rhythm": row["label_v3"]}
        yield array_record(row["record"], row["record"], signal, ("ECG",), label=row["label_v3"], facts=facts)


# ------------------------------------------------------------------------------------------------- 2020, 2021
def diagnoses(folder: Path) -> Iterator[Record]:
    """Twelve-lead recordings with SNOMED CT codes behind #Dx, eight of the leads. Those of PTB-XL are left out: the set
    has its own reader, which knows fold 10.
    """
    for path in wfdb_headers(folder):
        name = path.stem
        if name.startswith("HR"):
            continue
        said = comments(path)
        if "dx" not in said:
            raise InputError(f"{path} has no line #Dx: it is not of the Challenges 2020 or 2021")
        codes = ";".join(code.strip() for code in said["dx"].split(",") if code.strip())
        facts = {"dx": codes, "age": said.get("age", ""), "sex": said.get("sex", "")}
        yield wfdb_record(path, name, name, INDEPENDENT, label=codes, facts=facts)


CHALLENGE2011 = Corpus(
    "PhysioNet/CinC Challenge 2011, set A",
    ODC,
    quality,
    quality_arrays,
    names=("challenge2011", "challenge-2011"),
    address="challenge-2011/1.0.0",
    size="130 MB",
    needs="set-a/RECORDS-acceptable, set-a/RECORDS-unacceptable",
    expected=998,
    left_out="set B is the Challenge's test set",
)
CINC2015 = Corpus(
    "PhysioNet/CinC Challenge 2015, training set",
    ODC,
    alarms,
    alarms_arrays,
    names=("cinc2015", "challenge-2015"),
    address="challenge-2015/1.0.0/training",
    size="600 MB",
    needs="the whole folder training",
    expected=750,
)
PLACE_2017 = {
    "names": ("cinc2017", "challenge-2017", "training2017"),
    "address": "challenge-2017/1.0.0",
    "size": "1.4 GB",
    "needs": "REFERENCE-v3.csv",
}
CINC2017 = Corpus(
    "PhysioNet/CinC Challenge 2017", ODC, lambda folder: rhythms(folder, True), expected=200, **PLACE_2017
)
CINC2017_MORE = Corpus(
    "PhysioNet/CinC Challenge 2017, training set without those of cinc2017",
    ODC,
    lambda folder: rhythms(folder, False),
    more_rhythms_arrays,
    expected=8328,
    **PLACE_2017,
)
CHALLENGE2021 = Corpus(
    "PhysioNet/CinC Challenges 2020 and 2021, without PTB-XL",
    "CC BY 4.0",
    diagnoses,
    names=("challenge2021", "challenge2020", "challenge-2021", "challenge-2020"),
    address="challenge-2021/1.0.3/training",
    size="6 GB",
    needs="the whole folder training",
    left_out="records HR... come from PTB-XL",
)
