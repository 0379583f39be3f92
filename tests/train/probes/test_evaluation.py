"""The probe bench: the protocol on features whose answer is known, the windows of the tasks, the command."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

import edgeecg
from edgeecg.errors import InputError
from train.data.corpora import DS1, DS2
from train.data.resample import cut_windows, resample
from train.evaluate import Config
from train.probes.evaluation import Result, aligned, evaluate, results_table, settings
from train.probes.features import features_by_name, hrv_and_shape
from train.probes.minirocket import TRIPLES, MiniRocket, response
from train.probes.protocol import Score, fitted, nearest_centroid, row_cosines, run_task, scored, subsample_groups
from train.probes.tasks.base import Task, Windows, join
from train.probes.tasks.noise import with_noise
from train.probes.tasks.registry import LEADS_TASKS, MORE_TASKS, TASKS, TITLES, read_task
from train.probes.tasks.transfer import TRANSFER_TASKS

ROOT = Path(__file__).resolve().parents[3]


def windows(label, group):
    return Windows(np.zeros((len(label), 1280), np.float32), np.asarray(label), np.asarray(group))


def split_task(rng, n=400):
    label, group = rng.integers(0, 2, n), np.arange(n) // 10
    return Task(windows(label, group), windows(label[::-1], group))


def test_a_feature_that_is_the_label_scores_one_and_noise_scores_a_half():
    rng = np.random.default_rng(0)
    task = split_task(rng)
    known = [t.label[:, None] + 0.1 * rng.standard_normal((400, 3)) for t in (task.train, task.test)]
    noise = [rng.standard_normal((400, 3)) for _ in range(2)]
    assert run_task(task, *known).value > 0.999
    score = run_task(task, *noise)
    assert score.low < 0.5 < score.high
    assert score.low < score.value < score.high


def test_folds_never_train_on_the_group_they_score():
    rng = np.random.default_rng(1)
    group = np.arange(200) // 4
    label = (group % 2).astype(int)
    memory = np.eye(50)[group]  # tells who it is, and nothing else: of no use for a person never met
    task = Task(windows(label, group), kind="folds", folds=4)
    assert run_task(task, memory + 0.01 * rng.standard_normal(memory.shape), None).value < 0.65
    assert run_task(task, label[:, None] + 0.0 * memory, None).value == 1.0


def test_pooled_folds_see_mean_and_deviation_of_a_record():
    rng = np.random.default_rng(2)
    group = np.repeat(np.arange(90), 5)
    label = group % 3
    spread = rng.standard_normal((450, 1)) * (1 + 3 * label[:, None])  # only the deviation tells the class
    task = Task(windows(label, group), kind="folds", folds=5, pooled=True)
    assert run_task(task, spread, None).value > 0.8


def test_multilabel_folds_average_the_classes():
    rng = np.random.default_rng(3)
    label = rng.integers(0, 2, (300, 2))
    z = np.column_stack([label[:, 0], rng.standard_normal(300)])  # one class known, one not
    task = Task(windows(label, np.arange(300)), kind="folds", folds=4)
    assert run_task(task, z, None).value == pytest.approx(0.75, abs=0.06)


def test_nearest_centroid_finds_people_by_direction():
    rng = np.random.default_rng(4)
    people = rng.standard_normal((20, 16))
    label = np.repeat(np.arange(20), 6)
    train, test = (people[label] + 0.2 * rng.standard_normal((120, 16)) for _ in range(2))
    assert (nearest_centroid(train, label, test) == label).mean() > 0.95


def test_few_labels_keep_whole_groups_and_both_classes():
    group, label = np.repeat(np.arange(100), 3), np.repeat(np.arange(100) == 7, 3).astype(int)
    keep = subsample_groups(group, label, 0.01, seed=0)
    assert set(label[keep]) == {0, 1}
    assert all(keep[group == g].all() or not keep[group == g].any() for g in range(100))
    assert subsample_groups(group, label, 1.0, seed=0).all()


def test_folds_with_few_labels_know_less():
    rng = np.random.default_rng(8)
    label = rng.integers(0, 3, 200)
    z = np.eye(3)[label] + 0.7 * rng.standard_normal((200, 3))
    task = Task(windows(label, np.arange(200)), kind="folds", folds=2)
    few, all_labels = (run_task(task, z, None, fraction).value for fraction in (0.05, 1.0))
    assert 0.5 < few < all_labels
    assert run_task(task, z, None, 0.05, seed=1).value != few, "another draw of labeled patients"


def test_a_class_that_few_labels_miss_gets_no_probability():
    z, label = np.arange(6.0)[:, None], np.array([0, 0, 1, 1, 2, 2])
    group = np.array([0, 0, 0, 0, 1, 1])
    seed = next(s for s in range(20) if not subsample_groups(group, label, 0.5, s)[5])
    p = fitted(z, label, group, z, 0.5, seed)
    assert p.shape == (6, 3) and (p[:, 2] == 0).all() and np.allclose(p.sum(1), 1)


def test_a_split_of_many_classes_is_a_mean_over_them():
    rng = np.random.default_rng(9)
    label = rng.integers(0, 3, 300)
    task = Task(windows(label, np.arange(300)), windows(label[::-1], np.arange(300)))
    known = np.eye(3)[label]
    assert run_task(task, known, known[::-1]).value == 1.0
    assert run_task(task, known[:, :1], known[::-1, :1]).value == pytest.approx(0.87, abs=0.05), (
        "one class of three is known"
    )


def test_retrieval_ranks_inside_or_outside_of_the_record():
    """Each record marks its positive windows by a direction of its own: found at home, not elsewhere."""
    rng = np.random.default_rng(10)
    group, label = np.repeat(np.arange(40), 20), np.tile(np.arange(20) < 6, 40).astype(int)
    own = label[:, None] * rng.standard_normal((40, 30))[group]
    z = own + 0.1 * rng.standard_normal(own.shape)
    at_home, elsewhere = (
        run_task(Task(windows(label, group), kind="retrieval", within=within), z, None) for within in (True, False)
    )
    assert at_home.value > 0.95 and elsewhere.value < 0.8
    assert run_task(Task(windows(label, group), kind="retrieval"), label[:, None] + 0.0 * z, None).value > 0.99
    with pytest.raises(InputError, match="both kinds"):
        run_task(Task(windows(label * 0 + 1, group), kind="retrieval"), z, None)


def test_noise_is_added_at_its_ratio():
    rng = np.random.default_rng(11)
    window, piece = np.sin(np.arange(1280) / 9.0), rng.standard_normal((2, 4000)) + 5
    for decibel in (24, 0):
        added = with_noise(window, piece, decibel, rng) - window
        assert 20 * np.log10(window.std() / added.std()) == pytest.approx(decibel, abs=0.01)


def pulses(rng, label):
    """Windows of 1 or 2 pulses a second."""
    time = np.arange(1280) / 128
    phase = rng.random((len(label), 1))
    return np.exp(-(((time * (1 + label[:, None]) + phase) % 1 - 0.5) ** 2) / 0.002).astype(np.float32)


@pytest.mark.parametrize("kind", ["split", "folds", "identity"])
def test_a_network_trained_on_labels_learns_them(kind, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    import train.probes.supervised as twin

    monkeypatch.setattr(twin, "TRAINING", replace(twin.TRAINING, batch=16))
    rng = np.random.default_rng(12)
    label = np.arange(72) % 2
    sides = [Windows(pulses(rng, label), label, np.arange(72) // 2) for _ in range(2)]
    task = Task(sides[0], None if kind == "folds" else sides[1], kind, folds=2, pooled=False)
    score = twin.supervised(task, tmp_path, 60)
    assert score.value > 0.8 and score.low <= score.value <= score.high
    if kind == "split":
        assert twin.supervised(task, tmp_path, 60) == score, "drawn from the seed alone"
        assert twin.supervised(task, tmp_path, 1) != score
        with pytest.raises(InputError, match="no labels"):
            twin.supervised(Task(sides[0], kind="retrieval"), tmp_path, 60)


def test_a_second_call_goes_on_where_the_first_stopped(tmp_path, monkeypatch):
    import train.probes.evaluation as bench

    calls, rng = [], np.random.default_rng(13)

    def read(name, data):
        calls.append(name)
        return split_task(rng)

    monkeypatch.setattr(bench, "read_task", read)
    monkeypatch.setattr(bench, "features_by_name", lambda name, seed=0: lambda w: np.zeros((len(w), 2)) + seed)
    monkeypatch.setattr(bench, "run_task", lambda *_: Score(0.5, 0.4, 0.6))
    options = {"model": (), "baselines": ("random", "hrv"), "data": tmp_path, "json": tmp_path / "out.json", "seeds": 2}
    first = evaluate(Config(tasks=("V_ds1_ds2",), fractions=(0.5, 1.0), **options))
    assert [(r.feature, r.fraction) for r in first] == [(f, s) for f in ("random", "hrv") for s in (0.5, 1.0)]
    second = evaluate(Config(tasks=("V_ds1_ds2", "S_ds1_ds2"), fractions=(0.5, 1.0), **options))
    assert second[:4] == first and calls == ["V_ds1_ds2", "S_ds1_ds2"]
    kept = options["json"].read_bytes()
    with pytest.raises(InputError, match=r"out.json holds results of other models or options, which would be lost"):
        evaluate(Config(tasks=("V_ds1_ds2",), **options))
    assert options["json"].read_bytes() == kept and len(calls) == 2


def test_the_number_of_updates_is_a_setting_of_the_network_that_labels_train_alone(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    import train.probes.evaluation as bench

    asked = []
    monkeypatch.setattr(bench, "read_task", lambda name, data: split_task(np.random.default_rng(14)))
    monkeypatch.setattr(
        bench,
        "supervised",
        lambda task, data, updates, fraction, seed: asked.append((updates, fraction, seed)) or Score(0.5, 0.4, 0.6),
    )
    evaluate(Config(model=(), baselines=("supervised",), tasks=("V_ds1_ds2",), data=tmp_path, updates=1600, seeds=2))
    assert asked == [(1600, 1.0, 0), (1600, 1.0, 1)]
    few, many = (Config(model=(), baselines=("supervised",), data=tmp_path, updates=n) for n in (400, 1600))
    assert settings(few) != settings(many)
    assert "updates" not in settings(Config(model=(), baselines=("hrv",), data=tmp_path))
    with pytest.raises(InputError, match="at least 1"):
        Config(model=(), baselines=("supervised",), data=tmp_path, updates=0)


def test_the_twin_is_left_out_where_a_window_has_leads(tmp_path, monkeypatch):
    import train.probes.evaluation as bench

    leads = Task(*(Windows(np.zeros((4, 2, 1280), np.float32), np.arange(4) % 2, np.arange(4)) for _ in range(2)))
    monkeypatch.setattr(bench, "read_task", lambda name, data: leads)
    assert evaluate(Config(model=(), baselines=("supervised",), tasks=("quality_seta_leads",), data=tmp_path)) == []


def test_the_interval_draws_groups_and_not_rows():
    hit, group = np.repeat([1.0, 0.0], 500), np.repeat([0, 1], 500)  # two patients: any share from 0 to 1 may come
    score = scored(lambda rows: float(hit[rows].mean()), group)
    assert (score.value, score.low, score.high) == (0.5, 0.0, 1.0)


def test_draws_without_one_of_the_classes_do_not_count_and_say_nothing(recwarn):
    truth, group = np.arange(40) < 20, np.arange(40) // 20  # one patient with the class, one without
    score = run_task(
        Task(windows(truth.astype(int), group), windows(truth.astype(int), group)), *[truth[:, None] * 1.0] * 2
    )
    assert (score.value, score.low, score.high) == (1.0, 1.0, 1.0)
    assert not [w for w in recwarn if "one class" in str(w.message)]


def test_a_probe_fitted_on_one_form_is_scored_on_the_other():
    rng = np.random.default_rng(6)
    label = np.arange(200) % 2
    real = label[:, None] + 0.1 * rng.standard_normal((200, 4))
    task = Task(windows(label, np.arange(200)), kind="folds", folds=4)
    same = run_task(task, real, None)
    assert run_task(task, real, None, shown=real) == same
    assert run_task(task, real, None, shown=1 - real).value < 0.01  # what it sees is turned around


def test_float_embeddings_are_brought_to_the_integers_dimensions():
    rng = np.random.default_rng(7)
    real = rng.standard_normal((500, 6)) * np.arange(1, 7) + 3
    integer = (real - 3) / np.arange(1, 7) + 0.01 * rng.standard_normal((500, 6))
    factor, offset = aligned(real, integer)
    assert np.allclose(factor, 1 / np.arange(1, 7), rtol=0.01)
    assert row_cosines(real * factor + offset, integer).min() > 0.99


def test_features_with_nan_are_refused():
    task = split_task(np.random.default_rng(5))
    with pytest.raises(InputError, match="NaN"):
        run_task(task, np.full((400, 2), np.nan), np.zeros((400, 2)))


def test_windows_are_cut_one_after_another_and_short_recordings_filled():
    x = np.arange(3000, dtype=np.float32)
    assert np.array_equal(cut_windows(x), [x[:1280], x[1280:2560]])
    assert np.array_equal(cut_windows(x, 640)[1], x[640:1920])
    short = cut_windows(x[:1000])
    assert short.shape == (1, 1280) and short[0, -1] == 999 and short[0, 999] == 999
    assert len(resample(np.ones(3600), 360)) == 1280


def test_join_numbers_the_records():
    joined = join([(np.zeros((2, 1280)), np.zeros(2)), (np.ones((3, 1280)), np.ones(3))])
    assert joined.group.tolist() == [0, 0, 1, 1, 1] and joined.label.tolist() == [0, 0, 1, 1, 1]


def test_inter_patient_split_has_no_record_on_both_sides():
    assert not set(DS1) & set(DS2)
    assert len(DS1) == len(DS2) == 22


def test_minirocket_is_its_formula():
    """Each feature counts how often the dilated kernel's response exceeds its bias."""
    rng = np.random.default_rng(6)
    x = rng.standard_normal((30, 1280)).astype(np.float32)
    rocket = MiniRocket.fit(x, 840)
    z = (x[0] - x[0].mean()) / (x[0].std() + 1e-6)
    features, at = rocket.transform(x)[0], 0
    for d, (dilation, count) in enumerate(zip(rocket.dilations, rocket.counts, strict=True)):
        for k, triple in enumerate(TRIPLES):
            weights = np.full(9, -1.0)
            weights[triple] = 2
            padded = np.pad(z, 4 * dilation)
            slow = sum(weights[t] * padded[t * dilation : t * dilation + 1280] for t in range(9))
            if k < 3:
                assert np.allclose(response(z.astype(np.float32), triple, dilation), slow, atol=1e-4)
            inside = slow if (d + k) % 2 == 0 else slow[4 * dilation : 1280 - 4 * dilation]
            expected = (inside > rocket.biases[at : at + count, None]).mean(1)
            assert np.allclose(features[at : at + count], expected, atol=3 / len(inside))
            at += count
    assert at == len(features) == 840


