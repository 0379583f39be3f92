"""Classifiers of windows: networks with and without an encoder, their training and metrics."""
