"""XML without entities: a tree, found by the plain names of its elements."""

import base64
import binascii
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ._decode import attempt, import_decoder
from ._files import File

__all__ = ["Element", "child", "children", "decoded", "plain", "text", "tree", "words16"]

Element = Any  # of xml.etree


def tree(file: File) -> Element:
    """The root of a document; its entities and what they could unpack to are refused by defusedxml."""
    parser = import_decoder("defusedxml.ElementTree", "XML files", "xml")
    file.afford(40 * file.size, "the document")
    return attempt(file.name, "XML file", lambda: parser.parse(io.BytesIO(file.read()))).getroot()


def plain(element: Element) -> str:
    """Its name without a namespace, in small letters."""
    return str(element.tag).rpartition("}")[2].lower()


def children(element: Element | None, name: str) -> Iterator[Element]:
    """Those of a name."""
    return (each for each in (element if element is not None else ()) if plain(each) == name.lower())


def child(element: Element | None, *names: str) -> Element | None:
    """The first below the first of each name."""
    for name in names:
        element = next(children(element, name), None)
    return element


def text(element: Element | None, *names: str) -> str:
    """What stands in the element, or in one below it."""
    found = child(element, *names) if names else element
    return (found.text or "").strip() if found is not None else ""


def decoded(where: str, letters: str) -> bytes:
    """Base64; InputError where it is none."""
    try:
        return base64.b64decode("".join(letters.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InputError(f"{where}: not a readable XML file: its samples are no Base64") from None


def words16(where: str, content: bytes) -> npt.NDArray[np.int16]:
    """Little-endian words of 16 bits."""
    if len(content) % 2 or not content:
        raise InputError(f"{where}: not a readable XML file: its samples are cut off")
    return np.frombuffer(content, "<i2")