def test_hrv_features_of_flat_and_real_windows(toy_ecg):
    samples, fs = toy_ecg
    real = cut_windows(resample(samples, fs))[:3]
    out = hrv_and_shape(np.concatenate([real, np.zeros((1, 1280), np.float32)]))
    assert out.shape == (4, 15) and np.isfinite(out).all()
    assert np.all(out[3] == 0)
    assert 0.4 < out[0, 5] < 1.5  # mean RR interval, seconds


def test_a_window_embeds_alike_alone_and_in_company(model_file, toy_ecg):
    samples, fs = toy_ecg
    x = cut_windows(resample(samples, fs))[:4]
    features = features_by_name(str(model_file))
    assert np.array_equal(features(x)[2:3], features(x[2:3]))
    assert features(x).shape == (4, 128)


def test_features_with_a_plus_stand_beside_each_other(model_file, toy_ecg, tmp_path):
    samples, fs = toy_ecg
    x = cut_windows(resample(samples, fs))[:4]
    odd = tmp_path / "a+b.eecg"  # a file of this name is one model
    odd.write_bytes(model_file.read_bytes())
    alone = [features_by_name(name)(x) for name in (str(odd), "hrv")]
    assert np.array_equal(features_by_name(f"{model_file}+hrv")(x), np.concatenate(alone, 1))
    held = settings(Config(model=(f"{model_file}+hrv", str(odd)), data=tmp_path))
    assert held["models"] == [edgeecg.load(model_file).model.id] * 2


