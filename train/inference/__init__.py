"""Encoders of every form on recordings, and the store of their results."""
