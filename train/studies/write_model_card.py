"""Write probe results into a model file and its card, or only rewrite its cards.

    python train/evaluate.py --model models/mine.eecg --json probes.json
    python train/studies/write_model_card.py models/mine.eecg --probes probes.json
    python train/studies/write_model_card.py edgeecg/models/default.eecg --probes own.json cheap.json --moved moved.json
    python train/studies/write_model_card.py edgeecg/models/*.eecg           with the figures that they have

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
    __import__("train")  # says in a sentence what is not installed

import tyro

from edgeecg.errors import EdgeECGError, InputError
from edgeecg.model import Model
from train.probes.evaluation import Result, results_table
from train.probes.protocol import Score
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

    models: Annotated[tuple[Path, ...], tyro.conf.Positional]
    probes: tuple[Path, ...] = ()  # files of train/evaluate.py --json; the first file has priority
    moved: Path | None = None  # file of train/studies/invariance.py --json

    def __post_init__(self):
        if not self.models:
            raise InputError("give the path of a model file")
        if self.probes and len(self.models) > 1:
            raise InputError("--probes are of one model: give one path")
        if self.moved and not self.probes:
            raise InputError("--moved goes with --probes")


def own_rows(found: dict, model: str) -> list[dict]:
    """The model's results on the ten tasks: task, value, interval; of whole label sets and its own probe."""
    scores = {task: found[task, model, 1.0].score for task in TASKS if (task, model, 1.0) in found}
    return [
        {"task": TITLES[t], **{k: round(getattr(s, k), 6) for k in ("value", "low", "high")}} for t, s in scores.items()
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


def base_card(model: Model, name: str) -> str:
    """What the metadata say; not every model is of train/export.py."""
    return card(model.meta) if "training" in model.meta else f"# {name}"


def short_card(model: Model, name: str) -> str:
    """The card inside the file: the metadata, and the figures on the ten tasks that stand in them."""
    probes = model.meta.get("probes") or {}
    names = {title: task for task, title in TITLES.items()}
    rows = [(names[r["task"]], Score(r["value"], r["low"], r["high"])) for r in probes.get("results", [])]
    base = base_card(model, name)
    if not rows:
        return base
    known = [Result(task, name, 1.0, score, 0, 0, 0.0) for task, score in rows]
    return with_probes(base, results_table(known), probes["command"])


def refreshed(path: Path) -> Model:
    """The same figures in cards that say what cards say today; the tables of the card beside the file stay."""
    model, name, beside = Model.load(path), path.stem, path.with_name(f"{path.stem}.card.md")
    probes = dict(model.meta.get("probes") or {})
    if len(probes.get("results", [])) == len(TASKS):  # in the order of the tasks, whatever they were called then
        rows = zip(TASKS, probes["results"], strict=True)
        probes["results"] = [{**row, "task": TITLES[task]} for task, row in rows]
        probes["command"] = COMMAND.format(name=model.name)
        model = replace(model, meta={**model.meta, "probes": probes})
    model = replace(model, meta={**model.meta, "card": short_card(model, name)})
    model.save(path)
    text = beside.read_text(encoding="utf-8") if beside.exists() else ""
    if HEADING in text:
        tables = text[text.index(HEADING) :].split("\n")
        said = next(i for i, line in enumerate(tables) if line.startswith("Split by patient"))
        text = "\n".join([base_card(model, name).rstrip(), "", *tables[:said], MET, *tables[said + 1 :]])
    write_text(beside, text or model.meta["card"])
    return model


def run(config: Config) -> list[Model]:
    """The models with their new cards."""
    if not config.probes:
        return [refreshed(path) for path in config.models]
    path, found = config.models[0], read_all(config.probes)
    model, name = Model.load(path), path.stem
    rows = own_rows(found, name)
    if not rows:
        raise InputError(f"{', '.join(map(str, config.probes))} holds no results of {name}")
    command = COMMAND.format(name=model.name)
    others = dict.fromkeys(n for _, n, _ in found if n != name and not n.startswith("float"))
    tables = every_table(found, config.moved, name)
    further = [f"{title}\n\n{tables[key]}" for key, title in FURTHER.items() if key in tables]
    model = replace(model, meta={**model.meta, "probes": {"command": command, "results": rows}})
    model = replace(model, meta={**model.meta, "card": short_card(model, name)})
    model.save(path)
    whole = with_probes(base_card(model, name), ten_tasks(found, [name, *others]), command)
    write_text(path.with_name(f"{name}.card.md"), "\n".join([whole, *further]))
    return [model]


if __name__ == "__main__":
    try:
        for done in run(tyro.cli(Config, description=__doc__)):
            figures = (done.meta.get("probes") or {}).get("results", [])
            print(f"{done.name} {done.id[:12]}: {len(figures)} figures in the card")
    except (EdgeECGError, OSError) as error:
        sys.exit(f"error: {error}")
