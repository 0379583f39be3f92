"""Frozen features by name: the encoder under test, and the baselines.

Each is a function (n, 1280) float32 mV at 128 Hz -> (n, d) float. A window's features depend on that window alone.
`features_by_name` also accepts (n, leads, 1280) and concatenates the features of the leads.
"""

import re
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

import edgeecg
from edgeecg.constants import RATE
from edgeecg.errors import AmplitudeWarning, InputError, MissingDependencyError

Features = Callable[[np.ndarray], np.ndarray]


def encoder(name: str) -> Features:
    """A bundled model by name, or an .eecg file, through the compiled core."""
    loaded = edgeecg.load(name)

    def features(windows: np.ndarray) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AmplitudeWarning)  # some records of the quality task are flat
            return loaded.embed_batch(windows, fs=RATE)

    return features


def checkpoint(path: str) -> Features:
    """The float encoder of a training run, after the compiled front end; it takes all its leads at once."""
    import torch

    from train.data.front_end import to_input, windows_to_bytes
    from train.quantization.signal_levels import levels_of_windows
    from train.runs.checkpoint import load_encoder

    network, _ = load_encoder(path)
    leads = network.spec.channels

    def features(windows: np.ndarray) -> np.ndarray:
        if leads > 1:
            check_leads(path, windows, leads)
        x = to_input(torch.from_numpy(windows_to_bytes(windows)))
        with torch.no_grad():
            embedding = np.concatenate([network(piece).numpy() for piece in x.split(256)])
        return np.concatenate([embedding, levels_of_windows(windows)], 1) if network.spec.head.levels else embedding

    features.several_leads = leads > 1
    return features


def check_leads(name: str, windows: np.ndarray, leads: int) -> None:
    """InputError where an encoder of several leads gets windows of another number of them."""
    have = 1 if windows.ndim == 2 else windows.shape[1]
    if have != leads:
        raise InputError(
            f"{name} reads {leads} leads at once, and the windows have {have}: take a task of so many leads "
            "(--tasks leads)"
        )


def random_encoder(pool: str, seed: int = 0) -> Features:
    """The default encoder's shape with random weights: `pool` "head" (its own last layer) or "mean_max" (features).

    Batch norms get their statistics from the first windows seen, as an untrained network's would: of the training side,
    or with folds of all.
    """
    import torch

    from train.data.front_end import default_front_end, front_end_reader, to_input
    from train.nets import Encoder
    from train.nets.edge import edge

    torch.manual_seed(seed)
    network, read = Encoder(edge()), front_end_reader(default_front_end())
    tuned: list[Encoder] = []  # filled by the first call

    def features(windows: np.ndarray) -> np.ndarray:
        y = np.stack([read(w, RATE)[:, 0] for w in windows])
        x = to_input(torch.from_numpy(y))
        with torch.no_grad():
            if not tuned:
                network.train()
                for piece in x[:2048].split(256):
                    network(piece)
                tuned.append(network.eval())
            if pool == "head":
                return np.concatenate([network(piece).numpy() for piece in x.split(256)])
            return np.concatenate([network.pool(network.tensors(p)[-1][:, :, 0]).numpy() for p in x.split(256)])

    return features


def hrv_and_shape(windows: np.ndarray) -> np.ndarray:
    """Fifteen numbers: size and slopes of the signal, RR intervals, median beat (R peaks by sleepecg)."""
    return np.nan_to_num(np.array([one_hrv(window) for window in windows]))


def one_hrv(x: np.ndarray) -> list[float]:
    import sleepecg

    try:
        peaks = sleepecg.detect_heartbeats(x.astype(np.float64), RATE)
    except ValueError:  # a flat window
        peaks = []
    z = x - np.median(x)
    size = [z.std(), np.abs(np.diff(x)).mean(), np.ptp(z), np.percentile(z, 95), np.percentile(z, 5)]
    if len(peaks) < 3:
        return size + [0.0] * 10
    rr = np.diff(peaks) / RATE
    change = np.diff(rr)
    inside = [z[p - 32 : p + 32] for p in peaks if 32 <= p < len(z) - 32]
    beats = np.stack(inside or [np.zeros(64)])
    median = np.median(beats, 0)
    rhythm = [rr.mean(), rr.std(), np.sqrt((change**2).mean()), rr.min(), rr.max(), np.ptp(rr) / rr.mean()]
    shape = [np.ptp(median), beats.std(0).mean(), (np.abs(median) > 0.5 * np.abs(median).max()).mean()]
    return [*size, *rhythm, (np.abs(change) > 0.05).mean(), *shape]


