"""Augmented views of windows."""

from train.views.augment import LEAST_LEVEL, Augment, Views, load_noise

__all__ = ["LEAST_LEVEL", "Augment", "Views", "load_noise"]
