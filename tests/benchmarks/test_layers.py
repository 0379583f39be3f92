"""The table of layer times is made from what the C program printed."""

import pytest

from benchmarks import layers


def test_shares_of_the_peak():
    conv = {
        "layer": 0,
        "op": "conv",
        "cin": 1,
        "cout": 16,
        "kernel": 9,
        "stride": 2,
        "groups": 1,
        "frames": 640,
        "us": 0.5,
        "macs": 100_000,
        "least_us": 0.3,
    }
    pool = {**conv, "layer": 1, "op": "max pool", "macs": 0, "least_us": 0}
    total = {"kernels": "avx2", "trunk_us": 1.0, "front_end_us": 2.0, "window_us": 3.5}
    text = layers.table("net", [conv, pool, total], peak=400.0)
    assert "| 0 conv | 640 | 1 to 16 | 9 | 2 | 1 | 0.50 | 0.30 | 200 | 50 % |" in text
    assert "| 1 max pool | 640 | 1 to 16 | 9 | 2 | 1 | 0.50 |  |  |  |" in text
    assert (
        "layers 1.00; 0.25 at the peak, 0.30 for their instructions alone; front end 2.00; rest 0.50; window 3.50"
        in text
    )


def test_a_model_is_found_by_name_or_path():
    assert layers.model_path("default").name == "default.eecg"
    assert layers.model_path("x/y.eecg").name == "y.eecg"
    with pytest.raises(KeyError):
        layers.model_path("no such network")
