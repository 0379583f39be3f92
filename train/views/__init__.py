"""Augmented views of windows."""

from train.views.augment import Added, Augment, Views, load_noise

__all__ = ["Added", "Augment", "Views", "load_noise"]
