"""`python -m benchmarks.firmware.heads`: the ready heads on every emulated core: the same bytes, and what they cost."""

import dataclasses
import subprocess
import tempfile
import zlib
from pathlib import Path

import numpy as np

from edgeecg import export_c, heads
from edgeecg.heads.head import UNREADABLE, Verdicts

from . import build

WINDOWS = 60
HEADER = "| core | head | bytes | instructions a window | code of heads | CRC |\n|---|---|--:|--:|--:|---|"


def chosen() -> list[heads.Head]:
    """The ready heads, and one of them with smoothing."""
    rhythm = heads.load("rhythm")
    smooth = dataclasses.replace(rhythm, name="smooth", smoothing=heads.Smoothing(3, 5, 2))
    return [rhythm, heads.load("ectopy"), heads.load("usable"), smooth]


def inputs() -> tuple[np.ndarray, np.ndarray]:
    """Embeddings of any size, and quality flags."""
    rng = np.random.default_rng(0)
    e16 = rng.integers(-32767, 32768, (WINDOWS, 128)) // rng.choice([1, 8, 60], (WINDOWS, 1))
    return e16.astype(np.int16), rng.choice([0, 0, 0, 0, 1, 4, 8, 16], WINDOWS).astype(np.uint8)


def expected(head: heads.Head) -> int:
    """The CRC by the specification."""
    e16, quality = inputs()
    verdicts, words = Verdicts(head), []
    for p, q in zip(head.probabilities(e16), quality.tolist(), strict=True):
        words += [*p.tolist(), as_bits(verdicts.one(p, q))]
    return zlib.crc32(np.array(words, "<u4").tobytes())


def as_bits(verdict: np.ndarray) -> int:
    """A verdict of Python as the core has it."""
    if np.all(verdict == UNREADABLE):
        return 1 << 31
    positive = np.flatnonzero(verdict == 1) if verdict.ndim else [int(verdict)] if verdict >= 0 else []
    return sum(1 << int(i) for i in positive)


def write_cases(folder: Path, found: list[heads.Head]) -> list[Path]:
    """head_cases.c beside the exported core and its heads; returns the C files that are no part of the core."""
    export_c.export(folder / "export", heads=found)
    e16, quality = inputs()
    rows = ",\n".join("{ " + ", ".join(map(str, row)) + " }" for row in e16.tolist())
    symbols = [f"edgeecg_model_{head.name}" for head in found]
    entries = ", ".join(f'{{ "{head.name}", &{one} }}' for head, one in zip(found, symbols, strict=True))
    (folder / "head_cases.c").write_text(
        '#include "head_cases.h"\n'
        + "".join(f'#include "{one}.h"\n' for one in symbols)
        + f"const head_case head_cases[] = {{ {entries} }};\n"
        + f"const int16_t embeddings[][128] = {{\n{rows}\n}};\n"
        + f"const uint8_t qualities[] = {{ {', '.join(map(str, quality.tolist()))} }};\n"
        + f"const uint32_t head_count = {len(found)}, embedding_count = {WINDOWS};\n"
    )
    return [folder / "head_cases.c", *(folder / f"export/src/{one}.c" for one in symbols)]


def measure(core: build.Core, folder: Path) -> list[tuple[str, int, int, int]]:
    """(head, CRC, instructions a window, bytes of code of the core's heads) of each head."""
    sources = write_cases(folder, chosen())
    flags = [*core.flags, *build.SIZE, "-Os", f"-I{folder}/export/include", f"-I{build.HERE}"]
    flags.append(f"-DPORT_CLOCK_MHZ={core.clock}u")
    archive, code = folder / "libheads.a", folder / "core_classifier.o"
    build.command([core.compiler, *flags, *build.WARNINGS, "-c", folder / "export/src/core/classifier.c", "-o", code])
    build.command([core.compiler.replace("-gcc", "-ar"), "rcs", archive, code])
    image = build.link(
        core, flags, [build.HERE / "head_runner.c", build.HERE / core.port, *sources], archive, folder / "heads.elf"
    )
    text = build.command([core.compiler.replace("-gcc", "-size"), code]).splitlines()[1].split()[0]
    call = [core.emulator[0], *(build.ICOUNT if core.counted else ()), *core.emulator[1:], str(image)]
    done = subprocess.run(call, capture_output=True, text=True, timeout=120, check=False)
    lines = [line.split() for line in (done.stdout + done.stderr).splitlines()]
    return [(name, int(crc), int(count), int(text)) for name, crc, count in lines]


def main() -> int:
    print(HEADER)
    good = True
    for name, core in build.CORES.items():
        if build.missing_tools(core):
            print(f"| {name} | not run: {', '.join(build.missing_tools(core))} not installed | | | | |")
            continue
        with tempfile.TemporaryDirectory() as folder:
            found = {row[0]: row for row in measure(core, Path(folder))}
        for head in chosen():
            _, crc, count, code = found.get(head.name, ("", 0, 0, 0))
            equal = crc == expected(head)
            good &= equal
            spent = count if core.counted else "-"
            size = len(heads.to_bytes(head))
            print(f"| {name} | {head.name} | {size} | {spent} | {code} | {'equal' if equal else 'DIFFERENT'} |")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
