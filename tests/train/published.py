"""Small folders of WFDB files with the names and layouts that PhysioNet publishes, and what they are read back as.

Each signal is a train of pulses whose heights are counts of the ADC, so that a reader's samples can be told exactly.
"""

import struct
from pathlib import Path

import numpy as np

from train.data.corpora import DS1, DS2
from train.data.tables import listed

TWELVE = ("I", "II", "III", "AVR", "AVL", "AVF", "V1", "V2", "V3", "V4", "V5", "V6")
PTBXL = [  # ecg_id, patient, statements, fold; 34 and 43 are among the records of the bundled models
    ("34", "13619.0", "{'AFLT': 100.0}", 9),
    ("43", "11315.0", "{'NORM': 100.0, 'SR': 0.0}", 8),
    ("1", "15709.0", "{'IMI': 0.0, 'LAFB': 100.0}", 3),
    ("9", "15709.0", "{'AFIB': 100.0, 'LVH': 100.0}", 9),
    ("38", "99.0", "{'NORM': 80.0}", 10),
]
STATEMENTS = ("NORM", "IMI", "LAFB", "LVH", "NDT", "AFIB")
MORE_OF_PTBXL = [  # and as many as the tasks need
    (number, f"{200 + i}.0", f"{{'{STATEMENTS[i % 6]}': 100.0}}", 1 + i % 9)
    for i, number in enumerate(sorted(listed("ptbxl") - {"34", "43"}, key=int)[:12])
]
QUALITY = sorted(listed("challenge2011"))[:10]
RHYTHMS = {name: "NAO~"[i % 4] for i, name in enumerate(sorted(listed("cinc2017"))[:20])}
DX = "426783006,270492004"


def counts(fs: float, seconds: float, leads: int, seed: int) -> np.ndarray:
    """(n, leads) integers: pulses of 1 mV (1000 counts) times the lead's number, at a rate of the record's own."""
    n, rng = round(fs * seconds), np.random.default_rng(seed)
    time = np.arange(n) / fs
    phase = (time * rng.uniform(0.9, 1.5) + rng.uniform()) % 1
    pulse = 800 * np.exp(-(((phase - 0.5) / 0.03) ** 2)) + 80 * np.sin(2 * np.pi * 0.3 * time) + rng.normal(0, 8, n)
    return np.round(pulse[:, None] * (1 + 0.1 * np.arange(leads))).astype(np.int64)


def write_dat(folder: Path, name: str, fs: float, x: np.ndarray, leads, fmt="16", gain=1000) -> None:
    """Formats 16 and 212 (pairs of samples of 12 bits in three bytes)."""
    folder.mkdir(parents=True, exist_ok=True)
    flat = x.astype("<i2").ravel()
    if fmt == "212":
        first, second = (np.append(flat, 0)[: len(flat) + len(flat) % 2].astype(np.int32) & 0xFFF).reshape(-1, 2).T
        flat = np.stack([first & 0xFF, first >> 8 | (second >> 8) << 4, second & 0xFF], 1).astype(np.uint8)
    flat.tofile(folder / f"{name}.dat")
    lines = [f"{name} {len(leads)} {fs:g} {len(x)}"]
    lines += [f"{name}.dat {fmt} {gain}/mV 12 0 {x[0, i]} 0 0 {lead}" for i, lead in enumerate(leads)]
    (folder / f"{name}.hea").write_text("\n".join(lines) + "\n")


def write_mat(
    folder: Path, name: str, fs: int, x: np.ndarray, leads, comments=(), when="", units="mV", gain=1000
) -> None:
    """A matrix of MATLAB level 4 with the name val, behind a header of 24 bytes, as the Challenges have them."""
    folder.mkdir(parents=True, exist_ok=True)
    head = struct.pack("<5i4s", 30, x.shape[1], len(x), 0, 4, b"val\0")
    (folder / f"{name}.mat").write_bytes(head + x.astype("<i2").tobytes())
    lines = [f"{name} {len(leads)} {fs} {len(x)} {when}".rstrip()]
    lines += [f"{name}.mat 16+24 {gain}/{units} 16 0 {x[0, i]} 0 0 {lead}" for i, lead in enumerate(leads)]
    lines += [f"#{line}" for line in comments]
    (folder / f"{name}.hea").write_text("\n".join(lines) + "\n")


def annotate(folder: Path, name: str, annotator: str, samples, symbols, texts=None) -> None:
    import wfdb

    wfdb.wrann(name, annotator, np.asarray(samples), symbol=list(symbols), aux_note=texts, write_dir=str(folder))


