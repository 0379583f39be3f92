"""A hook of mkdocs: pages that are made from the code, and links that lead out of docs/.

The command line's page is argparse's own help, the C page the comments of csrc/include/edgeecg.h, the start page
README. So nothing of them is written twice. Links from a page to a file outside docs/ become links to the file in the
repository where mkdocs.yml names it (repo_url), else plain text.
"""

import argparse
import io
import os
import re
from contextlib import redirect_stdout
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files, config):
    """Add the pages that are made."""
    pages = {
        "index.md": start_page(),
        "reference/command_line.md": command_line_page(),
        "reference/c.md": c_page((ROOT / "csrc/include/edgeecg.h").read_text(encoding="utf-8")),
    }
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown, page, config, files):
    """Links out of docs/ stay readable."""
    folder = (Path(config["docs_dir"]) / page.file.src_uri).parent

    def replace(link: re.Match) -> str:
        text, target, anchor = link[1], link[2], link[3] or ""
        if "://" in target or target.startswith("mailto:"):
            return link[0]
        path = Path(os.path.normpath(folder / target))
        if path.is_relative_to(config["docs_dir"]) and not path.is_dir():
            return link[0]
        index = path / "README.md"
        if path.is_relative_to(config["docs_dir"]) and index.is_file():
            return f"[{text}]({os.path.relpath(index, folder)}{anchor})"
        if path.is_relative_to(config["docs_dir"]):  # a folder without a page of its own
            return text
        if path.exists() and config.get("repo_url"):
            return f"[{text}]({config['repo_url']}/blob/main/{path.relative_to(ROOT)}{anchor})"
        if path.exists():
            return f"{text} (`{path.relative_to(ROOT)}`)" if text.strip("`") != str(path.relative_to(ROOT)) else text
        return link[0]  # broken: mkdocs says so

    return LINK.sub(replace, markdown)


def start_page() -> str:
    """README, whose links are seen from docs/."""

    def moved(link: re.Match) -> str:
        text, target, anchor = link[1], link[2], link[3] or ""
        if "://" not in target:
            target = target.removeprefix("docs/") if target.startswith("docs/") else f"../{target}"
        return f"[{text}]({target}{anchor})"

    return LINK.sub(moved, (ROOT / "README.md").read_text(encoding="utf-8"))


def command_line_page() -> str:
    """The help of `edgeecg` and of each of its commands."""
    os.environ["COLUMNS"] = "100"
    from edgeecg.cli import build_parser

    parser, text = build_parser(), ["# Command line", ""]
    text += ["```text", help_of(parser), "```", ""]
    for name, command in commands_of(parser):
        text += [f"## edgeecg {name}", "", "```text", help_of(command), "```", ""]
    return "\n".join(text)


def commands_of(parser: argparse.ArgumentParser) -> list[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return list(action.choices.items())
    return []


def help_of(parser: argparse.ArgumentParser) -> str:
    out = io.StringIO()
    with redirect_stdout(out):
        parser.print_help()
    return out.getvalue().strip()


SECTION = re.compile(r"^/\* -{8,} (.+?) \*/$")


def c_page(header: str) -> str:
    """The public header: its first comment as prose, then each declaration with the comment above it."""
    first, _, rest = header.partition("*/")
    prose = [re.sub(r"^ ?\*? ?", "", line) for line in first.replace("/*", "", 1).splitlines()]
    text = ["# C API", "", "`#include <edgeecg.h>`", "", *fenced(prose), ""]
    guard = ("#ifdef __cplusplus", 'extern "C" {', "}")
    body = "\n".join(line for line in rest[rest.index("#define EE_VERSION") :].splitlines() if line not in guard)
    for block in body.split("\n\n"):
        lines = block.splitlines()
        title = next((SECTION.match(line) for line in lines if SECTION.match(line)), None)
        if title:
            text += [f"## {title[1].capitalize()}", ""]
            lines = [line for line in lines if not SECTION.match(line)]
        if any(line.strip() and not line.startswith("#endif") for line in lines):
            text += ["```c", *lines, "```", ""]
    return "\n".join(text)


def fenced(prose: list[str]) -> list[str]:
    """Indented lines of the comment are code."""
    out, code = [], False
    for line in prose:
        is_code = line.startswith("    ")
        if is_code != code and line.strip():
            out.append("```c" if is_code else "```")
            code = is_code
        out.append(line[4:] if is_code else line)
    return [*out, "```"] if code else out
