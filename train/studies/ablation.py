"""Compare objectives, views and positives: short runs of the same budget on the same encoder, in one table.

    python train/studies/ablation.py --data DIR --out runs/compare    the whole grid; a second call continues
    python train/studies/ablation.py --list                                    the cells of the grid
    python train/studies/ablation.py --data DIR --cells nt_xent/augment/nearby nt_xent/vcg/window --steps 1000

A cell is named objective/view/positives, with /SEED appended if it repeats another one. Each cell is pretrained by
train/pretrain.py and exported by train/export.py, and the exported model is probed as in train/evaluate.py. Baselines
are probed on the same windows. OUT holds one folder per cell (a run as described in train/runs/folder.py, the model,
result.json), the table and the heat map.
"""

import functools
import json
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    __import__("train")  # says in a sentence what is not installed

from torch import Tensor

from edgeecg.errors import EdgeECGError, InputError
from train import autoencode, export, pretrain
from train.ablation.cells import AUTOENCODER, CELLS, VIEWS, Cell, parse
from train.ablation.scoreboard import heat_map, markdown, mean, spread
from train.data import PRETRAINING, Cache, open_cache
from train.data.front_end import default_front_end
from train.probes.evaluation import embed
from train.probes.features import FEATURES, features_by_name
from train.probes.protocol import run_task
from train.probes.tasks.base import Task
from train.probes.tasks.registry import TASKS, read_task
from train.runs.command_line import known_names, run_command
from train.runs.folder import config_dict, read_log, write_json, write_text
from train.views import load_noise

BASELINES = ("random", "random_mean_max", "hrv", "minirocket")
BUDGET = ("corpora", "encoder", "steps", "batch", "lr", "projector", "tasks")  # what all cells of a table share


@dataclass(frozen=True)
class Config:
    """The comparison."""

    data: Path | None = None  # folder with one sub-folder per corpus
    out: Path = Path("runs/compare")
    cells: tuple[str, ...] = ()  # names of cells; default: the whole grid
    list: bool = False  # only print the names of the grid

    corpora: tuple[str, ...] = PRETRAINING
    encoder: Literal["edge", "basic_cnn"] = "edge"
    steps: int = 250  # updates of each cell
    batch: int = 128  # windows per step
    lr: float = 2e-3
    projector: tuple[int, ...] = (256, 256)
    tasks: tuple[str, ...] = (
        "V_ds1_ds2",
        "S_ds1_ds2",
        "ptbxl_af_I_cv4",
        "ptbxl_super_I_cv4",
        "cinc2017_cv5",
        "identity",
        "quality_seta",
    )
    baselines: tuple[str, ...] = BASELINES
    threads: int = 1
    cache: Path = field(default=Path("~/.cache/edgeecg/train"))

    def __post_init__(self):
        known_names("task", self.tasks, TASKS)
        known_names("baseline", self.baselines, FEATURES)
        if not self.list and (self.data is None or not self.data.is_dir()):
            raise InputError("give the folder of the recordings with --data")
        chosen(self)

    def of_cell(self, cell: Cell, folder: Path) -> pretrain.Config | autoencode.Config:
        """The training that a cell is."""
        budget = {name: getattr(self, name) for name in BUDGET[:-1]}
        common = {"data": self.data, "cache": self.cache, "threads": self.threads, "seed": cell.seed, "out": folder}
        cadence = {"save_every": 50, "evaluate_every": self.steps, "validation": 0.02}
        if cell.objective == AUTOENCODER:
            budget.pop("projector")
            return autoencode.Config(**budget, **common, **cadence, kind=cell.view)
        how = {"objective": cell.objective, "positives": cell.positives, **VIEWS[cell.view]}
        return pretrain.Config(**budget, **common, **cadence, **how)


class Bench:
    """The probe tasks, each read once."""

    def __init__(self, config: Config):
        self.config, self.tasks = config, {}

    def task(self, name: str) -> Task:
        if name not in self.tasks:
            self.tasks[name] = read_task(name, self.config.data)
        return self.tasks[name]

    def scores(self, feature: str) -> dict[str, dict]:
        """Value and interval in each task of a baseline or a model file."""
        results = {}
        for name in self.config.tasks:
            task = self.task(name)
            train, test, _ = embed(task, features_by_name(feature))
            results[name] = asdict(run_task(task, train, test))
        return results


def chosen(config: Config) -> list[Cell]:
    return [parse(name) for name in config.cells] or list(CELLS)


