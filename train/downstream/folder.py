"""The folder of a run that is made of parts: a new run starts from nothing, a resumed one keeps its options and parts."""

import json

from edgeecg.errors import InputError
from train.run import config_dict, write_json


def prepare(config, free: tuple[str, ...], parts: str) -> None:
    """`config` has `out` and `resume`; `free` options may change on the way; `parts` is the pattern of the parts' files."""
    path = config.out / "config.json"
    if not config.resume:
        for old in config.out.glob(parts):
            old.unlink()
        config.out.mkdir(parents=True, exist_ok=True)
        write_json(path, config_dict(config))
        return
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{config.out} holds no run to resume") from error
    changed = [name for name, value in config_dict(config).items() if name not in free and stored.get(name) != value]
    if changed:
        raise InputError(f"{path} has other values of {', '.join(changed)}: a resumed run keeps its options")
