"""The corpora as PhysioNet publishes them: names, layouts and tables of the real sets, in folders of the tests."""

import numpy as np
import pytest

from edgeecg.errors import InputError
from edgeecg.io import MISSING
from tests.train.published import DX, MORE_OF_PTBXL, PTBXL, QUALITY, RHYTHMS, counts, write_dat, write_mat
from train.data import open_cache
from train.data.corpora import CORPORA, DS1, DS2, LARGER, PRETRAINING, Recording, corpus, find_folder, present_corpora
from train.data.front_end import default_front_end
from train.data.marks import annotations_of, notes_of
from train.data.noise import noise_leads, noise_millivolts
from train.data.tables import listed
from train.data.twelve_lead import read_twelve_lead

ALL = tuple(name for name in CORPORA if name != "toy")


@pytest.fixture
def data(published):
    return published


def records(data, name):
    return {record.name: record for record in corpus(name).records(find_folder(data, name))}


def test_every_corpus_is_found_whatever_fetched_it(data):
    assert not list(data.rglob("RECORDS")), "wfdb.dl_database, wget and zips leave folders without it too"
    assert present_corpora(data, ALL) == list(ALL)
    assert present_corpora(data, ("larger",)) == list(LARGER)
    assert find_folder(data / "mitdb", "mitdb") == data / "mitdb", "the folder itself"
    inside = data / "physionet.org/files/ptb-xl"
    assert find_folder(inside / "1.0.3", "ptbxl") == inside / "1.0.3"
    assert find_folder(data / "mitdb", "svdb") is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ptbxl", {"34": "13619", "43": "11315"} | {number: p.removesuffix(".0") for number, p, _, _ in MORE_OF_PTBXL}),
        ("ptbxl_100hz", {"1": "15709", "9": "15709"}),
        ("challenge2011", dict.fromkeys(QUALITY)),
        ("cinc2015", dict.fromkeys(("a103l", "t693l"))),
        ("cinc2017", dict.fromkeys(RHYTHMS)),
        ("cinc2017_more", dict.fromkeys(("A00004",))),
        ("cinc2018", {f"{night}-{i}": night for night in ("tr03-0005", "tr03-0029") for i in range(5)}),
        ("qtdb", dict.fromkeys(("sel30",))),
        ("afpdb", {"n01": "n01", "n02": "n01", "p01": "p01", "p02": "p01"}),
        ("aftdb", {"n01": "n01", "s01": "st01", "t01": "st01", "a01": "a01"}),
        ("vfdb", dict.fromkeys(("418", "419"))),
        ("apnea-ecg", dict.fromkeys(("a01", "b01", "c01", "x01"))),
        ("shareedb", dict.fromkeys(("02010",))),
        ("challenge2021", dict.fromkeys(("A0001", "E00001"))),
        ("mitdb", dict.fromkeys(record for record in DS1 if record != "201")),
        ("svdb", dict.fromkeys(("800", "801", "802", "803"))),
    ],
)
def test_records_and_patients_are_those_that_may_be_read(data, name, expected):
    found = {record: one.patient for record, one in records(data, name).items()}
    assert found == {record: patient or record for record, patient in expected.items()}


@pytest.mark.parametrize(
    ("name", "record", "fs", "leads", "seed", "shape"),
    [
        ("ptbxl", "34", 500, (0, 1, 6, 7, 8, 9, 10, 11), 34, (10, 12)),
        ("ptbxl_100hz", "1", 100, (0, 1), 1, (10, 12)),
        ("cinc2017", "A00005", 300, (0,), 2, (30, 1)),
        ("afpdb", "p01", 128, (0,), 2, (60, 2)),
        ("vfdb", "419", 250, (0,), 1, (60, 2)),
        ("mitdb", "106", 360, (0, 1), 1, (45, 2)),
        ("challenge2021", "E00001", 500, (0, 1, 6, 7, 8, 9, 10, 11), 6, (10, 12)),
    ],
)
def test_samples_are_the_files_own(data, name, record, fs, leads, seed, shape):
    """Formats 16, 212 and .mat: integers, rates and gains of the files, the leads that a corpus is read for."""
    found = records(data, name)[record]
    assert [lead.fs for lead in found.leads] == [fs] * len(leads)
    expected = counts(fs, shape[0], shape[1], seed)
    for place, lead in enumerate(leads):
        one = found.recording(place)
        np.testing.assert_array_equal(one.signal, expected[:, lead])
        np.testing.assert_allclose(one.millivolts(), expected[:, lead] / 1000, atol=1e-12)


