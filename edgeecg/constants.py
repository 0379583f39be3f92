"""The numbers that every part of edgeecg shares."""

RATE = 128  # Hz: what every signal is resampled to
WINDOW = 1280  # samples at RATE: 10 s
