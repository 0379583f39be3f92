"""Probe tasks by dataset, and their registry."""
