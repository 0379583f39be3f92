"""The C core compiled in every way that the tests need: hosts and devices, sanitizers, coverage, other processors.

Objects are kept under .cache/csrc and compiled anew only where what the preprocessor sees of them has changed.
"""

import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CSRC = Path(os.environ.get("EDGEECG_CSRC", ROOT / "csrc"))
"""The sources; tools/mutate_c.py names a copy with a planted fault."""
CACHE = Path(os.environ.get("EDGEECG_CSRC_CACHE", ROOT / ".cache/csrc"))
COUNTING = bool(os.environ.get("EDGEECG_COUNT_BRANCHES"))
"""tools/c_coverage.py: this processor's builds count branches instead of looking for errors."""
CC = "clang-14" if COUNTING else "gcc"
COUNT = ("-fprofile-instr-generate", "-fcoverage-mapping", "-Wno-pass-failed")
SANITIZE = (
    COUNT if COUNTING else ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
)
DEVICE = ("-DEE_NO_HOST=1",)
M55 = ROOT / "csrc/test/m55"
BOARD = ("qemu-system-arm -machine mps3-an547 -nographic -monitor none -serial null -semihosting-config").split()


@dataclass(frozen=True)
class Build:
    """How the core is compiled. `runner`: the emulator of a processor that this one is not. `kernels`: those that it
    has beside the portable ones. `changes`: {file: [(text, other text)]} of the sources.
    """

    name: str
    compiler: str = CC
    flags: tuple = ()
    link: tuple = ()
    runner: tuple = ()
    kernels: tuple = ()
    optimize: str = "-O1"
    optimize_x86: str = "-O0"  # intrinsics take ten times as long to optimize as to compile
    start: tuple = ()
    changes: tuple = ()

    @property
    def is_device(self) -> bool:
        return "-DEE_NO_HOST=1" in self.flags

    def missing(self) -> str | None:
        """A program that is not installed."""
        return next((tool for tool in (self.compiler, *self.runner[:1]) if shutil.which(tool) is None), None)


AS_EVEX = (  # the kernels of AVX-VNNI by the same instruction of AVX-512
    ("src/host/x86/avxvnni.c", '"avx2,fma,avxvnni"', '"avx2,fma,avx512vnni,avx512vl"'),
    ("src/host/x86/avxvnni.c", "_mm256_dpbusd_avx_epi32", "_mm256_dpbusd_epi32"),
    ("src/host/dispatch.c", "return has_avx2() && __get_cpuid_count", "return has_avx512vnni() || __get_cpuid_count"),
)
PLACE = "else end += ee_buffer_bytes(&buffer)"
ZONES = (("src/model_file/trunk_plan.c", f"{PLACE};", f"{PLACE} + 64;"),)
RED_ZONES = ("-include", str(ROOT / "csrc/test/red_zones.h"))
"""Space between the arrays of a stream, and behind its tensors, that nothing may write."""
BUILDS = {
    build.name: build
    for build in (
        Build("host", flags=SANITIZE, link=SANITIZE, kernels=("avx2", "avx512-vnni")),
        Build("device", flags=(*SANITIZE, *DEVICE), link=SANITIZE),
        Build("native", flags=COUNT if COUNTING else (), link=COUNT if COUNTING else (), optimize_x86="-O1"),
        Build("zones", flags=(*SANITIZE, *RED_ZONES), link=SANITIZE, kernels=("avx2", "avx512-vnni"), changes=ZONES),
        Build("device-zones", flags=(*SANITIZE, *DEVICE, *RED_ZONES), link=SANITIZE, changes=ZONES),
        Build(
            "evex",
            flags=COUNT if COUNTING else (),
            link=COUNT if COUNTING else (),
            kernels=("avx-vnni",),
            changes=AS_EVEX,
            optimize_x86="-O1",
        ),
        Build("dsp", "arm-linux-gnueabihf-gcc", ("-mthumb", *DEVICE), ("-static",), ("qemu-arm",), optimize="-O2"),
        Build(
            "mve",
            "arm-none-eabi-gcc",
            ("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard", *DEVICE),
            ("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard", "--specs=rdimon.specs", f"-T{M55 / 'image.ld'}"),
            (*BOARD, "enable=on,target=native", "-kernel"),
            optimize="-O2",
            start=(M55 / "start.c",),
        ),
        Build(
            "aarch64",
            "aarch64-linux-gnu-gcc",
            (),
            ("-static",),
            ("qemu-aarch64",),
            ("neon", "neon-dotprod"),
            "-O2",
        ),
    )
}


def run(*command, **options) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{(done.stdout + done.stderr)[-5000:]}")
    return done.stdout


def compile_file(build: Build, source: Path, include: Path, extra=()) -> Path:
    """Its object, compiled where the cache has none of the same text."""
    optimize = build.optimize_x86 if "x86" in source.parts else build.optimize
    flags = ["-std=gnu11", "-g", *build.flags, *extra]
    seen = run(build.compiler, *flags, f"-I{include}", "-E", "-P", source)
    key = hashlib.sha256("\0".join([build.compiler, optimize, *flags, source.name, seen]).encode())
    target = CACHE / f"{source.stem}-{key.hexdigest()[:24]}.o"
    if not target.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(f".{os.getpid()}.o")
        run(build.compiler, *flags, f"-I{include}", *optimize.split(), "-ffp-contract=off", "-c", source, "-o", part)
        part.replace(target)
    return target


def compile_all(build: Build, sources: list[Path], include: Path, extra=()) -> list[Path]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda source: compile_file(build, source, include, extra), sources))


def link(build: Build, objects: list[Path], libraries=()) -> Path:
    """The program of these objects."""
    key = hashlib.sha256("\0".join([build.compiler, *build.link, *libraries, *map(str, objects)]).encode())
    target = CACHE / f"{objects[0].stem.partition('-')[0]}-{key.hexdigest()[:24]}"
    if not target.exists():
        part = target.with_suffix(f".{os.getpid()}")
        run(build.compiler, *build.link, *objects, *libraries, "-o", part)
        part.replace(target)
    return target


def changed(changes, folder: Path) -> Path:
    """A copy of csrc/ with these changes of its text."""
    for part in ("include", "src", "test"):
        shutil.copytree(CSRC / part, folder / part)
    for name, old, new in changes:
        text = (folder / name).read_text()
        assert old in text, f"{name} has no {old}"
        (folder / name).write_text(text.replace(old, new))
    return folder


@functools.cache
def program(build: Build, main: str) -> Path:
    """csrc/test/`main` with the core of csrc/, built where a source changed; skips the test without the tools."""
    tool = build.missing()
    if tool is not None:
        pytest.skip(f"needs {tool}: see .ci/run for its Debian package")
    with tempfile.TemporaryDirectory() as folder:
        root = changed(build.changes, Path(folder)) if build.changes else CSRC
        sources = [root / "test" / main, *build.start, *sorted((root / "src").rglob("*.c"))]
        return link(build, compile_all(build, sources, root / "include"))


def exported_program(build: Build, folder: Path, main: str, model: str = "edgeecg_model") -> Path:
    """csrc/test/`main` with the core and the model of an exported folder."""
    shutil.copytree(CSRC / "test", folder / "test", dirs_exist_ok=True)
    for part in ("core", "device") if CSRC != ROOT / "csrc" else ():
        shutil.copytree(CSRC / "src" / part, folder / "src" / part, dirs_exist_ok=True)
    sources = [folder / "test" / main, *build.start, *sorted((folder / "src").rglob("*.c"))]
    return link(build, compile_all(build, sources, folder / "include", (f"-DEE_SERVER_MODEL={model}",)))
