"""The formats that are read, and how the first bytes of a file tell which it is.

A new format is a module with `open_source(file, keep_identity)` and a line here.
"""

import dataclasses
import importlib
import re
from collections.abc import Callable
from typing import Any, Final

from ..errors import InputError
from ._decode import attempt, import_decoder
from ._files import File
from .recording import Source
from .text import is_text

__all__ = ["FORMATS", "Format", "check_packages", "format_of", "open_with"]

WFDB_HEADER = re.compile(
    rb"(?:[ \t]*#[^\n]*\n|[ \t]*\r?\n){0,200}[^\s#,;:]{1,80}[ \t]+\d{1,5}(?:[ \t]+[\d.][^\n]*)?\r?\n"
    rb"(?:[ \t]*#[^\n]*\n){0,200}\S{0,80}[A-Za-z~_-]\S{0,80}[ \t]+"
    rb"(?:8|16|24|32|61|80|160|212|310|311|508|516|524)(?:x\d+)?(?::\d+)?(?:\+\d+)?[ \t\r\n]"
)
HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclasses.dataclass(frozen=True)
class Format:
    """One format.

    Its module has `open_source(file, keep_identity=False)`, which returns a `Source`: the leads, and how their samples
    are read. Samples are read when they are asked for. What the file says of the person goes to `Source.identity` where
    `keep_identity` asks for it, and nowhere else. Files that cannot be read end in an InputError, one sentence that
    begins with the name of the file.

    Attributes
    ----------
    name : str
        For people.
    module : str
        In this package.
    suffixes : tuple of str
        A hint, where bytes alone do not tell.
    is_one : callable
        (first bytes, suffix) -> bool.
    packages : tuple of str
        That reading needs.
    extra : str
        Of edgeecg, with these packages.
    quick : bool
        Whether a file is opened by its header alone.
    rows : bool
        Whether the first lines of a file are a shorter recording.
    """

    name: str
    module: str
    suffixes: tuple[str, ...]
    is_one: Callable[[bytes, str], bool]
    packages: tuple[str, ...] = ()
    extra: str = "io"
    quick: bool = False
    rows: bool = False


def magic(*starts: bytes, at: int = 0) -> Callable[[bytes, str], bool]:
    return lambda head, _suffix: head[at:].startswith(starts)


def is_wfdb(head: bytes, suffix: str) -> bool:
    return suffix == ".hea" or WFDB_HEADER.match(head[:8192]) is not None


def is_matlab(head: bytes, suffix: str) -> bool:
    if head.startswith(b"MATLAB 5.0 MAT-file") or (len(head) >= 128 and head[124:128] in (b"\0\1IM", b"\1\0MI")):
        return True
    return suffix == ".mat" and len(head) >= 20 and (head[1:2] == b"\0" or head[:1] == b"\0") and not is_text(head[:64])


def is_hdf5(head: bytes, _suffix: str) -> bool:
    return any(head[at : at + 8] == HDF5 for at in (0, 512, 1024, 2048, 4096))


def xml_root(*names: bytes) -> Callable[[bytes, str], bool]:
    form = re.compile(rb"<(?:[\w.-]{1,40}:)?(?:" + b"|".join(names) + rb")[\s>/]", re.IGNORECASE)
    return lambda head, _suffix: is_markup(head) and form.search(ascii_of(head)[:8192]) is not None


