"""The folder of a run, checkpoints and command-line helpers."""
