"""The arms of a comparison: what a classifier starts from, with and without pretraining.

linear     a linear layer on the frozen pretrained encoder
finetune   encoder and linear layer, from the pretrained weights
random     a linear layer on a frozen encoder with random weights
scratch    encoder and linear layer, from random weights: the fully supervised baseline
hrv        a linear layer on 15 heart-rate and shape features
"""

import copy
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from edgeecg.errors import InputError
from train.classifiers.labeled import Labeled
from train.classifiers.network import Classifier, embed, linear_head, random_encoder
from train.data.front_end import to_input
from train.nets import Spec, edge
from train.probes.features import MEAN, check_leads, features_by_name
from train.quantization.dequantize import PretrainedSource

MET = 2048  # windows that the batch norms of random weights have met
ARMS = ("linear", "finetune", "random", "scratch", "hrv")


class Arms:
    """Windows, embeddings and encoders of one task, each computed when an arm first asks for it.

    `encoder` names encoder.safetensors of a run, an .eecg file or a bundled model. Integers stay frozen as they are;
    what is fine-tuned is the float encoder that they stand for (train/quantization/dequantize.py), without its levels.
    """

    def __init__(self, data: Labeled, encoder: str, arms: tuple[str, ...]):
        self.data, self.pretrained, self.network = data, PretrainedSource(encoder), None
        if self.pretrained.is_float or "finetune" in arms:
            try:
                self.network = self.pretrained.encoder(to_input(self.one_lead()[:: -(-len(self.windows) // 512)]))
            except InputError as error:
                raise InputError(f"{error}, or leave out finetune") from error
            if self.network.spec.channels > 1:
                check_leads(encoder, data.signal, self.network.spec.channels)

    def one_lead(self) -> Tensor:
        return self.windows if self.windows.ndim == 2 else self.windows[:, 0]

    @property
    def spec(self) -> Spec:
        """Of the networks with random weights: the pretrained one's, or the default's where that is none that can be
        trained.
        """
        try:
            spec = self.pretrained.spec()
        except InputError:
            return edge()
        return spec if spec.channels in (1, self.leads) else edge()

    @property
    def leads(self) -> int:
        return 1 if self.data.signal.ndim == 2 else self.data.signal.shape[1]

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
        average = MEAN if self.leads > 1 else ""  # as a network of one lead does that is trained
        return torch.from_numpy(np.asarray(features_by_name(f"{name}{average}")(self.data.signal), np.float32))

    def start(self, arm: str, train: np.ndarray, seed: int) -> tuple[Tensor, Classifier]:
        """The input rows of all windows and an untrained classifier on them, standardized on the rows `train`."""
        torch.manual_seed(seed)
        encoder = None
        if arm in ("random", "scratch"):
            some = torch.randperm(len(self.windows))[:MET]
            encoder = random_encoder(self.spec, self.windows[some])[0].eval()
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
        model.standardize(embedding)
        return x, model
