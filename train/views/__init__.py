"""Augmented views of windows."""

from train.views.augment import Augment, Views, load_noise

__all__ = ["Augment", "Views", "load_noise"]
