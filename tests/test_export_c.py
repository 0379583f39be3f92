"""edgeecg export-c: the folder compiles by itself under every warning, as C and C++, and gives Python's numbers."""

import re
import shutil
import subprocess
from fractions import Fraction

import numpy as np
import pytest

import edgeecg
from edgeecg import export_c
from edgeecg.cli import main
from edgeecg.errors import InputError
from tests.models import Net, ecg, edge_like, plain, resnet_like

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
        command = [*compiler, *flags, *STRICT, f"-I{folder}/include", "-c", source, "-o", objects[-1]]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return objects


def run_example(program, x):
    """(starts, flags, embeddings) that the example prints."""
    out = subprocess.run(
        [str(program)], input="\n".join(map(str, x)), capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split() for line in out.splitlines()]
    return (
        np.array([float(r[0]) for r in rows]),
        np.array([int(r[1]) for r in rows]),
        np.array([[float(v) for v in r[2:]] for r in rows], np.float32),
    )


@needs_gcc
@pytest.mark.parametrize(
    "compiler",
    [["gcc", "-std=c99", "-O2"], pytest.param(["g++", "-x", "c++", "-std=c++17"], marks=needs_gxx)],
    ids=["C99", "C++17"],
)
def test_the_example_prints_what_python_gets(folder, tmp_path, compiler):
    objects = compile_all(folder, compiler, "-fsanitize=address,undefined", "-fno-sanitize-recover", out=tmp_path)
    program = tmp_path / "example"
    link = [compiler[0], "-fsanitize=address,undefined", f"-I{folder}/include"]
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


def compile_program(folder, out, text, *sources):
    """A host program of the folder's core and `text`; what it prints."""
    program = out / "program.c"
    program.write_text(text)
    files = [program, *(sources or sorted(folder.glob("src/**/*.c")))]
    subprocess.run(
        ["gcc", "-std=c99", f"-I{folder}/include", *map(str, files), "-o", str(out / "program")],
        check=True,
    )
    return subprocess.run([str(out / "program")], capture_output=True, text=True, check=True).stdout


@needs_gcc
def test_two_models_link_into_one_image(tmp_path):
    """Different layers, front ends and heads over one core, in memory of their own: each gives Python's numbers."""
    models = {"first": edge_like(seed=1), "second": resnet_like()}
    for i, (name, model) in enumerate(models.items()):
        export_c.export(tmp_path, model, name=name, fs=128, hop=1.0, gain=GAIN, model_only=i > 0)
    x = np.round(ecg(14, 128, seed=2, offset=1.0) * GAIN).astype(np.int16)
    text = """
        #include <stdio.h>
        #include "first.h"
        #include "second.h"
        static const int16_t x[] = {{ {} }};
        static uint64_t memory[2][(FIRST_STATE_SIZE + SECOND_STATE_SIZE + 7) / 8];
        int main(void)
        {{
            const ee_config configs[2] = {{ FIRST_CONFIG, SECOND_CONFIG }};
            ee_stream *s[2] = {{ ee_init(&first, &configs[0], memory[0], FIRST_STATE_SIZE),
                                ee_init(&second, &configs[1], memory[1], SECOND_STATE_SIZE) }};
            for (size_t at = 0; at < sizeof x / sizeof *x; at++)                 /* in turns */
                for (int m = 0; m < 2; m++) {{
                    size_t used = 0;
                    while (!used)
                        if (ee_push_i16(s[m], x + at, 1, &used)) {{
                            printf("%d", m);
                            for (int i = 0; i < 8; i++) printf(" %d", ee_get_result(s[m]).embedding[i]);
                            printf("\\n");
                        }}
                }}
            return 0;
        }}""".format(", ".join(map(str, x)))
    rows = [list(map(int, line.split())) for line in compile_program(tmp_path, tmp_path, text).splitlines()]
    for m, model in enumerate(models.values()):
        encoder = edgeecg.load(model)
        want = encoder.embed(x, 128, 1.0, gain=GAIN)[:, :8] * 2**encoder.model.head.exponent
        got = np.array([row[1:] for row in rows if row[0] == m])
        assert len(got) > 0
        np.testing.assert_array_equal(got, want[: len(got)])


