"""Training and measurement of edgeecg encoders with torch. `edgeecg` never imports this package."""
