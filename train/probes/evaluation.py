"""The probe bench: every task with every feature, the quantization loss, results stored task by task."""

import itertools
import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from edgeecg.errors import InputError
from train.probes.features import FEATURES, MEAN, Features, features_by_name, models_of, parse_feature_spec
from train.probes.protocol import Score, row_cosines, run_task
from train.probes.supervised import supervised
from train.probes.tasks.base import Task
from train.probes.tasks.registry import GROUPS, TASKS, TITLES, own_task, read_task
from train.runs.checkpoint import file_fingerprint, model_fingerprint
from train.runs.command_line import need_recordings, recordings_folder
from train.runs.folder import write_text

FLOAT_PROBE = "(probe fitted on float)"
SUPERVISED = "supervised"  # no feature: a network that is trained on each task
DRAWN = ("random", "random_mean_max", SUPERVISED)  # of random weights


@dataclass(frozen=True)
class EvaluationConfig:
    """Models, tasks and baselines of the bench."""

    # bundled names or .eecg files; concatenated: default+hrv; some dimensions: default[:47]
    model: tuple[str, ...] = ("default",)
    fractions: tuple[float, ...] = (1.0,)  # fractions of the training patients that have labels
    # `float` below hides the type of that name from what follows it
    float: tuple[Path, ...] = ()  # encoder.safetensors of the models: reports the quantization loss
    baselines: tuple[str, ...] = ()  # names: random, random_mean_max, hrv, catch22, minirocket, supervised
    tasks: tuple[str, ...] = tuple(TASKS)  # names, or a group: more, transfer, leads
    seeds: int = 3  # draws of labeled patients and of random weights
    updates: int = 400  # updates of the supervised baseline, 64 windows each
    # instead of the tasks: a table of labels, or the suffix of annotation files (train/data/labels.py)
    labels: str | None = None
    lead: str | None = None  # lead of those recordings: name, index from 0, or several: I,II; default: first voltage
    data: Path | None = field(default_factory=recordings_folder)
    json: Path | None = None  # results, one object per task and feature

    def __post_init__(self):
        need_recordings(self.data)
        if self.labels:
            own = (Path(self.labels).name,)
            if self.tasks not in (tuple(TASKS), own):
                raise InputError("--labels stand in place of --tasks: give one of them")
            object.__setattr__(self, "tasks", own)  # frozen
        tasks = tuple(itertools.chain.from_iterable(GROUPS.get(name, [name]) for name in self.tasks))
        object.__setattr__(self, "tasks", tasks)  # frozen
        for name in self.tasks:
            if name not in TITLES and not self.labels:
                raise InputError(f"task {name!r} is not one of {', '.join([*TITLES, *GROUPS])}")
        for name in self.baselines:
            if name not in (*FEATURES, SUPERVISED):
                raise InputError(f"baseline {name!r} is not one of {', '.join([*FEATURES, SUPERVISED])}")
        if min(self.seeds, self.updates) < 1:
            raise InputError("seeds and updates must be at least 1")
        if self.float and len(self.float) != len(self.model) and self.model:
            raise InputError("give one --float for each --model")
        if self.float and any(parse_feature_spec(name) != [(name, slice(None))] for name in self.model):
            raise InputError("--float is compared with whole models: give each --model without + and [A:B]")
        if not all(0 < f <= 1 for f in self.fractions):
            raise InputError("fractions lie above 0 and are at most 1")


@dataclass(frozen=True)
class Result:
    task: str
    feature: str
    fraction: float
    score: Score
    dim: int
    windows: int
    embed_seconds: float
    cosine_mean: float | None = None  # to the float embedding, where that was asked for
    cosine_5th_percentile: float | None = None


def embed(task: Task, features: Features) -> tuple[np.ndarray, np.ndarray | None, float]:
    """Features of the task's training and test windows, and the seconds they took."""
    start = time.perf_counter()
    train = features(task.train.signal)
    test = features(task.test.signal) if task.test else None
    return train, test, time.perf_counter() - start


