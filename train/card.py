"""Write what the probe bench found into a model file and its card.

    python train/evaluate.py --model models/mine.eecg --json probes.json
    python train/card.py models/mine.eecg --probes probes.json

The model's bytes apart from its metadata stay as they are, and so does its id.
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import tyro

from edgeecg.errors import EdgeECGError, InputError
from edgeecg.model import Model
from train.evaluate import FLOAT_PROBE, TITLES, read_results
from train.run import write_text

COMMAND = "python train/evaluate.py --model {name}"
HEADING = "## What a linear probe finds"
MET = (
    "Split by patient (by record where patients are not known); in brackets the 95 % bootstrap interval over patients. "
    "DS2 and svdb were never trained on. PTB-XL, Challenge 2017, Challenge 2011 and DS1 were met in pretraining, "
    "without labels: their rows say how well the encoder serves people like those it has seen."
)


@dataclass(frozen=True)
class Config:
    """Complete a model's card."""

    model: Annotated[Path, tyro.conf.Positional]
    probes: Path  # JSON of train/evaluate.py


def probe_rows(path: Path, model: Path) -> list[dict]:
    """The results of this model: task, value, interval; of whole label sets and its own probe."""
    _, results = read_results(path)
    rows = [r for r in results if r.fraction == 1 and FLOAT_PROBE not in r.feature]
    own = [r for r in rows if Path(r.feature).stem == model.stem]
    return [{"task": TITLES[r.task], **{k: round(getattr(r.score, k), 4) for k in ("value", "low", "high")}} for r in own]


def with_probes(card: str, rows: list[dict], command: str) -> str:
    """The card with its section on probes, in place of an earlier one."""
    text = [card.split(HEADING)[0].rstrip(), "", HEADING, "", f"`{command}` (int8 through the compiled core)", ""]
    text += ["| task | value |", "|---|---|"]
    text += [f"| {r['task']} | {r['value']:.3f} ({r['low']:.3f}-{r['high']:.3f}) |" for r in rows]
    return "\n".join([*text, "", MET, ""])


def run(config: Config) -> Model:
    model = Model.load(config.model)
    rows = probe_rows(config.probes, config.model)
    if not rows:
        raise InputError(f"{config.probes} holds no results of {config.model.stem}")
    command = COMMAND.format(name=model.name)
    card = with_probes(model.meta.get("card", ""), rows, command)
    model = replace(model, meta={**model.meta, "probes": {"command": command, "results": rows}, "card": card})
    model.save(config.model)
    write_text(config.model.with_name(f"{config.model.stem}.card.md"), card)
    return model


if __name__ == "__main__":
    try:
        done = run(tyro.cli(Config, description=__doc__))
        print(f"{done.name} {done.id[:12]}: {len(done.meta['probes']['results'])} figures in the card")
    except (EdgeECGError, OSError) as error:
        sys.exit(f"error: {error}")
