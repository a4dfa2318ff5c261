"""Networks of pictures: the published numbers, sizes that follow from the settings, and the direct head."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from published_networks import published
from torch import nn

from lift3d.errors import InputError
from lift3d.importers import hrnet, lightweight_openpose, simple_baseline, stacked_hourglass
from lift3d.networks._deconvolutions import DeconvolutionSettings
from lift3d.networks._residual_units import BasicBlock, Bottleneck, PreActivationBottleneck
from lift3d.networks._resnet import UNITS, ResNet, ResNetSettings
from lift3d.networks.hrnet import HrNet, HrNetSettings, path
from lift3d.networks.integral_resnet import IntegralResNet, IntegralResNetSettings
from lift3d.networks.lightweight_openpose import LightweightOpenPose, LightweightOpenPoseSettings
from lift3d.networks.simple_baseline import SimpleBaseline, SimpleBaselineSettings
from lift3d.networks.stacked_hourglass import Hourglass, StackedHourglass, StackedHourglassSettings

TINY = ResNetSettings(layers=18, width=8)


def baseline(layers: int, style: str = "pytorch") -> SimpleBaseline:
    return SimpleBaseline(SimpleBaselineSettings(backbone=ResNetSettings(layers, style=style)))


# Others are compared where their files are imported: tests/importers/test_picture_networks.py
PUBLISHED: dict[str, tuple[Callable[[], nn.Module], Callable[[str], str]]] = {
    "simplebaseline_r50_caffe": (lambda: baseline(50, "caffe"), simple_baseline.own_key),
    "simplebaseline_r101": (lambda: baseline(101), simple_baseline.own_key),
    "lightweight_openpose_3stage": (
        lambda: LightweightOpenPose(LightweightOpenPoseSettings(refinements=3)),
        lightweight_openpose.own_key,
    ),
}
LARGE = {
    "simplebaseline_r152_384x288": (lambda: baseline(152), simple_baseline.own_key),
    "hrnet_w48_384x288": (lambda: HrNet(HrNetSettings(width=48)), hrnet.own_key),
    "stacked_hourglass_8": (
        lambda: StackedHourglass(StackedHourglassSettings(stacks=8)),
        stacked_hourglass.own_key,
    ),
}
LARGE_ONES = [pytest.param(name, marks=pytest.mark.slow) for name in LARGE]


@pytest.mark.parametrize("name", [*PUBLISHED, *LARGE_ONES])
def test_equals_the_published_network(name: str) -> None:
    golden = published(name)
    build, own_key = {**PUBLISHED, **LARGE}[name]
    network, hourglass = build().eval(), name.startswith("stacked_hourglass")
    state = stacked_hourglass.used(golden.state) if hourglass else golden.state
    network.load_state_dict({own_key(key): value for key, value in state.items()})
    images = golden.features.permute(0, 3, 1, 2) if hourglass else golden.features  # which takes channels last
    with torch.no_grad():
        stages = network(images)
    if hourglass:  # whose answer has an axis of stacks
        stages = (torch.stack(stages, 1),)
    flat = [part for stage in stages for part in (stage if isinstance(stage, tuple) else (stage,))]
    golden.assert_answers(*flat)


@pytest.mark.parametrize(
    ("build", "parameters"),
    [
        (lambda: HrNet(HrNetSettings()), 28_536_113),
        (lambda: HrNet(HrNetSettings(joints=16)), 28_536_080),
        (lambda: HrNet(HrNetSettings(width=48)), 63_595_745),
        (lambda: baseline(50), 33_999_697),
        (lambda: baseline(101), 52_991_825),
        (lambda: baseline(152), 68_635_473),
        (lambda: IntegralResNet(IntegralResNetSettings()), 34_291_392),
        (lambda: LightweightOpenPose(LightweightOpenPoseSettings()), 4_091_698),
        (lambda: LightweightOpenPose(LightweightOpenPoseSettings(refinements=3)), 7_308_964),
        # less the published files' idle skips of 256 x 256 and, once, of 128 x 128, each with a bias
        (lambda: StackedHourglass(StackedHourglassSettings()), 8_429_088 - 28 * 65_792 - 16_512),
        (lambda: StackedHourglass(StackedHourglassSettings(stacks=8)), 32_819_328 - 112 * 65_792 - 16_512),
    ],
)
def test_has_the_published_number_of_parameters(build: Callable[[], nn.Module], parameters: int) -> None:
    with torch.device("meta"):
        network = build()
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


@pytest.mark.parametrize("layers", UNITS)
def test_layers_are_counted_as_in_the_paper(layers: int) -> None:
    """The classifier counts for one, the shortcuts for none."""
    with torch.device("meta"):
        network = ResNet(ResNetSettings(layers, width=8))
    convolutions = [name for name, part in network.named_modules() if isinstance(part, nn.Conv2d)]
    assert sum("downsample" not in name for name in convolutions) + 1 == layers


def test_features_of_a_resnet_halve_and_widen() -> None:
    for layers, factor in ((18, 1), (50, 4)):
        network = ResNet(ResNetSettings(layers, width=8))
        features = network(torch.zeros(1, 3, 64, 96))
        assert [one.shape[1:] for one in features] == [(factor * 8 * 2**i, 16 >> i, 24 >> i) for i in range(4)]
        assert network.channels == tuple(one.shape[1] for one in features)


def test_styles_differ_in_what_a_stride_leaves_out() -> None:
    """Caffe's first 1x1 looks at every second cell only; the 3x3 of the other style looks at all."""
    for style, looked_at in (("caffe", 16), ("pytorch", 64)):
        unit = Bottleneck(4, 4, stride=2, style=style).eval()
        features = torch.rand(1, 4, 8, 8, requires_grad=True)
        for parameter in unit.parameters():
            nn.init.constant_(parameter, 0.1)
        nn.init.zeros_(unit.downsample.get_parameter("0.weight"))  # which looks at every second cell in both styles
        unit(features).sum().backward()
        assert features.grad is not None
        assert int((features.grad[0, 0] != 0).sum()) == looked_at


