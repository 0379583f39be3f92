"""`edgeecg export-c`: a folder that compiles by itself, with the C core and a model as constant data.

The folder is at once a CMake project, an Arduino and a PlatformIO library, a Zephyr module and an ESP-IDF component:
csrc/ports has a folder of templates for each, and all of them are written. An application has `include/` on its path
and nothing else: what the core's own files are called is no business of the application's.
"""

from __future__ import annotations

import argparse
import fnmatch
import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from . import __version__, _export_model, _signal
from ._export_head import flash_bytes, head_values, symbol_of
from ._files import write_atomically
from .errors import InputError, MissingDependencyError
from .heads import Head
from .heads.running import Heads, runners
from .loading import load

if TYPE_CHECKING:
    from .encoder import Encoder
    from .model import Model

__all__ = ["add_arguments", "export", "run"]

TEMPLATES = Path(__file__).parent / "_export"
CONFIG = "include/edgeecg_config.h"
SOURCES = ("core", "device")  # folders of csrc/src that a device compiles
RESERVED = TEMPLATES / "reserved_names.txt"
LONGEST_NAME = 200  # letters; file names have at most 255, with a suffix and while they are written a mark

EXAMPLES = """examples:
  edgeecg export-c firmware/edgeecg                          the bundled model, 250 Hz input, a window every 10 s
  edgeecg export-c lib/ecg --fs 512 --hop 1 --gain 1600      EE_STATE_SIZE for that rate and hop
  edgeecg export-c lib/ecg --head rhythm --head af.eech      classifiers too: ee_classify()
  edgeecg export-c lib/ecg --model my.eecg --name my_model --model-only    add a second model"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the subcommand."""
    parser.add_argument(
        "folder",
        metavar="DIR",
        help="where to write; made if missing, its other files stay, and none that is not of an export is replaced",
    )
    parser.add_argument(
        "--model", default="default", metavar="MODEL", help="a bundled model's name or an .eecg file (default)"
    )
    parser.add_argument(
        "--name",
        default="edgeecg_model",
        metavar="NAME",
        help="prefix of the model's files and symbols (edgeecg_model)",
    )
    parser.add_argument("--fs", type=float, default=250.0, metavar="HZ", help="sampling rate of the device (250)")
    parser.add_argument("--hop", type=float, default=10.0, metavar="SECONDS", help="distance of window starts (10)")
    parser.add_argument(
        "--gain", type=float, default=1000.0, metavar="G", help="ADC units per mV (1000: samples in microvolts)"
    )
    parser.add_argument(
        "--block",
        type=int,
        default=32,
        metavar="N",
        help="samples at 128 Hz that the network takes at once, a multiple of 32: 64 is faster, takes more memory (32)",
    )
    parser.add_argument(
        "--model-only",
        action="store_true",
        help="write the model's own files, and its layers into edgeecg_config.h, and nothing else",
    )
    parser.add_argument(
        "--head",
        action="append",
        default=[],
        metavar="NAME|FILE",
        help="also write a classifier on the embeddings, bundled or an .eech file; several times for more",
    )


