"""What a labelled task needs: windows and labels, splits, a training loop, measures with intervals, pictures."""
