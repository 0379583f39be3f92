"""Figures of runs, windows, embeddings and classifiers."""
