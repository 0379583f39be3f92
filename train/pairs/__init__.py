"""Pairs for Siamese networks: sampling, the pair score and its verification."""
