"""The training engine: the only training loop, shared by every command that trains.

options      the fields that every command line has
learner      what a command defines: how a batch is drawn, what its loss is
loop         steps, validation, checkpoints, early stopping, resume; or a short fit in memory
trainer      one update: precision, accumulation, processes
recorders    what is recorded during training
optimizers   AdamW and LARS
schedules    of the learning rate
distributed  one process or several, which share steps or take their own
batch_norm   statistics over all processes
lr_finder    the learning-rate range test
setup        the start of a command
report       the report of a finished run
"""

from train.engine.distributed import launch
from train.engine.learner import Learner, Place
from train.engine.loop import check_folder, fit, fit_in_memory
from train.engine.options import Options

__all__ = ["Learner", "Options", "Place", "check_folder", "fit", "fit_in_memory", "launch"]
