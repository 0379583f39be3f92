"""Fine-tuning on labels: tasks, splits, arms, predictions with intervals, report."""
