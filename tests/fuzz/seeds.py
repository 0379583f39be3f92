"""A small recording in every format, the start of what is mutated."""

import gzip
import io as bytesio
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.files import edf, int16
from tests.io import writers

RATE, T = 250, np.arange(600) / 250
ECG = np.exp(-(((T % 0.8) - 0.3) ** 2) / 0.0004)
COUNTS = np.round(ECG * 200).astype(int)
MUCH = np.stack([COUNTS, -COUNTS])

Files = dict[str, bytes]
"""What lies in one folder; the first is read."""


def wfdb_16() -> Files:
    head = b"r 2 250 600 10:11:12\nr.dat 16 200(0)/mV 16 0 0 0 0 MLII\nr.dat 16 200/mV 12 0 0 0 0 V1\n# remark\n"
    return {"r.hea": head, "r.dat": MUCH.T.astype("<i2").tobytes()}


def wfdb_212() -> Files:
    a, b = COUNTS[::2] & 0xFFF, COUNTS[1::2] & 0xFFF
    packed = np.stack([a & 255, a >> 8 | b >> 8 << 4, b & 255], 1).astype(np.uint8).tobytes()
    return {"r.hea": b"r 1 250 600\nr.dat 212 200 12 0 0 0 0 ECG\n", "r.dat": packed}


def wfdb_segments() -> Files:
    part = MUCH[0].astype("<i2").tobytes()
    lead = b"%s 1 250 600\n%s.dat 16 200 16 0 0 0 0 ECG\n"
    layout = b"lay 1 250 0\n~ 0 200 16 0 0 0 0 ECG\n"
    return {
        "r.hea": b"r/4 1 250 1500\nlay 0\na 600\n~ 300\nb 600\n",
        "lay.hea": layout,
        "a.hea": lead % (b"a", b"a"),
        "b.hea": lead % (b"b", b"b"),
        "a.dat": part,
        "b.dat": part,
    }


def edf_plain() -> Files:
    signals = [("ECG", "mV", -5, 5, -2000, 2000, 250), ("Resp", "uV", -5, 5, -2000, 2000, 25)]
    return {"r.edf": edf(signals, [[*COUNTS[:250], *COUNTS[:25]]] * 3)}


def edf_pieces() -> Files:
    signals = [("ECG", "mV", -5, 5, -2000, 2000, 20), ("EDF Annotations", "", -1, 1, -32768, 32767, 8)]
    records = [int16(*COUNTS[:20]) + f"+{onset}\x14\x14".encode().ljust(16, b"\0") for onset in (0, 1, 2, 7.5, 8.5)]
    return {"r.edf": edf(signals, records, reserved="EDF+D")}


def bdf() -> Files:
    signals = [("ECG", "uV", -3000, 3000, -8388608, 8388607, 250)]
    return {"r.bdf": edf(signals, [list(COUNTS[:250] * 1000)] * 2, reserved="24BIT", width=3)}


def array(**named) -> bytes:
    stream = bytesio.BytesIO()
    np.savez(stream, **named)
    return stream.getvalue()


def npy() -> Files:
    stream = bytesio.BytesIO()
    np.save(stream, ECG)
    return {"r.npy": stream.getvalue()}


