"""ISHNE, AliveCor, SCP-ECG, HL7 aECG, GE MUSE, Philips and DICOM: values, rates, scales, starts, persons and faults."""

import base64
import struct
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edgeecg
from edgeecg import io
from tests.files import refused_or_read
from tests.io import writers
from tests.io.tables import refused

VALUES = writers.VALUES
CLASSES = {
    "ishne": (writers.ishne, "r.ecg", 200, ("II", "V1"), (400, 200)),
    "atc": (writers.atc, "r.atc", 300, ("I", "II"), (2000, 2000)),
    "aecg": (lambda: writers.aecg().encode(), "r.xml", 500, ("I", "aVR"), (400, 400)),
    "muse": (lambda: writers.muse().encode(), "r.xml", 500, ("I", "II"), (1000 / 4.88, 1000 / 4.88)),
    "philips": (
        lambda: writers.philips(writers.words(VALUES.ravel()), 'compression="Uncompressed" leadlabels="I II"').encode(),
        "r.xml",
        500,
        ("I", "II"),
        (200, 200),
    ),
    "scp": (
        lambda: writers.scp(
            {3: writers.scp_leads(5), 6: writers.scp_block([lead.astype("<i2").tobytes() for lead in VALUES])}
        ),
        "r.scp",
        500,
        ("I", "II"),
        (200, 200),
    ),
}


@pytest.mark.parametrize("kind", CLASSES)
def test_values_scale_and_rate_of_each_lead_by_content_alone(tmp_path, kind):
    make, name, fs, leads, gains = CLASSES[kind]
    if name.endswith(".xml"):
        pytest.importorskip("defusedxml")
    for path in (tmp_path / name, tmp_path / "no suffix"):
        path.write_bytes(make())
        source = io.open_source(path)
        assert [lead.name for lead in source.leads] == list(leads) and source.length == 5
        for i, (values, gain) in enumerate(zip(VALUES, gains, strict=True)):
            recording = source.recording(i)
            np.testing.assert_array_equal(recording.samples, values)
            assert (recording.fs, recording.gain) == (fs, pytest.approx(gain)) and recording.samples.dtype == np.int32
    assert io.read(tmp_path / name).lead == leads[0]
    assert io.read(make()).lead == leads[0]


@pytest.mark.parametrize("kind", ["ishne", "atc", "aecg", "muse", "philips"])
def test_when_it_began(tmp_path, kind):
    make, name, *_ = CLASSES[kind]
    if name.endswith(".xml"):
        pytest.importorskip("defusedxml")
    (tmp_path / name).write_bytes(make())
    start = io.open_source(tmp_path / name).start
    expected = "2024-02-01T10:11:12" if kind == "ishne" else "2024-01-02T10:11:12"
    assert start.replace(tzinfo=None, microsecond=0).isoformat() == expected
    assert (start.utcoffset() is not None) == (kind in ("atc", "aecg"))


@pytest.mark.parametrize("kind", ["ishne", "aecg", "muse", "philips"])
def test_a_person_is_kept_only_where_it_is_asked_for(tmp_path, kind):
    make, name, *_ = CLASSES[kind]
    if name.endswith(".xml"):
        pytest.importorskip("defusedxml")
    (tmp_path / name).write_bytes(make())
    shown = io.open_source(tmp_path / name)
    assert shown.identity == {} and "Doe" not in repr(shown.recording())
    kept = io.open_source(tmp_path / name, keep_identity=True).identity
    assert kept["id"] == "4711" and "Doe" in " ".join(kept.values())


@pytest.mark.parametrize("kind", CLASSES)
@given(data=st.data())
def test_damaged_files_end_in_a_recording_or_a_sentence(tmp_path_factory, kind, data):
    make, name, *_ = CLASSES[kind]
    content = bytearray(make())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / name
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    refused_or_read(path)


class TestIshne:
    def test_leads_of_other_kinds_and_lengths(self, tmp_path):
        path = tmp_path / "r.ecg"
        path.write_bytes(writers.ishne(leads=(0, 99), nanovolts=(2500, 0), stated=-1))
        source = io.open_source(path)
        assert [lead.name for lead in source.leads] == ["unknown", "1"] and source.length == 5
        assert source.leads[1].gain is None
        path.write_bytes(writers.ishne(stated=10))
        assert io.open_source(path).length == 5, "the samples of all leads, as some recorders count"

    def test_faults(self, tmp_path):
        path = tmp_path / "r.ecg"
        for content, sentence in (
            (writers.ishne()[:300], "the header ends too early"),
            (writers.ishne()[:522], "it holds no samples"),
            (writers.ishne()[:156] + struct.pack("<h", 99) + writers.ishne()[158:], "it tells of 99 leads"),
        ):
            path.write_bytes(content)
            refused(lambda: io.read(path), "r.ecg", sentence)


