"""Many recordings into a folder of tables, in parallel processes, resumable: `edgeecg embed FOLDER -o OUTDIR`."""

from __future__ import annotations

from .manifest import Entry, read_manifest
from .options import Options
from .parallel import Summary, embed_many

__all__ = ["Entry", "Options", "Summary", "embed_many", "read_manifest"]
