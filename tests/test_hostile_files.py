"""Model files from strangers: both readers refuse what is damaged or hostile, and agree on what is not.

The C reader runs in a host program (csrc/test/check_model.c) built with the address and undefined-behavior sanitizers,
each file in a block of memory of exactly its size. Crafted files carry a correct CRC and id, so that the checks behind
those are the ones that decide.
"""

import re
import struct
import subprocess
import zlib

import numpy as np
import pytest

from edgeecg.errors import ModelError
from edgeecg.model import Model
from tests import models
from tests.csrc import builds
from tests.hostile import ADD, CONV, CRAFTED, FRONT, HEAD, HUGE, LEAKY, patched, sealed

ONLY_PYTHON = re.compile(r"order and place|metadata|name is not|id does not match|padded with NUL")
"""What the C reader leaves to Python: nothing that could make it read out of bounds."""


@pytest.fixture(scope="session")
def check_model():
    """The sanitized host program, rebuilt when a source changed: a function of its arguments and standard input."""
    program = builds.program(builds.BUILDS["host"], "check_model.c")

    def run(*arguments, stdin=b""):
        done = subprocess.run([program, *arguments], input=stdin, capture_output=True, timeout=120, check=False)
        assert done.returncode == 0, (done.stdout + done.stderr).decode()[-3000:]
        return done.stdout.decode()

    return run


def c_answers(check_model, files: list[bytes]) -> list[tuple[int, str]]:
    """(status, sentence) of the C reader for each file; accepted ones were run on samples under the sanitizers."""
    stdin = b"".join(struct.pack("<I", len(data)) + data for data in files)
    lines = check_model("records", stdin=stdin).splitlines()
    assert len(lines) == len(files)
    return [(int(line.split(" ", 1)[0]), line.split(" ", 1)[1]) for line in lines]


def python_answer(data: bytes) -> str | None:
    """None where Python's reader takes the file, else its sentence."""
    try:
        Model.from_bytes(data)
    except ModelError as error:
        assert str(error) and "\n" not in str(error)
        return str(error)
    return None


@pytest.fixture(scope="module")
def tiny() -> bytes:
    return models.tiny().to_bytes()


def test_the_file_itself_is_taken(check_model, tiny):
    assert python_answer(tiny) is None and sealed(tiny) == tiny
    shapes = [tiny, models.tiny().strip().to_bytes(), *(make().to_bytes() for make in models.SHAPES.values())]
    assert c_answers(check_model, shapes) == [(0, "the model file is fine")] * len(shapes)


# Damage


def test_every_truncation_is_refused_by_c(check_model, tiny, tmp_path):
    (tmp_path / "model").write_bytes(tiny)
    assert check_model("truncations", str(tmp_path / "model")) == f"{len(tiny)} refused\n"


def test_every_change_of_a_byte_is_refused_by_c(check_model, tiny, tmp_path):
    (tmp_path / "model").write_bytes(tiny)
    assert check_model("bytes", str(tmp_path / "model")) == f"{255 * len(tiny)} refused\n"


def test_an_address_that_cannot_be_used_in_place_is_refused_by_c(check_model, tiny, tmp_path):
    (tmp_path / "model").write_bytes(tiny)
    assert check_model("misaligned", str(tmp_path / "model")) == "refused\n"


def test_every_truncation_is_refused_by_python(tiny):
    for size in range(len(tiny)):
        assert python_answer(tiny[:size]) is not None, size


def test_every_change_of_a_byte_is_refused_by_python(tiny):
    data = bytearray(tiny)
    for at, byte in enumerate(tiny):
        for change in range(1, 256) if at < 128 else (1, 2, 4, 8, 16, 32, 64, 128, 255):
            data[at] = byte ^ change
            assert python_answer(bytes(data)) is not None, (at, change)
        data[at] = byte


def test_bytes_behind_the_end_are_refused(check_model, tiny):
    longer = [tiny + b"\0", tiny + bytes(16), tiny * 2]
    assert all("but has more" in python_answer(data) for data in longer)
    assert all(status != 0 for status, _ in c_answers(check_model, longer))


# Crafted fields, with correct CRC and id