def mitdb(folder: Path, seconds: float = 45.0) -> None:
    """Format 212 at 360 Hz; ectopic beats and rhythms in .atr."""
    for number, name in enumerate((*DS1, *DS2, "102")):
        write_dat(folder, name, 360, counts(360, seconds, 2, number), ("MLII", "V5"), "212")
        beats = np.arange(100, int(seconds * 360), 300)
        symbols = ["+", *("V" if i % 40 == 3 else "A" if i % 40 == 37 else "N" for i in range(len(beats)))]
        rhythm = "(AFIB" if number % 3 == 0 else "(N"
        annotate(folder, name, "atr", [10, *beats], symbols, [rhythm, *[""] * len(beats)])


def svdb(folder: Path) -> None:
    for number, name in enumerate(("800", "801", "802", "803")):
        write_dat(folder, name, 128, counts(128, 45, 2, 200 + number), ("ECG1", "ECG2"), "212")
        beats = np.arange(50, 45 * 128, 110)
        annotate(
            folder,
            name,
            "atr",
            beats,
            ["S" if i % 30 == 4 else "V" if i % 30 == 20 else "N" for i in range(len(beats))],
        )


def nstdb(folder: Path) -> None:
    for number, name in enumerate(("bw", "em", "ma", "118e06")):
        noise = np.random.default_rng(number).normal(0, 100, (360 * 120, 2)).cumsum(0) % 400 - 200
        write_dat(folder, name, 360, noise.astype(np.int64), ("noise1", "noise2"), "212", gain=200)


def ptbxl(folder: Path) -> None:
    """Records at both rates in sub-folders, and the two tables. Statements without a class have none."""
    rows = []
    for number, patient, codes, fold in (*PTBXL, *MORE_OF_PTBXL):
        names = {}
        for column, rate, ending in (("filename_lr", 100, "lr"), ("filename_hr", 500, "hr")):
            inside = f"records{rate}/00000"
            names[column] = f"{inside}/{int(number):05d}_{ending}"
            if rate == 100 and number in listed("ptbxl"):
                continue  # which nobody reads
            write_dat(folder / inside, f"{int(number):05d}_{ending}", rate, counts(rate, 10, 12, int(number)), TWELVE)
        rows.append(f'{number},{patient},56.0,1,"{codes}",{fold},{names["filename_lr"]},{names["filename_hr"]}')
    head = "ecg_id,patient_id,age,sex,scp_codes,strat_fold,filename_lr,filename_hr"
    (folder / "ptbxl_database.csv").write_text("\n".join([head, *rows]) + "\n")
    classes = {"NORM": "NORM", "IMI": "MI", "LAFB": "CD", "LVH": "HYP", "NDT": "STTC", "SR": "", "AFIB": "", "AFLT": ""}
    statements = [f"{code},what it means,{1.0 if kind else ''},{kind}" for code, kind in classes.items()]
    head = ",description,diagnostic,diagnostic_class"
    (folder / "scp_statements.csv").write_text("\n".join([head, *statements]) + "\n")


def challenge2011(folder: Path) -> None:
    """Set A with its lists, every fourth record unacceptable; one more record has no label."""
    for number, name in enumerate((*QUALITY, "9999999")):
        write_dat(folder / "set-a", name, 500, counts(500, 10, 12, number), TWELVE, gain=200)
    bad = [name for i, name in enumerate(QUALITY) if i % 3 == 0]
    (folder / "set-a/RECORDS-unacceptable").write_text("\n".join(bad) + "\n")
    (folder / "set-a/RECORDS-acceptable").write_text("\n".join(sorted({*QUALITY} - {*bad})) + "\n")


def cinc2015(folder: Path) -> None:
    """330 s at 250 Hz: the alarm goes off at 300 s. One of the hidden set has no label."""
    for name, leads, said in (
        ("a103l", ("II", "V", "PLETH"), ("Asystole", "False alarm")),
        ("t693l", ("aVF", "V", "PLETH"), ("Tachycardia", "True alarm")),
        ("x001l", ("II", "V", "PLETH"), ()),
    ):
        write_mat(folder, name, 250, counts(250, 330, 3, len(name)), leads, said)


def cinc2017(folder: Path) -> None:
    """A date before the time, as those headers have it; sub-folders; two versions of the labels; a copy elsewhere."""
    for number, name in enumerate((*RHYTHMS, "A00004")):
        x = counts(300, 30, 1, number)
        write_mat(folder / "training/A00", name, 300, x, ("ECG",), when="2014-05-08 05:05:15")
    write_mat(folder / "validation", "A00001", 300, counts(300, 30, 1, 99), ("ECG",), when="2014-05-08 05:05:15")
    (folder / "REFERENCE-v2.csv").write_text("".join(f"{name},A\n" for name in RHYTHMS))
    (folder / "REFERENCE-v3.csv").write_text("".join(f"{n},{r}\n" for n, r in {**RHYTHMS, "A00004": "O"}.items()))


