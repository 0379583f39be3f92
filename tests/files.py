"""Files written by hand, and what reading any file may end in."""

import struct
import traceback
import warnings
from pathlib import Path

import edgeecg
from edgeecg import io


def write_record(folder, header: str, **files: bytes):
    """A WFDB record: header text and signal files."""
    (folder / f"{header.split(None, 1)[0].split('/')[0]}.hea").write_text(header)
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_bytes(content)


def int16(*values) -> bytes:
    return struct.pack(f"<{len(values)}h", *values)


def edf(signals, records, duration="1", reserved="", count=None, width=2) -> bytes:
    """An EDF file, or BDF with a width of 3: (label, unit, physical min, max, digital min, max, samples a record) of
    each signal; of each record the samples of all signals one after the other, or bytes.
    """
    fields = [
        ("0" if width == 2 else "\xffBIOSEMI", 8),
        ("X", 80),
        ("X", 80),
        ("01.02.03", 8),
        ("04.05.06", 8),
        (256 * (len(signals) + 1), 8),
        (reserved, 44),
        (len(records) if count is None else count, 8),
        (duration, 8),
        (len(signals), 4),
    ]
    columns = [
        [s[0] for s in signals],
        [""] * len(signals),
        *([s[k] for s in signals] for k in (1, 2, 3, 4, 5)),
        [""] * len(signals),
    ]
    columns += [[s[6] for s in signals], [""] * len(signals)]
    for column, size in zip(columns, (16, 80, 8, 8, 8, 8, 8, 80, 8, 32), strict=True):
        fields += [(value, size) for value in column]
    head = b"".join(str(value).encode("latin-1").ljust(size)[:size] for value, size in fields)
    body = (
        r if isinstance(r, bytes) else b"".join(int(v).to_bytes(width, "little", signed=True) for v in r)
        for r in records
    )
    return head + b"".join(body)


def is_ours(cause) -> bool:
    """Whether an exception that became a sentence was raised by this package, not by a library that decodes a file."""
    if cause is None or isinstance(cause, edgeecg.EdgeECGError):
        return False
    last = traceback.extract_tb(cause.__traceback__)[-1]
    by_a_library = last.name == "attempt"  # a function in C leaves no frame of its own
    return Path(last.filename).is_relative_to(Path(edgeecg.__file__).parent) and not by_a_library


def refused_or_read(where, **options) -> str:
    """No other exception, no warning of ours; "read" where there is a recording, else "refused"."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy and wfdb may warn of what they make of damaged files
        try:
            recording = io.read(where, **options)
        except edgeecg.EdgeECGError as error:
            assert "\n" not in str(error)
            assert not is_ours(error.__cause__), f"an error of a reader's own: {error.__cause__!r}"
            return "refused"
        assert recording.samples.ndim == 1
        return "read"
