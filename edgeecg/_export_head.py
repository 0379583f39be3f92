"""A head as C constants for the exported core."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from . import __version__
from .errors import InputError
from .heads import Head

__all__ = ["flash_bytes", "head_values", "symbol_of"]


def symbol_of(name: str, head: Head) -> str:
    """The C name of a head beside the model `name`."""
    return f"{name}_{re.sub(r'[^A-Za-z0-9_]', '_', head.name)}"


def flash_bytes(head: Head) -> int:
    """Bytes of its constants."""
    return head.weights.nbytes + head.bias.nbytes + head.thresholds.nbytes


def head_values(name: str, head: Head) -> dict[str, Any]:
    """What the templates head.h and head.c ask for.

    Raises
    ------
    InputError
        Where a text of the head would end a comment.
    """
    symbol = symbol_of(name, head)
    k, n, hold = head.smoothing or (0, 0, 0)
    said = {"head": head.name} | {
        key: str(head.info.get(key, "not stated")) for key in ("trained_on", "licence", "note")
    }
    if any("*/" in text or "\n" in text or "\\" in text for text in said.values()):
        raise InputError(f"head {head.name!r}: what it says of itself cannot stand in a comment of C")
    return {
        **said,
        "note": "" if said["note"] == "not stated" else said["note"],
        "name": name,
        "symbol": symbol,
        "SYMBOL": symbol.upper(),
        "version": __version__,
        "classes": len(head.classes),
        "dim": head.dim,
        "independent": int(head.kind == "independent"),
        "shift": head.shift,
        "k": k,
        "n": n,
        "hold": hold,
        "unreadable": head.unreadable,
        "bits": "\n".join(f"#define {symbol.upper()}_{word} {1 << i}u" for i, word in class_words(head)),
        "weights": ",\n    ".join(", ".join(map(str, row)) for row in head.weights.tolist()),
        "bias": ", ".join(f"INT64_C({value})" for value in head.bias.tolist()),
        "thresholds": ", ".join(map(str, head.thresholds.tolist())),
        "names": ", ".join(json.dumps(one, ensure_ascii=False) for one in head.classes),
    }


def class_words(head: Head) -> Iterator[tuple[int, str]]:
    """(index, word for a macro) of each class; the index where the name has no letter or digit of its own."""
    seen: set[str] = set()
    for i, one in enumerate(head.classes):
        word = re.sub(r"[^A-Z0-9_]", "_", one.upper())
        if not re.search("[A-Z0-9]", word) or word in seen or word == "CLASSES":
            word = f"CLASS_{i}"
        seen.add(word)
        yield i, word
