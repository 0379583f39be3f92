"""Contrastive correction: embeddings are moved so that what a classifier confused lies apart."""
