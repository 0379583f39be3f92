"""Heads on recordings and streams, from floats and from scikit-learn."""

import numpy as np
import pytest

import edgeecg
from edgeecg import heads
from tests.models import ecg


@pytest.fixture(scope="module")
def encoder():
    return edgeecg.load()


@pytest.fixture(scope="module")
def signal():
    return ecg(90, 250, 3)


def head_of(encoder, name="h", kind="softmax", **more):
    rng = np.random.default_rng(4)
    return heads.quantize(
        rng.normal(0, 0.3, (3, encoder.dim)),
        [0.0, 1.0, -1.0],
        classes=list("NAO"),
        kind=kind,
        encoder=encoder,
        name=name,
        **more,
    )


@pytest.mark.parametrize("backend", ["c", "numba", "numpy"])
def test_every_engine_says_the_same(encoder, signal, backend):
    head = head_of(encoder, smoothing=heads.Smoothing(2, 3, 1))
    expected = encoder.analyze(signal, fs=250, hop=5, heads=[head])
    found = edgeecg.load("default", backend).analyze(signal, fs=250, hop=5, heads=[head])
    assert list(found.heads) == ["h"] and len(found) == 4
    for a, b in zip(found.heads["h"], expected.heads["h"], strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_stream_says_what_the_recording_says(encoder, signal):
    both = [head_of(encoder, "a", smoothing=heads.Smoothing(2, 4, 1)), head_of(encoder, "b", "independent")]
    whole = encoder.analyze(signal, fs=250, hop=2.5, heads=both)
    stream = encoder.stream(fs=250, hop=2.5, heads=both)
    for _ in range(2):  # a reset begins anew
        results = [r for part in np.array_split(signal, 37) for r in stream.push(part)] + stream.flush()
        for name in ("a", "b"):
            for field in ("probability", "verdict"):
                found = np.array([getattr(r.heads[name], field) for r in results])
                np.testing.assert_array_equal(found, getattr(whole.heads[name], field))
        stream.reset()


def test_without_heads_nothing_is_said(encoder, signal):
    assert dict(encoder.analyze(signal, fs=250).heads) == {} == dict(encoder.stream(fs=250).push(signal * 0)[0].heads)


def test_the_integer_head_agrees_with_the_float_one(encoder, signal):
    rng = np.random.default_rng(0)
    z = rng.normal(0, 1, (20_000, encoder.dim)).astype(np.float32)
    z = np.round(z * 2.0 ** encoder.info["exponent"]) * np.float32(2.0 ** -encoder.info["exponent"])
    mean, scale = rng.normal(0, 1, encoder.dim), rng.uniform(0.1, 3, encoder.dim)
    coef, intercept = rng.normal(0, 0.2, (4, encoder.dim)), rng.normal(0, 1, 4)
    head = heads.quantize(
        coef, intercept, mean=mean, scale=scale, classes=list("NAO~"), kind="softmax", encoder=encoder
    )
    exact = ((z - mean) / scale) @ coef.T + intercept
    e16 = (z * 2.0 ** encoder.info["exponent"]).astype(np.int16)
    assert np.mean(head.probabilities(e16).argmax(1) == exact.argmax(1)) >= 0.999
    np.testing.assert_allclose(head.logits(e16) / 2048, np.clip(exact, -512, 512), atol=0.01)


class TestScikitLearn:
    def fitted(self, classes, last=None):
        linear_model = pytest.importorskip("sklearn.linear_model")
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        rng = np.random.default_rng(0)
        x = rng.normal(3, 2, (300, 128)).astype(np.float32)
        y = np.array(classes)[np.argmax(x[:, : len(classes)], axis=1)]
        return make_pipeline(StandardScaler(), last or linear_model.LogisticRegression(C=0.01)).fit(x, y), x

    @pytest.mark.parametrize("classes", [["N", "A"], ["A", "N", "O", "~"]])
    def test_a_pipeline(self, encoder, classes):
        pipeline, x = self.fitted(classes)
        x = np.round(x * 2.0 ** encoder.info["exponent"]) * np.float32(2.0 ** -encoder.info["exponent"])
        head = heads.from_sklearn(pipeline, encoder)
        e16 = np.clip(x * 2.0 ** encoder.info["exponent"], -32767, 32767).astype(np.int16)
        x = e16 * 2.0 ** -encoder.info["exponent"]
        assert head.classes == tuple(map(str, pipeline.classes_))
        np.testing.assert_allclose(head.probabilities(e16) / 2**15, pipeline.predict_proba(x), atol=1e-3)

    def test_what_is_refused(self, encoder):
        from sklearn.decomposition import PCA
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.tree import DecisionTreeClassifier

        for wrong in (
            LogisticRegression(),
            DecisionTreeClassifier(),
            make_pipeline(PCA(), self.fitted(["a", "b"])[0]),
        ):
            with pytest.raises(edgeecg.InputError, match=r"linear|fitted"):
                heads.from_sklearn(wrong, encoder)


def test_the_head_of_another_model_is_refused(encoder, signal, tmp_path):
    nano = edgeecg.load("nano")
    head = heads.quantize([[0.1] * nano.dim], [0.0], classes=["A"], kind="independent", encoder=nano, name="af")
    path = tmp_path / "af.eech"
    heads.save(head, path)
    for call in (
        lambda: encoder.analyze(signal, fs=250, heads=[head]),
        lambda: encoder.analyze(signal, fs=250, heads=str(path)),
        lambda: encoder.stream(fs=250, heads=[path]),
        lambda: heads.load(path, encoder),
    ):
        with pytest.raises(edgeecg.InputError, match=r"'af' belongs to the model with id .* not to 'default'"):
            call()
    assert nano.analyze(signal, fs=250, heads=path).heads["af"].verdict.shape == (9, 1)
    with pytest.raises(edgeecg.InputError, match="two heads have the name 'h'"):
        encoder.analyze(signal, fs=250, heads=[head_of(encoder), head_of(encoder)])
    with pytest.raises(edgeecg.InputError, match="nothere: cannot be read"):
        encoder.analyze(signal, fs=250, heads=["nothere"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"coef": np.zeros((3, 5))}, "need"),
        ({"coef": np.full((3, 128), np.nan)}, "finite"),
        ({"scale": np.zeros(128)}, "finite"),
        ({"mean": np.zeros(3)}, "mean and scale"),
        ({"thresholds": [0.1, 2, 0]}, "probabilities"),
        ({"classes": ["a", "a", "b"]}, "names"),
        ({"kind": "both"}, "kind is"),
        ({"smoothing": heads.Smoothing(3, 2, 1)}, "smoothing needs"),
        ({"coef": np.full((3, 128), 1e30)}, "too large"),
    ],
)
def test_bad_values_are_named(encoder, change, said):
    given = {"coef": np.ones((3, 128)), "intercept": np.zeros(3), "classes": list("abc"), "kind": "softmax"}
    given |= change
    with np.errstate(all="ignore"), pytest.raises(edgeecg.InputError, match=said):
        heads.quantize(given.pop("coef"), given.pop("intercept"), encoder=encoder, **given)


def test_words(encoder):
    head = head_of(encoder)
    assert head.names(np.array([0, 2, -1, -2], np.int8)).tolist() == ["N", "O", "undecided", "unreadable"]
    both = head_of(encoder, kind="independent")
    rows = np.array([[1, 0, 1], [0, 0, 0], [-2, -2, -2]], np.int8)
    assert both.names(rows).tolist() == ["N+O", "none", "unreadable"]