def is_markup(head: bytes) -> bool:
    return ascii_of(head).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def ascii_of(head: bytes) -> bytes:
    """UTF-16 without its zeros, for a search."""
    return (
        head.replace(b"\0", b"").lstrip(b"\xff\xfe") if head[:2] in (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<") else head
    )


def is_json(head: bytes, _suffix: str) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return start[:1] == b"{" or (
        (start[:1] == b"[" and start[1:].lstrip()[:1] in (b"{", b"[", b'"')) or JSON_LIST.match(start) is not None
    )


JSON_LIST = re.compile(rb"\[\s*-?\d[\d.eE+-]*\s*,")

FORMATS: Final = (
    Format(
        "NumPy",
        "arrays",
        (".npy", ".npz"),
        lambda head, suffix: (
            head.startswith((b"\x93NUMPY", b"PK\x03\x04", b"PK\x05\x06")) or suffix in (".npy", ".npz")
        ),
    ),
    Format(
        "EDF",
        "edf",
        (".edf", ".bdf", ".rec"),
        lambda head, suffix: head[:8] in (b"0       ", b"\xffBIOSEMI") or suffix in (".edf", ".bdf"),
        quick=True,
    ),
    Format(
        "DICOM ECG",
        "dicom",
        (".dcm",),
        lambda head, suffix: head[128:132] == b"DICM" or suffix in (".dcm", ".dicom"),
        ("pydicom",),
        "dicom",
    ),
    Format("SCP-ECG", "scp", (".scp",), lambda head, suffix: head[16:22] == b"SCPECG" or suffix == ".scp"),
    Format("ISHNE", "ishne", (".ecg",), magic(b"ISHNE1.0"), quick=True),
    Format("AliveCor ATC", "alivecor", (".atc",), magic(b"ALIVE\0\0\0")),
    Format("MATLAB", "matlab", (".mat",), is_matlab, ("scipy",), "matlab"),
    Format("HDF5", "hdf5", (".h5", ".hdf5", ".mat"), is_hdf5, ("h5py",), "hdf5"),
    Format(
        "Parquet",
        "parquet",
        (".parquet", ".feather", ".arrow"),
        magic(b"PAR1", b"ARROW1", b"FEA1"),
        ("pyarrow",),
        "parquet",
    ),
    Format("HL7 aECG", "hl7_aecg", (".xml",), xml_root(b"AnnotatedECG"), ("defusedxml",), "xml"),
    Format("GE MUSE XML", "muse", (".xml",), xml_root(b"RestingECG"), ("defusedxml",), "xml"),
    Format("Philips XML", "philips", (".xml",), xml_root(b"restingecgdata"), ("defusedxml",), "xml"),
    Format("JSON", "json_records", (".json",), is_json),
    Format("WFDB", "wfdb_records", (".hea",), is_wfdb, quick=True),
    Format(
        "text",
        "text",
        (".csv", ".tsv", ".txt", ".asc", ".dat"),
        lambda head, _suffix: is_text(head) and not is_markup(head),
        rows=True,
    ),
)  # the first that fits; the last takes any text

KNOWN_OTHERS = (
    (b"%PDF", "is a PDF: ask the program that made it for the numbers (CSV, XML, DICOM)"),
    (b"\x89PNG", "is a picture"),
    (b"\xff\xd8\xff", "is a picture"),
    (b"RIFF", "is sound or video"),
    (b"\xd0\xcf\x11\xe0", "is an Office document: save the sheet as CSV"),
    (b"7z\xbc\xaf", "is a 7-Zip archive: unpack it"),
    (b"BZh", "is packed with bzip2: unpack it, or pack it with gzip"),
    (b"\xfd7zXZ", "is packed with xz: unpack it, or pack it with gzip"),
    (b"\x28\xb5\x2f\xfd", "is packed with zstd: unpack it, or pack it with gzip"),
)


def format_of(file: File) -> Format:
    """The format of a file.

    Raises
    ------
    InputError
        Where it is none that is read.
    """
    head = file.head()
    if not head:
        raise InputError(f"{file.name}: is empty")
    if file.suffix in (".dat", ".mat") and file.path is not None and file.beside(f"{file.stem}.hea") is not None:
        return next(form for form in FORMATS if form.module == "wfdb_records")
    for form in FORMATS:
        if form.is_one(head, file.suffix):
            return form
    for start, what in KNOWN_OTHERS:
        if head.startswith(start):
            raise InputError(f"{file.name}: {what}")
    if is_markup(head):
        raise InputError(f"{file.name}: is XML or HTML, but none of HL7 aECG, GE MUSE and Philips")
    if file.suffix == ".dat":
        raise InputError(f"{file.name}: a WFDB record needs its header, and there is no {file.stem}.hea")
    if file.suffix in (".csv", ".tsv", ".txt"):
        raise InputError(f"{file.name}: this is not text")
    raise InputError(f"{file.name}: is not a recording of a known format: {', '.join(form.name for form in FORMATS)}")


def check_packages(form: Format) -> None:
    """Refuse what cannot be read here; MissingDependencyError names the extra."""
    for package in form.packages:
        import_decoder(package, f"{form.name} files", form.extra)


def open_with(form: Format, file: File, keep_identity: bool) -> Source:
    """Open a file as of a format; whatever a damaged one makes a library raise is a sentence."""
    check_packages(form)
    module: Any = importlib.import_module(f".{form.module}", __package__)
    source: Source = attempt(file.name, f"{form.name} file", module.open_source, file, keep_identity)

    def load(index: int) -> Any:
        return attempt(file.name, f"{form.name} file", source.load, index)

    return dataclasses.replace(source, load=load)
