"""Compiles an image for an emulated core and runs it."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgeecg import _core, export_c

from . import nets

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CSRC = ROOT / "csrc"
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Werror"]
# -fno-schedule-insns: GCC's scheduler before register allocation spills the kernels' accumulators.
SIZE = ["-std=c99", "-ffreestanding", "-ffunction-sections", "-fdata-sections", "-DEE_NO_HOST", "-fno-schedule-insns"]
STACK_BYTES = 8192
MISSING = -(2**31)


@dataclass(frozen=True)
class Core:
    """A processor, the compiler for it, and the machine that emulates it."""

    name: str
    compiler: str
    flags: tuple
    emulator: tuple
    port: str
    flash: tuple = (0, 4 << 20)
    ram: tuple = (0x20000000, 4 << 20)
    clock: int = 25  # MHz of the board's SysTick
    counted: bool = True
    small: bool = False  # of the cases only those that fit 256 KB of flash and 16 KB of RAM
    images: tuple = ("m1", "default")
    optimize: str = "-O2"
    link: tuple = field(default=())


def arm(name, cpu, machine, **options):
    """A Cortex-M."""
    flags = (f"-mcpu={cpu}", "-mthumb", *options.pop("flags", ()))
    emulator = ("qemu-system-arm", "-machine", machine, *SEMIHOSTING)
    return Core(name, "arm-none-eabi-gcc", flags, emulator, "port_cortex_m.c", **options)


SEMIHOSTING = (
    "-nographic",
    "-monitor",
    "none",
    "-serial",
    "null",
    "-semihosting-config",
    "enable=on,target=native",
    "-kernel",
)
ICOUNT = ("-icount", "shift=6,align=off,sleep=off")
HARD = ("-mfloat-abi=hard",)
CORES = {
    core.name: core
    for core in (
        arm(
            "M0",
            "cortex-m0",
            "microbit",
            flash=(0, 256 << 10),
            ram=(0x20000000, 16 << 10),
            counted=False,
            small=True,
            images=("default",),
        ),
        arm("M0+ code", "cortex-m0plus", "mps2-an385"),
        arm("M3", "cortex-m3", "mps2-an385"),
        arm("M4F", "cortex-m4", "mps2-an386", flags=(*HARD, "-mfpu=fpv4-sp-d16")),
        arm("M7", "cortex-m7", "mps2-an500", flags=(*HARD, "-mfpu=fpv5-sp-d16")),
        arm(
            "M33",
            "cortex-m33",
            "mps2-an505",
            flags=(*HARD, "-mfpu=fpv5-sp-d16"),
            flash=(0x10000000, 4 << 20),
            ram=(0x38000000, 2 << 20),
            clock=20,
        ),
        arm(
            "M55",
            "cortex-m55",
            "mps3-an547",
            flags=HARD,
            flash=(0, 512 << 10),
            ram=(0x20000000, 256 << 10),
            clock=32,
            optimize="-O3",
        ),
        Core(
            "RV32",
            "riscv64-unknown-elf-gcc",
            ("-march=rv32imac", "-mabi=ilp32"),
            ("qemu-system-riscv32", "-machine", "virt", "-bios", "none", *SEMIHOSTING),
            "port_rv32.c",
        ),
        Core("aarch64", "aarch64-linux-gnu-gcc", (), ("qemu-aarch64",), "port_posix.c", counted=False),
        Core("armhf", "arm-linux-gnueabihf-gcc", (), ("qemu-arm",), "port_posix.c", counted=False),
    )
}


def missing_tools(core: Core) -> list[str]:
    """The programs that are not installed."""
    return [tool for tool in (core.compiler, core.emulator[0]) if shutil.which(tool) is None]


def command(args, **options):
    """Run it; what it said is the error where it fails."""
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, **options, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, args))}\n{done.stdout}{done.stderr}")
    return done.stdout


def c_array(name: str, ctype: str, values, section: str = "") -> str:
    """A const array in C."""
    rows = [", ".join(map(str, values[i : i + 32])) for i in range(0, len(values), 32)]
    where = f'__attribute__((section("{section}"), aligned(16))) ' if section else ""
    return f"{where}static const {ctype} {name}[{len(values)}] = {{\n" + ",\n".join(rows) + "\n};\n"


def write_cases(cases, folder: Path, exported: bool) -> list[Path]:
    """cases.c: the models, the samples, and Python's CRCs; returns the C files, of exported models theirs too.

    exported: each model becomes constants in folder/export, with the core that is left of csrc/ for them. Otherwise the
    image holds `.eecg` files, which the core of csrc/ checks.
    """
    text, models, rows, sources = '#include "cases.h"\n', {}, [], [folder / "cases.c"]
    for i, case in enumerate(cases):
        data, block = case.model.to_bytes(), case.block or 32
        fs, hop, mult, shift = case.config
        arrays = _core.device_plan(_core.Model(data, "scalar"), fs, hop, block)[0]
        key = (data, block if exported else 0)
        if key not in models:
            name = f"model_{len(models)}"
            models[key] = (f"&{name}", 0) if exported else (name, len(data))
            if exported:
                export_c.export(
                    folder / "export",
                    case.model,
                    name,
                    case.fs,
                    case.hop,
                    nets.GAIN,
                    block,
                    model_only=bool(sources[1:]),
                )
                text += f'#include "{name}.h"\n'
                sources.append(folder / f"export/src/{name}.c")
            else:
                text += c_array(name, "uint8_t", list(data), ".model")
        wide = case.x.dtype == np.int32
        text += c_array(
            f"x_{i}", "int32_t" if wide else "int16_t", ["INT32_MIN" if v == MISSING else v for v in case.x.tolist()]
        )
        crc, results = case.expected()
        model, size = models[key]
        samples = f"NULL, x_{i}" if wide else f"x_{i}, NULL"
        values = (model, size, arrays, samples, len(case.x), fs, hop, mult, shift, case.block, f"{crc}u", results)
        rows.append(f'    {{ "{case.name}", {", ".join(map(str, values))} }},')
    text += "const run_case cases[] = {\n" + "\n".join(rows) + f"\n}};\nconst uint32_t case_count = {len(cases)};\n"
    sources[0].write_text(text)
    return sources


def core_files(folder: Path, exported: bool) -> tuple[list[Path], Path]:
    """(C files of the core, folder of its public headers): of the exported folder, or all that a device may
    compile of csrc/.
    """
    root = folder / "export" if exported else CSRC
    parts = ("core", "device") if exported else ("core", "device", "model_file")
    return sorted(path for part in parts for path in (root / "src" / part).glob("*.c")), root / "include"


def build(core: Core, cases, folder: Path, exported: bool = True) -> Path:
    """The image of `cases`: folder/image.elf. The core is compiled as a user would, with warnings as errors."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = write_cases(cases, folder, exported)
    state_bytes = 12 << 10 if core.small else 32 << 10
    core_sources, include = core_files(folder, exported)
    flags = [
        *core.flags,
        *SIZE,
        core.optimize,
        f"-I{include}",
        f"-I{HERE}",
        f"-DSTATE_BYTES={state_bytes}",
        f"-DPORT_CLOCK_MHZ={core.clock}u",
    ]
    objects = []
    for source in core_sources:
        objects.append(folder / f"{source.parent.name}_{source.stem}.o")
        speed = core.optimize if source.parent.name == "device" else "-Os"  # kernels for speed, the rest for size
        command(
            [
                core.compiler,
                *flags,
                speed,
                *WARNINGS,
                "-fstack-usage",
                "-fcallgraph-info=su",
                "-c",
                source,
                "-o",
                objects[-1],
            ]
        )
    archive = folder / "libedgeecg.a"
    archive.unlink(missing_ok=True)
    command([core.compiler.replace("-gcc", "-ar"), "rcs", archive, *objects])
    if exported and core.port != "port_posix.c":
        link(
            core,
            flags,
            [HERE / "smallest.c", HERE / core.port, folder / "export/src/model_0.c"],
            archive,
            folder / "smallest.elf",
        )
    return link(core, flags, [HERE / "runner.c", HERE / core.port, *sources], archive, folder / "image.elf")