def aligned(real: np.ndarray, integer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Factor and offset (d,) that bring the float embedding to the integers' standardized dimensions
    (least squares).
    """
    centered = real - real.mean(0)
    factor = (centered * integer).sum(0) / np.maximum(np.square(centered).sum(0), 1e-12)
    return factor, integer.mean(0) - factor * real.mean(0)


def quantization(name: str, task: Task, model: str, real: tuple, integer: tuple, windows: int) -> Result:
    """The integer embedding under a probe that was fitted on the float one; with the cosine between the two."""
    factor, offset = aligned(real[0], integer[0])
    train, test = (None if z is None else z * factor + offset for z in real[:2])
    shown = integer[0] if test is None else integer[1]
    cosine = row_cosines(train if test is None else test, shown)
    score = run_task(task, train, None if test is None else shown, shown=shown if test is None else None)
    low = float(np.percentile(cosine, 5))
    return Result(name, f"{model} {FLOAT_PROBE}", 1.0, score, shown.shape[1], windows, 0.0, float(cosine.mean()), low)


def mean(scores: list[Score]) -> Score:
    return Score(*(float(np.mean([getattr(s, name) for s in scores])) for name in ("value", "low", "high")))


def shares(config: EvaluationConfig, task: Task) -> tuple[float, ...]:
    return config.fractions if task.kind in ("split", "folds") else (1.0,)


def feature_results(
    config: EvaluationConfig, name: str, task: Task, feature: str, windows: int
) -> tuple[list[Result], tuple]:
    """A result for each share of labels, and the features of training and test windows (of the last seed)."""
    scores, spent, kept = {fraction: [] for fraction in shares(config, task)}, 0.0, (None, None)
    for seed in range(config.seeds if feature in DRAWN else 1):
        *kept, seconds = embed(task, features_by_name(feature, seed))
        spent += seconds
        for fraction, found in scores.items():
            draws = range(config.seeds) if fraction < 1 and feature not in DRAWN else (seed,)
            found.extend(run_task(task, *kept, fraction, draw) for draw in draws)
    rows = [(f, mean(found)) for f, found in scores.items()]
    return [Result(name, feature, f, score, kept[0].shape[1], windows, round(spent, 2)) for f, score in rows], tuple(
        kept
    )


def supervised_results(config: EvaluationConfig, name: str, task: Task, windows: int) -> list[Result]:

    results = []
    for fraction in shares(config, task):
        start = time.perf_counter()
        score = mean([supervised(task, config.data, config.updates, fraction, seed) for seed in range(config.seeds)])
        results.append(Result(name, SUPERVISED, fraction, score, 0, windows, round(time.perf_counter() - start, 2)))
    return results


def task_results(config: EvaluationConfig, name: str, bar: tqdm) -> list[Result]:
    """All results of one task."""
    task = own_task(config.labels, config.data, config.lead) if config.labels else read_task(name, config.data)
    results, kept = [], {}
    windows = len(task.train.label) + (len(task.test.label) if task.test else 0)
    for feature in feature_names(config):
        bar.set_postfix(task=name, features=feature)
        if feature == SUPERVISED:
            results += (
                supervised_results(config, name, task, windows)
                if task.kind != "retrieval" and task.train.signal.ndim == 2
                else []
            )
        else:
            found, kept[feature] = feature_results(config, name, task, feature, windows)
            results += found
        bar.update()
    for model, real in zip(config.model, map(str, config.float), strict=False):
        results.append(quantization(name, task, model, kept[real], kept[model], windows))
    return results


def feature_names(config: EvaluationConfig) -> list[str]:
    return [*config.model, *map(str, config.float), *config.baselines]


def evaluate(config: EvaluationConfig) -> list[Result]:
    """Results of all tasks; those that the file --json holds for the same features and shares are taken from it."""
    names = feature_names(config)
    for name in set(names) - {SUPERVISED}:
        features_by_name(name)  # a wrong name fails before the work begins
    held = settings(config)  # now: a model file may change while it is being probed
    results = known_results(config, held)
    done = {r.task for r in results}
    with tqdm(total=len(config.tasks) * len(names), unit=" probes", mininterval=0.5) as bar:
        for name in config.tasks:
            if name in done:
                bar.update(len(names))
                continue
            results += task_results(config, name, bar)
            if config.json:
                keep(config.json, held, results)
    return results


def settings(config: EvaluationConfig) -> dict:
    """What the results in a file depend on besides the recordings; model files are identified by their bytes."""
    names = [n for name in (*config.model, *map(str, config.float)) for n in models_of(name)]
    held = {
        "features": feature_names(config),
        "models": [model_fingerprint(name) for name in names],
        "fractions": list(config.fractions),
        "seeds": config.seeds,
    }
    held |= {"labels": file_fingerprint(config.labels), "lead": config.lead} if config.labels else {}
    return held | ({"updates": config.updates} if SUPERVISED in config.baselines else {})


def keep(path: Path, held: dict, results: list[Result]) -> None:
    write_text(path, json.dumps({"settings": held, "results": [asdict(r) for r in results]}, indent=1) + "\n")


def read_results(path: Path) -> tuple[dict, list[Result]]:
    """Settings and results of a file that --json wrote. Raises InputError for any other."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        return held["settings"], [Result(**{**r, "score": Score(**r["score"])}) for r in held["results"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no output of train/evaluate.py --json: {error}") from error


def known_results(config: EvaluationConfig, wanted: dict) -> list[Result]:
    if not config.json or not config.json.exists():
        return []
    held, results = read_results(config.json)
    if held != wanted:
        raise InputError(
            f"{config.json} holds results of other models or options, which would be lost: give another --json"
        )
    return results


def column_titles(features: list[str]) -> list[str]:
    """File names without folders; with their folder if several features have the same file name."""
    names = [Path(feature).name.removesuffix(MEAN) for feature in features]
    return ["/".join(Path(f).parts[-1 if names.count(n) == 1 else -2 :]) for f, n in zip(features, names, strict=True)]


def results_table(results: list[Result]) -> str:
    """One row a task (and share of labels), one column a feature: value and 95 % interval, the best in bold."""
    features = list(dict.fromkeys(r.feature for r in results))
    lines = ["| task | " + " | ".join(column_titles(features)) + " |", "|---" * (len(features) + 1) + "|"]
    for task, fraction in dict.fromkeys((r.task, r.fraction) for r in results):
        row = {r.feature: r.score for r in results if (r.task, r.fraction) == (task, fraction)}
        best = max(score.value for score in row.values())
        cells = []
        for feature in features:
            score = row.get(feature)
            if score is None:
                cells.append("")
                continue
            value = f"{score.value:.3f}".lstrip("0")
            value = f"**{value}**" if score.value == best and len(features) > 1 else value
            cells.append(f"{value} ({score.low:.3f}-{score.high:.3f})".replace("(0.", "(.").replace("-0.", "-."))
        share = "" if fraction == 1 else f", {fraction:.0%} of the patients labeled"
        lines.append(f"| {TITLES.get(task, task)}{share} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
