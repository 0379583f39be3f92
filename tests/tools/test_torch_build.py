"""Which build of torch set-up takes, and what it says of it."""

import json
from types import SimpleNamespace

import pytest

from tools.torch_build import choose, names_of, pinned, with_cuda


def fake_pip(cpu: bool, names: list[str]):
    def run(*arguments):
        if any(argument.endswith("+cpu") for argument in arguments):
            return SimpleNamespace(returncode=0 if cpu else 1, stdout="")
        return SimpleNamespace(returncode=0, stdout=json.dumps({"install": [{"metadata": {"name": n}} for n in names]}))

    return run


def test_the_cpu_build_is_taken_where_pip_has_it():
    requirement, said = choose("2.13.0", fake_pip(True, []))
    assert requirement == "torch==2.13.0+cpu" and "CPU build" in said and "GB" in said


def test_gigabytes_are_announced_before_they_come():
    requirement, said = choose("2.13.0", fake_pip(False, ["torch", "nvidia-cublas", "triton"]))
    assert requirement == "torch==2.13.0" and "5.7 GB" in said and "make test-quick" in said and "Ctrl-C" in said


def test_a_build_without_cuda_under_the_plain_name_is_small():
    requirement, said = choose("2.13.0", fake_pip(False, ["torch", "sympy"]))
    assert requirement == "torch==2.13.0" and "CPU build" in said


def test_what_pip_did_not_say_is_no_reason_to_stop():
    assert names_of("") == [] and names_of("[]") == [] and not with_cuda([])


def test_the_version_is_the_pinned_one(tmp_path):
    (tmp_path / "c.txt").write_text("numpy==2.0\ntorch==9.8.7\n")
    assert pinned(tmp_path / "c.txt") == "9.8.7"
    (tmp_path / "d.txt").write_text("numpy==2.0\n")
    with pytest.raises(SystemExit, match="pins no torch"):
        pinned(tmp_path / "d.txt")
