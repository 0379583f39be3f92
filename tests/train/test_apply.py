"""A saved encoder on a folder of WFDB records: rates from the headers, labels from the file that was named."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import edgeecg
from edgeecg import io
from edgeecg.errors import InputError
from tests.train.records import GAIN, beats, write_record
from train import apply
from train.apply import Config
from train.autoencode import BEAT
from train.data.annotations import NOTHING, Annotations, label_of, label_windows, read_annotations
from train.inference import store as applied
from train.nets import Encoder, edge
from train.nets.autoencoder import Autoencoder, Shape
from train.runs.checkpoint import save_autoencoder, save_encoder

wfdb = pytest.importorskip("wfdb")

SECONDS = 41.5


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "records"
    path.mkdir()
    write_record(path, "a", 100, codes=lambda at: "V" if 21 < at < 21.8 else "N", leads=("I", "V5"))
    write_record(path, "b", 100, seconds=25.0, codes=lambda at: "A", annotator="apn")
    return path


def lines(path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def embeddings(out) -> np.ndarray:
    return np.loadtxt(out / "encoder.txt", ndmin=2, dtype=np.float32)


def test_lines_are_what_the_library_gives(folder, tmp_path):
    """Byte for byte the embedding of the recording at the rate of its header."""
    out = tmp_path / "out"
    apply.run(Config("default", folder, out, hop=5.0))
    expected = []
    for name in ("a", "b"):
        recording = io.read(folder / f"{name}.hea")
        assert recording.fs == 100
        expected.append(edgeecg.load().embed(recording.samples, fs=100, hop=5.0, gain=GAIN))
    assert np.array_equal(embeddings(out), np.concatenate(expected))
    assert lines(out / "description.txt") == ["N", "N", "N", "V", "V", "N", "N"] + [NOTHING] * 4
    windows = np.load(out / "windows.npy")
    assert windows.shape == (11, 1000) and windows.dtype == np.float32
    np.testing.assert_array_equal(windows[1], (io.read(folder / "a.hea").samples[500:1500] / GAIN).astype(np.float32))
    assert not (out / ".parts").exists()


def test_parquet_holds_the_same_and_more(folder, tmp_path):
    import pyarrow.parquet

    out = tmp_path / "out"
    apply.run(Config("default", folder, out, lead="V5", records=("a",)))
    table = pyarrow.parquet.read_table(out / "windows.parquet")
    columns = table.to_pydict()
    assert columns["record"] == ["a"] * 4 and columns["lead"] == ["V5"] * 4 and columns["fs"] == [100.0] * 4
    assert columns["start"] == [0.0, 10.0, 20.0, 30.0]
    assert columns["label"] == lines(out / "description.txt") == ["N", "N", "V", "N"]
    assert columns["codes"][2] == "N:11 V:1" or columns["codes"][2] == "N:12 V:1"
    parquet = np.array([columns[f"e{i}"] for i in range(128)], np.float32).T
    assert np.array_equal(parquet, embeddings(out))
    assert table.schema.metadata[b"edgeecg.annotator"] == b"atr"


def test_one_window_for_each_annotated_beat(folder, tmp_path):
    out = tmp_path / "out"
    apply.run(Config("default", folder, out, windows="annotated", records=("a",)))
    place = beats(100, SECONDS)[1]
    labels = lines(out / "description.txt")
    assert len(labels) == len(place) and [
        round(at, 1) for at, label in zip(place, labels, strict=True) if label == "V"
    ] == [21.2]
    windows = np.load(out / "windows.npy")
    inside = (place > 5) & (place < SECONDS - 5.1)
    assert inside.sum() > 30 and (windows[inside].reshape(-1, 1000)[:, 490:511].argmax(1) == 10).all(), (
        "the beat is in the middle"
    )
    one = edgeecg.load().embed(windows[20], fs=100)[:1]
    np.testing.assert_allclose(embeddings(out)[20:21], one, atol=0.05)  # mV as floats instead of the file's integers


def test_the_annotator_that_is_named_is_read(folder, tmp_path):
    out = tmp_path / "out"
    apply.run(Config("default", folder, out, annotator="apn", records=("b",)))
    assert lines(out / "description.txt") == ["A", "A"]
    with pytest.raises(InputError, match=r"a.apn: there is no such annotation file; there is: atr"):
        apply.run(Config("default", folder, out, annotator="apn"))


def test_rates_may_differ_and_short_records_are_left_out(folder, tmp_path, capsys):
    write_record(folder, "c", 250, seconds=12.0)
    write_record(folder, "d", 250, seconds=4.0)
    out = tmp_path / "out"
    apply.main(Config("default", folder, out))
    assert {p.name for p in out.glob("*.npy")} == {"windows_100Hz.npy", "windows_250Hz.npy"}
    assert np.load(out / "windows_250Hz.npy").shape == (1, 2500)
    assert len(lines(out / "encoder.txt")) == 4 + 2 + 1
    printed = capsys.readouterr()
    assert "7 windows" in printed.out and "d: 4.0 s" in printed.out + printed.err


def test_a_stopped_call_goes_on(folder, tmp_path, monkeypatch):
    out, done = tmp_path / "out", []
    embed = apply.embed_record

    def stops(config, embedder, record):
        if done:
            raise KeyboardInterrupt
        done.append(record)
        return embed(config, embedder, record)

    monkeypatch.setattr(apply, "embed_record", stops)
    with pytest.raises(KeyboardInterrupt):
        apply.main(Config("default", folder, out))
    assert not (out / "encoder.txt").exists()

    def counts(config, embedder, record):
        done.append(record)
        return embed(config, embedder, record)

    monkeypatch.setattr(apply, "embed_record", counts)
    apply.main(Config("default", folder, out))
    assert done == ["a", "b"], "what was done is not done again"
    apply.run(Config("default", folder, tmp_path / "whole"))
    for name in ("encoder.txt", "description.txt"):
        assert lines(out / name) == lines(tmp_path / "whole" / name)


def test_parts_of_other_options_are_thrown_away(folder, tmp_path):
    collection = applied.Collection(tmp_path, {"hop": "10"})
    collection.add("a", apply.embed_record(Config("default", folder), apply.embedder_by_name("default"), "a"))
    assert applied.Collection(tmp_path, {"hop": "10"}).has("a")
    assert not applied.Collection(tmp_path, {"hop": "5"}).has("a")


def test_checkpoints_of_training_are_encoders_too(folder, tmp_path):
    torch.manual_seed(0)
    encoder = Encoder(edge()).eval()
    save_encoder(tmp_path / "encoder.safetensors", encoder, {})
    out = tmp_path / "out"
    apply.run(Config(str(tmp_path / "encoder.safetensors"), folder, out, records=("a",)))
    recording = io.read(folder / "a.hea")
    y = edgeecg.load().front_end(recording.samples, fs=100, gain=GAIN)[:, 0]
    with torch.no_grad():
        expected = encoder((torch.from_numpy(y[1280:2560]).float()[None] - 128) / 16).numpy()
    np.testing.assert_allclose(embeddings(out)[1:2], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("windows", ["sliding", "annotated"])
def test_a_checkpoint_with_levels_has_those_of_the_exported_model(windows, folder, tmp_path):
    spec = edge()
    encoder = Encoder(replace(spec, head=replace(spec.head, levels=True))).eval()
    save_encoder(tmp_path / "encoder.safetensors", encoder, {})
    embedder = apply.embedder_by_name(str(tmp_path / "encoder.safetensors"))
    recording = io.read(folder / "a.hea")
    exported = apply.embedder_by_name("default")  # its last three numbers are the same arithmetic, in steps of 1/16
    found, expected = (
        e.embed_sliding(recording, 10.0) if windows == "sliding" else e.embed_at(recording, np.array([0.0, 17.3]))
        for e in (embedder, exported)
    )
    assert found.embedding.shape == (len(expected.start), spec.head.dim + 3)
    np.testing.assert_allclose(found.embedding[:, -3:], expected.embedding[:, -3:], atol=1 / 32 + 1e-6)


def test_a_checkpoint_is_known_by_its_bytes(tmp_path):
    names = []
    for seed in range(2):
        torch.manual_seed(seed)
        save_encoder(tmp_path / "encoder.safetensors", Encoder(edge()), {})
        names.append(apply.embedder_by_name(str(tmp_path / "encoder.safetensors")).name)
    assert names[0] != names[1]


def test_an_autoencoder_is_an_encoder_too(folder, tmp_path):
    for shape in (Shape("simple", "dense"), Shape("convolutional", "conv4", dim=16, length=BEAT)):
        save_autoencoder(tmp_path / f"{shape.kind}.safetensors", Autoencoder(shape), {})
    apply.run(Config(str(tmp_path / "simple.safetensors"), folder, tmp_path / "out"))
    assert embeddings(tmp_path / "out").shape == (6, 128)
    with pytest.raises(InputError, match="160 samples"):
        apply.run(Config(str(tmp_path / "convolutional.safetensors"), folder, tmp_path / "out"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"folder": "nowhere"}, "does not exist"),
        ({"hop": 0.0}, "positive"),
        ({"records": ("a", "z")}, "has no record z"),
        ({"windows": "annotated", "records": ("b",)}, "--annotator"),
        ({"lead": "aVR"}, "no lead 'aVR'"),
        ({"encoder": "other"}, "no bundled model"),
    ],
)
def test_what_cannot_be_ends_in_a_sentence(folder, tmp_path, options, said):
    options = {"encoder": "default", "folder": folder, "out": tmp_path / "out"} | options
    if options["folder"] == "nowhere":
        options["folder"] = tmp_path / "nowhere"
    with pytest.raises(edgeecg.EdgeECGError, match=said):
        apply.run(Config(**options))


def test_labels_name_the_unusual():
    assert label_of(["N"] * 10 + ["V"], None) == "V"
    assert label_of(["L"] * 10 + ["V"], "N") == "V"
    assert label_of(["L", "L", "N"], None) == "L"
    assert label_of(["V", "A", "A"], None) == "A"
    assert label_of([], "A") == "A" and label_of([], None) == NOTHING


@given(st.lists(st.floats(0, 50), max_size=30), st.lists(st.floats(0, 40), min_size=1, max_size=5))
def test_every_annotation_is_counted_in_the_windows_that_hold_it(place, starts):
    notes = Annotations(np.sort(np.array(place)), np.array(["V"] * len(place), dtype=str))
    labels, counts = label_windows(notes, np.array(starts), 10.0)
    for start, label, count in zip(starts, labels, counts, strict=True):
        inside = sum(start <= at < start + 10.0 for at in place)
        assert count == (f"V:{inside}" if inside else "")
        assert label == ("V" if inside or any(at < start for at in place) else NOTHING)


def test_rhythms_are_read_where_no_beat_is_annotated(tmp_path):
    write_record(tmp_path, "r", 100)
    wfdb.wrann("r", "atr", np.array([50, 2000]), symbol=["+", "+"], aux_note=["(N", "(AFIB"], write_dir=str(tmp_path))
    notes = read_annotations(tmp_path / "r", "atr", 100)
    assert notes.code.tolist() == ["N", "AFIB"] and notes.second.tolist() == [0.5, 20.0]
    assert label_windows(notes, np.array([0.0, 10.0, 15.0, 30.0]), 10.0)[0] == ["N", "N", "AFIB", "AFIB"]
