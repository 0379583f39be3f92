"""WFDB records against bytes written by hand, and against the package wfdb."""

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edgeecg
from edgeecg import io
from tests.files import int16, refused_or_read, write_record
from tests.io.tables import refused


def test_integers_come_with_gain_and_without_baseline(tmp_path):
    write_record(
        tmp_path,
        "r 2 250 3\nr.dat 16 200(10)/mV 16 0 0 0 0 I\nr.dat 16 0.5(-4)/uV 12 0 0 0 0 II\n",
        r_dat=int16(110, 1, -32768, 2, 10, -32768),
    )
    first, second = io.read(tmp_path / "r.hea"), io.read(tmp_path / "r.dat", lead="ii")
    assert (first.fs, first.gain, first.lead, first.unit) == (250.0, 200.0, "I", "mV")
    assert first.samples.dtype == np.int32
    np.testing.assert_array_equal(first.samples, [100, io.MISSING, 0])
    np.testing.assert_array_equal(second.samples, [5, 6, io.MISSING])
    assert second.gain == 500.0
    np.testing.assert_allclose(second.millivolts(), [0.010, 0.012, np.nan])


def test_a_record_is_found_by_header_signal_file_or_name(tmp_path):
    write_record(tmp_path, "r 1 128 2\nr.dat 16 1000/mV 16 0 0 0 0 ECG\n", r_dat=int16(7, 8))
    read = [io.read(tmp_path / name).samples.tolist() for name in ("r.hea", "r.dat", "r")]
    assert read == [[7, 8]] * 3


def test_a_lead_with_several_samples_a_frame_keeps_its_own_rate(tmp_path):
    write_record(
        tmp_path,
        "r 2 100 2\nr.dat 16x3 200/mV 16 0 0 0 0 ECG\nr.dat 16 1/mmHg 16 0 0 0 0 ABP\n",
        r_dat=int16(1, 2, 3, 90, 4, 5, 6, 91),
    )
    recording = io.read(tmp_path / "r.hea")
    assert recording.fs == 300.0
    np.testing.assert_array_equal(recording.samples, [1, 2, 3, 4, 5, 6])


def test_segments_are_joined_and_gaps_are_missing(tmp_path):
    write_record(tmp_path, "a 1 128 2\na.dat 16 200/mV 16 0 0 0 0 ECG\n", a_dat=int16(1, 2))
    write_record(tmp_path, "b 1 128 3\nb.dat 16 200/mV 16 0 0 0 0 ECG\n", b_dat=int16(3, 4, 5))
    write_record(tmp_path, "layout 1 128 0\n~ 16 200/mV 16 0 0 0 0 ECG\n")
    write_record(tmp_path, "m/4 1 128 7\nlayout 0\na 2\n~ 2\nb 3\n")
    recording = io.read(tmp_path / "m.hea")
    np.testing.assert_array_equal(recording.samples, [1, 2, io.MISSING, io.MISSING, 3, 4, 5])
    assert (recording.fs, recording.gain, recording.lead) == (128.0, 200.0, "ECG")


def test_a_pressure_is_refused_and_a_voltage_is_preferred(tmp_path):
    write_record(
        tmp_path,
        "r 2 100 2\nr.dat 16 1/mmHg 16 0 0 0 0 ABP\nr.dat 16 200/mV 16 0 0 0 0 V5\n",
        r_dat=int16(90, 1, 91, 2),
    )
    assert io.read(tmp_path / "r.hea").lead == "V5"
    with pytest.raises(edgeecg.InputError, match="'ABP' is in 'mmHg', which is no voltage"):
        io.read(tmp_path / "r.hea", lead="ABP")


def test_a_header_with_a_date_of_another_form_is_read(tmp_path):
    write_record(
        tmp_path, "r 1 300 2 2014-05-08 05:05:15 \nr.mat 16+24 1000/mV 16 0 0 0 0 ECG\n", r_mat=bytes(24) + int16(5, -6)
    )
    np.testing.assert_array_equal(io.read(tmp_path / "r.mat").samples, [5, -6])