def catch22(windows: np.ndarray) -> np.ndarray:
    """Lubba et al., "catch22: CAnonical Time-series CHaracteristics", 2019, with mean and deviation."""
    try:
        import pycatch22
    except ImportError as error:
        raise MissingDependencyError("the catch22 baseline needs pycatch22: pip install pycatch22") from error
    rows = [pycatch22.catch22_all(w.astype(float).tolist(), catch24=True)["values"] for w in windows]
    return np.nan_to_num(np.array(rows, np.float64), posinf=0.0, neginf=0.0)


def minirocket() -> Features:
    """1,932 MiniRocket features; biases from the first windows seen, without labels: the training side's, or with folds
    all.
    """
    from train.probes.minirocket import MiniRocket

    state: list = []

    def features(windows: np.ndarray) -> np.ndarray:
        if not state:
            some = np.random.default_rng(0).permutation(len(windows))[:500]
            state.append(MiniRocket.fit(windows[some]))
        return state[0].transform(windows)

    return features


FEATURES: dict[str, Callable[[int], Features]] = {
    "random": lambda seed: random_encoder("head", seed),
    "random_mean_max": lambda seed: random_encoder("mean_max", seed),
    "hrv": lambda seed: hrv_and_shape,
    "catch22": lambda seed: catch22,
    "minirocket": lambda seed: minirocket(),
}


def parse_feature_spec(name: str) -> list[tuple[str, slice]]:
    """The names of which a name with `+` is made, and which dimensions of each: `default[:47]+hrv`.

    A file may have these signs in its path.
    """
    if Path(name).exists():
        return [(name, slice(None))]
    return [select_dimensions(piece) for piece in name.split("+")]


def select_dimensions(name: str) -> tuple[str, slice]:
    found = re.fullmatch(r"(.+)\[(\d*):(\d*)\]", name)
    if not found and name.endswith("]"):
        raise InputError(f"{name}: which dimensions is said as [A:B], whole numbers, or one of them")
    if not found:
        return name, slice(None)
    first, last = (int(end) if end else None for end in found.groups()[1:])
    return found[1], slice(first, last)


def concatenate(each: list[tuple[Features, slice]]) -> Features:
    """These dimensions of all, one after another."""
    if len(each) == 1 and each[0][1] == slice(None):
        return each[0][0]

    def together(windows: np.ndarray) -> np.ndarray:
        pieces = [np.asarray(features(windows), np.float64)[:, kept] for features, kept in each]
        if not all(z.shape[1] for z in pieces):
            raise InputError("there are no such dimensions: [A:B] must lie within the features")
        return np.concatenate(pieces, 1)

    return together


MEAN = "@mean"  # behind a name: leads are averaged, not set beside each other


def of_each_lead(features: Features, average: bool) -> Features:
    """The same for windows of several leads, (n, leads, 1280): (n, leads * d), or the mean over the leads (n, d). What
    reads several leads at once gets them as they are.
    """

    def together(windows: np.ndarray) -> np.ndarray:
        if windows.ndim == 2 or getattr(features, "several_leads", False):
            return features(windows)
        each = [features(lead) for lead in np.moveaxis(windows, 1, 0)]
        return np.mean(each, 0) if average else np.concatenate(each, 1)

    return together


def features_by_name(name: str, seed: int = 0) -> Features:
    """A baseline's name, `NAME.safetensors` of a training run, or anything that `edgeecg.load` accepts.

    `+` concatenates features (`default+hrv`); `default[:47]` are the first 47 dimensions. For windows of several leads
    `default` concatenates the leads' features, `default@mean` averages them. `seed` is that of random weights.
    """
    average, name = name.endswith(MEAN), name.removesuffix(MEAN)
    return of_each_lead(concatenate([(single_feature(n, seed), kept) for n, kept in parse_feature_spec(name)]), average)


def models_of(name: str) -> tuple[str, ...]:
    """Those of the parts of a feature's name that are models, not baselines."""
    return tuple(part for part, _ in parse_feature_spec(name.removesuffix(MEAN)) if part not in FEATURES)


def single_feature(name: str, seed: int) -> Features:
    if name in FEATURES:
        return FEATURES[name](seed)
    if not name:
        raise InputError("a feature needs a name")
    return checkpoint(name) if name.endswith(".safetensors") else encoder(name)
