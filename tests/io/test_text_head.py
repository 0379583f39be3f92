"""What the lines before a table say: rates and units in many languages, layouts of programs, nothing of a person."""

import math

import pytest

from edgeecg import io
from tests.io.tables import RATE, SECONDS, check, iso, read_text, refused, table


def value(_i, _a, v):
    return f"{v:.4f}\n"


def microvolts(_i, _a, v):
    return f"{1000 * v:.2f}\n"


RATES = """
# Sampling Rate (Hz):= 250.00
# fs: 250
# fs = 250
#Fs=250Hz
% Sampling frequency: 250 Hz
; sample rate: 250
Sampling rate: 250 Hz
Sampling Rate;250
Sample rate\t250
sfreq,250
SampleRate=250
# Sample Interval: 4 ms
Interval=\t0.004 s
Sampling interval: 0.004 s
Sampling Period,4 ms
# dt = 0.004
Abtastrate: 250 Hz
Abtastfrequenz = 250,0 Hz
Fréquence d'échantillonnage: 250 Hz
Frecuencia de muestreo: 250 Hz
Frequenza di campionamento: 250 Hz
# sampling_rate: 0.25 kHz
# Sampling Rate (kHz): 0.25
# SPS: 250
Rate: 250 SPS
# rate = 250 samples/s
"Sampling Rate","250"
4 msec/sample
# Frequency: 250 Hz
// fs=250
Device: X|Serial: 12345|Filter: 0.05-150 Hz|Notch: 50 Hz|Sampling rate: 250 Hz
Low cut: 100 Hz|sampling freq [Hz]: 250|High cut: 400 Hz
number of samples: 5000|sampling rate: 250
samples: 5000|fs: 250
""".strip().splitlines()


@pytest.mark.parametrize("line", RATES)
def test_rates(tmp_path, line):
    head = line.replace("|", "\n") + "\n"
    check(read_text(tmp_path, table(head, value)))
    check(read_text(tmp_path, table(head + "ECG (uV)\n", microvolts)), lead="ECG")


@pytest.mark.parametrize(
    "line", ["# unit: uV", "# Units:= uV", "Unit: µV", "unit,uV", "Units;microvolts", "Einheit: uV", "Unité: µV"]
)
def test_units(tmp_path, line):
    check(read_text(tmp_path, table(f"# fs: 250\n{line}\n", microvolts)))


def test_the_rate_in_the_head_and_that_of_the_times_have_to_agree(tmp_path):
    text = table("# fs: 500\ntime,ECG\n", lambda i, a, v: f"{a:.3f},{v:.4f}\n")
    refused(lambda: read_text(tmp_path, text), "500 Hz", "250 Hz", "'time'", "fs=", "--fs")
    check(read_text(tmp_path, text, fs=250))


PERSON = {"name": "Jane Doe", "birth": "1990", "id": "4711"}
APPLE = {
    "en": ("Name", "Date of Birth", "Recorded Date", "Sample Rate", "hertz", "Lead,Lead I", "Unit"),
    "de": ("Name", "Geburtsdatum", "Aufgezeichnet am", "Abtastrate", "Hertz", "Ableitung,Ableitung I", "Einheit"),
    "fr": (
        "Nom",
        "Date de naissance",
        "Date",
        "Fréquence d\u2019échantillonnage",
        "hertz",
        "Dérivation,Dérivation I",
        "Unité",
    ),
    "es": (
        "Nombre",
        "Fecha de nacimiento",
        "Fecha",
        "Frecuencia de muestreo",
        "hercios",
        "Derivación,Derivación I",
        "Unidad",
    ),
    "it": (
        "Nome",
        "Data di nascita",
        "Data",
        "Frequenza di campionamento",
        "hertz",
        "Derivazione,Derivazione I",
        "Unità",
    ),
    "nl": ("Naam", "Geboortedatum", "Datum", "Bemonsteringsfrequentie", "hertz", "Afleiding,Afleiding I", "Eenheid"),
}


@pytest.mark.parametrize("language", APPLE)
@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("shift", [0, 120.5])
def test_apple_watch(tmp_path, language, decimal, shift):
    name, born, recorded, rate, hertz, lead, unit = APPLE[language]
    head = (
        f"{name},{PERSON['name']}\n{born},1 x {PERSON['birth']}\n{recorded},2024-01-01 10:00:00 +0100\n"
        "Class,Sinus\nSymptoms,\n"
        f'Software,1.90\nDevice,"Watch6,7"\n{rate},512 {hertz}\n\n\n{lead}\n{unit},µV\n\n'
    )
    text = table(head, lambda i, a, v: f"{1000 * v - shift:.3f}\n".replace(".", decimal), fs=512)
    recording = read_text(tmp_path, text)
    assert (recording.fs, recording.unit, len(recording.samples)) == (512, "uV", 512 * SECONDS)
    assert abs(recording.millivolts().max() - (1 - shift / 1000)) < 1e-3
    assert PERSON["name"] not in f"{recording.lead}{recording!r}" and not recording.identity