@pytest.mark.parametrize(
    ("header", "content", "sentence"),
    [
        ("r 1 100 2\nother.dat 16 200/mV 16 0 0 0 0 I\n", int16(1, 2), "there is no other.dat beside it"),
        ("r 1 100 9000\nr.dat 16 200/mV 16 0 0 0 0 I\n", int16(1, 2), "not a readable WFDB record"),
        ("r one two\n", int16(1, 2), "not a readable WFDB record"),
        ("", int16(1, 2), "is empty"),
        ("# nothing\n", int16(1, 2), "the header is empty"),
        ("r 3 100 2\nr.dat 16 200\n", int16(1, 2), "tells of 3 signals and has 1 lines for them"),
        ("r/2 1 100 4\nr 2\n", int16(1, 2), "tells of 2 segments and has 1 lines for them"),
        ("r/2 1 100 4\nr 2\nr 2\n", int16(1, 2), "its segment r has segments"),
        ("r 1 100 2\nr.dat 99 200\n", int16(1, 2), "signal 0 has no format that is known"),
        ("r 1 100 2\nr.dat 16 200(1e23)\n", int16(1, 2), "no readable gain"),
        ("r 1 100 2\nr.dat 16 200(99999999999)\n", int16(1, 2), "no readable gain or baseline"),
        ("r 1 100 2\n/dev/zero 16 200\n", int16(1, 2), "names a file outside its folder"),
        ("r 1 100 2\n../r.dat 16 200\n", int16(1, 2), "names a file outside its folder"),
        ("r 2 100 1\nr.dat 16 200\nr.dat 212 200\n", int16(1, 2), "signals of one file have different formats"),
        ("r 0 100 2\n", int16(1, 2), "no signal"),
    ],
)
def test_a_damaged_record_ends_in_one_sentence(tmp_path, header, content, sentence):
    (tmp_path / "r.hea").write_text(header)
    (tmp_path / "r.dat").write_bytes(content)
    with pytest.raises(edgeecg.InputError, match=sentence) as caught:
        io.read(tmp_path / "r.hea")
    assert str(tmp_path / "r.hea") in str(caught.value) and "\n" not in str(caught.value)


def test_a_signal_file_without_its_header(tmp_path):
    (tmp_path / "r.dat").write_bytes(int16(1, 2))
    with pytest.raises(edgeecg.InputError, match=r"is not a recording|needs its header, and there is no .*r\.hea"):
        io.read(tmp_path / "r.dat")


@pytest.mark.data
def test_mitdb_100(data_dir):
    recording = io.read(data_dir / "mitdb/100.hea", lead="V5")
    assert (recording.fs, recording.gain, recording.lead, len(recording.samples)) == (360.0, 200.0, "V5", 650_000)
    # The header's own check: first value 1011 and the 16-bit sum of all samples 20052, with a baseline of 1024.
    assert recording.samples[0] == 1011 - 1024
    assert (int(recording.samples.sum()) + 1024 * 650_000 - 20052) % 2**16 == 0


@pytest.mark.data
def test_mitdb_all_samples(data_dir):
    wfdb = pytest.importorskip("wfdb")
    theirs = wfdb.rdrecord(str(data_dir / "mitdb/100"), physical=True).p_signal
    ours = io.open_source(data_dir / "mitdb/100.hea")
    for i in range(2):
        np.testing.assert_array_equal(ours.recording(i).millivolts(), theirs[:, i])


def digits(gain, n=400):
    """A triangle of 1 mV, whole numbers at 50 and 100 ADC units."""
    return np.round(gain * np.abs(np.arange(n) % 40 - 20) / 20).astype(int)


