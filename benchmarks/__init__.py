"""Speed, measured against the runtimes a user would otherwise choose. `pytest benchmarks --benchmark-only` runs it all.

Every figure is a ratio within one run: each runtime has a process of its own with one thread, and the processes take
turns in short slices, so that a change of clock or another busy program affects all of them.
"""