def written(name: str, write: Callable[[Path], object]) -> Files:
    """What a library writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(path)
        return {name: path.read_bytes()}


def dicom() -> Files:
    return written("r.dcm", writers.dicom)


def matlab() -> Files:
    from scipy.io import savemat

    return written("r.mat", lambda path: savemat(path, {"ecg": ECG, "fs": 250.0, "unit": "mV"}))


def matlab_packed() -> Files:
    from scipy.io import savemat

    return written("r.mat", lambda path: savemat(path, {"ecg": ECG, "fs": 250.0}, do_compression=True))


def matlab_cells() -> Files:
    from scipy.io import savemat

    people = {"name": "x", "ecg": ECG[:50], "more": np.array([ECG[:3], "text", 2j], object)}
    return written(
        "r.mat", lambda path: savemat(path, {"rec": people, "fs": 250, "val": ECG[:100], "bits": ECG[:9] > 0})
    )


def matlab_4() -> Files:
    from scipy.io import savemat

    return written("r.mat", lambda path: savemat(path, {"ecg": ECG, "fs": 250.0}, format="4"))


def hdf5() -> Files:
    import h5py

    def write(path):
        with h5py.File(path, "w") as tree:
            tree["rec/ecg"] = ECG * 1000
            tree["rec/ecg"].attrs.update(units="uV", sampling_rate=250.0)

    return written("r.h5", write)


def parquet() -> Files:
    import pyarrow
    from pyarrow import parquet as library

    table = pyarrow.table({"time_s": T, "ecg_mV": ECG})
    return written("r.parquet", lambda path: library.write_table(table, path))


def feather() -> Files:
    import pyarrow
    from pyarrow import feather as library

    table = pyarrow.table({"time_s": T, "ecg_mV": ECG})
    return written("r.feather", lambda path: library.write_feather(table, str(path), compression="uncompressed"))


def scp() -> bytes:
    values = COUNTS[:200]
    leads = [writers.huffman(values), writers.huffman(-values)]
    contents = {1: b"\x02\x05\x004711\0\xff\0\0", 2: b"\x1f\x4e", 3: writers.scp_leads(200)}
    return writers.scp(contents | {6: writers.scp_block(leads)})


def philips() -> bytes:
    packed = writers.xli(np.cumsum(COUNTS[:400] % 41 - 20))
    text = writers.base64.b64encode(packed * 3).decode()
    return writers.philips(text, 'compression="XLI" leadlabels="I II V1"', n=400).encode()


def csv(separator=",", clock="time_s") -> bytes:
    lines = [f"{t:.3f}{separator}{v:.4f}" for t, v in zip(T[:200], ECG, strict=False)]
    return "\n".join([f"{clock}{separator}ecg_mV", *lines]).encode()


def dated() -> bytes:
    lines = [f"2024-01-02 10:11:{12 + t:06.3f};{v:.3f}".replace(".", ",") for t, v in zip(T[:200], ECG, strict=False)]
    return "\n".join(["# Sampling rate: 250 Hz", "# Patient: 4711", "Time;ECG (mV)", *lines]).encode()


def lists() -> bytes:
    cells = " ".join(map(str, COUNTS[:100]))
    return f'id,fs,ecg\n1,250,"[{cells}]"\n'.encode()


def as_json() -> bytes:
    return json.dumps({"fs": 250, "unit": "mV", "ecg": ECG[:200].round(3).tolist(), "note": "x"}).encode()


SEEDS: dict[str, Callable[[], Files]] = {
    "WFDB": wfdb_16,
    "WFDB 212": wfdb_212,
    "WFDB segments": wfdb_segments,
    "EDF": edf_plain,
    "EDF+D": edf_pieces,
    "BDF": bdf,
    "NumPy": npy,
    "NumPy npz": lambda: {"r.npz": array(ecg=ECG, fs=250.0, unit="mV")},
    "DICOM ECG": dicom,
    "SCP-ECG": lambda: {"r.scp": scp()},
    "ISHNE": lambda: {"r.ecg": writers.ishne(MUCH)},
    "AliveCor ATC": lambda: {"r.atc": writers.atc(MUCH)},
    "MATLAB": matlab,
    "MATLAB packed": matlab_packed,
    "MATLAB cells": matlab_cells,
    "MATLAB 4": matlab_4,
    "HDF5": hdf5,
    "Parquet": parquet,
    "Parquet feather": feather,
    "HL7 aECG": lambda: {"r.xml": writers.aecg((("I", COUNTS[:200]), ("II", COUNTS[:200]))).encode()},
    "GE MUSE XML": lambda: {"r.xml": writers.muse(MUCH[:, :200]).encode()},
    "Philips XML": lambda: {"r.xml": philips()},
    "JSON": lambda: {"r.json": as_json()},
    "text": lambda: {"r.csv": csv()},
    "text tabs": lambda: {"r.txt": csv("\t", "Elapsed time (ms)")},
    "text dates": lambda: {"r.csv": dated()},
    "text lists": lambda: {"r.csv": lists()},
    "text gzip": lambda: {"r.csv.gz": gzip.compress(csv(), mtime=0)},
}
"""By the name of the format in `edgeecg.io.FORMATS`, and a word where a format has several."""
