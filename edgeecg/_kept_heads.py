"""The compiled heads that recordings share: making one takes longer than a window."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .encoder import Encoder
    from .heads.running import Heads, Runner

__all__ = ["KeptHeads", "new_runners"]


def new_runners(heads: Heads, encoder: Encoder) -> dict[str, Runner]:
    """Runners of heads, by their names."""
    from .heads.running import runners  # here: most calls have none

    return runners(heads, encoder)


class KeptHeads:
    """Runners of Head objects, which do not change; those of paths are made anew."""

    def __init__(self) -> None:
        self.kept: dict[tuple[Any, ...], dict[str, Runner]] = {}

    def runners(self, heads: Heads, encoder: Encoder) -> dict[str, Runner]:
        """Runners of heads, by their names."""
        key = tuple(heads) if isinstance(heads, (list, tuple)) else ()
        if key in self.kept:
            return self.kept[key]
        found = new_runners(heads, encoder)
        if key and not any(isinstance(head, (str, bytes, os.PathLike)) for head in key):
            self.kept[key] = found
        return found
