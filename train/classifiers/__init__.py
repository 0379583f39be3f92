"""Classifiers of windows: networks with and without an encoder, how they are trained, measures of what they say."""
