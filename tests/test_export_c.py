"""edgeecg export-c: the folder compiles by itself under every warning, as C and C++, and gives Python's numbers."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from tests.models import ecg, edge_like, plain

import edgeecg
from edgeecg import export_c
from edgeecg.cli import main
from edgeecg.errors import InputError

GAIN, FS, HOP = 400, 250, 2.5
STRICT = ["-Wall", "-Wextra", "-Wconversion", "-Werror"]
needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
needs_gxx = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An export of a small model, and the Encoder of it."""
    path = tmp_path_factory.mktemp("export")
    export_c.export(path, edge_like(), fs=FS, hop=HOP, gain=GAIN, block=64)
    return path


def sources(folder):
    return sorted(folder.glob("src/**/*.c"))


def compile_all(folder, compiler, *flags, out):
    """Object files of everything but the example."""
    objects = []
    for source in sources(folder):
        objects.append(out / f"{source.parent.name}_{source.stem}.o")
        command = [*compiler, *flags, *STRICT, "-DEE_NO_HOST=1", f"-I{folder}/src", "-c", source, "-o", objects[-1]]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return objects


def run_example(program, x):
    """(starts, flags, embeddings) that the example prints."""
    out = subprocess.run([str(program)], input="\n".join(map(str, x)), capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in out.splitlines()]
    return (
        np.array([float(r[0]) for r in rows]),
        np.array([int(r[1]) for r in rows]),
        np.array([[float(v) for v in r[2:]] for r in rows], np.float32),
    )


@needs_gcc
@pytest.mark.parametrize("compiler", [["gcc", "-std=c99", "-O2"], pytest.param(["g++", "-x", "c++", "-std=c++17"], marks=needs_gxx)], ids=["C99", "C++17"])
def test_the_example_prints_what_python_gets(folder, tmp_path, compiler):
    objects = compile_all(folder, compiler, "-fsanitize=address,undefined", "-fno-sanitize-recover", out=tmp_path)
    program = tmp_path / "example"
    link = [compiler[0], "-fsanitize=address,undefined", "-DEE_NO_HOST=1", f"-I{folder}/src"]
    subprocess.run([*link, str(folder / "example.c"), *map(str, objects), "-o", str(program)], check=True)
    x = np.round(ecg(31, FS, seed=5, offset=3.0) * GAIN).astype(np.int16)
    x[4000:4200] = x[4000]  # a pause
    start, quality, embedding = run_example(program, x)
    want = edgeecg.load(edge_like()).analyze(x, FS, HOP, gain=GAIN)
    np.testing.assert_array_equal(start, want.start)
    np.testing.assert_array_equal(quality, want.quality)
    np.testing.assert_array_equal(embedding, want.embedding)
    assert np.ptp(embedding) > 0


@needs_gcc
def test_it_compiles_freestanding_and_asks_for_nothing_but_memory_functions(folder, tmp_path):
    objects = compile_all(folder, ["gcc"], "-std=c99", "-O2", "-ffreestanding", "-fno-stack-protector", out=tmp_path)
    names = subprocess.run(["nm", "-g", *map(str, objects)], capture_output=True, text=True, check=True).stdout
    defined = set(re.findall(r"^[0-9a-f]+ [A-Z] (\w+)$", names, re.M))
    missing = set(re.findall(r"^ +U (\w+)$", names, re.M)) - defined - {"_GLOBAL_OFFSET_TABLE_"}
    assert missing <= {"memcpy", "memmove", "memset", "memcmp"}  # what GCC may call in any freestanding program
    assert all(name.startswith("ee_") or name == "edgeecg_model" for name in defined)


@needs_gcc
def test_two_models_link_into_one_image(folder, tmp_path):
    export_c.export(tmp_path, edge_like(seed=1), name="other", fs=FS, hop=1.0, model_only=True)
    assert {p.name for p in (tmp_path / "src").iterdir()} == {"other.c", "other.h"}
    program = tmp_path / "both.c"
    program.write_text("""
        #include <stdio.h>
        #include "edgeecg_model.h"
        #include "other.h"
        static const ee_config configs[2] = { EDGEECG_MODEL_CONFIG, OTHER_CONFIG };
        int main(void)
        {
            ee_model a, b;
            int good = ee_model_view(&a, edgeecg_model, EDGEECG_MODEL_SIZE) == EE_OK && ee_model_view(&b, other, OTHER_SIZE) == EE_OK;
            printf("%d %d %d\\n", good, ee_state_size(&a, &configs[0]) == EE_STATE_SIZE, ee_state_size(&b, &configs[1]) == OTHER_STATE_SIZE);
            return 0;
        }""")
    flags = ["-std=c99", "-DEE_NO_HOST=1", f"-I{folder}/src", f"-I{tmp_path}/src"]
    files = [program, tmp_path / "src/other.c", *sources(folder)]
    subprocess.run(["gcc", *flags, *map(str, files), "-o", str(tmp_path / "both")], check=True)
    assert subprocess.run([str(tmp_path / "both")], capture_output=True, text=True).stdout == "1 1 1\n"


