"""Damage to recordings: words of text, fields of binary headers, members of archives, and now and then bytes.

Checksums and lengths that would hide the rest are repaired.
"""

import gzip
import io
import re
import struct
import zipfile
import zlib
from random import Random

from tests.fuzz.seeds import Files

WORDS = (
    *(b"nan", b"inf", b"-inf", b"-1", b"0", b"-0", b"1e308", b"1e-320", b"1e23", b"-1e9", b"65536", b"4294967296"),
    *(
        b"9" * 25,
        b"9" * 400,
        b"0x10",
        b"1_000",
        b"+5",
        b"5.5",
        b".",
        b"-",
        b"e",
        b"",
        b" ",
        b"\0",
        b"\xff\xfe",
        b"\xc3",
    ),
    *(b"~", b"..", b"/dev/zero", b"../r.dat", b"r.hea", b"(", b")", b"[", b"]", b"{", b'"', b"'", b"\\", b"%s", b"\r"),
    *(b"mV", b"uV", b"Hz", b"250 Hz", b"ECG", b"time", b"\xc2\xb5V", b"null", b"true", b"NaN", b"1/2", b"10:11:12"),
    *(b"99:99:99", b"2024-02-30", b"0000-00-00", b"9999-12-31 23:59:59", b"&lt;", b"&#0;", b"<a>", b"\xd9\xa3"),
)
NUMBERS = (0, 1, -1, 2, 127, 128, 255, 256, 32767, 32768, 65535, 1 << 30, 2**31 - 1, -(2**31), 2**32 - 1, 2**63 - 1)
REALS = (float("nan"), float("inf"), -1.0, 0.0, 1e308, 5e-324, 1e23)
TOKEN = re.compile(rb"[A-Za-z0-9_.+-]+")
EDF_WIDTHS = (8, 80, 80, 8, 8, 8, 44, 8, 8, 4)
EDF_COLUMNS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)
HEAD = 2000  # where fields are; samples come behind


def place(rng: Random, content: bytes) -> int:
    """Mostly near the beginning, or near the end, where some formats keep their tables."""
    size = len(content)
    if not size:
        return 0
    near = rng.randrange(min(size, HEAD))
    return rng.choice((near, near, size - 1 - near, rng.randrange(size)))


# ---------------------------------------------------------------- text


def word(rng: Random, content: bytes) -> bytes:
    """One word becomes another."""
    found = [match.span() for match in TOKEN.finditer(content[: 4 * HEAD])]
    if not found:
        return content + rng.choice(WORDS)
    first, last = rng.choice(found[: rng.choice((10, 60, len(found)))])
    new = rng.choice((rng.choice(WORDS), content[first:last] * rng.choice((2, 500)), content[last:first:-1]))
    return content[:first] + new + content[last:]


def lines(rng: Random, content: bytes) -> bytes:
    """Lines are dropped, doubled or moved."""
    rows = content.split(b"\n")
    at, other = (rng.randrange(min(len(rows), rng.choice((3, 10, len(rows))))) for _ in range(2))
    kind = rng.randrange(4)
    if kind == 0:
        del rows[at]
    elif kind == 1:
        rows[at:at] = rows[at : at + 1] * rng.choice((1, 3, 300))
    elif kind == 2:
        rows[at], rows[other] = rows[other], rows[at]
    else:
        rows[at] = rows[at][: rng.randrange(len(rows[at]) + 1)]
    return b"\n".join(rows)


def separators(rng: Random, content: bytes) -> bytes:
    """One kind of byte becomes another everywhere."""
    return content.replace(rng.choice((b",", b" ", b"\n", b".", b'"', b":", b"\t", b";")), rng.choice(WORDS), 10_000)


# ---------------------------------------------------------------- binary


def number(rng: Random, content: bytes) -> bytes:
    """A field of one to eight bytes gets a number at an end of some range."""
    form = rng.choice("bBhHiIqQ") if rng.random() < 0.85 else rng.choice("fd")
    size, at = struct.calcsize(form), place(rng, content)
    order = rng.choice("<<<>")
    if form in "fd":
        value = rng.choice(REALS[:4] if form == "f" else REALS)
        packed = struct.pack(order + form, value)
    else:
        packed = (rng.choice(NUMBERS) & ((1 << 8 * size) - 1)).to_bytes(size, "big" if order == ">" else "little")
    return content[:at] + packed + content[at + size :]


