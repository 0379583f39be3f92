"""Commands that write, as functions of a folder that a process can run, be killed in, and run again."""

import sys
from pathlib import Path

import numpy as np

SECONDS = 60


def quiet() -> None:
    """Nothing on the terminal; errors become the exit code."""
    sys.stdout = sys.stderr = open("/dev/null", "w")  # noqa: SIM115 (for the process's whole life)


def recording(folder: Path) -> Path:
    """Text that takes a while to read."""
    path = folder / "recording.csv"
    if not path.exists():
        values = np.sin(np.arange(250 * SECONDS) / 20) + np.arange(250 * SECONDS) % 211 / 400
        path.write_text("ecg_mV\n" + "\n".join(f"{v:.4f}" for v in values))
    return path


def embed(folder: Path, suffix: str, hop: str = "0.1") -> None:
    """edgeecg embed: one file."""
    from edgeecg.cli import main

    options = ["--fs", "250", "--hop", hop, "-q", "-o", str(folder / f"out{suffix}")]
    if main(["embed", str(folder / "recording.csv"), *options]):
        raise SystemExit(2)


def embed_npz(folder: Path) -> None:
    embed(folder, ".npz")


def embed_csv(folder: Path) -> None:
    embed(folder, ".csv")


def embed_parquet(folder: Path) -> None:
    embed(folder, ".parquet")


def embed_archive(folder: Path) -> None:
    """edgeecg embed: a folder of tables, which it goes on with."""
    from edgeecg.cli import main

    if main(["embed", str(folder / "in"), "-o", str(folder / "tables"), "--fs", "250", "--hop", "1", "-q"]):
        raise SystemExit(2)


def export_c(folder: Path) -> None:
    """edgeecg export-c: a folder of files."""
    from edgeecg.cli import main

    if main(["export-c", str(folder / "firmware")]):
        raise SystemExit(2)


def pretrain(folder: Path) -> None:
    """Twelve steps from a cache that is built on the way; goes on where there is something to go on from."""
    import torch

    from train import pretrain as command

    torch.set_num_threads(1)
    out = folder / "run"
    options = {"data": folder / "data", "corpora": ("mine",), "steps": 12, "validation": 0.2, "batch": 8}
    cadence = {"save_every": 2, "evaluate_every": 6, "log_every": 3, "cache": folder / "cache"}
    resume = (out / "config.json").exists()
    command.main(command.Config(**options, **cadence, out=out, resume=resume))


def recipe(folder: Path) -> None:
    """The same of the recipe, with a worker process."""
    import torch

    from train import recipe as command

    torch.set_num_threads(1)
    out = folder / "run"
    options = {"data": folder / "data", "corpora": ("mine",), "steps": 8, "validation": 0.2, "batch": 8}
    cadence = {"save_every": 2, "evaluate_every": 4, "log_every": 2, "cache": folder / "cache", "workers": 1}
    resume = (out / "config.json").exists()
    command.main(command.Config(**options, **cadence, out=out, resume=resume))