@needs_gcc
@pytest.mark.parametrize("fs", [50, 125, 130, 250, 360, 512, 1000, 4000])
@pytest.mark.parametrize("hop", [0.1, 1.0, 10.0])
def test_the_state_size_is_exact(tmp_path, fs, hop):
    """The declared memory, to the byte, is what ee_state_size() counts; the example would refuse a smaller one."""
    export_c.export(tmp_path, edge_like(), fs=fs, hop=hop, model_only=True)
    declared = re.search(r"STATE_SIZE \(EE_STREAM_BYTES \+ (\d+)u \* EE_TENSOR_BYTES \+ (\d+)u\)", (tmp_path / "src/edgeecg_model.h").read_text())
    encoder = edgeecg.load(edge_like())
    core = export_c._core_module()
    assert int(declared[1]) == len(encoder.model.layers) + 1
    assert int(declared[2]) == core.array_bytes(core.Model(encoder.model.to_bytes(), "scalar"), round(fs * 1000), round(hop * 128))


def test_the_command_writes_the_bundled_model(tmp_path, capsys):
    assert main(["export-c", str(tmp_path / "new" / "folder"), "--fs", "512"]) == 0
    names = {p.relative_to(tmp_path / "new" / "folder").as_posix() for p in (tmp_path / "new" / "folder").rglob("*") if p.is_file()}
    assert {"src/edgeecg_model.h", "src/edgeecg_model.c", "src/edgeecg.h", "example.c", "CMakeLists.txt", "README.md", "LICENSE"} <= names
    assert {"library.properties", "library.json", "zephyr/module.yml", "idf_component.yml", "examples/Stream/Stream.ino"} <= names
    assert not [n for n in names if re.search(r"@\w+@", (tmp_path / "new" / "folder" / n).read_text())]
    assert "state" in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("cmake") is None, reason="needs cmake")
@needs_gcc
def test_the_cmake_project_builds_the_example(folder, tmp_path):
    subprocess.run(["cmake", "-S", str(folder), "-B", str(tmp_path)], check=True, capture_output=True)
    subprocess.run(["cmake", "--build", str(tmp_path)], check=True, capture_output=True)
    x = np.round(ecg(12, FS, seed=6, offset=0) * GAIN).astype(np.int16)
    want = edgeecg.load(edge_like()).embed(x, FS, HOP, gain=GAIN)
    np.testing.assert_array_equal(run_example(tmp_path / "example", x)[2], want)


def test_bad_calls_end_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is not a folder"):
        export_c.export(tmp_path / "file")
    with pytest.raises(InputError, match="prefix of C symbols"):
        export_c.export(tmp_path / "x", name="two words")
    with pytest.raises(InputError, match="multiple of 32"):
        export_c.export(tmp_path / "x", block=48)
    with pytest.raises(InputError, match="128 Hz"):
        export_c.export(tmp_path / "x", plain(), fs=250)


@needs_gcc
def test_the_examples_of_the_ports_compile_against_stand_ins(folder, tmp_path):
    """Their own toolchains are not here: what the examples use of them is declared, the rest is compiled in earnest."""
    (tmp_path / "zephyr").mkdir()
    (tmp_path / "zephyr/kernel.h").write_text(
        "struct k_timer { int x; };\nstruct q { int x; };\n#define K_NO_WAIT 0\n#define K_FOREVER 0\n#define K_USEC(x) (x)\n"
        "#define ARG_UNUSED(x) (void)(x)\n#define K_MSGQ_DEFINE(n, a, b, c) static struct q n\n"
        "#define K_TIMER_DEFINE(n, f, g) static void (*n##_f)(struct k_timer *) = f; static struct k_timer n\n"
        "int k_msgq_put(struct q *, const void *, int);\nint k_msgq_get(struct q *, void *, int);\n"
        "void k_timer_start(struct k_timer *, unsigned long long, unsigned long long);\nvoid printk(const char *, ...);\n")  # fmt: skip
    (tmp_path / "freertos").mkdir()
    (tmp_path / "freertos/FreeRTOS.h").write_text("typedef unsigned TickType_t;\n#define configTICK_RATE_HZ 1000u\n")
    (tmp_path / "freertos/task.h").write_text("TickType_t xTaskGetTickCount(void);\nvoid vTaskDelayUntil(TickType_t *, TickType_t);\n")
    sketch = tmp_path / "sketch.cpp"
    sketch.write_text(
        "#include <stdint.h>\n#include <stddef.h>\nstruct S { void begin(long); void write(const uint8_t *, size_t); } Serial;\n"
        "uint32_t micros(); int analogRead(int); const int A0 = 0;\n" + (folder / "examples/Stream/Stream.ino").read_text()
    )
    flags = ["-Wall", "-Wextra", "-Werror", "-DEE_NO_HOST=1", f"-I{folder}/src", f"-I{tmp_path}", "-o", "/dev/null", "-c"]
    for source in (folder / "samples/stream/src/main.c", folder / "examples/esp_idf/main/main.c"):
        subprocess.run(["gcc", "-std=gnu99", "-Wno-unused-variable", *flags, str(source)], check=True)
    if shutil.which("g++"):
        subprocess.run(["g++", "-std=c++17", *flags, str(sketch)], check=True)
