"""pip install, saying what it does: what it downloads where that is large, and every ten seconds how far it is.

    python tools/install.py -c constraints.txt -e '.[test]'        the arguments are pip's

pip itself prints hundreds of lines, or is silent for minutes. Errors and warnings of pip come through as they are.
"""

import os
import re
import subprocess
import sys
import threading
import time

LARGE_MB = 20.0  # downloads from this size on are named
EVERY = 10.0  # seconds between signs of life
DOWNLOADING = re.compile(r"^\s*Downloading (\S+?)-\d\S* \(([\d.]+) ([kMG]?B)\)")
UNITS = {"B": 1e-6, "kB": 1e-3, "MB": 1.0, "GB": 1e3}


class Progress:
    """What pip has said so far, in one line."""

    def __init__(self):
        self.collected, self.installing, self.megabytes, self.began = 0, 0, 0.0, time.monotonic()

    def take(self, line: str) -> str | None:
        """A line of pip's; returns what is worth saying at once."""
        download = DOWNLOADING.match(line)
        if download:
            size = float(download[2]) * UNITS[download[3]]
            self.megabytes += size
            return f"downloading {download[1].rsplit('/', 1)[-1]}, {size:.0f} MB" if size >= LARGE_MB else None
        if line.startswith(("Collecting ", "Requirement already satisfied")):
            self.collected += 1
        elif line.startswith("Installing collected packages:"):
            self.installing = line.count(",") + 1
            return f"installing {self.installing} packages ({self.megabytes:.0f} MB downloaded)"
        return None

    def line(self) -> str:
        done = f"installing {self.installing} packages" if self.installing else f"{self.collected} packages looked up"
        return f"{done}, {time.monotonic() - self.began:.0f} s"


def say(text: str) -> None:
    print(f"edgeecg: {text}", flush=True)


def main() -> int:
    progress, over = Progress(), threading.Event()
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    pip = subprocess.Popen([*command, *sys.argv[1:]], stdout=subprocess.PIPE, text=True, env=environment)

    def sign_of_life() -> None:
        while not over.wait(EVERY):
            say(progress.line())

    threading.Thread(target=sign_of_life, daemon=True).start()
    try:
        for line in pip.stdout:
            said = progress.take(line)
            if said:
                say(said)
    except KeyboardInterrupt:
        pip.terminate()
    over.set()
    return pip.wait()


if __name__ == "__main__":
    sys.exit(main())
