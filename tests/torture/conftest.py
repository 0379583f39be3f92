"""Hours of misuse: `make torture`. What was counted is printed at the end, for docs/results/reliability.md."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
FIGURES = pytest.StashKey[list]()


def pytest_ignore_collect(collection_path, config):
    """They are for `-m torture` alone."""
    return True if config.option.markexpr != "torture" and collection_path.suffix == ".py" else None


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.torture)


@pytest.fixture
def figure(request):
    """figure(sentence): for the summary."""
    found = request.config.stash.setdefault(FIGURES, [])
    return lambda sentence: found.append(f"{request.node.name}: {sentence}")


def pytest_terminal_summary(terminalreporter, config):
    if config.stash.get(FIGURES, None):
        terminalreporter.section("figures")
        for line in config.stash[FIGURES]:
            terminalreporter.write_line(line)
