"""Two-dimensional maps of embeddings: PCA, t-SNE, UMAP.

In t-SNE and UMAP, distances between separate groups carry no meaning.
"""

import warnings

import numpy as np

from edgeecg.errors import MissingDependencyError

METHODS = ("PCA", "t-SNE", "UMAP")
MOST = 800  # points of a map


def project(z: np.ndarray, method: str, seed: int = 0) -> np.ndarray:
    """Embeddings (n, d) -> (n, 2). Raises MissingDependencyError where UMAP is asked for and not there."""
    if method == "UMAP":
        return umap(z, seed)
    from sklearn.decomposition import PCA

    if method == "PCA":
        return PCA(2, random_state=seed).fit_transform(z)
    from sklearn.manifold import TSNE

    return TSNE(2, perplexity=min(30, (len(z) - 1) / 3), init="pca", random_state=seed).fit_transform(z)


def check(methods: tuple[str, ...]) -> None:
    """Raise MissingDependencyError if a method's package is missing. Call it before long work."""
    if "UMAP" in methods:
        umap_class()


def umap_class() -> type:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tensorflow that it can also do without
        try:
            from umap import UMAP
        except ImportError as error:
            raise MissingDependencyError("UMAP needs umap-learn: pip install 'edgeecg[maps]'") from error
    return UMAP


def umap(z: np.ndarray, seed: int) -> np.ndarray:
    method = umap_class()(n_components=2, n_jobs=1, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return method.fit_transform(z)


def some_points(count: int, seed: int = 0) -> np.ndarray:
    """At most MOST of `count` rows, in order."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:MOST])