def run(args: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code."""
    written = export(
        args.folder, args.model, args.name, args.fs, args.hop, args.gain, args.block, args.model_only, args.head
    )
    for path, note in written:
        print(f"{path}  {note}" if note else path)
    return 0


def export(
    folder: str | os.PathLike[str],
    model: str | os.PathLike[str] | Model = "default",
    name: str = "edgeecg_model",
    fs: float = 250.0,
    hop: float = 10.0,
    gain: float = 1000.0,
    block: int = 32,
    model_only: bool = False,
    heads: Heads = (),
) -> list[tuple[Path, str]]:
    """Write a folder of C with a model as constant data.

    Parameters
    ----------
    folder : path-like
        Where to; made if missing, its other files stay.
    model : str, path-like or Model, default "default"
        A bundled model's name, the path of an `.eecg` file, or a Model.
    name : str, default "edgeecg_model"
        A C identifier: prefix of the model's files and symbols.
    fs, hop, gain, block : float, float, float and int, default 250, 10, 1000 and 32
        Sampling rate of the device (Hz), distance of window starts (s), ADC units per mV, and samples at 128 Hz that
        the network takes at once. They go into the generated configuration and decide EE_STATE_SIZE.
    model_only : bool, default False
        Write the model's two files and its lines of edgeecg_config.h, nothing else.
    heads : sequence of Head, path or name
        Classifiers on the embedding, two files each.

    Returns
    -------
    list of (Path, str)
        The files, each with a note on its size or "".

    Raises
    ------
    InputError
        For options out of range, a name that is taken, a head of another model, and files in the folder that are not
        of an export.
    """
    check_name(name, Path(folder))
    if block < 32 or block > 1024 or block % 32:
        raise InputError(f"--block is a multiple of 32 up to 1024, not {block}")
    encoder = load(model)
    values, needs = _values(encoder, name, fs, hop, gain, block)
    chosen = [runner.head for runner in runners(heads, encoder).values()]
    for head in chosen:
        check_name(symbol_of(name, head), Path(folder))
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} exists and is not a folder")
    files = [*_files(folder, name, values, needs, model_only), *_head_files(folder, name, chosen)]
    ours = (folder / CONFIG).exists()
    for path, _, _ in files:
        if path.exists() and not ours:
            raise InputError(f"{path} is not of an export, and would be replaced: give a folder of its own")
    for path, text, _ in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode())
    return [(path, note) for path, _, note in files]


def check_name(name: str, folder: Path) -> None:
    """Raise InputError for a name that is none in C, or that another file or symbol of the folder has."""
    if not name.isidentifier() or not name.isascii():
        raise InputError(f"--name is the prefix of C symbols, letters, digits and underscores, not {name!r}")
    if len(name) > LONGEST_NAME:
        raise InputError(f"--name has {len(name)} letters: at most {LONGEST_NAME} fit into symbols and file names")
    taken = {Path(target).stem for target, _ in _core_files()} | {Path(CONFIG).stem}
    use = "the core" if name.lower() in taken or name.endswith("_t") else _reserved_for(name)
    if use:
        raise InputError(
            f"--name {name} is a name of the C core or of the language and its libraries ({use}): take another"
        )
    others = [other for other in _models(folder / CONFIG) if other.lower() == name.lower() and other != name]
    if others:
        raise InputError(f"--name {name} differs from the folder's model {others[0]} in capitals alone: take another")


def _reserved_for(name: str) -> str | None:
    """What has the name already: a title of reserved_names.txt."""
    for section in RESERVED.read_text().split("\n## ")[1:]:
        use, _, names = section.partition("\n")
        if any(fnmatch.fnmatchcase(name.lower(), pattern) for pattern in names.split()):
            return use
    return None


def _files(
    folder: Path, name: str, values: dict[str, Any], needs: str, model_only: bool
) -> Iterator[tuple[Path, str, str]]:
    """(path, text, note) of every file; first the one that marks the folder, should the writing be interrupted."""
    yield folder / CONFIG, _config(folder / CONFIG, name, needs), ""
    yield (
        folder / f"include/{name}.h",
        _fill(TEMPLATES / "model.h", values),
        f"state {values['state_32']} bytes on a 32-bit device",
    )
    yield folder / f"src/{name}.h", _forward(f"{name}.h"), ""
    yield folder / f"src/{name}.c", _fill(TEMPLATES / "model.c", values), f"{values['size']} bytes of flash"
    if model_only:
        return
    for target, source in _core_files():
        yield folder / target, source.read_text(), ""
    yield folder / "src/edgeecg.h", _forward("edgeecg.h"), ""
    ports = _csrc() / "ports"
    for source in sorted(path for path in ports.rglob("*") if path.is_file()):
        yield folder / Path(*source.relative_to(ports).parts[1:]), _fill(source, values), ""
    yield (
        folder / "LICENSE",
        next(p for p in (_csrc() / "LICENSE", _csrc().parent / "LICENSE") if p.exists()).read_text(),
        "",
    )


def _head_files(folder: Path, name: str, heads: list[Head]) -> Iterator[tuple[Path, str, str]]:
    """(path, text, note) of the files of heads."""
    for head in heads:
        symbol, values = symbol_of(name, head), head_values(name, head)
        yield folder / f"include/{symbol}.h", _fill(TEMPLATES / "head.h", values), "76 bytes of RAM for its verdicts"
        yield folder / f"src/{symbol}.h", _forward(f"{symbol}.h"), ""
        yield folder / f"src/{symbol}.c", _fill(TEMPLATES / "head.c", values), f"{flash_bytes(head)} bytes of flash"


def _values(encoder: Encoder, name: str, fs: float, hop: float, gain: float, block: int) -> tuple[dict[str, Any], str]:
    """What the templates ask for, and what the model needs of the core."""
    model = encoder.model.strip()
    fs_mhz, hop_samples = _signal.fs_millihertz(fs), _signal.check_hop(hop)
    mult, shift = _signal.gain_multiplier(gain)
    core = _core_module()
    plan = core.device_plan(core.Model(model.to_bytes(), "scalar"), fs_mhz, hop_samples, block)
    if not plan:
        raise InputError(f"the model {model.name!r} takes samples at 128 Hz alone: give --fs 128")
    definitions, size = _export_model.model_text(model, block, plan)
    return {
        "name": name,
        "NAME": name.upper(),
        "model": model.name,
        "id": model.id,
        "version": __version__,
        "size": size,
        "definitions": definitions,
        "fs": f"{fs:g}",
        "hop": f"{hop:g}",
        "gain": f"{gain:g}",
        "fs_mhz": fs_mhz,
        "hop_samples": hop_samples,
        "mult": mult,
        "shift": shift,
        "block": block,
        "arrays": plan[0],
        "dim": model.head.dim,
        "exponent": model.head.exponent,
        "window": model.front.window,
        "state_32": _stream_bytes() + plan[0],
        "plain_macros": _fill(TEMPLATES / "macros.h", {"NAME": name.upper()}) if name == "edgeecg_model" else "",
        "licence": model.meta.get("licence", "see its card"),
    }, _export_model.needs(model, block, plan[4]).replace("@name@", name)


def _config(path: Path, name: str, needs: str) -> str:
    """edgeecg_config.h for this model and those that the folder's file already names."""
    models = {**_models(path), name: needs}
    return _fill(
        TEMPLATES / "config.h",
        {
            "models": ", ".join(models),
            "version": __version__,
            "needs": "\n".join(models.values()),
            "kinds": " | ".join(f"EE_FRONT_KINDS_{m}" for m in models),
            "pools": " | ".join(f"EE_POOL_MODES_{m}" for m in models),
            "levels": " | ".join(f"EE_LEVELS_{m}" for m in models),
            "blocks": " | ".join(f"EE_TRUNK_BLOCKS_{m}" for m in models),
            "layers": " ".join(f"EE_LAYERS_{m}(test)" for m in models),
        },
    )


def _models(path: Path) -> dict[str, str]:
    """The models that the folder's edgeecg_config.h names, each with its definitions."""
    text = path.read_text() if path.exists() else ""
    return dict(
        re.findall(
            r"^(?=#define EE_FRONT_KINDS_(\w+) )"
            r"((?:#define EE_(?:FRONT_KINDS|POOL_MODES|LEVELS|TRUNK_BLOCKS|LAYERS)_\1.*\n(?:    .*\n)*)+)",
            text,
            re.M,
        )
    )


def _stream_bytes() -> int:
    """Bytes of a stream's structure on a 32-bit device, as the public header has them."""
    header = (_csrc() / "include" / "edgeecg.h").read_text()
    (number,) = re.findall(r"EE_STREAM_BYTES \(sizeof\(void \*\) == 8 \? \d+u : (\d+)u\)", header)
    return int(number)


def _core_module() -> ModuleType:
    try:
        from . import _core
    except ImportError as error:
        raise MissingDependencyError(
            "export-c needs the compiled core: install a wheel, or build it with a C compiler"
        ) from error
    return _core


def _csrc() -> Path:
    """The C core: next to the package in a checkout, inside it when installed."""
    for folder in (Path(__file__).parent / "_csrc", Path(__file__).parents[1] / "csrc"):
        if (folder / "include" / "edgeecg.h").exists():
            return folder
    raise MissingDependencyError("this installation has no C sources: install edgeecg from its wheel")


def _core_files() -> Iterator[tuple[str, Path]]:
    """(path in the export, file) of the public header and of every source that a device compiles."""
    csrc = _csrc()
    yield "include/edgeecg.h", csrc / "include" / "edgeecg.h"
    for folder in SOURCES:
        for path in sorted((csrc / "src" / folder).glob("*.[ch]")):
            yield f"src/{folder}/{path.name}", path


def _forward(header: str) -> str:
    """Arduino finds a library's headers in `src/` alone: one there that includes the public one."""
    return _fill(TEMPLATES / "forward.h", {"header": header})


def _fill(template: Path, values: dict[str, Any]) -> str:
    """A template with @key@ replaced."""
    text = template.read_text()
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    return text
