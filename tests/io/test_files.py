"""Where a recording comes from: paths of all kinds, bytes, file objects, folders, URLs; what is no file."""

import functools
import gzip
import http.server
import io as bytes_io
import os
import socket
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edgeecg
from edgeecg import io
from edgeecg.io._files import BUDGET, FLOOR, open_file
from tests.files import int16, write_record
from tests.io.tables import check, refused, table

TEXT = table("time,ECG\n", lambda i, a, v: f"{a:.3f},{v:.4f}\n")


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="needs a file whose bytes cannot be read")
def test_a_disk_that_fails_while_it_is_read_is_one_sentence():
    refused(lambda: io.read("/proc/self/mem"), "/proc/self/mem: cannot be read: Input/output error")


def test_bytes_and_file_objects(tmp_path):
    (tmp_path / "a.csv").write_text(TEXT)
    for content in (TEXT.encode(), bytearray(TEXT.encode()), memoryview(TEXT.encode())):
        check(io.read(content))
    for opened in (bytes_io.BytesIO(TEXT.encode()), bytes_io.StringIO(TEXT)):
        check(io.read(opened))
        assert not opened.closed
    with open(tmp_path / "a.csv", "rb") as file:
        check(io.read(file))
    with open(tmp_path / "a.csv", encoding="utf-8") as file:
        assert io.read(file).name == str(tmp_path / "a.csv")
    refused(lambda: io.read(12), "a recording is a path, a URL, bytes or a file object, not int")
    refused(lambda: io.read(np.zeros(9)), "arrays go to embed()")

    class Odd:
        name = 5

        def read(self):
            return 12

    refused(lambda: io.read(Odd()), "file object: read() gives int, not bytes")


@pytest.mark.parametrize(
    "name", ["A.CSV", "with blanks.csv", "ÄÖ漢字.csv", "no suffix", "a.dat", "a.unknown", "line\nbreak.csv"]
)
def test_names(tmp_path, name):
    path = tmp_path / name
    path.write_text(TEXT)
    for where in (path, str(path), os.fsencode(path).decode(errors="surrogateescape")):
        recording = io.read(where)
        check(recording)
        assert "\n" not in recording.name


