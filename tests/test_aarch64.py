"""The aarch64 kernels under qemu-user: the reference's bytes."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgeecg import reference
from tests.models import recording_for
from tests.test_kernels import MODELS

CSRC = Path(__file__).parents[1] / "csrc"
COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    for tool, package in ((COMPILER, "gcc-aarch64-linux-gnu"), (EMULATOR, "qemu-user")):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool} (Debian package {package})")
    path = tmp_path_factory.mktemp("aarch64") / "embed_file"
    sources = sorted(str(p) for p in (CSRC / "src").rglob("*.c"))
    subprocess.run(
        [
            COMPILER,
            "-std=c11",
            "-O2",
            "-static",
            "-ffp-contract=off",
            f"-I{CSRC / 'include'}",
            str(CSRC / "test/embed_file.c"),
            *sources,
            "-o",
            str(path),
        ],
        check=True,
    )
    return path


@pytest.mark.parametrize("kernels, cpu", [("neon-dotprod", "max"), ("neon", "cortex-a53"), ("scalar", "cortex-a53")])
@pytest.mark.parametrize("name", ["dense_shapes", "grouped_shapes", "depthwise_shapes", "saturated", "plain"])
def test_same_bytes(program, tmp_path, kernels, cpu, name):
    model = MODELS[name]()
    model.save(tmp_path / "m.eecg")
    x, fs_mhz = recording_for(model, 14)
    done = subprocess.run(
        [EMULATOR, "-cpu", cpu, str(program), str(tmp_path / "m.eecg"), kernels, str(fs_mhz), "128", "320"],
        input=x.tobytes(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    dim = model.head.dim
    got = np.frombuffer(
        done.stdout, np.dtype([("start", "<u8"), ("quality", "<u4"), ("e16", "<i2", dim), ("e8", "i1", dim)])
    )
    e16, e8, quality = reference.embed(x, np.zeros(len(x), bool), fs_mhz, model, 128)
    np.testing.assert_array_equal(got["start"], np.arange(len(e16)) * 128)
    np.testing.assert_array_equal(got["e16"], e16)
    np.testing.assert_array_equal(got["e8"], e8)
    np.testing.assert_array_equal(got["quality"], quality)


def test_dotprod_is_refused_where_it_is_missing(program, tmp_path):
    MODELS["plain"]().save(tmp_path / "m.eecg")
    done = subprocess.run(
        [
            EMULATOR,
            "-cpu",
            "cortex-a53",
            str(program),
            str(tmp_path / "m.eecg"),
            "neon-dotprod",
            "128000",
            "128",
            "320",
        ],
        input=b"",
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
