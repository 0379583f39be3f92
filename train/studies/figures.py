"""Draw an embedding: maps by rhythm, beat, subject and noise; nearest neighbors as ECG strips; quality against size;
resynthesized rhythms.

    python train/studies/figures.py --model default --out docs/results/pictures
    python train/studies/figures.py --model default --method pca --pictures maps
    python train/studies/figures.py --pictures sizes --probes nano.json default.json plus.json   from evaluate.py --json
    python train/studies/figures.py --pictures rhythms    leads of DS1 next to their resynthesized rhythms

Writes maps.png, neighbors.png, sizes.png and rhythms.png. Where labels allow, maps show subjects that training never
saw: beats and subjects of MIT-BIH DS2, and noise from the halves reserved for tests. The rhythms of Challenge 2017 were
seen without labels. Neighbors are searched among the other subjects of DS2 and svdb. train/studies/invariance.py
draws its own figure (--picture).
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    __import__("train")  # says in a sentence what is not installed

import numpy as np
import tyro

import edgeecg
from edgeecg.errors import EdgeECGError, InputError
from train.data.corpora import DS2, corpus, corpus_folder
from train.data.front_end import ZERO, default_front_end, front_end_reader
from train.data.noise import NOISES
from train.plots.embeddings import maps, neighbors, rhythms, sizes
from train.probes.evaluation import FLOAT_PROBE, SUPERVISED, read_results
from train.probes.features import FEATURES, features_by_name
from train.probes.protocol import rows_of, some, unit
from train.probes.tasks.base import Windows, headers, join
from train.probes.tasks.challenges import RHYTHMS, cinc2017
from train.probes.tasks.mitdb import BEATS, beat_windows
from train.probes.tasks.noise import noise
from train.probes.tasks.registry import TASKS
from train.runs.command_line import need_recordings, recordings_folder
from train.targets import find_beats
from train.views.rhythm import other_rhythm

NAMES = {"N": "normal", "A": "AF", "O": "other", "~": "too noisy"}
PEOPLE = 16  # subjects in their map: as many as there are distinct colors


@dataclass(frozen=True)
class Config:
    """Pictures of an embedding."""

    model: str = "default"
    data: Path | None = field(default_factory=recordings_folder)
    out: Path = Path("docs/results/pictures")
    pictures: tuple[Literal["maps", "neighbors", "sizes", "rhythms"], ...] = ("maps", "neighbors")
    method: Literal["tsne", "pca"] = "tsne"
    windows: int = 700  # windows per map
    probes: tuple[Path, ...] = ()  # files of train/evaluate.py --json, for "sizes"

    def __post_init__(self):
        if set(self.pictures) - {"sizes"}:
            need_recordings(self.data)
        if "sizes" in self.pictures and not self.probes:
            raise InputError("the picture of sizes needs --probes: files that train/evaluate.py --json wrote")


def beat_kinds(data: Path, lists: dict[str, tuple[str, ...]]) -> tuple[Windows, list[str]]:
    """Windows of the records and their names; label 0 without ectopic beats, 1 with S beats, 2 with V beats."""
    pieces, names = [], []
    for name, wanted in lists.items():
        for record, path in headers(data, name, wanted).items():
            signal, v = beat_windows(path, BEATS["V"])
            _, s = beat_windows(path, BEATS["S"])
            pieces.append((signal, np.where(v, 2, s)))
            names.append(f"{name} {record}")
    return join(pieces), names


KINDS = ("no ectopic beat", "S beat", "V beat")


def project(z: np.ndarray, method: str) -> np.ndarray:
    """(n, d) -> (n, 2): principal components, or t-SNE that starts from them (van der Maaten and Hinton, JMLR 2008)."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    z = (z - z.mean(0)) / (z.std(0) + 1e-6)
    if method == "pca":
        return PCA(2, random_state=0).fit_transform(z)
    return TSNE(2, init="pca", perplexity=min(30, (len(z) - 1) / 3), random_state=0, n_jobs=1).fit_transform(z)


def panels(config: Config, embed: Callable) -> dict[str, tuple[np.ndarray, list[str]]]:
    rng = np.random.default_rng(0)
    beats, _ = beat_kinds(config.data, {"mitdb": DS2})
    rhythm, noisy = cinc2017(config.data).train, noise(config.data, "type").test
    people = np.isin(beats.group, np.arange(PEOPLE))
    choices = {
        "rhythm (Challenge 2017)": (rhythm, [NAMES[RHYTHMS[i]] for i in rhythm.label]),
        "ectopic beats (MIT-BIH DS2)": (beats, [KINDS[i] for i in beats.label]),
        f"people ({PEOPLE} of DS2)": (
            Windows(beats.signal[people], beats.label[people], beats.group[people]),
            [DS2[i] for i in beats.group[people]],
        ),
        "noise, 6 dB (PTB-XL and nstdb)": (noisy, [("none", *NOISES)[i] for i in noisy.label]),
    }
    drawn = {}
    for title, (windows, names) in choices.items():
        rows = np.sort(rng.permutation(len(names))[: config.windows])
        drawn[title] = project(embed(windows.signal[rows]), config.method), [names[i] for i in rows]
    return drawn


