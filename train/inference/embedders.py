"""Encoders of every form on recordings of any rate: exported ones in integers, training checkpoints in floats.

Both embed windows every `hop` seconds, with the front end's state from the recording before them and, for exported
encoders, the context that the network sees around them, as on a device. Both also embed windows that start anywhere,
each alone.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

import edgeecg
from edgeecg import jit
from edgeecg.commands.signal_options import analyze
from edgeecg.constants import WINDOW
from edgeecg.encoder import Encoder
from edgeecg.errors import InputError
from edgeecg.io import Recording
from train.data.front_end import carrier, default_front_end, to_input
from train.quantization.signal_levels import to_embedding_units
from train.runs.checkpoint import load_autoencoder, load_encoder, load_tensors, model_fingerprint

SECONDS = 10.0


class Embedded(NamedTuple):
    """n windows: `start` (n,) seconds, `embedding` (n, dim) float32, `quality` (n,) uint8, bits of edgeecg.Quality."""

    start: np.ndarray
    embedding: np.ndarray
    quality: np.ndarray


class IntegerEmbedder:
    """A model file, through the compiled core."""

    leads = 1

    def __init__(self, encoder: Encoder):
        self.encoder, self.name = encoder, f"{encoder.model.name} {encoder.model.id}"

    def embed_sliding(self, recording: Recording, hop: float) -> Embedded:
        result = analyze(self.encoder, recording, hop, "mask")
        return Embedded(result.start, result.embedding, result.quality)

    def embed_at(self, recording: Recording, start: np.ndarray) -> Embedded:
        results = [analyze(self.encoder, crop, SECONDS, "mask") for crop in crops(recording, start)]
        return Embedded(
            start, np.concatenate([r.embedding[:1] for r in results]), np.concatenate([r.quality[:1] for r in results])
        )


class FloatEmbedder:
    """A training network after the compiled front end. The quality flags are those of the bundled model's core."""

    leads = 1

    def __init__(self, name: str, network: Callable[[torch.Tensor], torch.Tensor], levels: bool = False):
        self.name, self.network, self.levels = name, network, levels
        self.front, self.judge = edgeecg.load(carrier(default_front_end())), IntegerEmbedder(edgeecg.load())

    def embed(self, y: np.ndarray) -> np.ndarray:
        """Front-end bytes (n, 1280), or (n, leads, 1280) -> (n, dim)."""
        with torch.no_grad():
            return np.concatenate(
                [
                    self.network(to_input(torch.from_numpy(piece))).numpy()
                    for piece in np.array_split(y, -(-len(y) // 256))
                ]
            )

    def bytes(self, recording: Recording) -> np.ndarray:
        return self.front.front_end(
            recording.samples, fs=recording.fs, unit=recording.unit or "mV", gain=recording.gain, nan="mask"
        )[:, 0]

    def windows(self, recording: Recording, first: np.ndarray) -> np.ndarray:
        """(n, dim): of the windows that begin at samples `first` (128 Hz)."""
        embedding = self.embed(self.bytes(recording)[first[:, None] + np.arange(WINDOW)])
        if not self.levels:
            return embedding
        x, _ = jit.samples(recording.samples, recording.unit or "mV", recording.gain)
        found = jit.levels(x, round(recording.fs * 1000), default_front_end(), first)
        return np.concatenate([embedding, to_embedding_units(found).astype(np.float32)], 1)

    def embed_sliding(self, recording: Recording, hop: float) -> Embedded:
        judged = self.judge.embed_sliding(recording, hop)
        return judged._replace(embedding=self.windows(recording, np.round(judged.start * 128).astype(np.int64)))

    def embed_at(self, recording: Recording, start: np.ndarray) -> Embedded:
        found = [self.windows(crop, np.zeros(1, np.int64)) for crop in crops(recording, start)]
        return self.judge.embed_at(recording, start)._replace(embedding=np.concatenate(found))


class LeadsEmbedder:
    """A network that reads several leads at once, as channels; a flag of quality is set where one of them has it."""

    def __init__(self, name: str, network: Callable[[torch.Tensor], torch.Tensor], leads: int):
        self.name, self.leads, self.one = name, leads, FloatEmbedder(name, network)

    def embed_sliding(self, recordings: tuple[Recording, ...], hop: float) -> Embedded:
        judged = [self.one.judge.embed_sliding(recording, hop) for recording in recordings]
        bytes_of = [self.one.bytes(recording) for recording in recordings]
        first = np.round(judged[0].start * 128).astype(np.int64)[:, None] + np.arange(WINDOW)
        windows = np.stack([y[first] for y in bytes_of], 1)
        return judged[0]._replace(embedding=self.one.embed(windows), quality=any_flag(judged))

    def embed_at(self, recordings: tuple[Recording, ...], start: np.ndarray) -> Embedded:
        judged = [self.one.judge.embed_at(recording, start) for recording in recordings]
        each = zip(*(crops(recording, start) for recording in recordings), strict=True)
        windows = np.stack([np.stack([self.one.bytes(lead)[:WINDOW] for lead in leads]) for leads in each])
        return judged[0]._replace(embedding=self.one.embed(windows), quality=any_flag(judged))


def any_flag(judged: list[Embedded]) -> np.ndarray:
    return np.bitwise_or.reduce([one.quality for one in judged])


Embedder = IntegerEmbedder | FloatEmbedder | LeadsEmbedder


def crops(recording: Recording, start: np.ndarray) -> list[Recording]:
    """The windows that begin at these seconds, each a recording of its own."""
    import dataclasses

    count = window_samples(recording.fs)
    first = np.minimum(np.round(start * recording.fs).astype(np.int64), len(recording.samples) - count)
    return [dataclasses.replace(recording, samples=recording.samples[i : i + count]) for i in first]


def window_samples(fs: float) -> int:
    """Samples of a window at the recording's own rate: enough for 1280 at 128 Hz."""
    return int(np.ceil(SECONDS * fs))


def embedder_by_name(name: str) -> Embedder:
    """A bundled model's name, an .eecg file, or the encoder.safetensors or autoencoder.safetensors of a run."""
    if not name.endswith(".safetensors"):
        return IntegerEmbedder(edgeecg.load(name))
    path = Path(name)
    _, meta = load_tensors(path)
    if "autoencoder" not in meta:
        encoder, _ = load_encoder(path)
        if encoder.spec.channels > 1:
            return LeadsEmbedder(f"{encoder.spec.name} {model_fingerprint(name)}", encoder, encoder.spec.channels)
        return FloatEmbedder(f"{encoder.spec.name} {model_fingerprint(name)}", encoder, encoder.spec.head.levels)
    autoencoder, _ = load_autoencoder(path)
    shape = autoencoder.shape
    if shape.length != WINDOW:
        raise InputError(f"{path}: an autoencoder of {shape.length} samples, not of windows of 10 s")
    return FloatEmbedder(
        f"{shape.kind} {shape.encoder} {model_fingerprint(name)}", lambda x: autoencoder.code(x).mean[:, : shape.dim]
    )
