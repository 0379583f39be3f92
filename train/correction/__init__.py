"""Contrastive correction: a network that separates embeddings which a classifier confuses."""
