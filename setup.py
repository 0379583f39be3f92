"""Builds the one extension, edgeecg._core: the Cython binding and the C core. Everything else is in pyproject.toml.

Switches, from the environment: EDGEECG_SANITIZE=1 builds with the address and undefined-behavior sanitizers,
EDGEECG_COVERAGE=1 with gcov counters. Both are for gcc and clang.
"""

import os
import shlex
import shutil
import sys
import sysconfig
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
ABI = "cp311"  # the oldest Python whose stable ABI has the buffer protocol
HOW_TO_GET_A_COMPILER = (
    "a C compiler and the headers of Python {}.{} (Debian, Ubuntu: apt-get install gcc python3-dev; "
    "Fedora: dnf install gcc python3-devel; macOS: xcode-select --install; Windows: in WSL, as there)"
).format(*sys.version_info)


def switched_on(name):
    return os.environ.get(name, "0") not in ("", "0")


def flags():
    """(compiler flags, linker flags) for gcc and clang. -ffp-contract=off: no fused a*b+c may change a rounding."""
    compile_flags, link_flags = (
        ["-std=c99", "-O3", "-g0", "-ffp-contract=off", "-fvisibility=hidden", "-Wno-sign-compare"],
        [],
    )
    if not (switched_on("EDGEECG_SANITIZE") or switched_on("EDGEECG_COVERAGE")) and sys.platform == "linux":
        link_flags.append("-Wl,--strip-all")  # half of the wheel would be names of functions that nobody calls
        compile_flags += ["-fno-asynchronous-unwind-tables", "-fno-unwind-tables"]  # C throws nothing
    if switched_on("EDGEECG_SANITIZE"):
        sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
        compile_flags += ["-O1", "-g", "-fno-omit-frame-pointer", *sanitize]
        link_flags += sanitize
    if switched_on("EDGEECG_COVERAGE"):
        compile_flags += ["-O0", "-g", "--coverage"]
        link_flags += ["--coverage"]
    return compile_flags, link_flags


class BuildCore(build_ext):
    """build_ext with the flags of the compiler at hand and one sentence where there is none."""

    def build_extensions(self):
        if self.compiler.compiler_type == "msvc":
            raise SystemExit(
                "edgeecg: the C core is written for GCC and clang, not for Visual C: on Windows build it in WSL."
            )
        self.require_compiler()
        compile_flags, link_flags = flags()
        for extension in self.extensions:
            extension.extra_compile_args += compile_flags
            extension.extra_link_args += link_flags
        super().build_extensions()

    def require_compiler(self):
        command = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").strip()
        headers = [Path(folder, "Python.h") for folder in self.compiler.include_dirs]
        if shutil.which(shlex.split(command)[0]) is None:
            raise SystemExit(f"edgeecg: the C compiler '{command}' is missing: install {HOW_TO_GET_A_COMPILER}.")
        if not any(header.exists() for header in headers):
            raise SystemExit(f"edgeecg: the header Python.h is missing: install {HOW_TO_GET_A_COMPILER}.")


class BuildPackage(build_py):
    """build_py with the C sources for devices inside the package: `edgeecg export-c` copies them."""

    def run(self):
        super().run()
        if self.editable_mode:
            return
        sources = [ROOT / "LICENSE", ROOT / "csrc/include/edgeecg.h"]
        sources += [path for folder in ("csrc/src/core", "csrc/src/device") for path in (ROOT / folder).glob("*.[ch]")]
        sources += [path for path in (ROOT / "csrc/ports").rglob("*") if path.is_file()]
        for source in sources:
            target = Path(
                self.build_lib, "edgeecg/_csrc", source.relative_to(ROOT / "csrc" if source.name != "LICENSE" else ROOT)
            )
            self.mkpath(str(target.parent))
            self.copy_file(str(source), str(target))


def core():
    sources = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "csrc/src").rglob("*.c"))
    headers = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "csrc").rglob("*.h"))
    return Extension(
        "edgeecg._core",
        ["edgeecg/_core.pyx", *sources],
        depends=["edgeecg/_core_heads.pxi", *headers],
        include_dirs=["csrc/include"],
        define_macros=[("Py_LIMITED_API", "0x030B0000")],
        py_limited_api=True,
    )


setup(
    ext_modules=cythonize([core()], build_dir="build/cython", language_level=3),
    cmdclass={"build_ext": BuildCore, "build_py": BuildPackage},
    options={"bdist_wheel": {"py_limited_api": ABI}},
)