def nearest(windows: Windows, names: list[str], z: np.ndarray, count: int = 3) -> list:
    """Queries of each kind from different subjects, each with its `count` nearest windows of other subjects."""
    z, rows = unit((z - z.mean(0)) / (z.std(0) + 1e-6)), []
    rng = np.random.default_rng(3)
    for kind in (2, 2, 1, 0):
        taken = {name.split(" (")[1] for name, _ in rows}
        mine = [r for r in np.flatnonzero(windows.label == kind) if f"{names[windows.group[r]]})" not in taken]
        query = int(rng.choice(mine))
        strips, seen = [(windows.signal[query], "")], {windows.group[query]}
        for other in np.argsort(-(z @ z[query])):
            if len(strips) > count:
                break
            if windows.group[other] not in seen:
                seen.add(windows.group[other])
                cosine = float(z[other] @ z[query])
                strips.append(
                    (
                        windows.signal[other],
                        f"{KINDS[windows.label[other]]}, {names[windows.group[other]]}, {cosine:.2f}",
                    )
                )
        rows.append((f"{KINDS[kind]} ({names[windows.group[query]]})", strips))
    return rows


def size_points(paths: tuple[Path, ...]) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """Models and peers for the plot of sizes, by name; features without all ten tasks are skipped."""
    models, peers = {}, {}
    for path in paths:
        _, results = read_results(path)
        whole = [r for r in results if r.fraction == 1 and r.task in TASKS and FLOAT_PROBE not in r.feature]
        for name in dict.fromkeys(r.feature for r in whole):
            mine = {r.task: r for r in whole if r.feature == name}.values()
            if len(mine) < len(TASKS) or name.endswith(".safetensors"):
                continue
            found = {"score": float(np.mean([r.score.value for r in mine]))}
            if name != SUPERVISED:  # its seconds are those of training
                found["microseconds"] = 1e6 * sum(r.embed_seconds for r in mine) / sum(r.windows for r in mine)
            if name in FEATURES or name == SUPERVISED:
                peers[name] = found
            else:
                model = edgeecg.load(name).model
                models[Path(name).stem] = {**found, "macs": model.macs / 1e6, "kilobytes": model.weight_bytes / 1e3}
    if not models:
        raise InputError("the files hold no model with all ten tasks")
    return models, peers


def rhythm_pairs(data: Path, count: int = 4) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Ten seconds each of some records of DS1, where the other rhythm's intervals vary most: title, and (1280,) as it
    is and in it.
    """
    read, rows = front_end_reader(default_front_end()), []
    for number, recording in enumerate(corpus("mitdb").read(corpus_folder(data, "mitdb"))):
        if len(rows) == count:
            break
        if number % 6:  # two leads a record
            continue
        y = read(recording.signal, recording.fs, recording.gain)[:, 0]
        x, beats = y.astype(np.float64) - ZERO, find_beats(y)
        other = other_rhythm(x, beats.position, np.random.default_rng(number))
        moved = find_beats(np.clip(other + ZERO, 0, 255).astype(np.uint8))
        spread = [
            np.std(moved.rr[slice(*np.searchsorted(moved.position, [a, a + 1280]))])
            for a in range(1280, len(x) - 1280, 1280)
        ]
        part = slice(start := 1280 * (1 + int(np.argmax(spread))), start + 1280)
        rows.append((f"{recording.record}, {recording.lead}", x[part], other[part]))
    return rows


def main(config: Config) -> list[Path]:
    config.out.mkdir(parents=True, exist_ok=True)
    done = []
    if "maps" in config.pictures:
        done.append(maps(config.out / "maps.png", panels(config, features_by_name(config.model))))
    if "neighbors" in config.pictures:
        windows, names = beat_kinds(config.data, {"mitdb": DS2, "svdb": ()})
        kept = np.concatenate([some(rows, 60) for rows in rows_of(windows.group)])
        windows = Windows(windows.signal[kept], windows.label[kept], windows.group[kept])
        z = features_by_name(config.model)(windows.signal)
        done.append(neighbors(config.out / "neighbors.png", nearest(windows, names, z)))
    if "sizes" in config.pictures:
        done.append(sizes(config.out / "sizes.png", *size_points(config.probes)))
    if "rhythms" in config.pictures:
        done.append(rhythms(config.out / "rhythms.png", rhythm_pairs(config.data)))
    return done


if __name__ == "__main__":
    try:
        print("\n".join(f"wrote {path}" for path in main(tyro.cli(Config, description=__doc__))))
    except (EdgeECGError, OSError) as error:
        sys.exit(f"error: {error}")