def some_bytes(rng: Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 4, 20))):
        if changed:
            changed[place(rng, changed)] = rng.randrange(256)
    return bytes(changed)


def cut(rng: Random, content: bytes) -> bytes:
    return content[: rng.choice((place(rng, content), rng.randrange(len(content) + 1)))]


def piece(rng: Random, content: bytes) -> bytes:
    """A piece is dropped, doubled or put elsewhere."""
    at, to, size = place(rng, content), place(rng, content), rng.choice((1, 2, 4, 16, 100, 1000))
    kept = content if rng.random() < 0.5 else content[:at] + content[at + size :]
    return kept[:to] + content[at : at + size] * rng.choice((0, 1, 1, 50)) + kept[to:]


ANY = (word, word, lines, separators, number, number, some_bytes, cut, piece)


# ---------------------------------------------------------------- formats


def edf_field(rng: Random, content: bytes) -> bytes:
    """A field of fixed width in an EDF header."""
    count = max(1, len(content[:HEAD]) // 256 - 1)
    digits = content[252:256].strip()
    count = int(digits) if digits.isdigit() and 0 < int(digits) < 9 else count
    widths = [*EDF_WIDTHS, *(width for width in EDF_COLUMNS for _ in range(count))]
    index = rng.randrange(len(widths))
    start, width = sum(widths[:index]), widths[index]
    return content[:start] + rng.choice(WORDS)[:width].ljust(width) + content[start + width :]


def member(rng: Random, content: bytes) -> bytes:
    """A member of a zip archive, packed again."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            named = {name: archive.read(name) for name in archive.namelist()}
    except (
        zipfile.BadZipFile,
        ValueError,
        OSError,
        EOFError,
        NotImplementedError,
        RuntimeError,
        struct.error,
        zlib.error,
    ):
        return some_bytes(rng, content)
    if not named:
        return content
    victim = rng.choice(sorted(named))
    named[victim] = rng.choice(ANY)(rng, named[victim])
    if rng.random() < 0.2:
        named[rng.choice(("fs.npy", "x", "../x.npy", "ecg.npy"))] = named[victim]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name, bytes_ in named.items():
            archive.writestr(name, bytes_)
    return stream.getvalue()


def blocks(rng: Random, content: bytes) -> bytes:
    """AliveCor: a number inside a block, its sum right again."""
    changed, at = bytearray(number(rng, content)), 12
    while at + 12 <= len(changed):
        size = int.from_bytes(changed[at + 4 : at + 8], "little")
        if at + 12 + size > len(changed):
            break
        changed[at + 8 + size : at + 12 + size] = struct.pack("<I", sum(changed[at : at + 8 + size]) & 0xFFFFFFFF)
        at += 12 + size
    return bytes(changed)


def inside_gzip(rng: Random, content: bytes) -> bytes:
    try:
        inside = gzip.decompress(content)
    except (OSError, EOFError, ValueError, zlib.error):
        return some_bytes(rng, content)
    return gzip.compress(rng.choice(ANY)(rng, inside), mtime=0)


OWN = {".edf": edf_field, ".bdf": edf_field, ".npz": member, ".atc": blocks, ".gz": inside_gzip}


def mutated(rng: Random, files: Files) -> Files:
    """The files with one to four faults, most of them in the file that is read."""
    changed = dict(files)
    names = list(changed)
    for _ in range(rng.choice((1, 1, 2, 4))):
        name = names[0] if rng.random() < 0.8 else rng.choice(names)
        own = OWN.get(name[name.rfind(".") :])
        change = own if own is not None and rng.random() < 0.5 else rng.choice(ANY)
        changed[name] = change(rng, changed[name])
    if len(changed) > 1 and rng.random() < 0.03:
        del changed[rng.choice(names)]
    if rng.random() < 0.03:
        changed = {rng.choice(("r", "r.dat", "r.mat", "r.csv", "r.ecg")): changed.get(names[0], b""), **changed}
    return changed