def cinc2018(folder: Path) -> None:
    """Two nights of ten minutes, 13 signals of which one is an ECG, with stages in .arousal."""
    names = (*(f"EEG{i}" for i in range(6)), "E1-M2", "Chin1-Chin2", "ABD", "CHEST", "AIRFLOW", "SaO2", "ECG")
    for number, name in enumerate(("tr03-0005", "tr03-0029")):
        inside = folder / name
        write_mat(inside, name, 200, counts(200, 600, 13, number), names)
        texts = ["", "W", "N2", "(resp_hypopnea", "R"]  # wfdb takes a first note for one on the file
        annotate(inside, name, "arousal", [200 * s for s in (1, 30, 240, 250, 420)], ['"'] * 5, texts)
    write_mat(folder / "te03-0001", "te03-0001", 200, counts(200, 600, 13, 9), names)


def afpdb(folder: Path) -> None:
    for number, name in enumerate(("n01", "n02", "p01", "p02", "p02c", "t01")):
        write_dat(folder, name, 128, counts(128, 60, 2, number), ("ECG0", "ECG1"))


def vfdb(folder: Path) -> None:
    for number, name in enumerate(("418", "419")):
        write_dat(folder, name, 250, counts(250, 60, 2, number), ("ECG", "ECG"), "212")
        annotate(folder, name, "atr", [20, 5000, 9000], "+++", ["(N", "(VFL", "(NOISE"])


def qtdb(folder: Path) -> None:
    """One record that is read, one of svdb that is not; marked waves in .q1c."""
    for number, name in enumerate(("sel30", "sel803")):
        write_dat(folder, name, 250, counts(250, 60, 2, number), ("V4", "V2"), "212")
        annotate(folder, name, "atr", [100, 300, 500], "NVN")
        annotate(folder, name, "qc", [80, 90, 100], "(p)")
        (folder / f"{name}.qc").rename(folder / f"{name}.q1c")  # wfdb writes no suffix with a digit


def apnea(folder: Path) -> None:
    for name in ("a01", "b01", "c01", "x01"):
        write_dat(folder, name, 100, counts(100, 130, 1, ord(name[0])), ("ECG",))
    write_dat(folder, "a01r", 100, counts(100, 130, 4, 1), ("Resp C", "Resp A", "Resp N", "SpO2"))
    annotate(folder, "a01", "apn", [0, 6000, 12000], "NAN")


def aftdb(folder: Path) -> None:
    for inside, name in (
        ("learning-set", "n01"),
        ("learning-set", "s01"),
        ("learning-set", "t01"),
        ("test-set-a", "a01"),
    ):
        write_dat(folder / inside, name, 128, counts(128, 60, 2, ord(name[0])), ("ECG", "ECG"))
    (folder / "event-1-answers.txt").write_text("a01 N\n")


def shareedb(folder: Path) -> None:
    """A record of two segments."""
    for number in (1, 2):
        write_dat(folder, f"02010_{number:04d}", 128, counts(128, 30, 3, number), ("III", "V3", "V5"))
    (folder / "02010.hea").write_text("02010/2 3 128 7680\n02010_0001 3840\n02010_0002 3840\n")
    (folder / "info.txt").write_text("Record Gender Age Vascular event\n02010 M 70 none\n")


def challenge2021(folder: Path) -> None:
    for inside, name in (("cpsc_2018/g1", "A0001"), ("georgia/g1", "E00001"), ("ptb-xl/g1", "HR00001")):
        said = ("Age: 74", "Sex: Male", f"Dx: {DX}", "Rx: Unknown")
        write_mat(folder / "training" / inside, name, 500, counts(500, 10, 12, len(name)), TWELVE, said)


# Corpus -> what the folder is called here (by wfdb, by wget, by a zip), and who writes it
LAYOUTS = {
    "mitdb": ("mitdb", mitdb),
    "svdb": ("mit-bih-supraventricular-arrhythmia-database-1.0.0", svdb),
    "nstdb": ("physionet.org/files/nstdb/1.0.0", nstdb),
    "ptbxl": ("physionet.org/files/ptb-xl/1.0.3", ptbxl),
    "challenge2011": ("physionet.org/files/challenge-2011/1.0.0", challenge2011),
    "cinc2015": ("physionet.org/files/challenge-2015/1.0.0/training", cinc2015),
    "cinc2017": ("physionet.org/files/challenge-2017/1.0.0", cinc2017),
    "cinc2018": ("physionet.org/files/challenge-2018/1.0.0/training", cinc2018),
    "qtdb": ("qtdb", qtdb),
    "afpdb": ("paf-prediction-challenge-database-1.0.0", afpdb),
    "vfdb": ("vfdb", vfdb),
    "apnea-ecg": ("apnea-ecg", apnea),
    "aftdb": ("aftdb", aftdb),
    "shareedb": ("shareedb", shareedb),
    "challenge2021": ("physionet.org/files/challenge-2021/1.0.3", challenge2021),
}


def write_corpora(data: Path, names=tuple(LAYOUTS)) -> None:
    for name in names:
        place, write = LAYOUTS[name]
        (data / place).mkdir(parents=True, exist_ok=True)
        write(data / place)