def segments(folder, *parts, head=None):
    """Segments (name, dtype, format, gain and unit, digits) and a record of them."""
    for name, dtype, form, gain, values in parts:
        np.asarray(values).astype(dtype).tofile(folder / f"{name}.dat")
        (folder / f"{name}.hea").write_text(f"{name} 1 250 {len(values)}\n{name}.dat {form} {gain} 16 0 0 0 0 II\n")
    total = sum(len(part[4]) for part in parts)
    lines = "".join(f"{part[0]} {len(part[4])}\n" for part in parts)
    (folder / "m.hea").write_text(head or f"m/{len(parts)} 1 250 {total}\n{lines}")
    return io.read(folder / "m.hea")


TRIANGLE = digits(1.0 * 20) / 20


@pytest.mark.parametrize(
    "parts",
    [
        (("<i2", 16, "200", 200, 0), ("<i2", 16, "400", 400, 0)),
        (("<i2", 16, "200", 200, 0), ("<i2", 16, "200(1024)/mV", 200, 1024)),
        (("<i2", 16, "200", 200, 0), ("<i2", 16, "-200", -200, 0)),
        (("<i2", 16, "200", 200, 0), (">i2", 61, "2/uV", 2000, 0)),
        (("<i2", 16, "200", 200, 0), ("u1", 80, "100", 100, 128)),
        (("<i2", 16, "200", 200, 0), ("<i2", 16, "300", 300, 0)),
        (("<i2", 16, "200", 200, 0), ("<i2", 16, "333.3", 333.3, 0)),
        (("<i4", 32, "2000000", 2e6, 0), ("<i2", 16, "0.001/uV", 1, 0)),
    ],
)
def test_each_segment_has_its_own_gain_baseline_and_format(tmp_path, parts):
    written = [
        (f"s{i}", dtype, form, gain, digits(scale) + zero) for i, (dtype, form, gain, scale, zero) in enumerate(parts)
    ]
    values = segments(tmp_path, *written).millivolts()
    expected = np.concatenate([digits(scale) / scale for *_, scale, _ in parts])
    np.testing.assert_allclose(values, expected, rtol=1e-12)


def test_each_segment_has_its_own_code_for_what_was_not_measured(tmp_path):
    lost = digits(100)
    lost[100:110] = -128
    values = segments(tmp_path, ("a", "<i2", 16, "200", digits(200)), ("b", "u1", 80, "100", lost + 128)).millivolts()
    assert np.flatnonzero(np.isnan(values)).tolist() == list(range(500, 510))


def test_segments_that_do_not_fit_together(tmp_path):
    write_record(tmp_path, "b 1 500 2\nb.dat 16 200\n", b_dat=int16(1, 2))
    refused(
        lambda: segments(tmp_path, ("a", "<i2", 16, "200", [1, 2]), head="m/2 1 250 4\na 2\nb 2\n"),
        "its segments have different rates",
    )
    write_record(tmp_path, "b 1 250 2\nb.dat 16x2 200\n", b_dat=int16(1, 2, 3, 4))
    refused(
        lambda: segments(tmp_path, ("a", "<i2", 16, "200", [1, 2]), head="m/2 1 250 4\na 2\nb 2\n"),
        "lead 'II' has different rates in its segments",
    )


def test_a_variable_layout_finds_leads_by_their_names(tmp_path):
    write_record(
        tmp_path, "a 2 128 2\na.dat 16 200 16 0 0 0 0 V\na.dat 16 200 16 0 0 0 0 II\n", a_dat=int16(1, 2, 3, 4)
    )
    write_record(tmp_path, "b 1 128 2\nb.dat 16 200 16 0 0 0 0 II\n", b_dat=int16(5, 6))
    layout = "layout 2 128 0\n~ 0 200 16 0 0 0 0 II\n~ 0 200 16 0 0 0 0 V\n"
    write_record(tmp_path, layout)
    write_record(tmp_path, "m/4 2 128 5\nlayout 0\na 2\n~ 1\nb 2\n")
    second, chest = io.read(tmp_path / "m.hea", "II"), io.read(tmp_path / "m.hea", "V")
    np.testing.assert_array_equal(second.samples, [2, 4, io.MISSING, 5, 6])
    np.testing.assert_array_equal(chest.samples, [1, 3, io.MISSING, io.MISSING, io.MISSING])


