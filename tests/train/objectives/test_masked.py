"""NT-Xent without the patient's other windows."""

import pytest

torch = pytest.importorskip("torch")

from train.objectives.masked import masked_nt_xent


def test_masked_nt_xent_is_its_formula():
    torch.manual_seed(0)
    a, b, patient = torch.randn(6, 5), torch.randn(6, 5), torch.tensor([0, 0, 1, 2, 2, 3])
    z = torch.nn.functional.normalize(torch.cat([a, b]), dim=1).double()
    who, total = patient.repeat(2), 0.0
    for i in range(12):
        partner = (i + 6) % 12
        terms = [torch.exp(z[i] @ z[k] / 0.2) for k in range(12) if k == partner or who[k] != who[i]]
        total -= torch.log(torch.exp(z[i] @ z[partner] / 0.2) / sum(terms))
    assert masked_nt_xent(a, b, patient, 0.2).item() == pytest.approx(float(total) / 12, rel=1e-5)