def assert_refused(check_model, files: dict[str, tuple[bytes, str]]):
    answers = c_answers(check_model, [data for data, _ in files.values()])
    for (case, (data, sentence)), (status, text) in zip(files.items(), answers, strict=True):
        said = python_answer(data)
        assert said is not None and re.search(sentence, said), (case, said)
        assert (status != 0 and text.endswith(tuple("abcdefghijklmnopqrstuvwxyz4"))) or ONLY_PYTHON.search(said), (
            case,
            text,
        )


def test_each_field_is_checked(check_model, tiny):
    files = {case: (patched(tiny, (at, form, value)), text) for case, at, form, value, text in CRAFTED}
    assert_refused(check_model, files)


def test_sizes_that_add_up_only_modulo_2_to_the_32(check_model, tiny):
    """Sums of 32-bit numbers that wrap around to the right value."""
    data_off, data_size, meta_off = (struct.unpack_from("<I", tiny, at)[0] for at in (88, 92, 56))
    wrapped_meta = [(56, "I", meta_off + 2**31), (60, "I", len(tiny) - meta_off + 2**31)]
    wrapped_data = [(92, "I", HUGE), (56, "I", (data_off + HUGE) % 2**32)]
    files = {
        "metadata": (patched(tiny, *wrapped_meta), "end of data"),
        "data": (patched(tiny, *wrapped_data), "end of data"),
        "data size odd": (
            patched(tiny, (92, "I", data_size + 8), (56, "I", meta_off + 8), (60, "I", 22)),
            "multiple of 16",
        ),
    }
    assert_refused(check_model, files)


def content(data: bytes, field: int) -> int:
    """Where the array lies whose offset stands at `field`."""
    return struct.unpack_from("<I", data, field)[0]


def test_values_inside_the_arrays_are_checked(check_model, tiny):
    table = content(tiny, FRONT + 20)
    loud = [(table + 2 * i, "h", -32768) for i in range(0, 128, 32)]
    cases = {
        "table end": ([(table + 256, "h", 1)], "table ends in 1"),
        "table sum": (loud, "sums to 131072 in a phase"),
        "bias": ([(content(tiny, CONV + 24), "i", 2**30 + 1)], "bias spans"),
        "bias low": ([(content(tiny, LEAKY + 24), "i", -(2**31))], "bias spans -2147483648"),
        "mult 0": ([(content(tiny, CONV + 28), "h", 0)], "mult spans 0"),
        "mult 8192": ([(content(tiny, CONV + 28) + 2, "h", 8192)], "8192, allowed is 1 .. 8191"),
        "mult -1": ([(content(tiny, CONV + 28), "h", -1)], "mult spans -1"),
        "m 2^23": ([(content(tiny, LEAKY + 28), "i", 2**23)], "8388608, allowed is"),
        "m_neg": ([(content(tiny, LEAKY + 32) + 4, "i", -(2**31))], "mult_neg spans -2147483648"),
        "add": ([(content(tiny, LEAKY + 36), "i", -(2**31))], "add spans -2147483648"),
        "mean_mult": ([(content(tiny, HEAD + 8) + 2, "h", 0)], "mean_mult spans 0"),
        "head bias": ([(content(tiny, HEAD + 16), "i", 2**31 - 1)], "head bias spans"),
        "head mult": ([(content(tiny, HEAD + 20) + 2, "h", -32768)], "head mult spans -32768"),
    }
    assert_refused(check_model, {case: (patched(tiny, *changes), text) for case, (changes, text) in cases.items()})


def test_limits_themselves_are_taken(check_model, tiny):
    at_limits = patched(
        tiny,
        (content(tiny, CONV + 24), "i", 2**30),
        (content(tiny, CONV + 24) + 4, "i", -(2**30)),
        (content(tiny, CONV + 28), "h", 8191),
        (content(tiny, LEAKY + 28), "i", 2**23 - 1),
        (content(tiny, LEAKY + 32), "i", 1 - 2**23),
        (content(tiny, LEAKY + 36), "i", 2**31 - 1),
        (ADD + 40, "i", 32767),
        (content(tiny, HEAD + 8), "h", 8191),
        (content(tiny, HEAD + 20), "h", 8191),
        (FRONT + 24, "I", 32767),
        (FRONT + 28, "I", 65535),
        (FRONT + 16, "I", 64_000),
        (FRONT + 10, "H", 16),
        (FRONT + 6, "H", 256),
        (FRONT + 48, "H", 65535),
        (FRONT + 54, "H", 65535),
        (HEAD + 6, "H", 24),
    )
    assert python_answer(at_limits) is None
    assert c_answers(check_model, [at_limits]) == [(0, "the model file is fine")]


