"""Exported folders: what is left of the core for a model gives Python's numbers, compiled alone.

Additions, pooling, requantization 1, odd groups, the plain front end, levels, every kind of head.
"""

import numpy as np
import pytest

from edgeecg import export_c
from tests import models
from tests.csrc import builds, expected
from tests.csrc.core_server import Config, CoreServer
from tests.test_kernels import MODELS

NAMES = ("edge_like", "resnet_like", "basic_cnn_like", "pooled", "grouped", "plain", "mixed")


@pytest.fixture(scope="module", params=[(name, 32) for name in NAMES] + [("edge_like", 64)], ids=str)
def exported(request, tmp_path_factory):
    """(model, block, program, EE_STATE_SIZE) of an exported folder."""
    name, block = request.param
    model, folder = MODELS[name](), tmp_path_factory.mktemp(name)
    export_c.export(folder, model, fs=128, hop=1.0, gain=1000, block=block)
    core = export_c._core_module()
    behind = core.device_plan(core.Model(model.to_bytes(), "scalar"), 128_000, 128, block)[0]
    return model, block, builds.exported_program(builds.BUILDS["device"], folder, "core_server.c"), 368 + behind


def test_a_model_compiled_alone_gives_the_references_bytes(exported):
    model, block, program, size = exported
    x = models.canonical(models.ecg(24, 128, seed=4, offset=1.0))
    x[700:800] = x[700]
    with CoreServer([program], model.head.dim) as core:
        core.view()
        config = Config(hop=128, block=block)
        assert not core.init(config, size=size - 1) and not core.init(config._replace(block=96), size=size)
        assert core.init(config, size=size)
        for piece in (1 << 20, 77):
            expected.assert_equal(core.feed(x, piece) + core.drain(), x, 128_000, model, 128)
            assert core.push(x) == (0, len(x), None)
            core.reset()
        wide = Config(hop=128, block=block, mult=40960, shift=10)  # 200 ADC units per mV: 40 canonical units each
        assert core.init(wide, size=size)
        counts = (x // 40).astype(np.int16)
        expected.assert_equal(core.feed(counts) + core.drain(), counts.astype(np.int32) * 40, 128_000, model, 128)
        with_rate = core.delay(config)
        assert with_rate == core.delay(wide) > 0


def test_other_rates(exported):
    model, block, program, size = exported
    if model.front.kind == 0:
        pytest.skip("it takes 128 Hz alone")
    with CoreServer([program], model.head.dim) as core:
        core.view()
        for fs in (50_000, 100_001, 250_000, 1_000_000):
            x = models.canonical(models.ecg(13, fs / 1000, seed=fs, offset=1.0))
            assert core.init(Config(fs, 64, block), size=size + 100_000)
            expected.assert_equal(core.feed(x) + core.drain(), x, fs, model, 64)