@needs_gcc
def test_a_model_that_the_core_was_not_made_for_does_not_compile(tmp_path):
    """What was left out cannot be missed in silence."""
    export_c.export(tmp_path / "a", edge_like())
    export_c.export(tmp_path / "b", resnet_like(), name="other", fs=128, model_only=True)
    for path in ("include/other.h", "src/other.c"):
        shutil.copy(tmp_path / "b" / path, tmp_path / "a" / path)
    command = ["gcc", "-std=c99", "-fsyntax-only", str(tmp_path / "a/src/other.c")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "export it into the folder of the core" in done.stderr


def convolutions(count: int):
    """With levels, behind a front end; the array of buffers, of 12 bytes a tensor, ends at 4 or at 8 bytes."""
    net = Net(count)
    last = 0
    for number in range(count):
        last = net.conv(last, 8 + 4 * number, kernel=5, stride=4 if number < 2 else 2)
    return net.model(dim=24, levels=3)


@needs_gcc
@pytest.mark.parametrize("layers", [None, 2, 3])
def test_the_state_size_is_exact(layers, folder, tmp_path):
    """The declared memory is taken and one byte less is refused, at every rate and hop."""
    model = convolutions(layers) if layers else edge_like()
    if layers:
        folder = tmp_path / "export"
        export_c.export(folder, model, fs=FS, hop=HOP, gain=GAIN, block=64)
    core = export_c._core_module()
    model = core.Model(model.to_bytes(), "scalar")
    configs = [
        (round(fs * 1000), round(hop * 128))
        for fs in (50, 125, 127.773, 130, 250, 360, 512, 1000, 4000)
        for hop in (0.1, 1, 10, 30)
    ]
    rows = [f"{{ {fs}u, {hop}u, {core.device_plan(model, fs, hop, 64)[0]}u }}" for fs, hop in configs]
    text = """
        #include <stdio.h>
        #include "edgeecg_model.h"
        static const unsigned cases[][3] = {{ {} }};
        static uint64_t memory[1 << 17];
        int main(void)
        {{
            for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {{
                ee_config config = EE_CONFIG;
                config.fs_mhz = cases[i][0];
                config.hop = cases[i][1];
                printf("%d%d ", ee_init(&edgeecg_model, &config, memory, EE_STREAM_BYTES + cases[i][2]) != NULL,
                       ee_init(&edgeecg_model, &config, memory, EE_STREAM_BYTES + cases[i][2] - 1) != NULL);
            }}
            return 0;
        }}""".format(", ".join(rows))
    assert compile_program(folder, tmp_path, text).split() == ["10"] * len(configs)
    declared = re.search(r"STATE_SIZE \(EE_STREAM_BYTES \+ (\d+)u\)", (folder / "include/edgeecg_model.h").read_text())
    assert int(declared[1]) == core.device_plan(model, FS * 1000, round(HOP * 128), 64)[0]


def test_the_command_writes_the_bundled_model(tmp_path, capsys):
    assert main(["export-c", str(tmp_path / "new" / "folder"), "--fs", "512"]) == 0
    names = {
        p.relative_to(tmp_path / "new" / "folder").as_posix()
        for p in (tmp_path / "new" / "folder").rglob("*")
        if p.is_file()
    }
    assert {
        "include/edgeecg_model.h",
        "src/edgeecg_model.c",
        "include/edgeecg.h",
        "include/edgeecg_config.h",
        "example.c",
        "CMakeLists.txt",
        "README.md",
        "LICENSE",
    } <= names
    assert {
        "library.properties",
        "library.json",
        "zephyr/module.yml",
        "idf_component.yml",
        "examples/Stream/Stream.ino",
    } <= names
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


def test_files_that_are_not_of_an_export_are_not_replaced(tmp_path, monkeypatch):
    (tmp_path / "LICENSE").write_text("mine")
    with pytest.raises(
        InputError, match="LICENSE is not of an export, and would be replaced: give a folder of its own"
    ):
        export_c.export(tmp_path, plain(), fs=128)
    assert [p.name for p in tmp_path.iterdir()] == ["LICENSE"] and (tmp_path / "LICENSE").read_text() == "mine"
    (tmp_path / "LICENSE").unlink()
    (tmp_path / "mine.c").write_text("")
    write, written = export_c.write_atomically, []

    def interrupted(path, content):
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(path)
        write(path, content)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(export_c, "write_atomically", interrupted)
        export_c.export(tmp_path, plain(), fs=128)
    again = export_c.export(tmp_path, plain(), fs=128)
    assert len(again) > 20 and all(path.exists() for path, _ in again) and (tmp_path / "mine.c").exists()


def test_bad_calls_end_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is not a folder"):
        export_c.export(tmp_path / "file")
    with pytest.raises(InputError, match="prefix of C symbols"):
        export_c.export(tmp_path / "x", name="two words")
    with pytest.raises(InputError, match="multiple of 32"):
        export_c.export(tmp_path / "x", block=48)
    for name in (
        "stream",
        "Kernels",
        "edgeecg",
        "edgeecg_config",
        "int",
        "class",
        "main",
        "ee_init",
        "uint8_t",
        "NULL",
        "stdint",
        "memset",
        "Arduino",
    ):
        with pytest.raises(InputError, match=f"--name {name} is a name of the C core or of the language"):
            export_c.export(tmp_path / "x", plain(), name=name, fs=128)
    assert not (tmp_path / "x").exists()
    export_c.export(tmp_path / "x", plain(), name="mine", fs=128)
    with pytest.raises(InputError, match="--name Mine differs from the folder's model mine in capitals alone"):
        export_c.export(tmp_path / "x", plain(), name="Mine", fs=128, model_only=True)
    with pytest.raises(InputError, match="128 Hz"):
        export_c.export(tmp_path / "x", plain(), fs=250)


@needs_gcc
def test_the_examples_of_the_ports_compile_against_stand_ins(folder, tmp_path):
    """Their own toolchains are not here: what the examples use of them is declared, the rest is compiled in earnest."""
    (tmp_path / "zephyr").mkdir()
    (tmp_path / "zephyr/kernel.h").write_text(
        "struct k_timer { int x; };\nstruct q { int x; };\n#define K_NO_WAIT 0\n#define K_FOREVER 0\n#define "
        "K_USEC(x) (x)\n"
        "#define ARG_UNUSED(x) (void)(x)\n#define K_MSGQ_DEFINE(n, a, b, c) static struct q n\n"
        "#define K_TIMER_DEFINE(n, f, g) static void (*n##_f)(struct k_timer *) = f; static struct k_timer n\n"
        "int k_msgq_put(struct q *, const void *, int);\nint k_msgq_get(struct q *, void *, int);\n"
        "void k_timer_start(struct k_timer *, unsigned long long, unsigned long long);\nvoid printk(const char *, "
        "...);\n"
    )
    (tmp_path / "freertos").mkdir()
    (tmp_path / "freertos/FreeRTOS.h").write_text("typedef unsigned TickType_t;\n#define configTICK_RATE_HZ 1000u\n")
    (tmp_path / "freertos/task.h").write_text(
        "TickType_t xTaskGetTickCount(void);\nvoid vTaskDelayUntil(TickType_t *, TickType_t);\n"
    )
    sketch = tmp_path / "sketch.cpp"
    sketch.write_text(
        "#include <stdint.h>\n#include <stddef.h>\nstruct S { void begin(long); void write(const uint8_t *, size_t); "
        "} Serial;\n"
        "uint32_t micros(); int analogRead(int); const int A0 = 0;\n"
        + (folder / "examples/Stream/Stream.ino").read_text()
    )
    flags = [
        "-Wall",
        "-Wextra",
        "-Werror",
        f"-I{folder}/include",
        f"-I{tmp_path}",
        "-o",
        "/dev/null",
        "-c",
    ]
    for source in (folder / "samples/stream/src/main.c", folder / "examples/esp_idf/main/main.c"):
        subprocess.run(["gcc", "-std=gnu99", "-Wno-unused-variable", *flags, str(source)], check=True)
    if shutil.which("g++"):
        subprocess.run(["g++", "-std=c++17", *flags, str(sketch)], check=True)


@needs_gcc
def test_the_gain_of_c_is_that_of_python(folder, tmp_path):
    gains = [
        (num, den)
        for num in (1, 3, 200, 999, 1000, 1024, 8000, 8001, 16383, 1 << 24, (1 << 32) - 1)
        for den in (1, 2, 3, 7, 4096, 1 << 31)
    ]
    rows = ", ".join(f"{{ {num}u, {den}u }}" for num, den in gains)
    text = """
        #include <stdio.h>
        #include "edgeecg.h"
        static const uint32_t gains[][2] = {{ {} }};
        int main(void)
        {{
            for (unsigned i = 0; i < sizeof gains / sizeof *gains; i++) {{
                ee_config config = {{ 0, 0, 0, 0, 0, 0 }};
                if (ee_set_gain(&config, gains[i][0], gains[i][1]))
                    printf("%u %u %d\\n", i, (unsigned)config.mult, (int)config.shift);
            }}
            return 0;
        }}""".format(rows.replace("\n", " "))
    got = [tuple(map(int, line.split())) for line in compile_program(folder, tmp_path, text).splitlines()]
    assert {i for i, *_ in got} == {i for i, (num, den) in enumerate(gains) if den <= 4 * num and num <= den << 24}
    for i, mult, shift in got:
        assert (mult, shift) == exact_multiplier(*gains[i])


def exact_multiplier(num, den):
    """docs/numerics.md section 1 in exact fractions: floor(scale * 2^(15 - e) + 0.5), e = floor(log2(scale))."""
    scale, shift = Fraction(8000 * den, num), 15
    while scale >= 2:
        scale, shift = scale / 2, shift - 1
    while scale < 1:
        scale, shift = scale * 2, shift + 1
    return int(scale * 2**15 + Fraction(1, 2)), shift
