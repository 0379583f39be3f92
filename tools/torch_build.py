"""Which build of torch to install: the CPU build wherever pip can have one, and a word about size before a larger one.

    python tools/torch_build.py constraints.txt        prints the requirement, for pip; what people read goes to stderr

PyPI's torch for Linux on x86-64 comes with CUDA: gigabytes that training on a CPU never uses. An index or a folder of
wheels that pip is configured with (`pip config`, PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS) may offer the CPU build, whose
version ends in +cpu.
"""

import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path

LARGE = (
    "edgeecg: pip offers torch {version} with CUDA only: about 3 GB to download, 5.7 GB on disk, five to ten minutes "
    "at 10 MB/s.\nedgeecg: to take the CPU build (0.7 GB) instead, stop with Ctrl-C and name an index that has it in "
    "PIP_EXTRA_INDEX_URL. Without torch: make test-quick"
)
SMALL = "edgeecg: torch {version}, CPU build: about 0.2 GB to download and 0.7 GB on disk, a minute or two"


def pinned(constraints: Path) -> str:
    """The version of torch that the constraints file pins."""
    found = re.search(r"^torch==(\S+)$", constraints.read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        raise SystemExit(f"edgeecg: {constraints} pins no torch")
    return found[1]


def pip(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--dry-run", "--quiet"]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)


def names_of(report: str) -> list[str]:
    """What pip would install, of its `--report -`; nothing where it could not tell."""
    try:
        return [package["metadata"]["name"].lower() for package in json.loads(report)["install"]]
    except (ValueError, KeyError, TypeError):
        return []


def with_cuda(names: list[str]) -> bool:
    return any(name.startswith(("nvidia", "cuda", "triton")) for name in names)


def choose(version: str, run=pip) -> tuple[str, str]:
    """(requirement for pip, sentence for people)."""
    if run("--no-deps", f"torch=={version}+cpu").returncode == 0:
        return f"torch=={version}+cpu", SMALL.format(version=version)
    names = names_of(run("--report", "-", f"torch=={version}").stdout)
    return f"torch=={version}", (LARGE if with_cuda(names) else SMALL).format(version=version)


def main() -> None:
    version = pinned(Path(sys.argv[1]))
    try:
        requirement = f"torch=={importlib.metadata.version('torch')}"
    except importlib.metadata.PackageNotFoundError:
        requirement, sentence = choose(version)
        print(sentence, file=sys.stderr, flush=True)
    print(requirement)


if __name__ == "__main__":
    main()
