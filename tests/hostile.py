"""Crafted model files: fields out of range, in files whose CRC and id are correct."""

import hashlib
import struct
import zlib

FRONT, CONV, LEAKY, ADD, POOL, HEAD = 128, 224, 288, 352, 416, 480
HUGE = 0xFFFF_FFF0
# (case, offset, struct format, value, what Python says)
CRAFTED = [
    ("flags", 20, "I", 1, "flags field is 1"),
    ("front offset", 64, "I", 0, "front-end offset is 0"),
    ("front offset huge", 64, "I", HUGE, "front-end offset"),
    ("front size", 68, "I", 64, "front-end size is 64"),
    ("layers offset", 72, "I", HUGE, "layers offset"),
    ("no layers", 76, "H", 0, "has 0 layers"),
    ("65 layers", 76, "H", 65, "has 65 layers"),
    ("most layers", 76, "H", 0xFFFF, "has 65535 layers"),
    ("more layers than room", 76, "H", 5, "head offset is 480, expected 544"),
    ("layer size", 78, "H", 0, "layer size is 0"),
    ("head offset", 80, "I", HUGE, "head offset"),
    ("head size", 84, "I", 32, "head size is 32"),
    ("data offset", 88, "I", HUGE, "data offset"),
    ("data size", 92, "I", HUGE, "end of data"),
    ("name", 96, "24s", b"x" * 24, "name is not padded"),
    ("name behind NUL", 96, "24s", b"tiny\0x", "name is not padded"),
    ("name not UTF-8", 96, "24s", b"\xff\xfe", "name is not UTF-8"),
    ("header reserved", 127, "B", 1, "reserved bytes of the header"),
    ("kind", FRONT, "B", 2, "kind is 2"),
    ("no channels", FRONT + 1, "B", 0, "channels is 0|gains for channels"),
    ("channels", FRONT + 1, "B", 255, "channels is 255"),
    ("rate", FRONT + 2, "H", 256, "rate is 256"),
    ("no window", FRONT + 4, "H", 0, "window is 0"),
    ("window", FRONT + 4, "H", 65, "window is 65, not a multiple"),
    ("most window", FRONT + 4, "H", 0xFFE0, "window is 65504"),
    ("no baseline", FRONT + 6, "H", 0, "baseline is 0"),
    ("baseline", FRONT + 6, "H", 24, "baseline is 24"),
    ("baseline beyond", FRONT + 6, "H", 512, "baseline is 512"),
    ("block", FRONT + 8, "H", 0, "block is 0"),
    ("reach", FRONT + 10, "H", 0xFFFF, "reach is 65535"),
    ("no half", FRONT + 12, "H", 0, "table_half is 0"),
    ("half beyond", FRONT + 12, "H", 33, "table_half is 33|outside"),
    ("half beyond the file", FRONT + 12, "H", 0xFFFF, "outside"),
    ("table step", FRONT + 14, "H", 0, "table step is 0"),
    ("rate too low", FRONT + 16, "I", 1, "min_rate is 1"),
    ("rate too high", FRONT + 16, "I", 0xFFFF_FFFF, "min_rate is 4294967295"),
    ("no table", FRONT + 20, "I", 0, "resampling table .* outside"),
    ("table in the header", FRONT + 20, "I", 16, "resampling table .* outside"),
    ("table not aligned", FRONT + 20, "I", 546, "resampling table .* not a multiple of 16"),
    ("table beyond 2^32", FRONT + 20, "I", HUGE, "resampling table .* outside"),
    ("floor 0 (a division)", FRONT + 24, "I", 0, "floor is 0"),
    ("floor", FRONT + 24, "I", 0x8000_0000, "floor is 2147483648"),
    ("no gain", FRONT + 28, "I", 0, "gain is 0"),
    ("gain", FRONT + 28, "I", 65536, "gain is 65536"),
    ("gain of no channel", FRONT + 32, "I", 1, "gains for channels that it does not have"),
    ("direct gain", FRONT + 44, "I", 1, "direct_gain is 1"),
    ("no flat blocks", FRONT + 50, "H", 0, "flat_blocks is 0"),
    ("flat blocks", FRONT + 50, "H", 3, "flat_blocks is 3"),
    ("off blocks", FRONT + 52, "H", 0xFFFF, "off_blocks is 65535"),
    ("clip time", FRONT + 54, "H", 0, "clip_ms is 0"),
    ("noise", FRONT + 56, "I", 373, "noise is 373, allowed is 0 .. 372"),
    ("noise beyond 2^16", FRONT + 56, "I", 0x10000, "noise is 65536"),
    ("front reserved", FRONT + 95, "B", 1, "reserved bytes of the front end"),
    ("op 0", CONV, "B", 0, "layer 1: operation 0"),
    ("op 4", POOL, "B", 4, "layer 4: operation 4"),
    ("requant", CONV + 1, "B", 2, "requant is 2|outside|not used"),
    ("layout", CONV + 3, "B", 1, "layout of layer 1 is 1"),
    ("reads itself", LEAKY + 4, "H", 2, "src_a is 2, allowed is 0 .. 1"),
    ("reads the future", CONV + 4, "H", 0xFFFF, "src_a is 65535"),
    ("second source of a conv", CONV + 6, "H", 0, "only add has a second source"),
    ("adds the future", ADD + 6, "H", 4, "src_b is 4"),
    ("adds nothing", ADD + 6, "H", 0xFFFF, "src_b is -1"),
    ("adds itself", ADD + 6, "H", 1, "both sources are tensor 1"),
    ("adds other channels", ADD + 6, "H", 0, "tensor 0 has 1 channels"),
    ("adds another rate", LEAKY + 16, "H", 2, "its sources have strides 2 and 4"),
    ("no cin", CONV + 8, "H", 0, "cin is 0"),
    ("cin", LEAKY + 8, "H", 1, "cin is 1, but tensor 1 has 2"),
    ("cin beyond", LEAKY + 8, "H", 0xFFFF, "outside|cin is 65535"),
    ("no cout", CONV + 10, "H", 0, "cout is 0"),
    ("cout beyond", CONV + 10, "H", 0xFFFF, "outside"),
    ("cout of an add", ADD + 10, "H", 1, "cout is 1, must equal cin"),
    ("no groups (a division)", CONV + 12, "H", 0, "0 groups"),
    ("groups", LEAKY + 12, "H", 3, "3 groups do not divide"),
    ("groups of a pool", POOL + 12, "H", 2, "groups is 2, allowed is 1"),
    ("no kernel", CONV + 14, "H", 0, "kernel is 0"),
    ("kernel", POOL + 14, "H", 257, "kernel is 257"),
    ("kernel of an add", ADD + 14, "H", 2, "kernel is 2, allowed is 1"),
    ("no stride (a division)", CONV + 16, "H", 0, "stride is 0"),
    ("stride", CONV + 16, "H", 17, "stride is 17"),
    ("stride of an add", ADD + 16, "H", 2, "stride is 2, allowed is 1"),
    ("padding", CONV + 18, "H", 3, "pad_left is 3"),
    ("weights in the header", CONV + 20, "I", 0, "weights of layer 1 .* outside"),
    ("weights beyond 2^32", CONV + 20, "I", HUGE, "weights of layer 1 .* outside"),
    ("weights not aligned", CONV + 20, "I", 561, "weights of layer 1 .* not a multiple of 16"),
    ("bias beyond 2^32", CONV + 24, "I", HUGE, "bias of layer 1 .* outside"),
    ("multipliers", CONV + 28, "I", HUGE, "mult of layer 1 .* outside"),
    ("unused array", CONV + 32, "I", 544, "mult_neg of layer 1 has offset 544, but is not used"),
    ("mult_neg", LEAKY + 32, "I", 0, "mult_neg of layer 2 .* outside"),
    ("additions", LEAKY + 36, "I", HUGE, "add of layer 2 .* outside"),
    ("weights of an add", ADD + 20, "I", 544, "weights of layer 3 has offset 544, but is not used"),
    ("no m_a", ADD + 40, "i", 0, "m_a is 0"),
    ("m_a", ADD + 40, "i", 32768, "m_a is 32768"),
    ("m_b", ADD + 44, "i", -1, "m_b is -1"),
    ("m_a of a conv", CONV + 40, "i", 1, "m_a is 1, allowed is 0"),
    ("zero point of a pool", POOL + 2, "B", 77, "zp_out is 77"),
    ("tensor that nobody reads", POOL + 4, "H", 1, "tensor 3 is not read"),
    ("layer reserved", POOL + 63, "B", 1, "reserved bytes of layer 4"),
    ("no pool", HEAD, "B", 0, "pool is 0"),
    ("pool", HEAD, "B", 4, "pool is 4"),
    ("max with mean multipliers", HEAD, "B", 2, "mean_mult of the head has offset"),
    ("frames", HEAD + 2, "H", 17, "frames is 17"),
    ("no dim", HEAD + 4, "H", 0, "dim is 0"),
    ("dim", HEAD + 4, "H", 1025, "outside"),
    ("exponent", HEAD + 6, "H", 25, "exponent is 25"),
    ("mean multipliers", HEAD + 8, "I", 0, "mean_mult of the head .* outside"),
    ("head weights beyond 2^32", HEAD + 12, "I", HUGE, "weights of the head .* outside"),
    ("head bias", HEAD + 16, "I", HUGE, "bias of the head .* outside"),
    ("head multipliers", HEAD + 20, "I", 4, "mult of the head .* not a multiple of 16"),
    ("levels", HEAD + 24, "H", 1, "levels is 1"),
    ("levels of two dimensions", HEAD + 24, "H", 3, "3 levels and only 2 dimensions"),
    ("head reserved", HEAD + 26, "B", 1, "reserved bytes of the head"),
]


def sealed(data) -> bytes:
    """The file with the id and CRC that its bytes ask for."""
    data = bytearray(data)
    meta_off = struct.unpack_from("<I", data, 56)[0]
    data[24:56] = hashlib.sha256(data[64:meta_off]).digest()
    data[16:20] = struct.pack("<I", zlib.crc32(data[20:]))
    return bytes(data)


def patched(data: bytes, *changes) -> bytes:
    """`data` with (offset, struct format, value) written into it, sealed."""
    data = bytearray(data)
    for offset, form, value in changes:
        struct.pack_into("<" + form, data, offset, value)
    return sealed(data)
