"""Text in which a recording is a list in one cell."""

import json

import numpy as np
import pytest

from edgeecg import io
from tests.io.tables import RATE, check, refused, spikes

SAMPLES = [round(value, 4) for value in spikes()[1].tolist()]
LISTS = {
    "pandas": f'"{SAMPLES}"',
    "JSON": f'"{json.dumps(SAMPLES)}"',
    "NumPy, over several lines": '"['
    + "\n ".join(" ".join(map(str, SAMPLES[i : i + 9])) for i in range(0, 5000, 9))
    + ']"',
    "in single quotes": f"'{SAMPLES}'",
}


def written(tmp_path, heading, *rows):
    path = tmp_path / "lists.csv"
    path.write_text("\n".join([heading, *rows]) + "\n")
    return path


@pytest.mark.parametrize("form", LISTS)
def test_one_row(tmp_path, form):
    check(io.read(written(tmp_path, "id,fs,ecg", f"7,{RATE},{LISTS[form]}")), lead="ecg")
    check(io.read(written(tmp_path, "patient,ecg,label", f"A7,{LISTS[form]},AF"), fs=RATE), lead="ecg")


def test_other_delimiters_and_an_index(tmp_path):
    check(io.read(written(tmp_path, ";fs;ecg", f"0;{RATE};{LISTS['pandas']}")))
    check(
        io.read(written(tmp_path, "fs\tecg_uV", f"{RATE}\t[{', '.join(str(1000 * v) for v in SAMPLES)}]")),
        tolerance=1e-3,
    )


def test_what_is_refused(tmp_path):
    row = f"7,{RATE},{LISTS['pandas']}"
    refused(lambda: io.read(written(tmp_path, "id,fs,ecg", row, row)), "lists.csv", "holds 2 recordings")
    wrong = row.replace("0.0,", "x,", 1)
    refused(lambda: io.read(written(tmp_path, "id,fs,ecg", wrong)), "lists.csv", "'ecg'", "no number")
    two = f"7,{LISTS['pandas']},{LISTS['pandas']}"
    refused(lambda: io.read(written(tmp_path, "id,a,b", two), fs=RATE), "lists.csv")


def test_brackets_in_headings_are_no_lists(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("time [s],ecg [mV]\n" + "".join(f"{i / RATE:.3f},{v}\n" for i, v in enumerate(SAMPLES)))
    check(io.read(path))
    assert np.isfinite(io.read(path).millivolts()).all()


def test_a_list_beside_the_recording_is_not_taken_for_it(tmp_path):
    row = f'"[{", ".join(["1"] * 150)}]",{RATE},x[1 2],{LISTS["pandas"]}'
    check(io.read(written(tmp_path, "label,fs,note,ecg", row)), lead="ecg")


def test_quotes_that_are_not_closed(tmp_path):
    long = "\n".join(["x" * 60_000] * 4)
    refused(lambda: io.read(written(tmp_path, '"id,fs,ecg', f"7,{RATE},{LISTS['pandas']}")), "lists.csv")
    refused(lambda: io.read(written(tmp_path, "id,fs,ecg", f"7,{RATE},{LISTS['pandas']}", f'"{long}')), "lists.csv")
