"""What set-up says while pip works."""

import os
import subprocess
import sys
from pathlib import Path

from tools.install import Progress

ROOT = Path(__file__).resolve().parents[2]


def test_large_downloads_are_named_and_all_are_counted():
    progress = Progress()
    assert progress.take("Collecting numpy>=1.26\n") is None
    assert progress.take("  Downloading numpy-2.4.6-cp311-cp311-manylinux_x86_64.whl (16.2 MB)\n") is None
    assert progress.take("  Downloading torch-2.13.0-cp311-none-any.whl (899.7 MB)\n") == "downloading torch, 900 MB"
    assert "1 packages looked up" in progress.line()
    assert progress.take("Installing collected packages: numpy, torch\n") == "installing 2 packages (916 MB downloaded)"
    assert progress.line().startswith("installing 2 packages, ")


def test_errors_of_pip_come_through(tmp_path):
    done = subprocess.run(
        [sys.executable, "tools/install.py", "--no-index", "--find-links", str(tmp_path), "no-such-package-here"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PIP_CONFIG_FILE": os.devnull},
        check=False,
    )
    assert done.returncode != 0 and "no-such-package-here" in done.stderr and "Traceback" not in done.stderr
