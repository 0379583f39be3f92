"""Programs of the C core, one for each way of compiling it."""

import contextlib
import os

import pytest

from tests.csrc import builds
from tests.csrc.core_server import CoreServer

ONLY = os.environ.get("EDGEECG_BUILDS", "").split()
"""tools/mutate_c.py: the builds that a planted fault can change."""


def started(name: str) -> CoreServer:
    if ONLY and name not in ONLY:
        pytest.skip(f"the build {name!r} is not asked for")
    build = builds.BUILDS[name]
    return CoreServer([*build.runner, builds.program(build, "core_server.c")], build=name)


@pytest.fixture
def serve():
    """serve(build) starts a program, which ends with the test: well, or the test fails."""
    with contextlib.ExitStack() as stack:
        yield lambda name: stack.enter_context(started(name))


@pytest.fixture(params=["host", "device"])
def core(request, serve) -> CoreServer:
    """This processor's build for hosts, and the one for devices."""
    core = serve(request.param)
    core.is_device = request.param == "device"
    return core