@pytest.mark.parametrize(
    ("unit", "channels"), [(BasicBlock(8, 8), 8), (Bottleneck(8, 2), 8), (PreActivationBottleneck(8, 8), 8)]
)
def test_a_unit_that_adds_nothing_leaves_its_input(unit: nn.Module, channels: int) -> None:
    """With the last scale (or, with activation first, the last convolution) at 0; the input is above 0."""
    last = {"BasicBlock": "bn2", "Bottleneck": "bn3", "PreActivationBottleneck": "conv3"}[type(unit).__name__]
    layer = getattr(unit, last)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    features = torch.rand(2, channels, 4, 4)
    torch.testing.assert_close(unit.eval()(features), features)


@pytest.mark.parametrize(("count", "stride"), [(0, 32), (1, 16), (2, 8), (3, 4)])
def test_deconvolutions_set_the_stride(count: int, stride: int) -> None:
    upsampling = DeconvolutionSettings(count, channels=8)
    for network in (
        SimpleBaseline(SimpleBaselineSettings(5, TINY, upsampling)),
        IntegralResNet(IntegralResNetSettings(5, depth=0, backbone=TINY, upsampling=upsampling)),
    ):
        (heatmaps,) = network(torch.zeros(2, 3, 64, 96))
        assert network.stride == stride
        assert heatmaps.shape == (2, 5, 64 // stride, 96 // stride)


def test_a_volume_is_joint_by_joint() -> None:
    """Channel ``joint * depth + z`` of the last convolution is cell z of the joint."""
    settings = IntegralResNetSettings(3, depth=6, backbone=TINY, upsampling=DeconvolutionSettings(1, 8))
    network = IntegralResNet(settings).eval()
    with torch.no_grad():
        network.get_parameter("head.output.bias").copy_(torch.arange(18.0))
        network.get_parameter("head.output.weight").zero_()
        (volumes,) = network(torch.zeros(1, 3, 32, 64))
    assert volumes.shape == (1, 3, 6, 2, 4)
    assert volumes[0, 2, 4].unique().tolist() == [2 * 6 + 4]


@pytest.mark.parametrize(("depth", "axes"), [(0, 2), (64, 3)])
def test_the_direct_head_gives_places_and_begins_in_the_middle(depth: int, axes: int) -> None:
    settings = IntegralResNetSettings(5, head="direct", depth=depth, backbone=TINY)
    network = IntegralResNet(settings)
    (places,) = network(torch.randn(2, 3, 64, 96))
    assert places.shape == (2, 5, axes)
    torch.testing.assert_close(places, torch.full_like(places, 0.5), rtol=0, atol=0.1)
    places.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_every_way_through_hrnet_ends_at_its_own_size() -> None:
    channels = (4, 8, 16, 32)
    sizes = [(16 >> branch, 24 >> branch) for branch in range(4)]
    for source in range(4):
        for target in range(4):
            brought = path(channels, source, target)(torch.zeros(1, channels[source], *sizes[source]))
            assert brought.shape == (1, channels[target], *sizes[target])


def test_hrnet_has_as_many_branches_as_told() -> None:
    network = HrNet(HrNetSettings(joints=3, width=4, modules=(1, 1), units=1, stem_channels=8))
    assert network.coarsest == 16
    assert network(torch.zeros(2, 3, 48, 32))[-1].shape == (2, 3, 12, 8)
    ends = network.get_submodule("stages.1.0.fusion")
    assert [len(list(row.children())) for row in ends.children()] == [3]  # the heatmaps need no other


def test_an_hourglass_keeps_the_size_and_sees_everything() -> None:
    """One cell of the answer depends on every cell of the input, through the few cells in the middle."""
    hourglass = Hourglass(3, 4).eval()
    for parameter in hourglass.parameters():
        nn.init.constant_(parameter, 0.1)
    features = torch.rand(1, 4, 16, 16, requires_grad=True)
    answer = hourglass(features)
    assert answer.shape == features.shape
    (gradient,) = torch.autograd.grad(answer[0, :, 3, 4].sum(), features)
    reached = gradient[0].abs().sum(0) > 0  # the pooling lets the largest of each four through
    assert (reached.unflatten(0, (-1, 8)).unflatten(-1, (-1, 8)).sum((1, 3)) > 0).all()


def test_hourglasses_answer_one_after_the_other() -> None:
    """The first heatmaps know nothing of the second hourglass, the second are made with the first."""
    network = StackedHourglass(StackedHourglassSettings(joints=2, stacks=2, channels=16, depth=2)).eval()
    first, second = network(torch.randn(1, 3, 32, 32))
    names = [name for name, _ in network.named_parameters()]
    of_first = torch.autograd.grad(first.sum(), list(network.parameters()), retain_graph=True, allow_unused=True)
    of_second = torch.autograd.grad(second.sum(), list(network.parameters()))
    used = [name for name, gradient in zip(names, of_first, strict=True) if gradient is not None]
    assert all(name.startswith(("stem.", "stacks.0.")) and "merge" not in name for name in used)
    assert len(of_second) == len(names)


def test_stages_refine_what_is_before_them() -> None:
    network = LightweightOpenPose(LightweightOpenPoseSettings(3, 2, 2, width=4, channels=8, initial_channels=16))
    stages = network(torch.zeros(1, 3, 64, 96))
    assert len(stages) == 3
    for stage in stages:
        assert stage.heatmaps.shape == (1, 4, 8, 12)  # and the background
        assert stage.fields.shape == (1, 4, 8, 12)


def test_settings_that_name_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="layers is 49; expected one of 18, 34, 50, 101, 152"):
        ResNetSettings(layers=49)
    with pytest.raises(InputError, match="style is 'torch'; expected one of 'pytorch', 'caffe'"):
        ResNetSettings(style="torch")
    with pytest.raises(InputError, match="head is 'points'; expected one of 'heatmaps', 'direct'"):
        IntegralResNetSettings(head="points")


def test_weights_begin_with_the_documented_deviations() -> None:
    network = SimpleBaseline(SimpleBaselineSettings(backbone=ResNetSettings(18)))
    weights = {name: value.detach().numpy() for name, value in network.named_parameters()}
    assert weights["upsampling.0.weight"].std() == pytest.approx(0.001, rel=0.01)
    assert weights["heatmaps.weight"].std() == pytest.approx(0.001, rel=0.05)
    assert weights["backbone.layer4.1.conv2.weight"].std() == pytest.approx(np.sqrt(2 / (512 * 9)), rel=0.01)
    assert not weights["heatmaps.bias"].any()