def test_some_dimensions_are_those_of_the_whole(model_file, toy_ecg, tmp_path):
    samples, fs = toy_ecg
    x = cut_windows(resample(samples, fs))[:4]
    z, hrv = (np.asarray(features_by_name(name)(x), float) for name in (str(model_file), "hrv"))
    for name, expected in (
        ("[:55]", z[:, :55]),
        ("[47:55]", z[:, 47:55]),
        ("[125:]+hrv", np.concatenate([z[:, 125:], hrv], 1)),
    ):
        assert np.array_equal(features_by_name(f"{model_file}{name}")(x), expected), name
    odd = tmp_path / "a[1:2]"  # a file of this name is one model
    odd.write_bytes(model_file.read_bytes())
    assert features_by_name(str(odd))(x).shape == z.shape
    with pytest.raises(InputError, match="no such dimensions"):
        features_by_name(f"{model_file}[500:]")(x)
    assert settings(Config(model=(f"{model_file}[:9]",), data=tmp_path))["models"] == [
        edgeecg.load(model_file).model.id
    ]
    for name in ("default[:9]", "default+hrv"):
        with pytest.raises(InputError, match="compared with whole models"):
            Config(model=(name,), float=(tmp_path,), data=tmp_path)


def test_leads_stand_beside_each_other(model_file, toy_ecg):
    samples, fs = toy_ecg
    x = cut_windows(resample(samples, fs))[:6].reshape(3, 2, 1280)
    for name in (str(model_file), "hrv", f"{model_file}+hrv"):
        of_one = features_by_name(name)
        assert np.array_equal(features_by_name(name)(x), np.concatenate([of_one(x[:, 0]), of_one(x[:, 1])], 1)), name


