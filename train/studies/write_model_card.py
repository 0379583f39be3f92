"""Write probe results into a model file and its card.

    python train/evaluate.py --model models/mine.eecg --json probes.json
    python train/studies/write_model_card.py models/mine.eecg --probes probes.json
    python train/studies/write_model_card.py edgeecg/models/default.eecg --probes own.json cheap.json --moved moved.json

The file gets only the model's own scores on the ten tasks, so that it stays small. NAME.card.md next to it has every
table that the given files hold (those of train/studies/fill_tables.py), with intervals. Only the metadata changes, so
the model id stays the same.
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import tyro

from edgeecg.errors import EdgeECGError, InputError
from edgeecg.model import Model
from train.probes.evaluation import results_table
from train.probes.tasks.registry import TASKS, TITLES
from train.reporting.model_card import card
from train.reporting.tables import NAMES, every_table, read_all
from train.runs.folder import write_text

COMMAND = "python train/evaluate.py --model {name}"
HEADING = "## What a linear probe finds"
MET = (
    "Split by patient (by record where patients are not known), but for one man, who is MIT-BIH's 201 in DS1 and 202 "
    "in DS2: "
    "`python train/studies/leave_one_subject_out.py` prints what probes owe to him. In brackets the 95 % bootstrap "
    "interval over test patients. "
    "DS2 and svdb were never trained on. PTB-XL, Challenge 2017, Challenge 2011 and DS1 were met in pretraining, "
    "without labels: their rows say how well the encoder serves people like those it has seen."
)
FURTHER = {
    "more": "## Further tasks",
    "few": "## Few labels",
    "quantization": "## What quantization costs: the probe is fitted on the float embedding",
    "moved": "## What a change of the signal moves",
}


@dataclass(frozen=True)
class Config:
    """Complete a model's card."""

    model: Annotated[Path, tyro.conf.Positional]
    probes: tuple[Path, ...]  # files of train/evaluate.py --json; the first file has priority
    moved: Path | None = None  # file of train/studies/invariance.py --json


def own_rows(found: dict, model: str) -> list[dict]:
    """The model's results on the ten tasks: task, value, interval; of whole label sets and its own probe."""
    scores = {task: found[task, model, 1.0].score for task in TASKS if (task, model, 1.0) in found}
    return [
        {"task": TITLES[t], **{k: round(getattr(s, k), 4) for k in ("value", "low", "high")}} for t, s in scores.items()
    ]


def with_probes(text: str, table: str, command: str) -> str:
    """The card `text` and its section on probes."""
    lines = [text.rstrip(), "", HEADING, "", f"`{command}` (int8 through the compiled core)", ""]
    return "\n".join([*lines, table, MET, ""])


def ten_tasks(found: dict, names: list[str]) -> str:
    """The ten tasks with intervals, a column each of `names`."""
    return results_table(
        [replace(found[t, n, 1.0], feature=NAMES.get(n, n)) for t in TASKS for n in names if (t, n, 1.0) in found]
    )


def run(config: Config) -> Model:
    model, name, found = Model.load(config.model), config.model.stem, read_all(config.probes)
    rows = own_rows(found, name)
    if not rows:
        raise InputError(f"{', '.join(map(str, config.probes))} holds no results of {name}")
    command = COMMAND.format(name=model.name)
    base = card(model.meta) if "training" in model.meta else f"# {name}"  # not every model is of train/export.py
    short = with_probes(base, ten_tasks(found, [name]), command)
    others = dict.fromkeys(n for _, n, _ in found if n != name and not n.startswith("float"))
    tables = every_table(found, config.moved, name)
    further = [f"{title}\n\n{tables[key]}" for key, title in FURTHER.items() if key in tables]
    model = replace(model, meta={**model.meta, "probes": {"command": command, "results": rows}, "card": short})
    model.save(config.model)
    whole = "\n".join([with_probes(base, ten_tasks(found, [name, *others]), command), *further])
    write_text(config.model.with_name(f"{name}.card.md"), whole)
    return model


if __name__ == "__main__":
    try:
        done = run(tyro.cli(Config, description=__doc__))
        print(f"{done.name} {done.id[:12]}: {len(done.meta['probes']['results'])} figures in the card")
    except (EdgeECGError, OSError) as error:
        sys.exit(f"error: {error}")
