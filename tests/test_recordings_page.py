"""What docs/recordings.md shows: its messages are those that are printed, its Python runs."""

import gzip
import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import edgeecg
from edgeecg import cli, io
from tests.files import edf

PAGE = (Path(__file__).resolve().parent.parent / "docs/recordings.md").read_text(encoding="utf-8")
MESSAGES = [
    line.strip()
    for block in re.findall(r"(?:^    [^ \n].*\n)+", PAGE, re.MULTILINE)
    for line in block.splitlines()
    if not line.startswith("    edgeecg ")
]
RATE = 250
SECONDS = 60


def beats():
    """One minute in mV, 75 beats, on a baseline that is never flat."""
    t = np.arange(SECONDS * RATE) / RATE
    waves = np.exp(-0.5 * (((t % 0.8) - 0.4) / 0.012) ** 2) + 0.2 * np.exp(-0.5 * (((t % 0.8) - 0.65) / 0.04) ** 2)
    return waves + 0.02 * np.sin(2 * np.pi * 0.3 * t) + 0.005 * np.random.default_rng(0).standard_normal(len(t))


def rows(head, *columns, keep=slice(None)):
    lines = [",".join(cells) for cells in np.stack(columns, 1)[keep].tolist()]
    return "\n".join([head, *lines, ""])


def make(folder):
    x = beats()
    t, mv, uv = (np.char.mod("%.4f", values) for values in (np.arange(len(x)) / RATE, x, 1000 * x))
    counts = np.round(400 * x).astype("<i2")
    adc = counts.astype(str)
    moments = np.datetime_as_string(np.datetime64("2024-03-01T22:00:00", "ms") + 4 * np.arange(len(x)))
    jumps = np.char.mod("%.4f", np.cumsum(np.random.default_rng(0).exponential(1 / RATE, len(x))))
    text = {
        "channels.csv": rows("time (s),a,b", t, mv, uv),
        "resp.csv": rows("time (s),resp (mV),ppg", t, mv, uv),
        "two.csv": rows("ch1 (mV),ch1 (mV)", mv, mv),
        "bare.txt": rows(mv[0], mv),
        "adc.csv": rows("time (s),ecg", t, adc),
        "watch.csv": rows("time,ecg_uV", moments, uv),
        "gap.csv": rows("time,ecg_uV", moments, uv, keep=np.r_[0:5000, 5500 : len(x)]),
        "disagree.csv": rows("# fs = 500 Hz\ntime (s),ecg (mV)", t, mv),
        "irregular.csv": rows("time (s),ecg (mV)", jumps, mv),
        "ecg.csv": rows("time (s),ecg (furlong)", t, mv),
        "head.csv": rows("Name: Jane Doe\nDate of birth: 1950-01-01\nSampling rate: 250 Hz\necg (mV)", mv),
        "short.hea": "short 1 250 15000\nshort.dat 16 400/mV 16 0 0 0 0 II\n",
        "100.hea": f"100 2 250 {len(x)} 10:00:00 01/02/2024\n"
        + "".join(f"100.dat 16 400/mV 16 0 0 0 0 {name}\n" for name in ("MLII", "V5")),
    }
    for name, content in text.items():
        (folder / name).write_text(content)
    (folder / "100.dat").write_bytes(np.stack([counts, counts], 1).tobytes())
    (folder / "short.dat").write_bytes(bytes(2000))
    (folder / "report.pdf").write_bytes(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n" + bytes(range(256)) * 9)
    (folder / "r.dcm").write_bytes(bytes(128) + b"DICM" + bytes(500))
    (folder / "bomb.csv.gz").write_bytes(gzip.compress(b"0\n" * (60 << 20)))
    (folder / "records").mkdir()
    for name in range(100, 105):
        (folder / f"records/{name}.hea").write_text(text["100.hea"])
    signals = [("ECG", "mV", -5, 5, -2048, 2047, RATE), ("Resp", "", -1, 1, -2048, 2047, 10)]
    seconds = counts[: 20 * RATE].reshape(20, RATE).tolist()
    whole = edf(signals, [second + [0] * 10 for second in seconds])
    (folder / "night.edf").write_bytes(whole)
    (folder / "cut.edf").write_bytes(whole[: -5 * 2 * (RATE + 10)])
    return x, counts


def told(action):
    """What an action says: its warnings, its result's one line, or its error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            end = repr(action())
        except edgeecg.EdgeECGError as error:
            end = str(error)
    return [end, *(f"{kind.__name__}: {text}" for kind, text in ((w.category, w.message) for w in caught))]


@pytest.fixture
def said(tmp_path, monkeypatch, capsys):
    """Everything that the recordings of the page make edgeecg say."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    x, counts = make(tmp_path)
    lead = io.read("100.hea", lead="V5")
    actions = [
        *(
            lambda name=name: edgeecg.embed(name)
            for name in "channels.csv resp.csv bare.txt adc.csv disagree.csv".split()
        ),
        *(lambda name=name: edgeecg.embed(name) for name in "irregular.csv ecg.csv short.hea records r.dcm".split()),
        *(lambda name=name: io.read(name) for name in "report.pdf bomb.csv.gz cut.edf".split()),
        lambda: io.read("100.hea", lead="V5"),
        lambda: io.read("100.hea", lead="V6"),
        lambda: io.read("two.csv", lead="ch1"),
        lambda: io.read("night.edf", lead="Resp"),
        lambda: io.read("watch.csv", gain=400),
        lambda: edgeecg.embed(counts, fs=RATE),
        lambda: edgeecg.embed(x),
        lambda: edgeecg.embed(np.stack([x, x])),
        lambda: edgeecg.embed(b""),
        lambda: edgeecg.embed({}),
        lambda: edgeecg.embed(lead, lead="MLII"),
        lambda: edgeecg.embed(x.astype(complex)),
        lambda: edgeecg.load().analyze("watch.csv"),
        lambda: edgeecg.load().analyze(x, fs=RATE).time,
    ]
    found = [text for action in actions for text in told(action)]
    assert cli.main(["embed", "-q", "gap.csv", "-o", "gap.npz"]) == 2
    return {
        *found,
        *(text.removeprefix("RecordingWarning: ") for text in found),
        *(line.removeprefix("edgeecg: ") for line in capsys.readouterr().err.splitlines()),
    }


def without_packed_size(text):
    """A message without what depends on how well a library packs."""
    return re.sub(r"\d+ bytes of the file", "bytes of the file", text)


def test_messages_are_those_that_are_printed(said):
    assert len(MESSAGES) > 20
    known = set(map(without_packed_size, said))
    assert [message for message in MESSAGES if without_packed_size(message) not in known] == []
    flat = " ".join(PAGE.split())
    for begin in ("<edgeecg.Analysis: ", "the recording does not tell when it began"):
        assert any(text.startswith(begin) and text in flat for text in known), begin


def test_the_python_blocks_run(tmp_path, monkeypatch):
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    make(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) >= 2
    exec(compile("\n".join(blocks), "docs/recordings.md", "exec"), {})


def test_the_command_lines_are_understood():
    lines = re.findall(r"^    edgeecg (.*?)(?:\s+#.*)?$", PAGE, re.MULTILINE)
    assert len(lines) >= 2
    for line in lines:
        cli.build_parser().parse_args(line.split())