def test_names_of_groups_stand_for_their_tasks(tmp_path):
    assert Config(tasks=("identity", "leads"), data=tmp_path).tasks == ("identity", *LEADS_TASKS)
    assert Config(tasks=("more",), data=tmp_path).tasks == tuple(MORE_TASKS)
    assert Config(tasks=("transfer",), data=tmp_path).tasks == tuple(TRANSFER_TASKS)
    assert set(TITLES) == {*TASKS, *MORE_TASKS, *LEADS_TASKS, *TRANSFER_TASKS}


def test_wrong_names_end_in_a_sentence(tmp_path):
    with pytest.raises(InputError, match="task 'nothing' is not one of V_ds1_ds2"):
        Config(tasks=("nothing",), data=tmp_path)
    with pytest.raises(InputError, match="baseline 'x' is not one of random"):
        Config(baselines=("x",), data=tmp_path)
    with pytest.raises(InputError, match="EDGEECG_DATA"):
        Config(data=None)
    with pytest.raises(InputError, match="recordings that are not there"):
        read_task("cinc2017_cv5", tmp_path)


def test_the_table_marks_the_best():
    results = [
        Result("identity", "a.eecg", 1.0, Score(0.9, 0.8, 0.95), 128, 10, 0.1),
        Result("identity", "hrv", 1.0, Score(0.7, 0.6, 0.8), 15, 10, 0.1),
    ]
    row = results_table(results).splitlines()[2]
    assert row == "| identity, 126 recordings (rank-1) | **.900** (.800-.950) | .700 (.600-.800) |"


