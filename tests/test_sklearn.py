"""The transformer of scikit-learn: its own checks, and signals of every form."""

import numpy as np
import pytest

import edgeecg
from edgeecg import heads, io
from tests.models import ecg

pytest.importorskip("sklearn")
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from edgeecg.sklearn import ECGEncoder

SIGNALS = np.stack([ecg(20, 128, seed) for seed in range(6)])


@pytest.mark.filterwarnings("ignore")  # the checks feed numbers that are no ECG
@parametrize_with_checks([ECGEncoder(short="repeat")])
def test_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_arrays_lists_recordings_paths_and_frames(tmp_path):
    expected = np.stack([edgeecg.embed(x, fs=128).mean(axis=0) for x in SIGNALS])
    found = ECGEncoder(only_good=False).fit_transform(SIGNALS)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.float32
    unequal = [ecg(12 + seed, 250, seed) for seed in range(3)]
    rows = ECGEncoder(fs=250, only_good=False).fit_transform(unequal)
    np.testing.assert_array_equal(rows, [edgeecg.embed(x, fs=250).mean(axis=0) for x in unequal])
    recordings = [io.Recording(x, 250.0, "mV", None, "II", "r") for x in unequal]
    np.testing.assert_array_equal(ECGEncoder(only_good=False).fit_transform(recordings), rows)
    for i, x in enumerate(unequal):
        np.savez(tmp_path / f"{i}.npz", signal=x, fs=250, unit="mV")
    paths = [str(tmp_path / f"{i}.npz") for i in range(3)]
    np.testing.assert_array_equal(ECGEncoder(only_good=False).fit_transform(paths), rows)
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(SIGNALS, index=list("abcdef"))
    frame.columns = [f"s{i}" for i in range(SIGNALS.shape[1])]
    out = ECGEncoder(only_good=False).set_output(transform="pandas").fit_transform(frame)
    assert list(out.index) == list("abcdef") and list(out.columns[:2]) == ["e0", "e1"]
    np.testing.assert_array_equal(out.to_numpy(), expected)


def test_flagged_windows_are_left_out():
    signal = np.concatenate([ecg(10, 128, 1), np.zeros(1280)])
    analysis = edgeecg.load().analyze(signal, fs=128)
    assert analysis.good.tolist() == [True, False]
    np.testing.assert_array_equal(ECGEncoder().fit_transform([signal])[0], analysis.embedding[0])


def test_from_a_pipeline_to_a_head():
    y = np.array(["slow", "fast"] * 3)
    x = np.stack([ecg(20, 128, seed, bpm=50 if label == "slow" else 130) for seed, label in enumerate(y)])
    pipeline = make_pipeline(ECGEncoder(), StandardScaler(), LogisticRegression(C=0.01)).fit(x, y)
    assert (pipeline.predict(x) == y).all()
    head = heads.from_sklearn(pipeline[1:], edgeecg.load(), name="pace")
    result = edgeecg.load().analyze(x[0], fs=128, heads=[head])
    assert set(head.names(result.heads["pace"].verdict)) == {"slow"}


def test_bad_input_is_one_sentence():
    for estimator, x, said in (
        (ECGEncoder(), [SIGNALS[0], SIGNALS[1][:100]], "signal 1: .*a window needs 10 s"),
        (ECGEncoder(short="cut"), SIGNALS, "short is"),
        (ECGEncoder(unit="kV"), SIGNALS, "signal 0: .*unit"),
        (ECGEncoder(), ["nothere.hea"], "signal 0: nothere.hea"),
    ):
        with pytest.raises(edgeecg.InputError, match=said):
            estimator.fit_transform(x)