def test_names_that_are_not_utf8(tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9.csv"
    try:
        with open(path, "wb") as file:
            file.write(TEXT.encode())
    except OSError:
        pytest.skip("this file system takes no such name")
    recording = io.read(os.fsdecode(path))
    check(recording)
    recording.name.encode()


def test_names_without_their_suffix_and_in_other_capitals(tmp_path):
    (tmp_path / "Night.EDF.csv").write_text(TEXT)
    (tmp_path / "day.csv.gz").write_bytes(gzip.compress(TEXT.encode()))
    for name in ("Night.EDF", "night.edf.CSV", "day", "day.csv"):
        check(io.read(tmp_path / name))
    write_record(tmp_path, "r 1 128 2\nr.dat 16 1000 16 0 0 0 0 ECG\n", r_dat=int16(7, 8))
    for name in ("r", "r.hea", "r.dat", "R", "R.HEA"):
        assert io.read(tmp_path / name).samples.tolist() == [7, 8]


def test_gzip(tmp_path):
    packed = gzip.compress(TEXT.encode())
    (tmp_path / "a.csv.gz").write_bytes(packed)
    (tmp_path / "b").write_bytes(
        packed[:0] + gzip.compress(TEXT[:9000].encode()) + gzip.compress(TEXT[9000:].encode()) + bytes(9)
    )
    for where in (tmp_path / "a.csv.gz", tmp_path / "b", packed, bytes_io.BytesIO(packed)):
        check(io.read(where))
    np.save(tmp_path / "x.npy", np.arange(9.0))
    (tmp_path / "y.npy.gz").write_bytes(gzip.compress((tmp_path / "x.npy").read_bytes()))
    assert len(io.read(tmp_path / "y.npy.gz").samples) == 9
    refused(lambda: io.read(packed[:-20]), "it ends too early")
    refused(lambda: io.read(packed[:20] + b"x" * 40), "not a readable gzip file")
    refused(lambda: io.read(gzip.compress(bytes(2 * FLOOR))), "its content would take")


def test_folders(tmp_path):
    refused(lambda: io.read(tmp_path), "is a folder that holds no recording")
    (tmp_path / "a.csv").write_text(TEXT)
    (tmp_path / ".hidden.csv").write_text(TEXT)
    (tmp_path / "README.md").write_text("x")
    check(io.read(tmp_path))
    (tmp_path / "b.csv").write_text(TEXT)
    refused(lambda: io.read(tmp_path), "is a folder of 2 recordings (a.csv, b.csv ...): name one of them")
    write_record(tmp_path, "s1 1 128 2\ns1.dat 16 1000\n", s1_dat=int16(7, 8))
    write_record(tmp_path, "m/1 1 128 2\ns1 2\n")
    assert io.read(tmp_path).samples.tolist() == [7, 8], "the record, not its segment, nor other files"
    assert [os.path.basename(path) for path in io.recordings_in(str(tmp_path))] == ["m.hea"]


def test_what_is_no_file(tmp_path):
    refused(lambda: io.read(""), "the name of the file is empty")
    refused(lambda: io.read(tmp_path / "no.csv"), "no.csv: there is no such file")
    refused(lambda: io.read(tmp_path / "no"), "there is no such file")
    refused(lambda: io.read("nul\0.csv"), "cannot be read")
    refused(lambda: io.read("/dev/zero"), "is no regular file")
    os.mkfifo(tmp_path / "pipe.csv")
    refused(lambda: io.read(tmp_path / "pipe.csv"), "is no regular file")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        refused(lambda: io.read(tmp_path / "s"), "cannot be read")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    refused(lambda: io.read(tmp_path / "loop"))
    write_record(tmp_path, "r 1 128 2\npipe.csv 16 1000\n")
    refused(lambda: io.read(tmp_path / "r.hea"), "is no regular file")
    if os.getuid():
        (tmp_path / "a.csv").write_text(TEXT)
        (tmp_path / "a.csv").chmod(0)
        refused(lambda: io.read(tmp_path / "a.csv"), "cannot be read: Permission denied")


OTHERS = [(b"%PDF-1.7 ", "is a PDF"), (b"\x89PNG\r\n", "is a picture"), (b"\xd0\xcf\x11\xe0", "save the sheet as CSV")]
OTHERS += [
    (b"BZh9", "unpack it"),
    (b"<html><body>", "is XML or HTML"),
    (b"\x01\x02\x03\x04", "is not a recording of a known"),
]


@pytest.mark.parametrize(("content", "sentence"), OTHERS)
def test_files_of_other_kinds(tmp_path, content, sentence):
    (tmp_path / "a.bin").write_bytes(content + bytes(range(1, 20)))
    refused(lambda: io.read(tmp_path / "a.bin"), "a.bin", sentence)


def test_urls_in_memory():
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    try:
        memory.pipe("/edgeecg/a.csv", TEXT.encode())
        memory.pipe("/edgeecg/r.hea", b"r 1 128 2\nr.dat 16 1000\n")
        memory.pipe("/edgeecg/r.dat", int16(7, 8))
        memory.pipe("/edgeecg/b.csv.gz", gzip.compress(TEXT.encode()))
        check(io.read("memory://edgeecg/a.csv"))
        check(io.read("memory://edgeecg/b.csv.gz"))
        assert io.read("memory://edgeecg/r.hea").samples.tolist() == [7, 8]
        refused(lambda: io.read("memory://edgeecg/no.csv"), "memory://edgeecg/no.csv")
        refused(lambda: io.read("memory://edgeecg"), "is a folder: name a file of it")
        refused(lambda: io.read("nothing://a.csv"), "nothing://a.csv")
    finally:
        memory.rm("/edgeecg", recursive=True)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_urls_of_a_server(tmp_path):
    pytest.importorskip("fsspec")
    pytest.importorskip("aiohttp")
    (tmp_path / "a.csv").write_text(TEXT)
    write_record(tmp_path, "r 1 128 2\nr.dat 16 1000\n", r_dat=int16(7, 8))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        where = f"http://127.0.0.1:{server.server_port}"
        check(io.read(f"{where}/a.csv"))
        assert io.read(f"{where}/r.hea").samples.tolist() == [7, 8]
        refused(lambda: io.read(f"{where}/no.csv"), "no.csv")
        server.shutdown()


@given(st.text(max_size=30))
def test_any_name_ends_in_a_recording_or_a_sentence(tmp_path_factory, name):
    folder = tmp_path_factory.getbasetemp()
    try:
        io.read(f"{folder}/{name}")
    except edgeecg.EdgeECGError as error:
        assert "\n" not in str(error)


def test_budgets_grow_with_the_file():
    small, large = open_file(b"x"), open_file(bytes(10**6))
    assert (small.budget, large.budget) == (FLOOR + BUDGET, FLOOR + BUDGET * 10**6)
    small.afford(FLOOR, "it")
    refused(lambda: small.afford(2 * FLOOR, "it"), "bytes: it would take 128 MiB of memory")
    refused(lambda: small.afford(float("nan"), "it"), "it would take")


def test_siblings_stay_beside_the_file(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "secret.dat").write_bytes(int16(1, 2))
    for name in ("../secret.dat", str(tmp_path / "secret.dat"), "~/x", "..\\secret.dat"):
        (tmp_path / "a" / "r.hea").write_text(f"r 1 128 2\n{name} 16 1000\n")
        refused(lambda: io.read(tmp_path / "a" / "r.hea"), "names a file outside its folder")
    assert Path(tmp_path / "secret.dat").exists()


def test_of_a_large_text_the_first_lines_tell_whether_there_is_a_rate(tmp_path):
    path = tmp_path / "large.csv"
    rows = "".join(f"{i % 97 / 100:.2f}\n" for i in range(300_000))
    path.write_text("ecg_mV\n" + rows)
    assert path.stat().st_size > io.SMALL and io.check(path).fs is None
    path.write_text("ecg_mV\n" + rows + "x\n")  # which `read` refuses
    assert io.check(path, fs=250).name == "ecg"
    path.write_text("a,b\n" + "".join(f"{i * i % 97},{i * i % 89}\n" for i in range(300_000)))
    assert io.check(path) is None  # which signal it is, only the whole file tells