class TestAliveCor:
    def test_faults(self, tmp_path):
        path, good = tmp_path / "r.atc", writers.atc()
        for content, sentence in (
            (good[:40] + b"x" + good[41:], "a block is damaged"),
            (good[:-8], "a block is longer than the file"),
            (good[:12], "it holds no ECG"),
        ):
            path.write_bytes(content)
            refused(lambda: io.read(path), "r.atc", sentence)


class TestScp:
    @given(
        st.lists(st.integers(-300, 300), min_size=1, max_size=60),
        st.sampled_from([0, 1, 2]),
    )
    def test_differences_in_huffman_codes(self, values, differences):
        x = np.array(values)
        stored = [x, np.diff(x, prepend=0), np.r_[x[:2], x[2:] - 2 * x[1:-1] + x[:-2]]][differences]
        sections = {
            2: struct.pack("<H", 19999),
            3: writers.scp_leads(len(x), codes=(2,)),
            6: writers.scp_block([writers.huffman(stored)], differences=differences),
        }
        np.testing.assert_array_equal(io.read(writers.scp(sections)).samples, x)

    def test_a_table_of_the_file(self):
        # 0 is 10, 1 is 11, and 0 before eight bits of a value; the first bit is the lowest
        codes = [(2, 2, 1, 0, 0b01), (2, 2, 1, 1, 0b11), (1, 9, 1, 0, 0b0)]
        table = struct.pack("<HH", 1, len(codes)) + b"".join(struct.pack("<BBBhI", *code) for code in codes)
        bits = "10" + "11" + "0" + f"{-7 & 255:08b}" + "11"
        packed = int(bits.ljust(16, "1"), 2).to_bytes(2, "big")
        content = writers.scp({2: table, 3: writers.scp_leads(4, codes=(1,)), 6: writers.scp_block([packed])})
        np.testing.assert_array_equal(io.read(content).samples, [0, 1, -7, 1])

    def test_beats_that_were_taken_out_are_put_back(self):
        rhythm, beat = np.arange(20), np.array([10, 50, 10])
        qrs = struct.pack("<HHH", 6, 2, 2) + struct.pack("<HIII", 0, 4, 5, 6) + struct.pack("<HIII", 0, 14, 15, 16)
        sections = {
            3: writers.scp_leads(20, codes=(1,), flags=1),
            4: qrs,
            5: writers.scp_block([beat.astype("<i2").tobytes()], nanovolts=2500),
            6: writers.scp_block([rhythm.astype("<i2").tobytes()], nanovolts=5000),
        }
        recording = io.read(writers.scp(sections))
        expected = 2.0 * rhythm
        for place in (5, 15):
            expected[place - 2 : place + 1] += beat
        np.testing.assert_array_equal(recording.samples, expected)
        assert recording.gain == 400
        del sections[5]
        refused(lambda: io.read(writers.scp(sections)), "its beats are taken out, and not stored")

    def test_faults(self):
        leads, rhythm = writers.scp_leads(5), writers.scp_block([bytes(10)] * 2)
        for sections, sentence in (
            ({3: leads}, "section 6 is missing"),
            ({3: leads, 6: rhythm[:4]}, "section 6 is cut off"),
            ({3: leads, 6: rhythm[:-3]}, "lead II is cut off"),
            ({3: b"\xff\0", 6: rhythm}, "it does not say what its leads are"),
            ({3: leads, 6: writers.scp_block([bytes(10)] * 2, nanovolts=0)}, "section 6 has no scale"),
            ({3: leads, 6: writers.scp_block([bytes(10)] * 2, bimodal=1)}, "is packed bimodally"),
            ({2: struct.pack("<H", 19999), 3: leads, 6: writers.scp_block([b"\0", b"\0"])}, None),
            ({2: struct.pack("<H", 19999), 3: leads, 6: writers.scp_block([b"", b""])}, "it holds 0 of 5 samples"),
            ({2: struct.pack("<HH", 1, 9), 3: leads, 6: rhythm}, "section 2 is cut off"),
        ):
            if sentence is None:
                assert not io.read(writers.scp(sections)).samples.any()
            else:
                refused(lambda s=sections: io.read(writers.scp(s)), sentence)
        refused(lambda: io.read(writers.scp({3: leads, 6: rhythm})[:-3]), "section 6 is cut off")


