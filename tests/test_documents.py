"""Links, commands and indexes of the documents."""

import contextlib
import importlib
import io
import re
from functools import cache
from pathlib import Path

import pytest

from edgeecg.io import FORMATS

ROOT = Path(__file__).resolve().parent.parent
PAGES = [path for path in sorted((ROOT / "docs").rglob("*.md")) if path.parent.name != "reference"]  # made by mkdocs
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *PAGES]
CODE = re.compile(r"^```.*?^```|^(?: {4}[^\n]*\n)+|`[^`\n]+`", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"(?:python|torchrun --nproc-per-node \S+) (train/[\w/]+\.py)((?: +[^\s#;`|]+)*)")
each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def anchors(document: Path) -> set[str]:
    """Names that GitHub gives the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", CODE.sub("", document.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_document
def test_links_lead_somewhere(document):
    prose = CODE.sub("", document.read_text(encoding="utf-8"))
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", prose):
        file = document.parent / target if target else document
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), f"{target}#{anchor}"


def commands(document: Path) -> list[tuple[str, list[str]]]:
    """(script, options) of the commands of train/ in a document, but for those that need an older commit."""
    found = []
    for code in CODE.findall(document.read_text(encoding="utf-8")):
        lines = re.sub(r" *\\\n *", " ", code).splitlines()
        for line in (line for line in lines if "commit" not in code):
            found += [(script, re.findall(r"(--[\w.-]+)", options)) for script, options in COMMAND.findall(line)]
    return found


@cache
def known_options(script: str) -> set[str]:
    tyro = pytest.importorskip("tyro")
    module = importlib.import_module(script.removesuffix(".py").replace("/", "."))
    text = io.StringIO()
    with contextlib.redirect_stdout(text), pytest.raises(SystemExit):
        tyro.cli(module.Config, args=["--help"])
    return set(re.findall(r"--[a-z][\w.-]*", text.getvalue()))


@each_document
def test_documented_commands_exist(document):
    for script, _ in commands(document):
        assert (ROOT / script).is_file(), script


@each_document
def test_documented_options_exist(document):
    pytest.importorskip("torch")
    for script, options in commands(document):
        assert set(options) <= known_options(script), script


@each_document
def test_test_files_that_are_named_exist(document):
    for path in re.findall(r"\btests/[\w/]+\.py\b", document.read_text(encoding="utf-8")):
        assert (ROOT / path).is_file() or path.endswith("test_NAME.py"), path


BRITISH = re.compile(
    r"\b\w*(?:isation|optimis(?!t)|quantis|normalis|standardis|synthesised|recognis|vectoris|initialis|neighbour|labelled|colour|"
    r"behaviour|centre|favour|artefact|licence|grey)\w*",
    re.IGNORECASE,
)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_spelling_is_american(document):
    prose = CODE.sub("", document.read_text(encoding="utf-8"))
    assert [word for word in BRITISH.findall(prose) if "_" not in word] == []  # an underscore: a name in the code


@pytest.mark.parametrize("folder", ["experiments", "decisions", "results"])
def test_the_index_lists_every_page(folder):
    pages = {path.name for path in (ROOT / "docs" / folder).glob("*.md")} - {"README.md"}
    index = (ROOT / "docs" / folder / "README.md").read_text(encoding="utf-8")
    assert pages == set(re.findall(r"\]\(([\w.-]+\.md)\)", index))


def test_results_of_quality_stay_short():
    assert len((ROOT / "docs/results/quality.md").read_text(encoding="utf-8").splitlines()) <= 200


@pytest.mark.parametrize(
    ("document", "marks"),
    [
        ("quality.md", ["probes", "quantization", "few", "more", "transfer"]),
        ("invariance.md", ["moved"]),
        ("noise_flag.md", ["noisy"]),
    ],
)
def test_tables_that_commands_fill_have_their_marks(document, marks):
    text = (ROOT / "docs/results" / document).read_text(encoding="utf-8")
    assert re.findall(r"<!-- (\w+) -->", text) == marks == re.findall(r"<!-- /(\w+) -->", text)


def test_the_page_of_recordings_has_every_format_with_its_extra():
    rows = re.findall(r"^\| (\w.*) \|$", (ROOT / "docs/recordings.md").read_text(encoding="utf-8"), re.MULTILINE)
    extras = {cells[0]: cells[3] for cells in (re.split(r" *\| *", row) for row in rows) if len(cells) == 5}
    for form in FORMATS:
        said = [extra for title, extra in extras.items() if title.startswith(form.name)]
        assert len(said) == 1, form.name
        assert said[0] == (f"`{form.extra}`" if form.packages else "") or form.name == "WFDB", form.name
