"""The training engine: what every training command shares.

options    the fields that every command line has
learner    what a command has to say: how a batch is drawn, what its loss is
loop       steps, validation, checkpoints, early stopping, resume
trainer    one update: optimiser, precision, accumulation, processes
optimiser  AdamW and LARS, the schedule
processes  one process or several
batch_norm statistics over all of them
finder     the learning-rate range test
report     what a finished run says of itself
"""

from train.engine.distributed import joined, processes
from train.engine.learner import Learner
from train.engine.loop import fit
from train.engine.options import Options

__all__ = ["Learner", "Options", "fit", "joined", "processes"]
