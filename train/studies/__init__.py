"""Measurements kept in the documents, and the commands that fill their tables."""
