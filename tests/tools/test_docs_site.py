"""The pages of the site that are made from the code hold all of it."""

import importlib
import re
from pathlib import Path

import pytest

pytest.importorskip("mkdocs")

from edgeecg.cli import build_parser
from tools import docs_site

ROOT = Path(__file__).resolve().parents[2]
HEADER = (ROOT / "csrc/include/edgeecg.h").read_text()


def test_every_function_and_type_of_the_header_is_on_the_c_page():
    page = docs_site.c_page(HEADER)
    names = set(re.findall(r"\b(ee_\w+)\(", HEADER)) | set(re.findall(r"} (ee_\w+);", HEADER))
    assert len(names) > 15
    shown = "\n".join(re.findall(r"```c\n(.*?)```", page, re.S))
    assert [name for name in names if name not in shown] == []
    assert all(f"}} {name};" in shown for name in re.findall(r"^} (ee_\w+);", HEADER, re.M))
    assert page.count("```") % 2 == 0


def test_every_command_is_on_the_command_lines_page():
    page = docs_site.command_line_page()
    for name, command in docs_site.commands_of(build_parser()):
        assert f"## edgeecg {name}\n" in page
        for action in command._actions:
            assert not action.option_strings or action.option_strings[-1] in page


def test_links_that_lead_out_of_the_pages_become_text():
    page = docs_site.start_page()
    assert "](docs/" not in page and "](training.md)" in page


@pytest.mark.parametrize("name", ["edgeecg", "edgeecg.model", "edgeecg.io", "edgeecg.losses", "edgeecg.plot"])
def test_every_public_name_has_a_place_in_the_reference(name):
    pages = "\n".join(path.read_text() for path in (ROOT / "docs/reference").glob("*.md"))
    shown = set(re.findall(r"^::: (\S+)$", pages, re.M))
    for public in importlib.import_module(name).__all__:
        owner = getattr(importlib.import_module(name), public)
        homes = {name, f"{name}.{public}", getattr(owner, "__module__", None)}
        assert homes & shown, f"{name}.{public} is on no page of docs/reference"
