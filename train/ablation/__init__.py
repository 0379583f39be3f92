"""Cells and scoreboard of the ablation study."""
