"""Training of edgeecg encoders (torch): pretrain, export, compare. `edgeecg` never imports this package."""
