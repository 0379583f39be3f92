"""Every command ends in one sentence: what was wrong, or how to go on."""

import sys
from dataclasses import dataclass

import pytest

from edgeecg.errors import InputError
from train.runs.command_line import known_names, run_command


@dataclass
class Options:
    steps: int = 1


@pytest.mark.parametrize(
    ("raised", "sentence"),
    [
        (InputError("steps must be at least 1"), "error: steps must be at least 1"),
        (FileNotFoundError(2, "No such file", "x.hea"), "error: .*x.hea"),
        (KeyboardInterrupt(), "stopped; go on with --resume"),
    ],
)
def test_a_sentence_for_each_way_to_end(raised, sentence, monkeypatch):
    def main(options):
        assert options.steps == 3
        raise raised

    monkeypatch.setattr(sys, "argv", ["command", "--steps", "3"])
    with pytest.raises(SystemExit, match=sentence):
        run_command(main, Options, "A command.")


def test_a_fault_of_the_program_is_not_hidden(monkeypatch):
    def main(options):
        raise ZeroDivisionError

    monkeypatch.setattr(sys, "argv", ["command"])
    with pytest.raises(ZeroDivisionError):
        run_command(main, Options, "A command.")


def test_names_that_are_not_known_are_listed():
    known_names("task", ["V", "S"], ["V", "S", "AF"])
    with pytest.raises(InputError, match="task 'X' is not one of V, S"):
        known_names("task", ["V", "X"], ["V", "S"])
