"""JSON of watches, of FHIR and of people."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeecg import io
from tests.files import refused_or_read
from tests.io.tables import check, refused, spikes

T, V = spikes()
COUNTS = {scale: np.round(V * scale).astype(int).tolist() for scale in (1000, 2000, 10922)}
KARDIA = {"frequency": 250, "amplitudeResolution": 500, "samples": {"leadI": COUNTS[2000], "leadII": COUNTS[2000]}}
PACKETS = [{"ecg": {"Timestamp": 60 * k, "Samples": COUNTS[1000][15 * k : 15 * k + 15]}} for k in range(len(V) // 15)]
SAMPLED = {"origin": {"value": 0, "unit": "uV"}, "period": 4, "factor": 0.5, "data": " ".join(map(str, COUNTS[2000]))}
DOCUMENTS = {
    "a list": (V.tolist(), {"fs": 250}, "signal"),
    "names": ({"fs": 250, "ecg": V.tolist()}, {}, "ecg"),
    "names in names": ({"meta": {"sampling_rate": 250, "unit": "uV"}, "signal": (1000 * V).tolist()}, {}, "signal"),
    "rows": ([{"time": a, "ecg": b} for a, b in zip(T.tolist(), V.tolist(), strict=True)], {}, "ecg"),
    "leads": ({"fs": 250, "leads": {"I": V.tolist(), "resp": np.sin(T).tolist()}}, {}, "I"),
    "Kardia": ({"recordedAt": "2024-01-01T10:00:00Z", "patientID": "4711", "data": {"raw": KARDIA}}, {}, "I"),
    "Apple Health": (
        {
            "data": {
                "ecg": [
                    {
                        "start": "2024-01-01 10:00:00 +0000",
                        "samplingFrequency": 250,
                        "voltageMeasurements": [{"voltage": 1000 * v, "units": "mcV"} for v in V.tolist()],
                    }
                ]
            }
        },
        {},
        "Lead I",
    ),
    "Fitbit": (
        {
            "ecgReadings": [
                {
                    "startTime": "2024-01-01T10:00:00",
                    "waveformSamples": COUNTS[10922],
                    "samplingFrequencyHz": "250",
                    "scalingFactor": 10922,
                }
            ]
        },
        {},
        "Lead I",
    ),
    "Withings": (
        {"status": 0, "body": {"signal": COUNTS[1000], "sampling_frequency": 250, "wearposition": 0}},
        {},
        "Lead I",
    ),
    "Movesense": ({"data": PACKETS}, {"unit": "uV"}, "ECG"),
    "FHIR": (
        {
            "resourceType": "Observation",
            "component": [{"code": {"coding": [{"display": "MDC_ECG_ELEC_POTL_II"}]}, "valueSampledData": SAMPLED}],
        },
        {},
        "II",
    ),
}


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_documents(tmp_path, kind):
    document, given_, lead = DOCUMENTS[kind]
    (tmp_path / "r").write_text(json.dumps(document))
    recording = io.read(tmp_path / "r", **given_)
    check(recording, lead=lead)
    if kind in ("Kardia", "Apple Health", "Fitbit"):
        assert recording.start.isoformat().startswith("2024-01-01T10:00:00")
    assert "4711" not in repr(recording)


def test_null_is_missing_and_packets_may_be_lost(tmp_path):
    path = tmp_path / "r.json"
    path.write_text(json.dumps({"fs": 250, "ecg": [None] * 5 + V.tolist()[5:]}))
    check(io.read(path), missing=5)
    path.write_text(json.dumps({"data": PACKETS[:100] + PACKETS[104:]}))
    check(io.read(path, unit="uV"), missing=60)
    refused(io.read(path).millivolts, "'ECG'", "gain=")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "not a readable JSON file"),
        ("[" * 100_000, "not a readable JSON file"),
        ("{}", "cannot tell which array is the signal"),
        ('{"ecg": ["a", "b"]}', "cannot tell which array is the signal"),
        ('{"data": {"ecg": []}}', "cannot tell"),
        ('{"data": {"raw": {"samples": {"leadI": ["x"]}}}}', "holds something that is no number"),
        ('{"ecgReadings": [{}, {}]}', "holds 2 ECGs"),
        ('{"resourceType": "Observation"}', "no sampled data"),
        ('{"ecg": [1' + "0" * 400 + ", 2]}", "cannot tell"),
    ],
)
def test_faults(tmp_path, text, sentence):
    (tmp_path / "r.json").write_text(text)
    refused(lambda: io.read(tmp_path / "r.json"), "r.json", sentence)


ANY = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(
            st.sampled_from(["data", "ecg", "raw", "samples", "fs", "time", "Samples", "ecgReadings", "body", "units"]),
            inner,
        ),
    ),
)


@given(ANY)
def test_any_document_ends_in_a_recording_or_a_sentence(tmp_path_factory, document):
    path = tmp_path_factory.mktemp("any") / "r.json"
    path.write_text(json.dumps(document))
    refused_or_read(path)


@given(st.sampled_from(sorted(DOCUMENTS)), st.data())
def test_documents_with_something_else_in_a_place(tmp_path_factory, kind, data):
    text = json.dumps(DOCUMENTS[kind][0])
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, min(len(text), 400) - 1))
        text = (
            text[:place]
            + data.draw(st.sampled_from(["null", "[", "]", '"', "1e999", ",", "{", "-"]))
            + text[place + 1 :]
        )
    path = tmp_path_factory.mktemp("any") / "r.json"
    path.write_text(text)
    refused_or_read(path)


def test_a_document_a_line(tmp_path):
    t, x = spikes()
    lines = [
        json.dumps({"timestamp": 1704103200000 + round(a * 1000), "ecg_uV": 1000 * v})
        for a, v in zip(t, x, strict=True)
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(lines) + "\n")
    check(io.read(path))
    path.write_text("\n".join([*lines[:9], lines[9][:-1], *lines[10:]]))
    refused(lambda: io.read(path), "a.jsonl", "not a readable JSON file")