def test_products_of_kernel_and_channels_are_limited(check_model):
    """1024 input channels and 32 taps are the limit; the bytes of one more tap are there."""
    net = models.Net(0, window=32)
    net.conv(net.conv(0, 1024), 1, kernel=32)
    data = net.model(dim=1024).to_bytes()
    assert python_answer(data) is None
    assert c_answers(check_model, [data])[0][0] == 0
    wider = patched(data, (LEAKY + 14, "H", 33))
    assert_refused(check_model, {"33 taps": (wider, "kernel \\* cin / groups is 33792, allowed is 32768")})


def test_strides_multiply_without_overflow(check_model):
    """Eight layers of stride 16: the product is 2^32, which is 0 in 32 bits."""
    net = models.Net(0, window=512)
    last = net.conv(0, 1)
    for _ in range(8):
        last = net.max_pool(last, 1, 2)
    data = net.model(dim=1).to_bytes()
    assert c_answers(check_model, [data])[0][0] == 0
    over = patched(data, *((CONV + 64 * i + 16, "H", 16) for i in range(1, 9)))
    assert_refused(check_model, {"strides": (over, "total stride is 4096, allowed is 256")})


METADATA = {
    "list": (b"[1]", "JSON list, not an object"),
    "half": (b'{"a":', "not JSON"),
    "not UTF-8": (b'{"a":"\xff"}', "not JSON in UTF-8"),
    "deep": (b"[" * 100_000, "not JSON"),
    "deep object": (b'{"a":' * 100_000, "not JSON"),
    "huge number": (b'{"a":' + b"9" * 100_000 + b"}", "not JSON"),
}


@pytest.mark.parametrize("case", METADATA)
def test_metadata_from_a_stranger(tiny, case):
    text, sentence = METADATA[case]
    end = struct.unpack_from("<I", tiny, 56)[0]
    data = bytearray(tiny[:end] + text)
    struct.pack_into("<I", data, 12, len(data))
    struct.pack_into("<I", data, 60, len(text))
    assert re.search(sentence, python_answer(sealed(data)))


def test_the_id_must_be_that_of_the_content(tiny):
    data = bytearray(tiny)
    data[24] ^= 1
    data[16:20] = struct.pack("<I", zlib.crc32(data[20:]))
    assert python_answer(bytes(data)) == "model id does not match the content of the file"


# The two readers agree


def assert_agree(check_model, files: list[bytes]):
    for data, (status, text) in zip(files, c_answers(check_model, files), strict=True):
        said = python_answer(data)
        if said is None:
            assert status == 0, text
        elif status == 0:
            assert ONLY_PYTHON.search(said), said


def test_readers_agree_on_every_byte(check_model, tiny):
    """Each byte of header, parts and arrays at values that are often special, sealed: what is taken is also run."""
    end = struct.unpack_from("<I", tiny, 56)[0]
    files = []
    for at in [*range(10, 16), *range(20, 24), *range(56, end)]:
        values = {0, 1, 127, 128, 255, tiny[at] ^ 1, (tiny[at] + 1) % 256} if at < 544 else {0, 128, 255}
        files += [patched(tiny, (at, "B", value)) for value in sorted(values - {tiny[at]})]
    assert_agree(check_model, files)


def test_readers_agree_on_random_fields(check_model, tiny):
    """Several 16- or 32-bit fields at once at values that overflow, wrap or hit a limit."""
    rng = np.random.default_rng(0)
    special = [
        0,
        1,
        2,
        15,
        16,
        32,
        64,
        256,
        544,
        560,
        1008,
        2**15 - 1,
        2**15,
        2**16 - 1,
        2**31 - 1,
        2**31,
        HUGE,
        2**32 - 1,
    ]
    files = []
    for _ in range(1500):
        changes = []
        for _ in range(rng.integers(1, 4)):
            form, width = ("H", 2) if rng.integers(2) else ("I", 4)
            at = int(rng.integers(56 // width, 544 // width)) * width
            value = special[rng.integers(len(special))] % 2 ** (8 * width)
            changes.append((at, form, value))
        files.append(patched(tiny, *changes))
    assert_agree(check_model, files)
