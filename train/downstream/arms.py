"""What a classifier starts from, with and without pretraining: the arms of a comparison.

linear     a linear layer on the frozen pretrained encoder
finetune   encoder and linear layer, from the pretrained weights
random     a linear layer on a frozen encoder of random weights
scratch    encoder and linear layer, from random weights: the supervised network of the same shape
hrv        a linear layer on 15 heart-rate and shape features
"""

import copy
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from edgeecg.errors import InputError
from train.data.front_end import to_input
from train.downstream.fit import Classifier
from train.downstream.tasks import Labelled
from train.nets import Encoder, Spec, edge
from train.probes.features import features_by_name
from train.quantization.dequantize import Start

ARMS = ("linear", "finetune", "random", "scratch", "hrv")


class Arms:
    """Windows, embeddings and encoders of one task, each computed when an arm first asks for it.

    `encoder` names encoder.safetensors of a run, an .eecg file or a bundled model. Integers stay frozen as they are;
    what is fine-tuned is the float encoder that they stand for (train/quantization/dequantize.py), without its levels.
    """

    def __init__(self, data: Labelled, encoder: str, arms: tuple[str, ...]):
        self.data, self.pretrained, self.network = data, Start(encoder), None
        if self.pretrained.is_float or "finetune" in arms:
            try:
                self.network = self.pretrained.encoder(to_input(self.windows[:: -(-len(self.windows) // 512)]))
            except InputError as error:
                raise InputError(f"{error}, or leave out finetune") from error
            if self.network.spec.channels != 1:
                raise InputError(
                    f"{encoder} reads {self.network.spec.channels} leads at once; the windows here have one"
                )

    @property
    def spec(self) -> Spec:
        """Of the networks with random weights: the pretrained one's, or the default's where that is none that can be
        trained.
        """
        try:
            spec = self.pretrained.spec()
        except InputError:
            return edge()
        return spec if spec.channels == 1 else edge()

    @cached_property
    def windows(self) -> Tensor:
        return torch.from_numpy(self.data.bytes())

    @cached_property
    def embedding(self) -> Tensor:
        return self.features(self.pretrained.name)

    @cached_property
    def hrv(self) -> Tensor:
        return self.features("hrv")

    def features(self, name: str) -> Tensor:
        return torch.from_numpy(np.asarray(features_by_name(name)(self.data.signal), np.float32))

    def start(self, arm: str, train: np.ndarray, seed: int) -> tuple[Tensor, Classifier]:
        """The input rows of all windows and an untrained classifier on them, standardised on the rows `train`."""
        torch.manual_seed(seed)
        encoder = None
        if arm in ("random", "scratch"):
            encoder = untrained(self.spec, self.windows)
        elif arm == "finetune":
            encoder = copy.deepcopy(self.network)
        if arm in ("finetune", "scratch"):
            x, embedding = self.windows, embed(encoder, self.windows[train])
        else:
            x = {
                "linear": lambda: self.embedding,
                "hrv": lambda: self.hrv,
                "random": lambda: embed(encoder, self.windows),
            }[arm]()
            encoder, embedding = None, x[train]
        model = Classifier(linear_head(embedding.shape[1], len(self.data.classes)), embedding.shape[1], encoder)
        model.standardise(embedding)
        return x, model


def linear_head(dim: int, classes: int) -> nn.Linear:
    """From zero: the first prediction favours nobody."""
    head = nn.Linear(dim, classes)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head


@torch.no_grad()
def embed(encoder: Encoder, windows: Tensor) -> Tensor:
    encoder.eval()
    return torch.cat([encoder(to_input(piece)) for piece in windows.split(256)])


@torch.no_grad()
def untrained(spec: Spec, windows: Tensor) -> Encoder:
    """Random weights; batch norms have met some windows (without labels), as an untrained network's would have."""
    encoder = Encoder(spec)
    encoder.train()
    for piece in windows[torch.randperm(len(windows))[:2048]].split(256):
        if len(piece) > 1:
            encoder(to_input(piece))
    return encoder.eval()
