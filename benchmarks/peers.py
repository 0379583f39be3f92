"""Sets up the runtimes that need an environment of their own: `python -m benchmarks.peers`, or `make bench-peers`.

The versions are pinned here; an environment that is already there with them is kept. What cannot be installed is said
in a sentence, and the benchmarks then leave that runtime out.
"""

import shutil
import subprocess
import sys
import venv

from benchmarks.rotation import ROOT

ENVIRONMENTS = {
    "bench-openvino": ("openvino==2026.4.1", "numpy==2.4.6"),
    "bench-litert": ("ai-edge-litert==2.3.0", "litert-torch==0.10.0", "ai-edge-quantizer==0.10.0", "torch==2.13.0"),
}


def install(name: str, packages: tuple[str, ...]) -> str | None:
    """Makes .cache/NAME with these packages; None, or why it could not be."""
    folder = ROOT / ".cache" / name
    stamp = folder / ".installed"
    wanted = "\n".join(packages)
    if stamp.exists() and stamp.read_text() == wanted:
        return None
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    command = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        shutil.rmtree(folder, ignore_errors=True)
        return errors[-1] if errors else f"pip ended with status {done.returncode}"
    stamp.write_text(wanted)
    return None


def main() -> int:
    failed = 0
    for name, packages in ENVIRONMENTS.items():
        print(f"{name}: {', '.join(packages)}", flush=True)
        if reason := install(name, packages):
            failed += 1
            print(f"{name}: could not be installed, the benchmarks go without it: {reason}", file=sys.stderr)
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