@pytest.mark.parametrize(
    "head", ["Name,Jane Doe\n", "Patient ID,4711\nDOB,1990-01-01\nSampling Rate,250\n", "Name,Jane Doe\ntime,ECG\n"]
)
def test_what_is_said_of_a_person_becomes_no_heading(tmp_path, head):
    text = table(head, lambda i, a, v: f"{a:.3f},{v:.4f}\n")
    recording = read_text(tmp_path, text)
    check(recording, lead="ECG" if "ECG" in head else "0")
    kept = read_text(tmp_path, text, keep_identity=True).identity
    assert ("Jane Doe" in kept.values()) == ("Jane" in head) and ("4711" in kept.values()) == ("4711" in head)


LABCHART = (
    "Interval=\t0.004 s\nExcelDateTime=\t4.5292416667e+04\t01/01/2024 10:00:00.000\nTimeFormat=\tStartOfBlock\n"
    "DateFormat=\t\n"
    "ChannelTitle=\tResp\tECG\nRange=\t10 V\t20 mV\nUnitName=\tV\tuV\nTopValue=\t10\t20\nBottomValue=\t-10\t-20\n"
)


@pytest.mark.parametrize("decimal", [".", ","])
def test_labchart(tmp_path, decimal):
    def row(i, a, v):
        remark = "\t#1 start" if i == 100 else ""
        return f"{a:.3f}\t0.{i % 7}\t{'NaN' if i < 10 else f'{1000 * v:.4f}'}{remark}\n".replace(".", decimal)

    check(read_text(tmp_path, table(LABCHART, row), "a.txt"), missing=10, lead="ECG")


def test_acqknowledge(tmp_path):
    head = "x.acq\n4 msec/sample\n2 channels\nRSP\nVolts\nECG\nmV\nmin,CH1,CH2,\n,3000,3000,\n"
    text = table(head, lambda i, a, v: f"{a / 60:.9f},0.{i % 7},{v:.4f},\n")
    check(read_text(tmp_path, text, "a.txt", lead="CH2"))


OPENBCI = (
    "%OpenBCI Raw EXG Data\n%Number of channels = 1\n%Sample Rate = 250 Hz\n%Board = X\nSample Index, EXG Channel 0, "
)


def test_openbci(tmp_path):
    clock = OPENBCI + "Accel Channel 0, Other, Timestamp, Timestamp (Formatted)\n"

    def row(i, a, v):
        return f"{i % 256}, {1000 * v:.2f}, 0.{i % 13}, 0, {1704103200 + a:.6f}, {iso(a)}\n"

    check(read_text(tmp_path, table(clock, row), unit="uV"), lead="EXG Channel 0")
    lost = table(clock, lambda i, a, v: "" if 1000 <= i < 1073 else row(i, a, v))
    check(read_text(tmp_path, lost, unit="uV"), missing=73)
    packets = table(
        OPENBCI + "Timestamp\n", lambda i, a, v: f"{i % 256}, {1000 * v:.2f}, {1704103200 + i // 10 * 0.04:.6f}\n"
    )
    check(read_text(tmp_path, packets))  # an OpenBCI board writes microvolts
    two = table(OPENBCI + "EXG Channel 1\n", lambda i, a, v: f"{i % 256}, {1000 * v:.2f}, {math.sin(a):.3f}\n")
    refused(lambda: read_text(tmp_path, two, unit="uV"), "'EXG Channel 0', 'EXG Channel 1'", "lead=")


def test_brainflow(tmp_path):
    text = table(
        "",
        lambda i, a, v: (
            f"{i % 256}.000000\t{1000 * v:.6f}\t{math.sin(a):.6f}\t0.000000\t{1704103200 + a:.6f}\t0.000000\n"
        ),
    )
    check(read_text(tmp_path, text, lead=0, unit="uV"))


def opensignals(columns, labels, sensors, rate=RATE) -> str:
    said = (
        f'"device": "bitalino_rev", "sensor": {sensors}, "column": {columns}, "sampling rate": {rate}, '
        f'"label": {labels}, '
        '"resolution": [4, 1, 1, 10], "date": "2024-1-1", "time": "10:0:0.123"'
    )
    return f'# OpenSignals Text File Format. Version 1\n# {{"00:07:80:79:6F:DB": {{{said}}}}}\n# EndOfHeader\n'.replace(
        "'", '"'
    )


