"""Heads in an exported folder say what Python says."""

import dataclasses
import shutil
import subprocess

import numpy as np
import pytest

from edgeecg import export_c, heads
from edgeecg.heads.head import UNREADABLE, Verdicts

STRICT = ["-Wall", "-Wextra", "-Wconversion", "-Werror"]
PROGRAM = """
#include <stdio.h>
#include "edgeecg_model_ectopy.h"
#include "edgeecg_model_smooth_2.h"
int main(void) {
    const ee_classifier *heads[2] = { &edgeecg_model_ectopy, &edgeecg_model_smooth_2 };
    static ee_verdicts states[2];
    int value;
    unsigned quality;
    for (int h = 0; h < 2; h++) ee_verdicts_reset(&states[h]);
    while (scanf("%u", &quality) == 1) {
        int16_t e[128];
        for (int i = 0; i < 128; i++) if (scanf("%d", &value) == 1) e[i] = (int16_t)value;
        for (int h = 0; h < 2; h++) {
            uint16_t p[16];
            ee_classify(heads[h], e, NULL, p);
            for (unsigned c = 0; c < heads[h]->classes; c++) printf("%u ", p[c]);
            printf("%u ", ee_verdict(heads[h], &states[h], p, quality));
        }
        puts("");
    }
    printf("%s %s %u %u\\n", edgeecg_model_ectopy_names[1], edgeecg_model_smooth_2_names[3], EDGEECG_MODEL_ECTOPY_S,
           EDGEECG_MODEL_SMOOTH_2_CLASS_3);
    return 0;
}
"""


@pytest.mark.parametrize("compiler", ["gcc", "g++"])
def test_heads_are_constants_that_say_what_python_says(tmp_path, compiler):
    """The device's arithmetic on embeddings and flags, against the specification."""
    if shutil.which(compiler) is None:
        pytest.skip(f"needs {compiler}")
    smooth = dataclasses.replace(heads.load("rhythm"), name="smooth 2", smoothing=heads.Smoothing(2, 3, 1))
    export_c.export(tmp_path / "lib", heads=["ectopy", smooth])
    source = tmp_path / ("main.c" if compiler == "gcc" else "main.cc")
    source.write_text(PROGRAM)
    lib = tmp_path / "lib"
    units = [source, *lib.glob("src/*smooth*.c"), *lib.glob("src/*ectopy*.c"), lib / "src/core/classifier.c"]
    language = [] if compiler == "gcc" else ["-x", "c++", "-std=c++11"]
    command = [compiler, *language, *STRICT, "-fsanitize=undefined", f"-I{lib}/include", *units, "-o", tmp_path / "run"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rng = np.random.default_rng(0)
    e16 = rng.integers(-32767, 32768, (60, 128)) // rng.choice([1, 8, 60], (60, 1))
    quality = rng.choice([0, 0, 0, 1, 4, 8, 16], 60)
    text = "\n".join(" ".join(map(str, [q, *row])) for q, row in zip(quality, e16.tolist(), strict=True))
    out = subprocess.run([str(tmp_path / "run")], input=text, capture_output=True, text=True, check=True).stdout
    *rows, names = out.strip().split("\n")
    assert names == "S ~ 2 8"
    found = np.array([row.split() for row in rows], np.int64)
    for head, at in ((heads.load("ectopy"), slice(0, 3)), (smooth, slice(3, 8))):
        p, verdicts = head.probabilities(e16.astype(np.int16)), Verdicts(head)
        np.testing.assert_array_equal(found[:, at][:, :-1], p)
        for row, q, bits in zip(p, quality, found[:, at][:, -1], strict=True):
            assert bits == as_bits(verdicts.one(row, int(q)))


def as_bits(said):
    """A verdict of Python as the core has it."""
    if np.all(said == UNREADABLE):
        return 1 << 31
    positive = np.flatnonzero(said == 1) if said.ndim else [int(said)] if said >= 0 else []
    return sum(1 << int(i) for i in positive)
