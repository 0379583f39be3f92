"""`python -m benchmarks.firmware`: every emulated core runs every case; one table, and docs/results/firmware.md with
--write.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from . import build, nets, stack

HEADER = (
    "| core | net M1: instructions | per MAC | per MAC, block 64 | default: window | 1 s at hop 1 s | 1 s : window "
    "| code | flash | RAM M1, 10 s | RAM 10 s | RAM 10 s, 1000 Hz | RAM 1 s | stack | stack, worst | CRC |"
)
COLUMNS = HEADER.count("|") - 1


def main() -> int:
    """Build, run, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.firmware", description=__doc__)
    parser.add_argument("--core", action="append", choices=build.CORES, help="only this one (may be repeated)")
    parser.add_argument("--write", metavar="FILE", help="write the table there too")
    args = parser.parse_args()
    rows, good = [], True
    for name in args.core or build.CORES:
        core = build.CORES[name]
        missing = build.missing_tools(core)
        if missing:
            rows.append(f"| {name} | not run: {', '.join(missing)} not installed |" + " |" * (COLUMNS - 2))
            continue
        print(f"{name} ...", file=sys.stderr, flush=True)
        row, equal = measure(core)
        rows.append(row)
        good &= equal
    text = "\n".join([HEADER, "|---" * COLUMNS + "|", *rows])
    print(text)
    if args.write:
        Path(args.write).write_text(introduction() + text + "\n")
    return 0 if good else 1


def measure(core) -> tuple[str, bool]:
    """(row of the table, whether every CRC is Python's)."""
    lines, sizes, macs, worst = {}, {}, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for which in core.images:
            cases = nets.standard_cases(which, small=core.small)
            image = build.build(core, cases, Path(folder) / which)
            smallest = image.with_name("smallest.elf")
            sizes[which] = build.sizes(core, smallest if smallest.exists() else image)
            worst = max(worst, stack.worst_case(image.parent)[0])
            for line in build.run(core, image):
                lines[which, line.name] = line
            if which == "m1":
                macs = cases[0].model.macs
    verdicts = [line.verdict for line in lines.values()]
    equal = all(verdict == "equal" for verdict in verdicts)
    m1, window, second = (lines.get(key) for key in (("m1", "window"), ("default", "window"), ("default", "stream-1s")))
    ten, m1_ten, fast = (
        lines.get(("default", "stream-10s")),
        lines.get(("m1", "stream-10s")),
        lines.get(("default", "rate-1000")),
    )
    count = core.counted
    cells = [
        core.name,
        f"{m1.instructions:,}" if m1 and count else "-",
        f"{m1.instructions / macs:.3f}" if m1 and count else "-",
        f"{lines['m1', 'block-64'].instructions / macs:.3f}" if m1 and count else "-",
        f"{window.instructions:,}" if window and count else "-",
        f"{second.steady:,}" if second and count else "-",
        f"1 : {window.instructions / second.steady:.1f}" if window and second and count else "-",
        f"{sizes['default']['core'] + sizes['default']['library']:,}" if sizes["default"]["core"] else "-",
        f"{sum(sizes['default'].values()):,}" if sizes["default"]["core"] else "-",
        *(f"{line.state + line.stack:,}" if line and line.stack else "-" for line in (m1_ten, ten, fast, second)),
        *((f"{max(line.stack for line in lines.values()):,}", f"{worst:,}") if window and window.stack else "--"),
        f"{verdicts.count('equal')} of {len(verdicts)} equal",
    ]
    return "| " + " | ".join(cells) + " |", equal


def introduction() -> str:
    """What stands above the table in the document."""
    model = nets.net_default()
    return f"""# The firmware on emulated cores

`make firmware` (`python -m benchmarks.firmware --write docs/results/firmware.md`) printed this. Default encoder:
{model.name}, {model.macs / 1e6:.2f} M multiply-accumulates a window; net M1: 1.70 M. Each is exported with `edgeecg
export-c` and compiled with the core of that folder. Instructions are those executed inside `ee_push_i16` and
`ee_flush`, counted exactly (QEMU `-icount`, SysTick or `minstret`). The window is 10 s at 128 Hz from first sample to
embedding; "1 s at hop 1 s" is the mean over the steady part of a stream at 250 Hz, resampled on the device. Code:
what an application that pushes int16 samples links of the core, with what that takes from the compiler's library;
flash: code and model. RAM: the stream's state and the stack below the caller by watermark, at 250 Hz (M1: 128 Hz);
"worst" is the stack of the deepest chain of the compiler's call graph. CRC: over start, flags, int16 and int8
embeddings of every window of every case (60 s of a real recording at 360 Hz, eleven device rates and the bundled
model's golden vectors among them), equal to Python's. Block 64: `ee_config.block`, the samples that the network takes
at once (32 otherwise). "M0+ code" is compiled for it and runs on the M3 machine, which can count.

"""


if __name__ == "__main__":
    sys.exit(main())
