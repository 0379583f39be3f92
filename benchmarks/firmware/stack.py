"""The worst-case stack of the core, from the compiler's call graph (-fcallgraph-info=su): the
watermark's upper bound.
"""

import re
from pathlib import Path

ENTRIES = ("ee_init", "ee_reset", "ee_push_i16", "ee_push_i32", "ee_flush", "ee_get_result", "ee_delay")
# Frames that the compiler does not know: functions in assembly push ten registers, and the compiler's library is
# compiled elsewhere.
NAKED = {"rows_of_1": 40, "rows_of_2": 40}
LIBRARY = 48  # bytes that a function of the compiler's or the C library may take: memset, divisions, 64-bit products

NODE = re.compile(r'node: \{ title: "([^"]*)" label: "([^"]*)"')
EDGE = re.compile(r'edge: \{ sourcename: "([^"]*)" targetname: "([^"]*)"')


def call_graph(folder: Path) -> tuple[dict[str, int], dict[str, set]]:
    """(bytes of each function's frame, the functions that each one calls) of the core compiled in `folder`."""
    frames, calls = {}, {}
    for path in sorted(folder.glob("*.ci")):
        text = path.read_text()
        for title, label in NODE.findall(text):
            size = re.search(r"(\d+) bytes \((static|dynamic,bounded)[^)]*\)", label)
            if size:
                frames[title] = int(size[1]) + NAKED.get(title.split(":")[-1], 0)
            elif "bytes (" in label:
                raise ValueError(f"the frame of {title} is not bounded: {label}")
        for caller, called in EDGE.findall(text):
            calls.setdefault(caller, set()).add(called)
    return frames, calls


def worst_case(folder: Path) -> tuple[int, list[str]]:
    """(bytes, functions of the deepest chain) below a caller of the public functions. ValueError: recursion, or a call
    whose target the compiler does not know.
    """
    frames, calls = call_graph(folder)
    known: dict[str, tuple[int, list[str]]] = {}

    def below(name: str, above: tuple) -> tuple[int, list[str]]:
        if name in above:
            raise ValueError(f"recursion: {' -> '.join((*above, name))}")
        if name == "__indirect_call":
            raise ValueError(f"{above[-1]} calls through a pointer")
        if name not in known:
            deepest = max((below(c, (*above, name)) for c in calls.get(name, ())), default=(0, []))
            known[name] = (frames.get(name, LIBRARY) + deepest[0], [name, *deepest[1]])
        return known[name]

    return max(below(name, ()) for name in ENTRIES if name in frames)
