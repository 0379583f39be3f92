"""What a labeled task needs: windows and labels, splits, a training loop, measures with intervals, pictures."""