def pretrained(config: Config, cell: Cell, folder: Path, cache: Cache, noise: Tensor | None) -> Path:
    """The cell's encoder.safetensors, trained from where it was."""
    finished = folder / "encoder.safetensors"
    if finished.exists():
        return finished
    run = config.of_cell(cell, folder)
    run = replace(run, resume=bool(read_log(folder)))
    if cell.objective == AUTOENCODER:
        autoencode.train(run, cache, noise)
    else:
        pretrain.train(run, cache, noise if run.view == "augment" else None)
    return finished


def run_cell(config: Config, cell: Cell, cache: Cache, noise: Tensor | None, bench: Bench) -> dict:
    """Pretrain, export, probe. An interrupted cell continues; a finished one is read."""
    folder = config.out / cell.folder
    path = folder / "result.json"
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    try:
        result = make_cell(config, cell, folder, cache, noise, bench)
    except EdgeECGError as error:  # a loss that ran away, integers that do not follow: a finding, not the grid's end
        result = {"cell": asdict(cell), "failed": str(error)}
    write_json(path, result)
    return result


def make_cell(config: Config, cell: Cell, folder: Path, cache: Cache, noise: Tensor | None, bench: Bench) -> dict:
    encoder = pretrained(config, cell, folder, cache, noise)
    calibration = {"data": config.data, "corpora": config.corpora, "windows": 128, "cache": config.cache}
    report = export.run(export.Config(encoder, folder / "model", name="model", cosine=0.9, **calibration))
    trained = [line["seconds"] for line in read_log(folder) if "seconds" in line]
    return {
        "cell": asdict(cell),
        "seconds": trained[-1],
        "cosine": report["clean"]["int8"]["cosine_mean"],
        "scores": bench.scores(str(folder / "model" / "model.eecg")),
    }


def run_baseline(config: Config, name: str, bench: Bench) -> dict:
    path = config.out / "baselines" / f"{name}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"scores": bench.scores(name)})
    return json.loads(path.read_text(encoding="utf-8"))


def keep_budget(config: Config) -> None:
    """A table compares like with like: OUT keeps the budget that it was begun with."""
    path, budget = config.out / "budget.json", {name: config_dict(config)[name] for name in BUDGET}
    if not path.exists():
        config.out.mkdir(parents=True, exist_ok=True)
        write_json(path, budget)
    stored = json.loads(path.read_text(encoding="utf-8"))
    other = [name for name in BUDGET if stored.get(name) != budget[name]]
    if other:
        raise InputError(
            f"{config.out} holds a comparison with other values of {', '.join(other)}: choose another --out"
        )


def write_tables(config: Config, results: dict[str, dict]) -> str:
    scored = {name: r["scores"] for name, r in results.items() if "scores" in r}
    if not scored:
        return ""
    cheap = {name: scores for name, scores in scored.items() if name in config.baselines}
    cells = {name: scores for name, scores in scored.items() if name not in cheap}
    text = markdown(cells, cheap)
    remarks = [spread(cells), *(f"{name} has no score: {r['failed']}." for name, r in results.items() if "failed" in r)]
    text += "".join(f"\n{remark}\n" for remark in remarks if remark)
    picture = heat_map(config.out / "table.png", cells, cheap)
    write_text(config.out / "table.md", f"{text}\n![scores by cell and task]({picture.name})\n")
    return text


def run(config: Config) -> str:
    """Run all missing cells and baselines; the table is rewritten after each cell."""
    keep_budget(config)
    front, bench, results, text = default_front_end(), Bench(config), {}, ""
    cache = open_cache(config.data, config.corpora, front, config.cache)
    noise = load_noise(config.data, front)
    cells = chosen(config)
    jobs = [(cell.name, functools.partial(run_cell, config, cell, cache, noise, bench)) for cell in cells]
    jobs += [(name, functools.partial(run_baseline, config, name, bench)) for name in config.baselines]
    for number, (name, job) in enumerate(jobs, 1):
        start = time.perf_counter()
        print(f"[{number}/{len(jobs)}] {name}", flush=True)
        result = results[name] = job()
        outcome = result.get("failed") or f"mean score {mean(result['scores']):.3f}"
        print(f"    {outcome}, {time.perf_counter() - start:.0f} s", flush=True)
        text = write_tables(config, results)
    return text


def main(config: Config) -> None:
    if config.list:
        print("\n".join(cell.name for cell in chosen(config)))
        return
    config = replace(config, cache=config.cache.expanduser())
    print(run(config))
    print(f"wrote {config.out / 'table.md'} and table.png")


if __name__ == "__main__":
    run_command(main, Config, __doc__, stopped="stopped; the same command goes on where it was")