def test_the_ecg_of_an_alarm_is_what_lies_before_it(data):
    alarms = records(data, "cinc2015")
    assert alarms["a103l"].leads[0].name == "II" and alarms["t693l"].leads[0].name == "V"
    expected = counts(250, 330, 3, 5)
    np.testing.assert_array_equal(alarms["a103l"].recording(0).signal, expected[180 * 250 : 300 * 250, 0])
    assert [alarms[name].facts["true_alarm"] for name in ("a103l", "t693l")] == ["0", "1"]
    assert alarms["t693l"].label == "Tachycardia"


def test_minutes_of_a_night_are_spread_evenly_and_have_their_stage(data):
    night = records(data, "cinc2018")
    ecg = counts(200, 600, 13, 0)[:, 12]
    for number in range(5):
        start = round((600 - 60) * 200 * (number + 0.5) / 5)
        np.testing.assert_array_equal(night[f"tr03-0005-{number}"].recording(0).signal, ecg[start : start + 12000])
    assert [night[f"tr03-0005-{number}"].label for number in range(5)] == ["0", "0", "2", "2", "4"], "W, N2, R"


def said(data, name, fact=None):
    """Record -> its label, or one of its facts."""
    return {record: one.facts[fact] if fact else one.label for record, one in records(data, name).items()}


def test_what_the_published_tables_say(data):
    assert [said(data, "ptbxl", "superclass")[number] for number in ("34", "43")] == ["", "NORM"]
    assert said(data, "ptbxl_100hz", "superclass") == {"1": "CD;MI", "9": "HYP"}
    assert [said(data, "ptbxl", "official_split")[number] for number in ("34", "43")] == ["val", "train"]
    assert list(said(data, "challenge2011", "acceptable").values()) == [str(int(i % 3 > 0)) for i in range(10)]
    assert said(data, "cinc2017", "rhythm") == RHYTHMS, "of REFERENCE-v3.csv"
    assert list(said(data, "afpdb").values()) == ["no_af", "no_af", "paf_next", "paf_far"]
    assert said(data, "aftdb") == {"a01": "N", "n01": "N", "s01": "S", "t01": "T"}
    assert said(data, "challenge2021", "dx") == dict.fromkeys(("A0001", "E00001"), DX.replace(",", ";"))
    assert said(data, "shareedb") == {"02010": "none"}


def test_a_record_of_two_segments_is_one(data):
    expected = np.concatenate([counts(128, 30, 3, number)[:, 2] for number in (1, 2)])
    np.testing.assert_array_equal(records(data, "shareedb")["02010"].recording(2).signal, expected)


def test_samples_that_were_not_measured_are_zero():
    signal = np.array([1000, MISSING, -500], np.int32)
    assert Recording("r", "r", "I", 128.0, signal, 1000.0).millivolts().tolist() == [1.0, 0.0, -0.5]
    assert Recording("r", "r", "I", 128.0, np.array([1.0, np.nan])).millivolts().tolist() == [1.0, 0.0]


def test_annotations_of_files_and_of_tables(data, tmp_path):
    waves = notes_of(data, "qtdb", "sel30", "q1c")
    assert waves[1].tolist() == ["(", "p", ")"] and waves[0].tolist() == [0.32, 0.36, 0.4]
    assert annotations_of(data, "vfdb", "418", "atr").code.tolist() == ["N", "VFL", "NOISE"]
    assert annotations_of(data, "apnea-ecg", "a01", "apn").code.tolist() == ["N", "A", "N"]
    assert annotations_of(data, "svdb", "800", "atr").code.tolist().count("S") > 0
    assert annotations_of(data, "svdb", "800", "qrs") is None and annotations_of(None, "svdb", "800", "atr") is None
    (tmp_path / "qtdb").mkdir()
    (tmp_path / "qtdb_labels").mkdir()
    (tmp_path / "qtdb_labels/waves.csv").write_text("record,sample_128hz,symbol,num\nsel30,64,(,0\nsel30,128,p,0\n")
    second, symbol, _ = notes_of(tmp_path, "qtdb", "sel30", "q1c")
    assert second.tolist() == [0.5, 1.0] and symbol.tolist() == ["(", "p"]