def test_shares_of_labels_are_read_as_numbers(tmp_path):
    import tyro

    config = tyro.cli(Config, args=["--fractions", "0.01", "1", "--float", "a.safetensors", "--data", str(tmp_path)])
    assert config.fractions == (0.01, 1.0) and config.float == (Path("a.safetensors"),)


def test_the_command_explains_itself():
    done = subprocess.run(
        [sys.executable, "train/evaluate.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "--baselines" in done.stdout and "exported ones" in done.stdout


@pytest.mark.data
def test_bench_runs_on_the_recordings(data_dir, model_file):
    config = Config(model=(str(model_file),), baselines=("hrv",), tasks=("quality_seta",), data=data_dir)
    results = evaluate(config)
    assert [Path(r.feature).name for r in results] == ["edge_like.eecg", "hrv"]
    assert read_task("af_ds1_ds2", data_dir).test.label.sum() == 609  # windows mostly in AF or flutter
    for side in (noisy := read_task("noise_type", data_dir)).train, noisy.test:
        assert set(side.label) == {0, 1, 2, 3}
    assert not set(noisy.train.group) & set(noisy.test.group)
    one, four = (read_task(name, data_dir) for name in ("quality_seta", "quality_seta_leads"))
    assert four.test.signal.shape == (250, 4, 1280) and np.array_equal(four.test.signal[:, 1], one.test.signal)
    one, eight = (read_task(name, data_dir).train for name in ("ptbxl_super_II_cv4", "ptbxl_super_leads_cv4"))
    assert eight.signal.shape == (2230, 8, 1280) and np.array_equal(eight.signal[:, 1], one.signal)
    every = read_task("quality_cv5", data_dir).train
    assert len(set(every.group)) == len(every.label) == 998 and every.label.sum() == 773
    # the same features under an independent implementation of the protocol
    assert results[1].score.value == pytest.approx(0.739, abs=0.002)
