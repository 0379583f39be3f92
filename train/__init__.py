"""Training and measurement of edgeecg encoders with torch. `edgeecg` never imports this package."""

import importlib.util
import sys
from pathlib import Path

NEEDED = ("torch", "tyro", "tqdm", "safetensors", "sklearn", "scipy", "numba")


def check_packages() -> None:
    """End a command of this folder with one sentence if a package is missing that all of them need."""
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing and main and Path(__file__).resolve().parent in Path(main).resolve().parents:
        sys.exit(
            f"error: training needs {', '.join(missing)}: run `make test` once and use .venv/bin/python, or "
            'pip install -e ".[train]" in this checkout'
        )


check_packages()
