"""The objectives' own numbers."""

import pytest

from edgeecg.errors import InputError
from train.objectives.options import LossOptions, make_objective


def test_options_of_objectives():
    assert make_objective("barlow_twins", LossOptions(lambd=0.5)).lambd == 0.5
    assert make_objective("vicreg", LossOptions(invariance=2.0)).options["invariance"] == 2.0
    assert make_objective("nt_xent").temperature == 0.5
    with pytest.raises(InputError, match=r"no option loss.margin; it has temperature"):
        make_objective("nt_xent", LossOptions(margin=1.0))
