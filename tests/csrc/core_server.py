"""The C API as Python calls it through csrc/test/core_server.c, one program for every build of the core."""

import hashlib
import os
import pickle
import struct
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np

COMMANDS = (
    "check view status_text set_gain state_size init delay plan push feed flush drain reset scan run push_source "
    "front_end kernels advance"
).split()
REQUEST, ANSWER = struct.Struct("<4I6qQ"), struct.Struct("<qqQ")
TYPES = {np.dtype(np.int16): 0, np.dtype(np.int32): 1, np.dtype(np.float32): 2, np.dtype(np.float64): 3}
ARRAYS = (("e16", 1, np.int16), ("f32", 2, np.float32), ("e8", 4, np.int8), ("quality", 8, np.uint8))


RECORDS = os.environ.get("EDGEECG_RECORDS")
"""tools/mutate_c.py: the folder that keeps what each test asked, and what it was answered."""


def opened_record(build: str):
    """A new file of the test that runs: its name and the build's, then requests with their answers."""
    test = os.environ["PYTEST_CURRENT_TEST"].rpartition(" (")[0]
    name = hashlib.sha256(f"{test} {build}".encode()).hexdigest()[:20]
    count = len(list(Path(RECORDS).glob(f"{name}-*")))
    file = (Path(RECORDS) / f"{name}-{count}.pickle").open("wb")
    pickle.dump((test, build), file)
    return file


class Config(NamedTuple):
    """ee_config; integers are canonical samples unless there is a gain."""

    fs_mhz: int = 128_000
    hop: int = 1280
    block: int = 0
    mult: int = 0
    shift: int = 0
    flags: int = 0

    def to_bytes(self) -> bytes:
        return struct.pack("<4IiI", *self)


class Result(NamedTuple):
    start: int
    quality: int
    e16: np.ndarray
    e8: np.ndarray


class Answer(NamedTuple):
    value: int
    used: int
    payload: bytes