def link(core: Core, flags: list, sources: list, archive: Path, image: Path) -> Path:
    """The image: what the core is linked with is compiled apart, so that the linker's script can tell the models by
    their names.
    """
    hosted = core.port == "port_posix.c"
    flags = [f for f in flags if not hosted or f not in ("-ffreestanding", "-std=c99")]
    objects = []
    for source in sources:
        objects.append(image.parent / f"{source.stem}.o")
        command([core.compiler, *flags, "-c", source, "-o", objects[-1]])
    if hosted:
        command([core.compiler, *flags, "-static", *objects, archive, "-o", image])
        return image
    script = HERE / ("rv32.ld" if core.port == "port_rv32.c" else "cortex_m.ld")
    places = {
        "FLASH_ORIGIN": core.flash[0],
        "FLASH_SIZE": core.flash[1],
        "RAM_ORIGIN": core.ram[0],
        "RAM_SIZE": core.ram[1],
    }
    places["STACK_SIZE"] = 3072 if core.small else STACK_BYTES
    symbols = [f"-Wl,--defsym={name}={value}" for name, value in places.items()]
    command(
        [
            core.compiler,
            *flags,
            "-nostdlib",
            f"-T{script}",
            *symbols,
            "-Wl,--gc-sections",
            f"-Wl,-Map={image}.map",
            *objects,
            archive,
            *([] if script.name == "rv32.ld" else ["-lc"]),
            "-lgcc",
            "-o",
            image,
        ]
    )
    return image


def sizes(core: Core, image: Path) -> dict:
    """Bytes of flash: code of the core, of the compiler's library, and the model."""
    out = command([core.compiler.replace("-gcc", "-size"), "-A", image])
    found = dict(re.findall(r"^\.(core|library|model)\s+(\d+)", out, re.M))
    return {name: int(found.get(name, 0)) for name in ("core", "library", "model")}


@dataclass(frozen=True)
class Line:
    """What the runner said of one case."""

    name: str
    results: int
    crc: int
    instructions: int
    last: int
    steady: int  # instructions a result between the last ten results
    state: int
    stack: int
    verdict: str


def run(core: Core, image: Path, timeout: float = 300) -> list[Line]:
    """Run the image in its emulator; a CRC that differs shows in `verdict`."""
    head = [core.emulator[0], *(ICOUNT if core.counted else ()), *core.emulator[1:]]
    done = subprocess.run(
        [*head, str(image)], capture_output=True, text=True, timeout=timeout, env={**os.environ}, check=False
    )
    lines = []
    for text in (done.stdout + done.stderr).splitlines():  # semihosting may write to either
        parts = text.split(maxsplit=8)
        if len(parts) != 9:
            raise RuntimeError(f"{core.name}: {text}")
        lines.append(Line(parts[0], *map(int, parts[1:8]), parts[8]))
    if not lines or done.returncode not in (0, 1):
        raise RuntimeError(f"{core.name}: the emulator ended with {done.returncode}: {done.stdout}{done.stderr}")
    return lines