class TestAecg:
    def test_scales_origins_rates_and_numbers(self):
        pytest.importorskip("defusedxml")
        cases = [
            ({"scale": "2.5", "of": "uV"}, 1e-3 * 2.5 * VALUES[0]),
            ({"scale": "0.005", "of": "mV"}, 0.005 * VALUES[0]),
            ({"scale": "-2.5", "of": "uV", "origin": "5"}, 1e-3 * (5 - 2.5 * VALUES[0])),
            ({"scale": "2", "of": "uV", "origin": "10"}, 1e-3 * (2 * VALUES[0] + 10)),
            ({"scale": "1e3", "of": "nV"}, 1e-3 * VALUES[0]),
            ({"leads": (("I", [0.5, 1.25]),), "scale": "1", "of": "mV"}, [0.5, 1.25]),
        ]
        for given_, expected in cases:
            np.testing.assert_allclose(io.read(writers.aecg(**given_).encode()).millivolts(), expected, atol=1e-12)
        for increment, unit, rate in (
            ("2", "ms", 500),
            ("0.004", "s", 250),
            ("3.90625", "ms", 256),
            ("7.8", "ms", 1000 / 7.8),
        ):
            assert io.read(writers.aecg(increment=increment, unit=unit).encode()).fs == pytest.approx(rate)

    def test_utf16(self, tmp_path):
        pytest.importorskip("defusedxml")
        (tmp_path / "r.xml").write_bytes(
            writers.aecg().replace('version="1.0"', 'version="1.0" encoding="utf-16"').encode("utf-16")
        )
        np.testing.assert_array_equal(io.read(tmp_path / "r.xml").samples, VALUES[0])

    def test_faults_and_entities(self):
        pytest.importorskip("defusedxml")
        bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">]>'
        for content, sentence in (
            (writers.aecg(extra=bomb), "not a readable XML file"),
            (writers.aecg()[:-20], "not a readable XML file"),
            (writers.aecg(leads=(("I", ["x"]),)), "a sample is no number"),
            (writers.aecg(leads=(("I", []),)), "has no samples"),
            (writers.aecg(scale="x"), "no readable scale"),
            ("<AnnotatedECG/>", "it holds no rhythm"),
        ):
            refused(lambda c=content: io.read(c.encode()), sentence)
        assert io.read(writers.aecg(increment="x").encode()).fs is None


class TestMuse:
    def test_exponents_and_faults(self):
        pytest.importorskip("defusedxml")
        assert io.read(writers.muse(rate=5, exponent=2).encode()).fs == 500
        for content, sentence in (
            (writers.muse(data="!!!!"), "its samples are no Base64"),
            (writers.muse(data="AAAA"), "its samples are cut off"),
            (writers.muse().replace("Rhythm", "Other"), "it holds no rhythm"),
        ):
            refused(lambda c=content: io.read(c.encode()), sentence)
        refused(lambda: io.read(writers.muse(step="x").encode()).millivolts(), "gain=")