LOWEST = {16: ("<i2", -(2**15), 0), 61: (">i2", -(2**15), 0), 32: ("<i4", -(2**31), 0), 80: ("u1", -128, 128)}
LOWEST[160] = ("<u2", -(2**15), 2**15)


@pytest.mark.parametrize("form", LOWEST)
def test_the_lowest_value_of_a_format_is_a_missing_sample(tmp_path, form):
    dtype, lowest, shift = LOWEST[form]
    values = np.array([3, lowest, lowest + 1, 5])
    (values + shift).astype(dtype).tofile(tmp_path / "r.dat")
    (tmp_path / "r.hea").write_text(f"r 1 250 4\nr.dat {form} 200\n")
    measured = io.read(tmp_path / "r.hea").millivolts()
    np.testing.assert_array_equal(measured, [3 / 200, np.nan, (lowest + 1) / 200, 5 / 200])


@pytest.mark.parametrize("form", [8, 16, 24, 32, 61, 80, 160, 212, 310, 311])
@given(data=st.data())
def test_every_format_as_the_package_wfdb_reads_it(tmp_path_factory, form, data):
    wfdb = pytest.importorskip("wfdb")
    folder = tmp_path_factory.mktemp("format")
    signals, frames = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 9))
    raw = data.draw(st.binary(min_size=4 * signals * frames + 8, max_size=4 * signals * frames + 8))
    if form == 311:  # wfdb takes the two bits that belong to no sample for part of one
        raw = bytes(byte & 63 if i % 4 == 3 else byte for i, byte in enumerate(raw))
    (folder / "r.dat").write_bytes(raw)
    lines = "".join(f"r.dat {form} 200(7)/mV 16 0 3 0 0 s{i}\n" for i in range(signals))
    (folder / "r.hea").write_text(f"r {signals} 250 {frames}\n{lines}")
    theirs = wfdb.rdrecord(str(folder / "r"), physical=False, return_res=64)
    source = io.open_source(folder / "r.hea")
    for i in range(signals):
        stored, ours = theirs.d_signal[:, i].astype(np.int64), source.load(i).astype(np.int64)
        bits = {80: 8, 310: 10, 311: 10, 212: 12, 24: 24, 32: 32}.get(form, 16)
        missing = (stored == -(1 << bits - 1)) & (form != 8)
        expected = np.where(missing, io.MISSING, stored - 7)
        if form == 32 and np.any(np.abs(stored[~missing] - 7) >= 2**31):
            continue
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("form", [16, 212])
@pytest.mark.parametrize("extra", [-7, -3, -1, 0, 1, 2, 100])
def test_a_signal_file_of_another_length_is_read_or_refused_as_by_the_package_wfdb(tmp_path, form, extra):
    wfdb = pytest.importorskip("wfdb")
    size = {16: 4 * 50, 212: 3 * 50}[form]
    content = bytes(i * 37 % 251 for i in range(size + 100))[: size + extra]
    lines = "".join(f"r.dat {form} 200/mV 16 0 0 0 0 s{i}\n" for i in range(2))
    write_record(tmp_path, f"r 2 250 50\n{lines}", r_dat=content)
    if extra < 0:
        with pytest.raises(ValueError, match=r"not loaded|reshape|broadcast"):
            wfdb.rdrecord(str(tmp_path / "r"), physical=False)
        refused(
            lambda: io.read(tmp_path / "r.hea"), "the header tells of 50 samples of each signal, and the signal file"
        )
        return
    theirs = wfdb.rdrecord(str(tmp_path / "r"), physical=False).d_signal
    source = io.open_source(tmp_path / "r.hea")
    for i in range(2):
        np.testing.assert_array_equal(source.load(i), theirs[:, i])


