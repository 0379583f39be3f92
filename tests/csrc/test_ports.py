"""An exported folder inside an application that has headers of the same names as the core's private ones.

Each port is built as its build system builds it: CMake in earnest, those whose toolchains are not here by stand-ins of
the few commands that they give. The application's headers come first on every include path and the folder's public
ones last, so that whatever could shadow the other would.
"""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import edgeecg
from edgeecg import export_c
from tests.models import ecg, edge_like

GAIN, FS, HOP = 400, 250, 2.5
NAMES = ("samples.h", "internal.h", "front.h", "loops.h", "pack.h")
"""Of an application's own headers; those of the core's private ones are added."""
needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
needs_cmake = pytest.mark.skipif(shutil.which("cmake") is None, reason="needs cmake")
pytestmark = needs_gcc


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The exported folder."""
    path = tmp_path_factory.mktemp("ports") / "edgeecg"
    export_c.export(path, edge_like(), fs=FS, hop=HOP, gain=GAIN)
    return path


@pytest.fixture(scope="module")
def application(folder):
    """An application: main.c, which is the example, and headers of its own in app/."""
    path = folder.with_name("application")
    (path / "app").mkdir(parents=True)
    private = {header.name for header in (folder / "src").rglob("*/*.h")}
    assert len(private) > 20
    text = ""
    for name in sorted(private | set(NAMES)):
        macro = f"OF_THE_APPLICATION_{name.removesuffix('.h').upper()}"
        (path / "app" / name).write_text(f"#define {macro} 1\n")
        text += f'#include "{name}"\n#ifndef {macro}\n#error "another {name} came first"\n#endif\n'
    (path / "main.c").write_text(text + (folder / "example.c").read_text())
    return path


def assert_it_runs(program):
    """It prints Python's embeddings."""
    x = np.round(ecg(12, FS, seed=6, offset=0) * GAIN).astype(np.int16)
    done = subprocess.run([program], input="\n".join(map(str, x)), capture_output=True, text=True, check=True)
    got = np.array([line.split()[2:] for line in done.stdout.splitlines()], np.float32)
    np.testing.assert_array_equal(got, edgeecg.load(edge_like()).embed(x, FS, HOP, gain=GAIN))


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


# ---------------------------------------------------------------- build systems that compile what lies in src/


def build(application, out, sources, include, flags=()):
    """Library and application in one command each; `include`: what the build system takes from the folder."""
    paths = [f"-I{application / 'app'}", *(f"-I{path}" for path in include)]
    run("gcc", "-std=c99", "-c", *flags, *paths, *sources, cwd=out)
    run("gcc", "-std=c99", *flags, *reversed(paths), application / "main.c", *out.glob("*.o"), "-o", out / "program")
    assert_it_runs(out / "program")


def test_by_hand(folder, application, tmp_path):
    """README of the folder: the core without an include path, the application with include/."""
    sources = [*folder.glob("src/*.c"), *folder.glob("src/*/*.c")]
    run("gcc", "-std=c99", "-c", *sources, cwd=tmp_path)
    paths = [f"-I{application / 'app'}", f"-I{folder / 'include'}"]
    run("gcc", "-std=c99", *paths, application / "main.c", *tmp_path.glob("*.o"), "-o", tmp_path / "program")
    assert_it_runs(tmp_path / "program")


def test_arduino(folder, application, tmp_path):
    """src/ is on the include path, and all below it is compiled."""
    assert {path.name for path in folder.glob("src/*.h")} == {"edgeecg.h", "edgeecg_model.h"}
    build(application, tmp_path, (folder / "src").rglob("*.c"), [folder / "src"], ["-DARDUINO=10819"])


def test_platformio(folder, application, tmp_path):
    """Both folders of library.json are on the include path, and all below srcDir is compiled."""
    options = json.loads((folder / "library.json").read_text())["build"]
    paths = [folder / options["includeDir"], folder / options["srcDir"]]
    build(application, tmp_path, (folder / options["srcDir"]).rglob("*.c"), paths, options.get("flags", []))


# ---------------------------------------------------------------- CMake and what is built on it

STAND_INS = {
    "cmake": "",
    "esp-idf": """
set(ESP_PLATFORM 1)
function(idf_component_register)
    cmake_parse_arguments(COMPONENT "" "" "SRC_DIRS;INCLUDE_DIRS" ${ARGN})
    set(sources)
    foreach(folder ${COMPONENT_SRC_DIRS})
        file(GLOB found ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.c)
        list(APPEND sources ${found})
    endforeach()
    add_library(edgeecg STATIC ${sources})
    foreach(folder ${COMPONENT_INCLUDE_DIRS})
        target_include_directories(edgeecg PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/${folder})
    endforeach()
endfunction()
""",
    "zephyr": """
set(CONFIG_EDGEECG y)
add_library(zephyr_interface INTERFACE)
macro(zephyr_library_named name)
    add_library(${name} STATIC)
    target_link_libraries(${name} PUBLIC zephyr_interface)
endmacro()
function(zephyr_library_sources)
    target_sources(edgeecg PRIVATE ${ARGN})
endfunction()
function(zephyr_include_directories)
    target_include_directories(zephyr_interface INTERFACE ${ARGN})
endfunction()
""",
}


@needs_cmake
@pytest.mark.parametrize("port", STAND_INS)
def test_cmake(port, folder, application, tmp_path):
    module = folder / "zephyr" if port == "zephyr" else folder
    (tmp_path / "CMakeLists.txt").write_text(
        f"""cmake_minimum_required(VERSION 3.16)
project(application C)
include_directories(BEFORE {application}/app)
{STAND_INS[port]}
add_subdirectory({module} edgeecg)
add_executable(program {application}/main.c)
target_link_libraries(program PRIVATE edgeecg)
target_include_directories(program BEFORE PRIVATE $<TARGET_PROPERTY:edgeecg,INTERFACE_INCLUDE_DIRECTORIES>)
"""
    )
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build")
    run("cmake", "--build", tmp_path / "build")
    assert_it_runs(tmp_path / "build/program")


def test_include_holds_the_public_headers_alone(folder):
    assert {path.name for path in Path(folder / "include").iterdir()} == {
        "edgeecg.h",
        "edgeecg_config.h",
        "edgeecg_model.h",
    }
