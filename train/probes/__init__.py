"""Probes: linear classifiers on frozen features. Tasks, features and the protocol, one idea a file."""

from train.probes.features import FEATURES, features_by_name
from train.probes.protocol import run_task
from train.probes.tasks.base import Task
from train.probes.tasks.registry import TASKS

__all__ = ["FEATURES", "TASKS", "Task", "features_by_name", "run_task"]