def test_opensignals(tmp_path):
    head = opensignals(["nSeq", "I1", "O1", "A1", "A2"], ["A1", "A2"], ["EDA", "ECG"])
    text = table(head, lambda i, a, v: f"{i % 16}\t1\t0\t{500 + i % 9}\t{round(3000 * v)}\t\n")
    recording = read_text(tmp_path, text, gain=3000)
    check(recording, lead="A2")
    assert recording.start.isoformat() == "2024-01-01T10:00:00.123000"
    unscaled = read_text(tmp_path, text)
    refused(unscaled.millivolts, "a.csv", "'A2'", "gain=", "--gain")


def test_biosppy_and_shimmer(tmp_path):
    head = "# Simple Text Format\n# Sampling Rate (Hz):= 250.00\n# Labels:= ECG\tResp\n# Units:= mV\n"
    check(read_text(tmp_path, table(head, lambda i, a, v: f"{v:.4f}\t0.{i % 9}\n")), lead="ECG")
    head = "Shimmer_5E87\tShimmer_5E87\nTimestamp\tECG_LA-RA_24BIT\nCAL\tCAL\nms\tmV\n"
    check(read_text(tmp_path, table(head, lambda i, a, v: f"{a * 1000:.6f}\t{v:.6f}\n")), lead="ECG_LA-RA_24BIT")
    head = '"sep=\t"\nS_Timestamp_Unix_CAL\tS_ECG_LA-RA_24BIT_CAL\tS_ECG_LL-RA_24BIT_CAL\t\nms\tmV\tmV\t\n'
    check(read_text(tmp_path, table(head, lambda i, a, v: f"{1704103200000 + a * 1000:.6f}\t{v:.6f}\t{v:.6f}\t\n")))


@pytest.mark.parametrize(("line", "mark"), [("sep=;", ";"), ("sep=\t", "\t"), ("SEP=|", "|"), ('"sep=,"', ",")])
def test_a_line_for_spreadsheets(tmp_path, line, mark):
    check(read_text(tmp_path, table(f"{line}\ntime{mark}ecg\n", lambda i, a, v: f"{a:.3f}{mark}{v:.4f}\n")))


def test_physionet_rdsamp(tmp_path):
    head = "'Elapsed time','MLII','V5'\n'hh:mm:ss.mmm','mV','mV'\n"
    check(read_text(tmp_path, table(head, lambda i, a, v: f"'0:{a:06.3f}',{v:.3f},{v:.3f}\n")), lead="MLII")
    head = "   Elapsed time      MLII        V5\n   (seconds)     (mV)      (mV)\n"
    check(read_text(tmp_path, table(head, lambda i, a, v: f"{a:10.3f}{v:10.3f}{v:10.3f}\n"), "a.txt"), lead="MLII")
    check(read_text(tmp_path, table(head, lambda i, a, v: f"{a:15.3f}\t{v:8.3f}\t{v:8.3f}\n"), "a.txt"), lead="MLII")


def test_titles_are_no_headings(tmp_path):
    for title in ("My recording\nmade today\n\n", "Recording, of me, today\n", "Channel 1\n\n"):
        check(read_text(tmp_path, table(title + "time,ECG\n", lambda i, a, v: f"{a:.3f},{v:.4f}\n")), lead="ECG")


def test_the_moment_of_the_first_sample(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(table("Start: 2024-01-01 10:00:00\nfs: 250\n", value))
    assert io.open_source(path).start.isoformat() == "2024-01-01T10:00:00"
    path.write_text(table("Date of Birth: 1990-01-01 10:00:00\nfs: 250\n", value))
    assert io.open_source(path).start is None


@pytest.mark.parametrize("heading", ["sensor timestamp [ns]", "Channel time [ns]", "sensor_time_ns"])
def test_two_headings_are_no_fact(tmp_path, heading):
    """ "sensor: ECG" is a fact of a head, "sensor timestamp;ecg" are the headings of two columns."""
    rows = "".join(f"{599636646177065964 + 4_000_000 * i};{i % 97 * 3}\n" for i in range(500))
    (tmp_path / "r.csv").write_text(f"{heading};ecg [uV]\n{rows}")
    recording = io.read(tmp_path / "r.csv")
    assert (recording.fs, recording.unit, recording.lead, len(recording.samples)) == (250, "uV", "ecg", 500)


@pytest.mark.parametrize(
    "key", ["Messrate", "Messfrequenz", "Aufzeichnungsrate", "Acquisition rate", "Recording frequency", "Målefrekvens"]
)
def test_a_rate_by_any_word_for_recording(tmp_path, key):
    text = table(f'{key},"512 Hertz"\n\nUnit,"µV"\n\n', lambda i, a, v: f"{1000 * v:.3f}\n", fs=512)
    recording = read_text(tmp_path, text)
    assert (recording.fs, len(recording.samples)) == (512, 512 * SECONDS)