class TestPhilips:
    def test_packed_leads(self):
        pytest.importorskip("defusedxml")
        rng = np.random.default_rng(0)
        i, ii, v = (np.cumsum(rng.integers(-20, 20, 400)) for _ in range(3))
        third = ii - i
        augmented = [-((i + ii) // 2), (i - third) // 2, (ii + third) // 2]
        stored = [i, ii, np.zeros_like(i), *[np.zeros_like(i)] * 3, v]
        data = base64.b64encode(b"".join(map(writers.xli, stored))).decode()
        names = 'compression="XLI" leadlabels="I II III aVR aVL aVF V1"'
        source = io.open_source(writers.philips(data, names, n=400).encode())
        for index, expected in enumerate([i, ii, third, *augmented, v]):
            np.testing.assert_array_equal(source.load(index), expected)

    def test_faults(self):
        pytest.importorskip("defusedxml")
        data = base64.b64encode(writers.xli(np.arange(9))).decode()
        for content, sentence in (
            (writers.philips(data, 'compression="ZIP"'), "it is packed by 'zip', not XLI"),
            (writers.philips("AAAA", 'compression="none" leadlabels="I"'), "cut off"),
            (writers.philips(base64.b64encode(b"\xff" * 40).decode(), 'compression="XLI"'), "longer than its samples"),
            (writers.philips(data, 'compression="XLI"', n=0), "it does not say how long"),
            (writers.philips(data, 'compression="XLI"', n=4 * 10**7), "would take"),
            (writers.philips(data, 'compression="XLI"').replace("parsedwaveforms", "x"), "it holds no waveforms"),
        ):
            refused(lambda c=content: io.read(c.encode()), sentence)

    def test_as_sierraecg_reads_it(self, tmp_path):
        sierraecg = pytest.importorskip("sierraecg")
        stored = [np.arange(60) * k % 23 for k in range(1, 13)]
        data = base64.b64encode(b"".join(map(writers.xli, stored))).decode()
        names = 'compression="XLI" numberofleads="12" leadlabels="I II III aVR aVL aVF V1 V2 V3 V4 V5 V6"'
        text = writers.philips(data, names, n=60).replace(
            "<dataacquisition",
            "<documentinfo><documenttype>PhilipsECG</documenttype><documentversion>1.04</documentversion>"
            "</documentinfo><dataacquisition",
            1,
        )
        (tmp_path / "r.xml").write_text(text)
        theirs = sierraecg.read_file(str(tmp_path / "r.xml"))
        ours = io.open_source(tmp_path / "r.xml")
        for i, lead in enumerate(theirs.leads):
            np.testing.assert_array_equal(ours.load(i), lead.samples)


class TestDicom:
    def test_the_rhythm_with_sensitivity_baseline_and_padding(self, tmp_path):
        pydicom = pytest.importorskip("pydicom")
        writers.dicom(tmp_path / "r.dcm", padding=-32768)
        source = io.open_source(tmp_path / "r.dcm")
        first, second = source.recording(), source.recording("II")
        np.testing.assert_array_equal(first.samples, VALUES[0])
        assert (first.fs, first.gain, first.lead, source.start.isoformat()) == (
            500,
            400,
            "Lead I",
            "2024-01-02T10:11:12",
        )
        theirs = pydicom.dcmread(tmp_path / "r.dcm").waveform_array(1)[:, 1] / 1000
        theirs[VALUES[1] == -32768] = np.nan
        np.testing.assert_allclose(second.millivolts(), theirs, rtol=1e-12)
        assert source.identity == {}
        assert io.open_source(tmp_path / "r.dcm", keep_identity=True).identity["name"] == "Doe^Jane"

    def test_a_rate_that_is_no_number(self, tmp_path):
        pytest.importorskip("pydicom")
        writers.dicom(tmp_path / "r.dcm", rate="500.25")
        damaged = (tmp_path / "r.dcm").read_bytes().replace(b"500.25", b"500\r25")
        refused(lambda: io.read(damaged), "its SamplingFrequency is '500\\r25'")

    def test_the_recording_that_pydicom_ships(self):
        pydicom = pytest.importorskip("pydicom")
        from pydicom.data import get_testdata_file

        path = get_testdata_file("waveform_ecg.dcm", download=False)
        if path is None:
            pytest.skip("this pydicom ships no ECG")
        source, theirs = io.open_source(path), pydicom.dcmread(path).waveform_array(0)
        for i in range(12):
            np.testing.assert_allclose(source.recording(i).millivolts(), theirs[:, i] / 1000, rtol=1e-12, atol=1e-12)

    def test_faults(self, tmp_path, monkeypatch):
        pytest.importorskip("pydicom")
        path = tmp_path / "r.dcm"
        writers.dicom(path, bits="MB")
        refused(lambda: io.read(path), "companded")
        writers.dicom(path, groups=lambda group: [])
        refused(lambda: io.read(path), "holds no waveform")
        writers.dicom(path)
        content = path.read_bytes()
        path.write_bytes(content.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99", 1))
        path.write_bytes(content.replace(b"UI\x14\x001.2.840.10008.1.2.1\0", b"UI\x16\x001.2.840.10008.1.2.1.99", 1))
        refused(lambda: io.read(path), "is a deflated DICOM file")
        monkeypatch.setitem(sys.modules, "pydicom", None)
        with pytest.raises(
            edgeecg.MissingDependencyError, match=r'need the package pydicom: pip install "edgeecg\[dicom\]"'
        ):
            io.read(path)

    @given(data=st.data())
    def test_damaged_files(self, tmp_path_factory, data):
        pytest.importorskip("pydicom")
        path = tmp_path_factory.mktemp("damaged") / "r.dcm"
        writers.dicom(path)
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 5))):
            content[data.draw(st.integers(132, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
        refused_or_read(path)