def test_recorded_noise(data):
    lead, gain, rate = next(noise_leads(find_folder(data, "nstdb"), "em"))
    assert (gain, rate) == (200.0, 360.0) and len(lead) == 360 * 120
    assert noise_millivolts(data, "ma").shape == (2, 128 * 120)
    with pytest.raises(InputError, match="no noise ma"):
        noise_millivolts(data / "mitdb", "ma")


def test_eight_leads_of_ptbxl_and_of_the_challenges_can_be_turned(data):
    cache = read_twelve_lead(data, ("ptbxl", "ptbxl_100hz", "challenge2021", "mitdb"))
    assert sorted(set(cache.index["set"].tolist())) == ["challenge2021", "ptbxl"]
    turned = 2 + len(MORE_OF_PTBXL) + 2  # of ptbxl's list; and the two of the Challenges that have twelve leads
    assert cache.samples.shape == (turned, 8, 1280)


def test_a_cache_of_all_corpora_holds_nobody_of_the_tests(data, tmp_path):
    index = open_cache(data, LARGER, default_front_end(), tmp_path, quiet=True).index
    met = {name: set(index["record"][index["set"] == name].tolist()) for name in LARGER}
    assert set(index["set"].tolist()) == set(LARGER)
    assert not met["mitdb"] & {*DS2, "201", "102"} and not met["ptbxl_100hz"] & {"38", "34", "43"}
    assert "sel803" not in met["qtdb"] and not any("te03" in record for record in met["cinc2018"])
    assert not met["cinc2017"] & met["cinc2017_more"]


def test_what_is_missing_is_named(tmp_path):
    write_dat(tmp_path / "ptb-xl/records500/00000", "00034_hr", 500, counts(500, 10, 12, 0), tuple("abcdefghijkl"))
    with pytest.raises(InputError, match=r"ptb-xl has no ptbxl_database\.csv"):
        next(corpus("ptbxl").records(tmp_path / "ptb-xl"))
    with pytest.raises(InputError, match="no line #Dx"):
        next(corpus("challenge2021").records(tmp_path / "ptb-xl"))
    write_mat(tmp_path / "c", "tr01", 200, counts(200, 70, 1, 0), ("EEG",))
    with pytest.raises(InputError, match="no lead ECG"):
        next(corpus("cinc2018").records(tmp_path / "c"))


def test_lists_of_the_bundled_models_records():
    sizes = {"ptbxl": 2277, "challenge2011": 998, "qtdb": 77, "cinc2017": 200}
    assert {name: len(listed(name)) for name in sizes} == sizes
    assert set(PRETRAINING) - set(sizes) == {"mitdb", "cinc2018"}, "DS1 by name; minutes of nights that nobody names"
    assert not {number for number, _, _, fold in PTBXL if fold == 10} & listed("ptbxl")


@pytest.mark.data
def test_the_arrays_hold_the_listed_records(data_dir):
    for name in ("ptbxl", "challenge2011", "qtdb", "cinc2017"):
        assert {record.name for record in corpus(name).records(data_dir / name)} == listed(name)
    more = {record.name: record for record in corpus("cinc2017_more").records(data_dir / "cinc2017_more")}
    assert len(more) == 6827 and not listed("cinc2017") & more.keys()
    assert {len(one.leads) for one in more.values()} == {1} and {len(one.load(0)) for one in more.values()} > {3840}
    assert not {r.name for r in corpus("ptbxl_100hz").records(data_dir / "ptbxl_100hz")} & listed("ptbxl")


def test_arrays_stay_an_input_of_the_same_readers(tmp_path):
    folder = tmp_path / "afpdb"
    folder.mkdir()
    signal = np.arange(2 * 1300, dtype=np.int16).reshape(2, 1300)
    np.save(folder / "ecg_128hz_uV_int16.npy", signal)
    (folder / "labels.csv").write_text("record,person_by_pair,label\nn01,n01,no_af\np03,p02,paf_next\n")
    found = records(tmp_path, "afpdb")
    assert found["p03"].patient == "p02" and found["p03"].label == "paf_next"
    np.testing.assert_array_equal(found["p03"].recording(0).signal, signal[1])
    np.testing.assert_allclose(found["n01"].recording(0).millivolts(), signal[0] / 1000)