def test_skew_offset_and_several_samples_a_frame(tmp_path):
    body = bytes(5) + int16(1, 10, 11, 2, 20, 21, 3, 30, 31)
    (tmp_path / "r.dat").write_bytes(body)
    (tmp_path / "r.hea").write_text("r 2 100 3\nr.dat 16:1+5 200\nr.dat 16x2:1+5 200\n")
    source = io.open_source(tmp_path / "r.hea")
    np.testing.assert_array_equal(source.load(0), [2, 3, io.MISSING])
    np.testing.assert_array_equal(source.load(1), [20, 21, 30, 31, io.MISSING, io.MISSING])
    (tmp_path / "r.hea").write_text("r 1 100 9\nr.dat 16:1000000000+5 200\n")
    assert np.isnan(io.read(tmp_path / "r.hea").millivolts()).all(), "a skew of ten million seconds"


def test_flac_as_it_was_written(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    values = np.random.default_rng(0).integers(-100, 100, (300, 2))
    for form, subtype, shift in ((508, "PCM_S8", 24), (516, "PCM_16", 16), (524, "PCM_24", 8)):
        soundfile.write(tmp_path / "r.dat", (values << shift).astype(np.int32), 250, subtype, format="FLAC")
        (tmp_path / "r.hea").write_text(f"r 2 250 300\nr.dat {form} 200(3)\nr.dat {form} 200(3)\n")
        source = io.open_source(tmp_path / "r.hea")
        for i in range(2):
            np.testing.assert_array_equal(source.load(i), values[:, i] - 3)
    (tmp_path / "r.hea").write_text("r 1 250 300\nr.dat 516 200\n")
    refused(lambda: io.read(tmp_path / "r.hea"), "has 2 channels, and the header tells of 1")


HEADS = ["r 1 250 0", "r 1 250", "r 1", "r 1 250 4 10:00:00", "r 1 250 4 10:00:00 01/02/2024", "r 1 250 4 25:61:00"]
HEADS += ["r 1 250 4 2014-05-08 05:05:15", "r 1 250 4 01/02/2024 10:00:00", "r 1 250 4 10:00 AM", "r 1 250/360(0) 4"]
HEADS += ["  r 1 250 4", "r\t1\t250\t4", "# x\nr 1 250 4", "\n\nr 1 250 4", "r 1 2.5e2 4", "my rec 1 250 4"]


@pytest.mark.parametrize("head", HEADS)
def test_record_lines(tmp_path, head):
    (tmp_path / "r.dat").write_bytes(int16(1, 2, 3, 4))
    (tmp_path / "r.hea").write_text(f"{head}\nr.dat 16 200 16 0 0 0 0 II\n")
    recording = io.read(tmp_path / "r.hea")
    assert (recording.fs, recording.samples.tolist()) == (250, [1, 2, 3, 4])
    if "2024" in head:
        assert recording.start.isoformat() == "2024-02-01T10:00:00"
    if "2014" in head:
        assert recording.start.isoformat() == "2014-05-08T05:05:15"


@pytest.mark.parametrize("rate", ["-360", "nan", "x", "inf", "250Hz"])
def test_a_rate_that_is_none_is_asked_for_and_the_answer_works(tmp_path, rate):
    (tmp_path / "r.dat").write_bytes(int16(1, 2))
    (tmp_path / "r.hea").write_text(f"r 1 {rate} 2\nr.dat 16 200\n")
    refused(lambda: io.read(tmp_path / "r.hea"), "r.hea", repr(rate), "fs=", "--fs")
    assert io.read(tmp_path / "r.hea", fs=250).fs == 250


LINES = ["r.dat 16", "r.dat 16 200", "r.dat 16x1 200/mV", "R.DAT 16 200", "r.dat  16\t200", "r.dat 16 200.0(0)/mV 16 0"]


@pytest.mark.parametrize("line", LINES)
def test_signal_lines(tmp_path, line):
    (tmp_path / "r.dat").write_bytes(int16(100, -200))
    (tmp_path / "r.hea").write_text(f"r 1 250 2\n{line}\n")
    assert io.read(tmp_path / "r.hea").millivolts().tolist() == [0.5, -1.0]


@pytest.mark.parametrize(("unit", "gain"), [("µV", 2.0), ("microV", 2.0), ("V", 2e6), ("mV", 2e3), ("uVolts", 2.0)])
def test_units(tmp_path, unit, gain):
    (tmp_path / "r.dat").write_bytes(int16(2000))
    (tmp_path / "r.hea").write_bytes(f"r 1 250 1\nr.dat 16 {gain:g}/{unit}\n".encode())
    assert io.read(tmp_path / "r.hea").millivolts()[0] == pytest.approx(1)


def test_names_with_blanks_capitals_and_letters_of_all_kinds(tmp_path):
    for name in ("My Rec 1", "ÄÖ", "a.b", "R"):
        (tmp_path / f"{name}.DAT").write_bytes(int16(1, 2))
        (tmp_path / f"{name}.HEA").write_bytes(f"{name} 1 250 2\n{name}.dat 16 200\n".encode())
        for where in (f"{name}.HEA", name, f"{name}.DAT"):
            assert io.read(tmp_path / where).samples.tolist() == [1, 2]


def test_packed_signal_files(tmp_path):
    (tmp_path / "r.dat.gz").write_bytes(gzip.compress(int16(1, 2)))
    (tmp_path / "r.hea").write_text("r 1 250 2\nr.dat 16 200\n")
    assert io.read(tmp_path / "r").samples.tolist() == [1, 2]


def test_remarks_about_a_person_are_kept_where_they_are_asked_for(tmp_path):
    (tmp_path / "r.dat").write_bytes(int16(1, 2))
    (tmp_path / "r.hea").write_text("r 1 250 2\nr.dat 16 200\n# Patient name: Jane Doe\n# age: 30\n")
    assert io.read(tmp_path / "r").identity == {}
    assert io.read(tmp_path / "r", keep_identity=True).identity == {"patient_name": "Jane Doe"}


FIELDS = st.one_of(
    st.integers(-(10**12), 10**12).map(str), st.sampled_from(["nan", "-", "1e400", "x", "", "~", "16x0", "0"])
)


@given(data=st.data())
def test_any_header_ends_in_a_recording_or_a_sentence(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("any")
    lines = [["r", "1", "250", "2"], ["r.dat", "16", "200(0)/mV", "16", "0", "0", "0", "0", "II"]]
    for _ in range(data.draw(st.integers(1, 3))):
        line = data.draw(st.sampled_from(lines))
        line[data.draw(st.integers(0, len(line) - 1))] = data.draw(FIELDS)
    (folder / "r.hea").write_text("\n".join(map(" ".join, lines)))
    (folder / "r.dat").write_bytes(int16(1, 2))
    refused_or_read(folder / "r.hea")


def test_a_day_is_within_the_budget_of_its_signal_file(tmp_path):
    """The header has 60 bytes; what counts is the size of all the record's files."""
    n = 24 * 3600 * 250
    np.resize(np.arange(-100, 100, dtype="<i2"), n).tofile(tmp_path / "day.dat")
    (tmp_path / "day.hea").write_text(f"day 1 250 {n}\nday.dat 16 200 16 0 0 0 0 II\n")
    assert io.read(tmp_path / "day.hea").samples.shape == (n,)
    (tmp_path / "day.hea").write_text(f"day/2 1 250 {n}\n~ {n - 250}\nend 250\n")  # a gap is stored nowhere
    (tmp_path / "end.hea").write_text("end 1 250 250\nend.dat 16 200 16 0 0 0 0 II\n")
    np.zeros(250, "<i2").tofile(tmp_path / "end.dat")
    with pytest.raises(edgeecg.InputError, match=r"MiB of memory, more than 64 times the 5\d\d bytes"):
        io.read(tmp_path / "day.hea")
