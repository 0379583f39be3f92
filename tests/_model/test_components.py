"""What a model is made of, as plain data."""

import dataclasses

import numpy as np
import pytest

from edgeecg.model import FrontEnd, Model, default_front_end
from tests import models


def test_default_front_end_follows_a_shorter_window():
    assert (default_front_end().flat_blocks, default_front_end().off_blocks) == (20, 8)
    assert (default_front_end(window=64).flat_blocks, default_front_end(window=64).off_blocks) == (1, 2)
    assert default_front_end(kind=0, direct_gain=5).table.size == 0
    assert FrontEnd().gain == default_front_end().gain


def test_arrays_of_a_model_cannot_be_changed():
    model = Model.from_bytes(models.tiny().to_bytes())
    with pytest.raises(ValueError, match="read-only"):
        model.layers[0].weights[0] = 1
    weights = np.ones((2, 3, 1), np.int8)
    layer = dataclasses.replace(model.layers[0], weights=weights)
    weights[:] = 5
    assert (layer.weights == 1).all()
