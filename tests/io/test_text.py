"""Text tables: delimiters, decimal marks, absent cells, headings, units, columns that are no leads, encodings."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

import edgeecg
from edgeecg import io
from tests.io.tables import RATE, check, iso, read_text, refused, spikes, table


def plain(_i, a, v):
    return f"{a:.3f},{v:.4f}\n"


def value(_i, _a, v):
    return f"{v:.4f}\n"


def microvolts(_i, _a, v):
    return f"{1000 * v:.2f}\n"


@pytest.mark.parametrize(
    ("text", "fs", "unit", "leads", "values"),
    [
        ("0.5\n-0.25\n", None, None, ["0"], [0.5, -0.25]),
        ("# fs: 250\n# unit: uV\n# lead: II\n5\n-6\n", 250, "uV", ["II"], [5, -6]),
        ("time,II\n0,0.5\n0.004,0.25\n0.008,1\n", 250, None, ["II"], [0.5, 0.25, 1]),
        ("time (ms),II [mV]\n0,0.5\n4,0.25\n8,1\n", 250, "mV", ["II"], [0.5, 0.25, 1]),
        ("t_ms;I (µV)\n0;0,5\n4;0,25\n8;1,0\n", 250, "uV", ["I"], [0.5, 0.25, 1]),
        ("'sample #','MLII','V5'\n'','mV','mV'\n0,0.5,1\n1,0.25,2\n", None, "mV", ["MLII", "V5"], [0.5, 0.25]),
        ("I II\n1 4\n2 5\n", None, None, ["I", "II"], [1, 2]),
        ("0.5\n# a remark\n-0.25\n", None, None, ["0"], [0.5, -0.25]),
        ("ecg\n0.5\n\n1.5\n", None, None, ["ecg"], [0.5, 1.5]),
        ("ecg,ppg\n0.5,1\n,2\nNaN,3\n", None, None, ["ecg", "ppg"], [0.5, np.nan, np.nan]),
        ("\ufeffecg\r\n0.5\r\n1.5\r\n", None, None, ["ecg"], [0.5, 1.5]),
        (",ecg\n" + "".join(f"{i},{i * i}\n" for i in range(20)), None, None, ["ecg"], [i * i for i in range(20)]),
        ("I,II\n" + "".join(f"{i % 9},{i}\n" for i in range(20)), None, None, ["I", "II"], [i % 9 for i in range(20)]),
        (
            "off,II\n" + "".join(f"{i > 9:d},{i % 7}\n" for i in range(40)),
            None,
            None,
            ["off", "II"],
            [i % 7 for i in range(40)],
        ),
    ],
)
def test_small_tables(tmp_path, text, fs, unit, leads, values):
    path = tmp_path / "r.csv"
    path.write_text(text, "utf-8", newline="")
    source = io.open_source(path)
    recording = source.recording()
    assert [lead.name for lead in source.leads] == leads
    assert (recording.fs, recording.unit) == (fs, unit)
    np.testing.assert_array_equal(recording.samples, values)
    assert source.length == len(values)


ABSENT = ["", "NaN", "nan", "NA", "N/A", "null", "None", "-", "#N/A", "?", "1.#QNAN", "inf", "  ", '"NaN"', '""']


@pytest.mark.parametrize("token", ABSENT)
@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_absent_values_are_missing_samples_where_they_stand(tmp_path, token, mark):
    first = read_text(
        tmp_path, table(f"time{mark}ECG\n", lambda i, a, v: f"{a:.3f}{mark}{token if i < 5 else f'{v:.4f}'}\n")
    )
    check(first, missing=5)
    assert np.isnan(first.millivolts()[:5]).all()
    inside = table("", lambda i, a, v: f"{a:.3f}{mark}{token if 900 <= i < 1000 else f'{v:.4f}'}\n")
    check(read_text(tmp_path, inside), missing=100)


def test_absent_values_of_a_single_column(tmp_path):
    for token in ("NaN", '""'):
        text = table("ECG\n", lambda i, a, v, token=token: f"{token if i < 5 else f'{v:.4f}'}\n")
        check(read_text(tmp_path, text, fs=RATE), missing=5)


def test_a_lead_that_is_missing_almost_always_and_one_that_never_was(tmp_path):
    mostly = table("time,ECG,resp\n", lambda i, a, v: f"{a:.3f},{'' if 300 <= i < 2900 else f'{v:.4f}'},{i % 7}.5\n")
    check(read_text(tmp_path, mostly), missing=2600, lead="ECG")
    check(read_text(tmp_path, table("time,ECG,II\n", lambda i, a, v: f"{a:.3f},,{v:.4f}\n")), lead="II")


TAILS = [",\n" * 40, "\n" * 5, '"",""\n' * 3, "NaN,NaN\n" * 4, "  \n\n", "\x1a", "\n\n# end of file\n", "\0\0\0\0"]


@pytest.mark.parametrize("tail", TAILS)
def test_rows_without_anything_at_the_end_are_no_samples(tmp_path, tail):
    check(read_text(tmp_path, table("time,ECG\n", plain) + tail))


ENDS = [("time,ECG,\n", ","), ("time,ECG\n", ","), ("time,ECG,,,\n", ",,,"), ("", ",")]


@pytest.mark.parametrize(("head", "end"), ENDS)
def test_rows_that_end_in_delimiters(tmp_path, head, end):
    check(read_text(tmp_path, table(head, lambda i, a, v: f"{a:.3f},{v:.4f}{end}\n")))


def test_the_last_line_may_be_cut_off_and_no_other(tmp_path):
    text = table("time,ECG\n", plain)
    check(read_text(tmp_path, text.rstrip("\n")))
    check(read_text(tmp_path, text[: text.rfind(",")]), n=SAMPLES - 1)
    refused(lambda: read_text(tmp_path, text + "12.004\n"), "a.csv", f"line {SAMPLES + 2} has 1 columns, not 2")


SAMPLES = len(spikes()[0])
PANDAS = [
    (",0\n", lambda i, a, v: f"{a:.3f},{v:.4f}\n", {}),
    (",0\n", lambda i, a, v: f"{i},{v:.4f}\n", {"fs": RATE}),
    (";0\n", lambda i, a, v: f"{a:.3f};{v:.4f}\n", {}),
    (",0,1\n", lambda i, a, v: f"{i},{a:.3f},{v:.4f}\n", {}),
    ("0\n", value, {"fs": RATE}),
    ("0,1\n", plain, {}),
    ("Unnamed: 0,ecg\n", lambda i, a, v: f"{i},{v:.4f}\n", {"fs": RATE}),
    (",ECG\n", lambda i, a, v: f"{iso(a)},{v:.4f}\n", {}),
    (",ECG\n", lambda i, a, v: f"0 days 00:00:{a:09.6f},{v:.4f}\n", {}),
]
OTHERS = [
    ('"time" "ecg"\n', lambda i, a, v: f'"{i + 1}" {a:.3f} {v:.4f}\n', {}),  # R, write.table
    ('"","time","ecg"\n', lambda i, a, v: f'"{i + 1}",{a:.3f},{v:.4f}\n', {}),  # R, write.csv
    ("# time,ecg\n", lambda i, a, v: f"{a:.18e},{v:.18e}\n", {}),  # numpy.savetxt
    ("", lambda i, a, v: f"{a:.18e} {v:.18e}\n", {}),
    ("", lambda i, a, v: f"{v:.18e}\n", {"fs": RATE}),
]


@pytest.mark.parametrize(("head", "row", "given"), PANDAS + OTHERS)
def test_what_pandas_r_and_numpy_write(tmp_path, head, row, given):
    check(read_text(tmp_path, table(head, row), **given))


COUNTERS = [
    ("Sample Index", 256),
    ("counter", 100),
    ("Packet", 16),
    ("idx", 200),
    ("", 256),
    ("n", 10**9),
    ("seq", 65536),
]


@pytest.mark.parametrize(("name", "wrap"), COUNTERS)
def test_a_counter_is_no_lead(tmp_path, name, wrap):
    text = table(f"{name},value\n", lambda i, a, v: f"{i % wrap},{1000 * v:.2f}\n")
    check(read_text(tmp_path, text, fs=RATE, unit="uV"), lead="value")
    text = table(f"value,{name}\n", lambda i, a, v: f"{1000 * v:.2f},{i % wrap}\n")
    check(read_text(tmp_path, text, fs=RATE, unit="uV"), lead="value")


NO_LEADS = {
    "packet": lambda i: (i // 73) % 10,
    "label": lambda i: int(2000 < i < 2500),
    "flag": lambda i: i % 2,
    "Signal Quality": lambda i: 50 + i % 3,
    "battery": lambda i: 97,
    "Marker": lambda i: math.sin(i),
    "hr": lambda i: 72 + i // 1000,
    "AccX": lambda i: math.sin(i),
    "resp": lambda i: math.sin(i / 90),
    "leadoff": lambda i: i % 2 == 0,
    "rhythm": lambda i: "SR",
    "note": lambda i: "PVC" if i == 2500 else "1" if i == 200 else "",
    "remark": lambda i: '"a, b"' if i == 200 else "",
}


@pytest.mark.parametrize("name", NO_LEADS)
@pytest.mark.parametrize("place", ["before", "behind"])
def test_what_a_column_is_gets_decided_from_its_values_too(tmp_path, name, place):
    other = NO_LEADS[name]
    if place == "before":
        text = table(f"time,{name},value\n", lambda i, a, v: f"{a:.3f},{other(i)},{v:.4f}\n")
    else:
        text = table(f"time,value,{name}\n", lambda i, a, v: f"{a:.3f},{v:.4f},{other(i)}\n")
    check(read_text(tmp_path, text), lead="value")


def test_two_signals_that_nothing_tells_apart_are_asked_for_and_the_answer_works(tmp_path):
    text = table("time,a,b\n", lambda i, a, v: f"{a:.3f},{math.sin(a):.4f},{v:.4f}\n")
    refused(lambda: read_text(tmp_path, text), "a.csv", "'a', 'b'", "lead=", "--lead")
    for lead in ("b", 1, "1", "B"):
        check(read_text(tmp_path, text, lead=lead), lead="b")


def test_an_index_counts_the_signals(tmp_path):
    text = table("", lambda i, a, v: f"{a:.3f}\t1.0\t{v:.4f}\n")
    for lead in (None, 1, "1"):
        check(read_text(tmp_path, text, lead=lead), lead="1")


COMMAS = [
    ("Zeit;EKG\n", lambda i, a, v: f"{a:.3f};{v:.4f}\n"),
    ("time\tECG\n", lambda i, a, v: f"{a:.3f}\t{v:.4f}\n"),
    ("time ECG\n", lambda i, a, v: f"{a:.3f} {v:.4f}\n"),
    ("Zeit;EKG\n", lambda i, a, v: f"10:00:{a:06.3f};{v:.4f}\n"),
]


@pytest.mark.parametrize(("head", "row"), COMMAS)
def test_decimal_commas(tmp_path, head, row):
    check(read_text(tmp_path, table(head, lambda *r: row(*r).replace(".", ","))))


def test_decimal_commas_of_some_columns_and_of_cells_in_quotes(tmp_path):
    def comma(x):
        return x.replace(".", ",")

    dated = table("Zeit;EKG\n", lambda i, a, v: f"05.01.2024 10:00:{a:06.3f};{comma(f'{v:.4f}')}\n")
    check(read_text(tmp_path, dated))
    quoted = table("time,ECG\n", lambda i, a, v: f'"{comma(f"{a:.3f}")}","{comma(f"{v:.4f}")}"\n')
    check(read_text(tmp_path, quoted))
    paired = table("time,ECG\n", lambda i, a, v: f"{comma(f'{a:.3f}')},{comma(f'{v:.4f}')}\n")
    check(read_text(tmp_path, paired))
    grouped = table(
        "Zeit;EKG [nV]\n",
        lambda i, a, v: comma(f"{a:.3f}") + ";" + f"{1e6 * v:_.1f}".replace(".", ",").replace("_", ".") + "\n",
    )
    check(read_text(tmp_path, grouped))


@pytest.mark.parametrize("head", ["ECG (mV)\n", "", "# unit: mV\n"])
@pytest.mark.parametrize("shift", [0, 0.5])
def test_decimal_commas_of_a_single_column_are_read_or_refused(tmp_path, head, shift):
    text = table(head, lambda i, a, v: f"{v - shift:.3f}\n".replace(".", ","))
    try:
        recording = read_text(tmp_path, text, fs=RATE)
    except edgeecg.InputError:
        assert not head
    else:
        np.testing.assert_allclose(recording.millivolts(), spikes()[1] - shift, atol=2e-3)


UNITS = [
    *[(head, 1e3) for head in ("ecg_uV", "ECG (uV)", "ECG [µV]", "ECG/uV", "ECG uV", "ecg.uv", "uV", "ECG_microvolts")],
    *[
        (head, 1e3)
        for head in ("ECG {uV}", "ecgUV", "ECG (μV)", "ECG (micro V)", '"ECG, uV"', "ECG [ÂµV]", "Microvolts")
    ],
    *[(head, 1) for head in ("ECG-mV", "ECG in mV", "Voltage (mV)", "ECGmV", "ECG (millivolts)", "mV")],
    *[(head, 1e-3) for head in ("ECG [V]", "ECG (Volts)")],
    ("ECG(nV)", 1e6),
]


@pytest.mark.parametrize(("heading", "per_mv"), UNITS)
def test_units_of_headings(tmp_path, heading, per_mv):
    check(read_text(tmp_path, table(f"time,{heading}\n", lambda i, a, v: f"{a:.3f},{per_mv * v:.7g}\n")))


@pytest.mark.parametrize(
    "head",
    ["time,ecg\ns,uV\n", "time,ecg\n(s),(uV)\n", '"time","ecg"\n"s","uV"\n', "s,uV\n", "# fs: 250\ntime,ecg\ns,uV\n"],
)
def test_rows_of_units(tmp_path, head):
    check(read_text(tmp_path, table(head, lambda i, a, v: f"{a:.3f},{1000 * v:.2f}\n")))


@pytest.mark.parametrize("row", ["s,V", "sec,V", "[s],[V]", "(s),(v)", "S,Volts"])
def test_volts_in_a_row_of_units(tmp_path, row):
    check(read_text(tmp_path, table(f"Time,ECG\n{row}\n", lambda i, a, v: f"{a:.3f},{v / 1000:.9f}\n")))


def test_a_lone_row_of_names_may_hold_the_lead_v(tmp_path):
    recording = read_text(tmp_path, table("s,V\n", lambda i, a, v: f"{a:.3f},{v:.6f}\n"))
    assert (recording.lead, recording.unit) == ("V", None)


def test_a_unit_that_nobody_knows_is_asked_for_and_the_answer_works(tmp_path):
    text = table("time;ecg [?V]\n", lambda i, a, v: f"{a:.3f};{1000 * v:.2f}\n")
    refused(lambda: read_text(tmp_path, text), "a.csv", "'ecg'", "'?V'", "unit=", "--unit")
    check(read_text(tmp_path, text, unit="uV"))


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252", "utf-32"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings(tmp_path, encoding):
    text = table("time [s];ecg [µV]\n", lambda i, a, v: f"{a:.3f};{1000 * v:.1f}\n")
    check(read_text(tmp_path, text, encoding=encoding))


LINES = {
    "CRLF": lambda i, a, v: f"{a:.3f},{v:.4f}\r\n",
    "CR": lambda i, a, v: f"{a:.3f},{v:.4f}\r",
    "blank lines": lambda i, a, v: f"{a:.3f},{v:.4f}\n\n",
    "remarks": lambda i, a, v: ("# event\n" if i in (1000, 2000) else "") + f"{a:.3f},{v:.4f}\n",
    "headings again": lambda i, a, v: ("time,ECG\n" if i in (1000, 2000) else "") + f"{a:.3f},{v:.4f}\n",
    "blanks": lambda i, a, v: f" {a:.3f} , {v:.4f} \n",
    "plus": lambda i, a, v: f"+{a:.3f},+{v:.4f}\n",
    "exponents": lambda i, a, v: f"{a:.6E},{v:.4E}\n",
    "another minus": lambda i, a, v: f"{a:.3f},{v:.4f}\n".replace("-", "\u2212"),
    "no-break blanks": lambda i, a, v: f"{a:.3f},\u00a0{v:.4f}\n",
}


@pytest.mark.parametrize("kind", LINES)
def test_ways_to_write_lines(tmp_path, kind):
    head = "time,ECG\n" if kind not in ("CR",) else "time,ECG\r"
    check(read_text(tmp_path, table(head, LINES[kind])))


WIDE = [
    *[(mark.join, "") for mark in (",", ";", "\t", " ", ", ", "; ")],
    (",".join, "ECG,"),
    (",".join, "# fs: 250\n"),
    (",".join, "["),
]


@pytest.mark.parametrize(("join", "before"), WIDE)
def test_a_recording_in_one_row(tmp_path, join, before):
    after = "]\n" if before == "[" else "\n"
    text = before + join([f"{v:.4f}" for v in spikes()[1]]) + after
    check(read_text(tmp_path, text, fs=RATE))


def test_rows_of_times_and_of_leads(tmp_path):
    t, v = spikes()
    rows = [
        ["time", *(f"{a:.3f}" for a in t)],
        ["resp", *(f"{a % 3:.2f}" for a in t)],
        ["ECG", *(f"{x:.4f}" for x in v)],
    ]
    check(read_text(tmp_path, "\n".join(map(",".join, rows)) + "\n"), lead="ECG")
    check(read_text(tmp_path, ";".join(f"{x:.4f}".replace(".", ",") for x in v), fs=RATE))
    check(read_text(tmp_path, ",".join("" if i < 5 else f"{x:.4f}" for i, x in enumerate(v)), fs=RATE), missing=5)
    refused(lambda: read_text(tmp_path, "\n".join([",".join(["1"] * 200), ",".join(["2"] * 199)])), "different lengths")


def test_a_gain_makes_integers(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("# gain: 400\n# fs: 128\necg,x\n12,1\nnan,2\n-7,3\n")
    recording = io.read(path)
    assert (recording.gain, recording.samples.dtype) == (400.0, np.int32)
    np.testing.assert_array_equal(recording.samples, [12, io.MISSING, -7])
    path.write_text("12\n0.5\n")
    refused(lambda: io.read(path, gain=400), "a gain needs samples that are whole numbers")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,b\n", "no row of numbers"),
        ("", "is empty"),
        (
            "ecg\n1\n2\n3\n4\n5\n6\n7\n8\n9\n1\n2\n3\ntwo\n4\n5\n6\n7\n",
            "about line 14, column 'ecg': a cell is no number",
        ),
        ("I,II\n1,2\n3\n4,5\n", "line 3 has 1 columns, not 2"),
        ("# fs: fast\n1\n2\n", "'fs' must be a number"),
        ("1\0002\n", "this is not text"),
        ("time,ecg\n" + "0.1,1_0\n" * 30, "no signal is an ECG"),
        ("ecg\n" + "0.5\n0.25\n" * 9 + "9" * 200_000 + "\n1.5\n", "a cell is no number"),
    ],
)
def test_faults_are_named(tmp_path, text, sentence):
    path = tmp_path / "r.csv"
    path.write_text(text)
    error = refused(lambda: io.read(path), sentence)
    assert str(path) in str(error)


@given(arrays_of.arrays(np.float64, st.integers(3, 50), elements=st.floats(-1e6, 1e6)), st.sampled_from(",;\t "))
def test_what_was_written_is_read(tmp_path_factory, values, delimiter):
    path = tmp_path_factory.mktemp("text") / "r.txt"
    rows = (f"{value!r}{delimiter}{-value!r}\n" for value in values.tolist())
    path.write_text(f"I{delimiter}II\n" + "".join(rows))
    np.testing.assert_array_equal(io.read(path, "I").samples, values)
    np.testing.assert_array_equal(io.read(path, "II").samples, -values)
