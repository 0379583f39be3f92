"""Every public name says in one form what it takes, gives and raises; the examples in the docstrings run."""

import doctest
import importlib
import inspect
import re
import typing

import pytest

import edgeecg
from edgeecg import errors, io, losses, model, plot

CLASSES = [edgeecg.Encoder, edgeecg.Stream, edgeecg.Analysis, edgeecg.Result, edgeecg.Quality]
CLASSES += [model.Model, model.FrontEnd, model.Layer, model.Head]
FUNCTIONS = [edgeecg.embed, edgeecg.front_end, edgeecg.load]
FUNCTIONS += [model.inspect, model.describe, model.kernel_table, model.default_front_end]
FUNCTIONS += [io.open_source, io.read, io.check, io.recordings_in]
FUNCTIONS += [getattr(losses, name) for name in losses.__all__] + [getattr(plot, name) for name in plot.__all__]
METHODS = [
    method
    for owner in (edgeecg.Encoder, edgeecg.Stream, model.Model)
    for name, method in inspect.getmembers(owner, lambda m: inspect.isfunction(m) or inspect.ismethod(m))
    if not name.startswith("_")
]


def sections(documented) -> dict[str, str]:
    """The text below each underlined title; what comes first is ""."""
    parts = re.split(r"^(\w+)\n-+\n", inspect.getdoc(documented), flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def names(section: str) -> list[str]:
    """What a section lists: the lines that are not indented, up to their colon."""
    lines = [line.partition(" : ")[0] for line in section.splitlines() if line and not line.startswith(" ")]
    return [name.strip().lstrip("*") for line in lines for name in line.split(",")]


@pytest.mark.parametrize("function", [*FUNCTIONS, *METHODS], ids=lambda f: f.__qualname__)
def test_functions_say_what_they_take_and_give(function):
    text, taken = sections(function), [p for p in inspect.signature(function).parameters if p not in ("self", "cls")]
    if taken:
        assert names(text["Parameters"]) == taken
    if inspect.signature(function).return_annotation not in (None, "None", inspect.Signature.empty) and taken:
        assert "Returns" in text
    assert all(name in vars(edgeecg) or name in ("OSError",) for name in names(text.get("Raises", "")))


@pytest.mark.parametrize("documented", CLASSES, ids=lambda c: c.__name__)
def test_classes_say_what_their_fields_are(documented):
    text = sections(documented)
    listed = names(text.get("Parameters", "")) + names(text["Attributes"])
    fields = getattr(documented, "_fields", None) or getattr(documented, "__dataclass_fields__", None)
    if documented is edgeecg.Quality:
        fields = documented.__members__
    if fields is None:  # properties, and what __init__ sets
        fields = [name for name, value in vars(documented).items() if isinstance(value, property)]
        assert names(text["Parameters"]) == [p for p in inspect.signature(documented).parameters if p != "self"]
    assert set(fields) <= set(listed)


def test_the_tree_of_errors_is_the_one_in_their_module():
    for name in errors.__all__:
        kind = getattr(errors, name)
        assert kind.__doc__ and name in errors.__doc__ and getattr(edgeecg, name) is kind
        for parent in kind.__mro__[1:]:
            assert parent.__name__ in errors.__doc__ or parent in (object, BaseException, Warning)


@pytest.mark.parametrize("name", ["edgeecg", "edgeecg.encoder", "edgeecg.loading", "edgeecg.stream", "edgeecg.quality"])
def test_examples_run(name):
    tested = doctest.testmod(importlib.import_module(name))
    assert not tested.failed


def test_signatures_can_be_read_at_run_time():
    known = {"Model": model.Model, "Recording": io.Recording, "Source": io.Source}
    for function in (edgeecg.embed, edgeecg.load, edgeecg.Encoder.embed, edgeecg.Stream.push, losses.nt_xent):
        assert "return" in typing.get_type_hints(function, localns=known)
