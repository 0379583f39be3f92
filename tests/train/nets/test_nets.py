"""Encoders: their budgets, the padding of docs/numerics.md, and what a frame may see."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from train.nets import ENCODERS, Conv, Encoder, Head, Spec, basic_cnn, edge, resnet1d
from train.nets.encoder import ConvUnit
from train.quantization.batch_norm_folding import fold


def settled(spec: Spec, seed: int = 0) -> Encoder:
    """An encoder whose batch norms are those of a trained one: any slope, sign and running statistics."""
    torch.manual_seed(seed)
    encoder = Encoder(spec)
    for unit in encoder.units.values():
        norm = unit.norm
        torch.nn.init.uniform_(norm.weight, -0.5, 1.5)
        torch.nn.init.normal_(norm.bias, std=0.3)
        norm.running_mean.normal_(std=0.3)
        norm.running_var.uniform_(0.3, 2.0)
    return encoder.eval()


def test_edge_keeps_its_budget():
    spec = edge()
    assert spec.macs() <= 3_000_000
    assert all(layer.cout % 16 == 0 and layer.act == "relu" for layer in spec.layers)
    assert {layer.cin // layer.groups for layer in spec.layers if layer.groups > 1} == {4}
    assert spec.total_stride == 32


def test_basic_cnn_is_the_published_one():
    spec = basic_cnn()
    assert [layer.cout for layer in spec.layers] == [16, 32, 64, 64, 128, 256]
    assert [layer.kernel for layer in spec.layers] == [7, 7, 5, 3, 3, 3]
    assert [layer.stride for layer in spec.layers] == [4, 3, 2, 1, 1, 1]
    assert {layer.order for layer in spec.layers} == {"act_norm"}


def test_resnet_has_the_size_of_its_published_form():
    assert round(resnet1d().macs() / 1e6, 1) == 89.6
    convolutions = [
        sum(isinstance(layer, Conv) and layer.kernel > 1 for layer in resnet1d(depth=d).layers) for d in (18, 34)
    ]
    assert convolutions == [17, 33], "and one linear layer"
    deep = resnet1d(depth=50)
    shortcuts = sum(isinstance(layer, Conv) and layer.kernel == 1 and layer.stride == 2 for layer in deep.layers)
    assert sum(isinstance(layer, Conv) for layer in deep.layers) - shortcuts == 49 and deep.features == 1024
    with pytest.raises(ValueError, match="depths"):
        resnet1d(depth=19)


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_a_description_survives_json(name):
    spec = ENCODERS[name]()
    assert Spec.from_dict(spec.to_dict()) == spec
    assert Spec.from_dict(replace(spec, standardize=True).to_dict()) == replace(spec, standardize=True)


def test_standardized_windows_have_no_scale_and_no_offset():
    torch.manual_seed(0)
    x = torch.randn(3, 1280)
    plain, standardized = (Encoder(replace(ENCODERS["nano"](), standardize=flag)).eval() for flag in (False, True))
    standardized.load_state_dict(plain.state_dict())
    expected = plain((x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True))
    torch.testing.assert_close(standardized(5 * x - 3), expected, atol=1e-4, rtol=1e-4)


def test_a_description_that_does_not_fit_together_is_refused():
    with pytest.raises(ValueError, match="expects 8 channels and gets 16"):
        Encoder(Spec("x", (Conv(0, 1, 16, 3), Conv(1, 8, 16, 3))))


@settings(max_examples=20, phases=[Phase.generate])
@given(
    length=st.integers(1, 40),
    kernel=st.integers(1, 8),
    stride=st.integers(1, 4),
    groups=st.sampled_from([1, 2]),
    order=st.sampled_from(["norm_act", "act_norm"]),
    act=st.sampled_from(["relu", "leaky", "none"]),
)
def test_a_convolution_pads_as_numerics_says_and_folds_exactly(length, kernel, stride, groups, order, act):
    torch.manual_seed(length)
    layer = Conv(0, 4, 6, kernel, stride, groups, act, order)
    unit = settled(Spec("x", (layer,), Head(dim=1), 4)).units["0"]
    x = torch.randn(1, 4, 1, length)
    with torch.no_grad():
        found = unit(x)[0, :, 0].T.double().numpy()
    assert found.shape == (-(-length // stride), 6)
    folded = fold(unit)
    signal, expected = x[0, :, 0].T.double().numpy(), np.zeros_like(found)
    for frame in range(len(found)):
        acc = folded.bias.copy()
        for tap in range(kernel):
            place = frame * stride - (kernel - 1) // 2 + tap
            if 0 <= place < length:
                for c in range(6):
                    first = c // (6 // groups) * (4 // groups)
                    acc[c] += folded.weights[c, tap] @ signal[place, first : first + 4 // groups]
        expected[frame] = folded.output(acc)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_folding_a_whole_trunk_changes_nothing(name):
    """Folded convolutions put back as plain ones with a bias give the embeddings of the original."""
    encoder = settled(ENCODERS[name]())
    x = torch.randn(2, 1280)
    with torch.no_grad():
        before = encoder(x)
        for unit in encoder.units.values():
            replace_by_folded(unit)
        after = encoder(x)
    scale = before.abs().max()
    torch.testing.assert_close(after / scale, before / scale, atol=1e-5, rtol=0)


def replace_by_folded(unit: ConvUnit) -> None:
    folded, norm = fold(unit), unit.norm
    unit.conv.weight.copy_(torch.from_numpy(folded.weights).permute(0, 2, 1)[:, :, None])
    norm.running_mean.zero_()
    norm.running_var.fill_(1 - norm.eps)
    norm.weight.copy_(torch.from_numpy(folded.slope))
    norm.bias.copy_(torch.from_numpy(folded.bias + folded.offset))


@pytest.mark.parametrize("name", ["edge", "basic_cnn"])
def test_a_frame_sees_exactly_its_reach(name):
    encoder = settled(ENCODERS[name]())
    left, right = encoder.spec.reach()
    stride, frame = encoder.spec.total_stride, 20
    x = torch.randn(1, 1536)

    def frame_after_changing(place):
        changed = x.clone()
        changed[0, place] += 30
        with torch.no_grad():
            return encoder.tensors(changed)[-1][0, :, 0, frame]

    with torch.no_grad():
        base = encoder.tensors(x)[-1][0, :, 0, frame]
    first, last = frame * stride - left, frame * stride + right
    assert not torch.equal(frame_after_changing(first), base)
    assert not torch.equal(frame_after_changing(last), base)
    torch.testing.assert_close(frame_after_changing(first - 1), base, atol=0, rtol=0)
    torch.testing.assert_close(frame_after_changing(last + 1), base, atol=0, rtol=0)


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_a_window_with_context_is_the_window_of_a_longer_recording(name):
    encoder = settled(ENCODERS[name]())
    stride, reach = encoder.spec.total_stride, max(encoder.spec.reach())
    margin = -(-reach // stride) * stride
    recording = torch.randn(1, 1280 + 4 * margin)
    with torch.no_grad():
        wide = encoder(recording, 2 * margin)
        near = encoder(recording[:, margin:-margin], margin)
    torch.testing.assert_close(near, wide, atol=1e-4, rtol=1e-4)