class CoreServer:
    """A running program. Slots of models and streams are numbers below 16."""

    def __init__(self, command, dim: int | None = None, build: str = ""):
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.dims: dict[int, int] = {0: dim} if dim else {}
        self.record = opened_record(build) if RECORDS and build else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        code = self.process.wait(30)
        self.process.stdout.close()
        if self.record:
            self.record.close()
        assert code == 0, f"the program ended with {code}"

    def call(self, command, payload=b"", model=0, stream=0, type=0, args=()) -> Answer:
        head = REQUEST.pack(COMMANDS.index(command), model, stream, type, *args, *[0] * (6 - len(args)), len(payload))
        self.process.stdin.write(head + bytes(payload))
        self.process.stdin.flush()
        answer = self.process.stdout.read(ANSWER.size)
        assert len(answer) == ANSWER.size, f"{command}: the program ended with {self.process.wait(30)}"
        value, used, size = ANSWER.unpack(answer)
        found = self.process.stdout.read(size)
        if self.record:
            pickle.dump((head + bytes(payload), answer + found), self.record)
        return Answer(value, used, found)

    # models

    def check(self, data: bytes, misaligned: int = 0, null: bool = False) -> int:
        return self.call("check", data, args=(misaligned, null)).value

    def status_text(self, status: int) -> str:
        return self.call("status_text", args=(status,)).payload.decode()

    def view(self, data: bytes = b"", kernels: str = "", pack: bool = True, model: int = 0, dim: int = 0) -> int:
        name = kernels.encode() + b"\0" if kernels else b""
        if dim:
            self.dims[model] = dim
        return self.call("view", data + name, model=model, args=(len(name), pack)).value

    def open(self, model, kernels: str = "", slot: int = 0, pack: bool = True) -> None:
        """View an edgeecg Model."""
        assert self.view(model.to_bytes(), kernels, pack, slot, model.head.dim) == 0

    def kernels(self, model: int = 0) -> str:
        return self.call("kernels", model=model).payload.decode()

    def set_gain(self, num: int, den: int) -> Config | None:
        answer = self.call("set_gain", Config().to_bytes(), args=(num, den))
        config = Config(*struct.unpack("<4IiI", answer.payload))
        assert config[:3] + config[5:] == Config()[:3] + Config()[5:]
        assert answer.value or config == Config()
        return config if answer.value else None

    # streams

    def state_size(self, config: Config | None, model: int = 0, null: bool = False) -> int:
        return self.call("state_size", config.to_bytes() if config else b"", model, args=(null,)).value

    def init(self, config, more=0, size=None, misaligned=0, null=False, model=0, stream=0) -> bool:
        """In a block of `more` bytes than the state has, or of `size` bytes."""
        args = (more if size is None else size, size is not None, misaligned, null)
        return bool(self.call("init", config.to_bytes() if config else b"", model, stream, args=args).value)

    def delay(self, config: Config, model: int = 0) -> int:
        return self.call("delay", config.to_bytes(), model).value

    def plan(self, config: Config, model: int = 0) -> tuple | None:
        answer = self.call("plan", config.to_bytes(), model)
        if not answer.value:
            return None
        head = struct.unpack_from("<4I", answer.payload)
        return head, list(struct.iter_unpack("<I2H4B", answer.payload[16:]))

    def push(self, x, stream: int = 0, model: int = 0) -> tuple[int, int, Result | None]:
        """One call: (found, used, result)."""
        answer = self.call("push", x.tobytes(), stream=stream, type=TYPES[x.dtype])
        results = self.results(answer.payload, model)
        return answer.value, answer.used, results[0] if results else None

    def feed(self, x, piece: int = 1 << 30, stream: int = 0, model: int = 0) -> list[Result]:
        """All samples, at most `piece` a call."""
        answer = self.call("feed", x.tobytes(), stream=stream, type=TYPES[x.dtype], args=(piece,))
        return self.results(answer.payload, model)

    def flush(self, stream: int = 0, model: int = 0) -> Result | None:
        answer = self.call("flush", stream=stream)
        return self.results(answer.payload, model)[0] if answer.value else None

    def drain(self, stream: int = 0, model: int = 0) -> list[Result]:
        return self.results(self.call("drain", stream=stream).payload, model)

    def reset(self, stream: int = 0) -> None:
        self.call("reset", stream=stream)

    def advance(self, block: int, stream: int = 0) -> int:
        """Move the counters of a running stream ahead, at most to `block`; returns the blocks moved."""
        return self.call("advance", stream=stream, args=(block,)).value

    def results(self, payload: bytes, model: int = 0) -> list[Result]:
        dim = self.dims[model]
        rows = np.frombuffer(payload, [("start", "<u8"), ("quality", "<u4"), ("e16", "<i2", dim), ("e8", "i1", dim)])
        return [Result(int(row["start"]), int(row["quality"]), row["e16"], row["e8"]) for row in rows]

    # sources: a view of a 1-D array, at any stride

    def _of_source(self, command, x, scale, args=(), mask=0, **slots) -> Answer:
        base = x
        while base.base is not None and isinstance(base.base, np.ndarray):
            base = base.base
        offset = x.__array_interface__["data"][0] - base.__array_interface__["data"][0]
        bits = struct.unpack("<q", struct.pack("<d", scale))[0]
        first, n = args if len(args) == 2 else (*args, len(x))
        values = (first, n, offset, x.strides[0], mask, bits)
        return self.call(command, base.tobytes(), type=TYPES[x.dtype], args=values, **slots)

    def scan(self, x) -> tuple[int, float, float]:
        answer = self._of_source("scan", x, 1.0, (0,))
        return (answer.value, *struct.unpack("<2d", answer.payload))

    def run(self, x, scale=8000.0, room=None, arrays="e16 e8 quality", stream=0, model=0) -> tuple[int, dict]:
        """(windows, {array: its first `room` rows})."""
        dim, wanted = self.dims[model], [row for row in ARRAYS if row[0] in arrays.split()]
        room = len(x) if room is None else room
        answer = self._of_source("run", x, scale, (room,), sum(bit for _, bit, _ in wanted), stream=stream)
        kept, at, found = min(room, answer.value), 0, {}
        for name, _, dtype in wanted:
            shape = (kept,) if name == "quality" else (kept, dim)
            size = int(np.prod(shape)) * np.dtype(dtype).itemsize
            found[name] = np.frombuffer(answer.payload[at : at + size], dtype).reshape(shape)
            at += size
        return answer.value, found

    def push_source(self, x, first, n, scale=8000.0, stream=0, model=0) -> tuple[int, int, Result | None]:
        answer = self._of_source("push_source", x, scale, (first, n), stream=stream)
        results = self.results(answer.payload, model)
        return answer.value, answer.used, results[0] if results else None

    def front_end(self, x, capacity, scale=8000.0, channels=1, stream=0) -> np.ndarray:
        answer = self._of_source("front_end", x, scale, (capacity,), stream=stream)
        return np.frombuffer(answer.payload, np.uint8).reshape(-1, channels)
