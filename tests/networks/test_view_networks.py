"""Networks of several views: the published numbers, gradients from pictures to points, missing views, sizes of V2V."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_up_views import ring_projections
from published_networks import GOLDEN, published
from torch import Tensor, nn

from lift3d.errors import InputError, ShapeError, UnknownNameError
from lift3d.importers import learnable_triangulation, simple_baseline
from lift3d.networks._confidences import ConfidenceHead, shares_of_views
from lift3d.networks._deconvolutions import DeconvolutionSettings
from lift3d.networks._resnet import ResNetSettings
from lift3d.networks.algebraic_triangulation import AlgebraicTriangulation, AlgebraicTriangulationSettings
from lift3d.networks.simple_baseline import SimpleBaseline, SimpleBaselineSettings
from lift3d.networks.v2v import V2V, V2VSettings
from lift3d.networks.volumetric_triangulation import VolumetricTriangulation, VolumetricTriangulationSettings
from lift3d.volumes import Cuboid, map_projections, unproject_maps

SMALL = ResNetSettings(18, width=8)
UPSAMPLING = DeconvolutionSettings(3, channels=8)
VOLUMES = V2VSettings(4, 3, front_kernel=3, front_channels=4, front_units=1, channels=(4, 8))
ALGEBRAIC = AlgebraicTriangulationSettings(3, SMALL, UPSAMPLING, confidence_width=8)
VOLUMETRIC = VolumetricTriangulationSettings(SMALL, UPSAMPLING, side=2.0, cells=8, volume_network=VOLUMES)
PROJECTIONS = ring_projections(4, 4.0, (128, 128))[None]


def golden_array(name: str, key: str) -> Tensor:
    with np.load(GOLDEN / f"{name}.npz") as golden:
        return torch.from_numpy(golden[key])


def random_weights(network: nn.Module) -> nn.Module:
    """Weights that are not those of the beginning, where every heatmap is flat."""
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=(1 / parameter[0].numel()) ** 0.5 if parameter.ndim > 1 else 0.3)
    return network


@pytest.mark.parametrize("name", ["v2v_32", pytest.param("v2v", marks=pytest.mark.slow)])
def test_v2v_equals_the_published_network(name: str) -> None:
    golden, network = published(name), V2V(V2VSettings()).eval()
    network.load_state_dict({learnable_triangulation.own_v2v_key(key): value for key, value in golden.state.items()})
    with torch.no_grad():
        golden.assert_answers(network(golden.features))


@pytest.mark.slow
def test_the_backbone_equals_the_published_one() -> None:
    """Heatmaps, features and confidences of the ResNet of 152 layers."""
    golden = published("lt_backbone_r152")
    parts = {True: {}, False: {}}
    for key, value in golden.state.items():
        parts[key.startswith("alg_confidences.")][key] = value
    detector = SimpleBaseline(SimpleBaselineSettings(backbone=ResNetSettings(152))).eval()
    detector.load_state_dict({simple_baseline.own_key(key): value for key, value in parts[False].items()})
    head = ConfidenceHead(2048, 17).eval()
    own = {learnable_triangulation.own_key(f"backbone.{key}"): value for key, value in parts[True].items()}
    head.load_state_dict({key.removeprefix("confidences."): value for key, value in own.items()})
    with torch.no_grad():
        deepest = detector.backbone(golden.features)[-1]
        upsampled = detector.upsampling(deepest)
        golden.assert_answers(detector.heatmaps(upsampled), upsampled, head(deepest))


@pytest.mark.slow
def test_algebraic_triangulation_equals_the_published_network() -> None:
    """Four views of 384 x 384, millimetres: points, pixels, heatmaps and confidences."""
    golden = published("lt_algebraic")
    network = AlgebraicTriangulation(AlgebraicTriangulationSettings(half_pixel=False)).eval()
    network.load_state_dict({learnable_triangulation.own_key(key): value for key, value in golden.state.items()})
    with torch.no_grad():
        golden.assert_answers(*network(golden.features, golden_array("lt_algebraic", "projections")))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["softmax", "sum", "conf_norm"])
def test_volumetric_triangulation_equals_the_published_network(name: str) -> None:
    """ResNet-50, 32^3: points, features, volumes, confidences, positions of the cells and the centre."""
    file = f"lt_volumetric_{name}_small"
    golden, aggregation = published(file), name.replace("conf_norm", "confidence")
    settings = VolumetricTriangulationSettings(
        ResNetSettings(50), cells=32, aggregation=aggregation, half_pixel=False
    )  # fmt: skip
    network = VolumetricTriangulation(settings).eval()
    used = {key: value for key, value in golden.state.items() if "final_layer" not in key}  # on which nothing depends
    network.load_state_dict({learnable_triangulation.own_key(key): value for key, value in used.items()})
    pelvis = golden_array(file, "pred_keypoints_3d")[:, 6]
    with torch.no_grad():
        answer = network(golden.features, golden_array(file, "projections"), pelvis)
    told = [answer.points, answer.features, answer.volumes, answer.confidences]
    cells = [answer.cuboid.positions(), answer.cuboid.centre]
    golden.assert_answers(*(part for part in told if part is not None), *cells)


def test_a_peak_in_the_heatmaps_is_a_point_where_it_is() -> None:
    """Heatmaps drawn at projections: the pixels and the points of the half-pixel rule, and not of the published one."""
    points = torch.tensor([[[0.1, -0.3, 0.2], [0.4, 0.2, -0.1], [0.0, 0.0, 0.0]]])
    homogeneous = torch.cat([points, torch.ones(1, 3, 1)], dim=-1)[:, None] @ PROJECTIONS.mT
    pixels = homogeneous[..., :2] / homogeneous[..., 2:]
    cells = (pixels + 0.5) / 4 - 0.5
    steps = torch.arange(32.0)
    squared = (steps - cells[..., 0, None]).square()[..., None, :] + (steps - cells[..., 1, None]).square()[..., None]
    there = torch.ones(1, 4, dtype=torch.bool)
    for half_pixel in (True, False):
        network = AlgebraicTriangulation(replace(ALGEBRAIC, half_pixel=half_pixel, temperature=1.0))
        answer = network._triangulated(-squared / 2, torch.rand(1, 4, 3), PROJECTIONS, there, (128, 128))
        exact = bool((answer.points - points).norm(dim=-1).max() < 1e-4)
        assert exact == half_pixel
        assert bool((answer.pixels - pixels).norm(dim=-1).max() < 1e-2) == half_pixel


def test_the_whole_algebraic_head_has_the_right_gradient() -> None:
    network = AlgebraicTriangulation(replace(ALGEBRAIC, temperature=1.0)).double()
    heatmaps = torch.randn(1, 4, 3, 6, 6, dtype=torch.float64, requires_grad=True)
    confidences = (torch.rand(1, 4, 3, dtype=torch.float64) + 0.1).requires_grad_()
    projections = (PROJECTIONS.double() / 100).requires_grad_()
    there = torch.tensor([[True, True, False, True]])
    assert torch.autograd.gradcheck(
        lambda *given: network._triangulated(*given, there, (24, 24)).points, (heatmaps, confidences, projections)
    )


@pytest.mark.parametrize("kind", ["algebraic", "volumetric"])
def test_missing_views_leave_no_trace(kind: str) -> None:
    """By mask and by NaN projection, whatever their pictures; confidences of the others are shares of their own."""
    network = random_weights(build(kind)).eval()
    images = torch.randn(2, 4, 3, 128, 128)
    projections = PROJECTIONS.expand(2, -1, -1, -1).clone()
    centres = (torch.randn(2, 3) / 10,) if kind == "volumetric" else ()
    with torch.no_grad():
        expected = network(images[:, :3], projections[:, :3], *centres)
        images[:, 3] = torch.nan
        by_mask = network(images, projections, *centres, seen=torch.tensor([[True, True, True, False]]).expand(2, -1))
        projections[:, 3] = torch.nan
        by_projection = network(images, projections, *centres)
    for found in (by_mask, by_projection):
        torch.testing.assert_close(found.points, expected.points, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(found.confidences[:, :3], expected.confidences)
        assert (found.confidences[:, 3] == 0).all()


@pytest.mark.parametrize("kind", ["algebraic", "volumetric"])
def test_too_few_views_give_no_point_and_no_gradient_that_is_no_number(kind: str) -> None:
    """The first of two moments has none, or one, which is enough for a volume; the second has all."""
    network = random_weights(build(kind)).train()
    images = torch.randn(2, 4, 3, 128, 128, requires_grad=True)
    projections, centres = PROJECTIONS.expand(2, -1, -1, -1), (torch.zeros(2, 3),) if kind == "volumetric" else ()
    for views in (0, 1):
        seen = torch.ones(2, 4, dtype=torch.bool)
        seen[0, views:] = False
        points = network(images, projections, *centres, seen=seen).points
        enough = views == 1 and kind == "volumetric"
        assert bool(points[0].isfinite().all()) == enough
        assert bool(points[0].isnan().all()) != enough
        assert points[1].isfinite().all()
        gradients = torch.autograd.grad(points.nansum(), [images, *network.parameters()])
        assert all(gradient.isfinite().all() for gradient in gradients)


def build(kind: str) -> AlgebraicTriangulation | VolumetricTriangulation:
    if kind == "algebraic":
        return AlgebraicTriangulation(ALGEBRAIC)
    return VolumetricTriangulation(replace(VOLUMETRIC, aggregation="confidence"))


def test_points_of_volumes_are_within_their_cuboid_and_move_with_it() -> None:
    """The world, the cameras and the centre moved: the same volumes, the points moved."""
    network, images = random_weights(VolumetricTriangulation(VOLUMETRIC)).eval(), torch.randn(1, 4, 3, 128, 128)
    shift = torch.tensor([[3.0, -2.0, 0.5]])
    back = torch.eye(4)
    back[:3, 3] = -shift[0]
    with torch.no_grad():
        here = network(images, PROJECTIONS, torch.zeros(1, 3))
        there = network(images, PROJECTIONS @ back, shift)
    torch.testing.assert_close(there.volumes, here.volumes, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(there.points, here.points + shift, rtol=0, atol=1e-3)
    assert here.points.abs().max() <= 1.0


def test_points_of_a_turned_cuboid_are_in_the_world() -> None:
    """A volume with one certain cell: the point is where that cell is in the world, cuboid turned or not.

    And the volume network is given what the features show there, by the rule of pixels that was set.
    """
    given = []

    class OneCell(nn.Module):
        def forward(self, volumes: Tensor) -> Tensor:
            given.append(volumes)
            certain = torch.full((1, 3, 8, 8, 8), -100.0)
            certain[:, :, 6, 1, 2] = 100.0
            return certain

    for angle, half_pixel in ((0.0, True), (0.9, True), (0.9, False)):
        network = random_weights(VolumetricTriangulation(replace(VOLUMETRIC, half_pixel=half_pixel))).eval()
        network.volume_network = OneCell()
        answer = network(
            torch.randn(1, 4, 3, 128, 128), PROJECTIONS, torch.ones(1, 3), torch.tensor([angle])
        )  # fmt: skip
        cuboid = Cuboid.of(torch.ones(1, 3), 2.0, 8, torch.tensor([angle]))
        torch.testing.assert_close(answer.points[0, 1], cuboid.positions()[0, 6, 1, 2])
        to_maps = map_projections(PROJECTIONS, (128, 128), (32, 32), half_pixel=half_pixel)
        seen = unproject_maps(answer.features, to_maps, cuboid.positions(), "softmax")
        torch.testing.assert_close(given[-1], seen)


def test_shares_of_views_sum_to_one() -> None:
    seen = torch.tensor([[True, False, True], [False, False, False]])
    shares = shares_of_views(torch.rand(2, 3, 5), seen)
    torch.testing.assert_close(shares[0].sum(0), torch.ones(5))
    assert (shares[~seen] == 0).all()


def test_v2v_halves_only_what_can_be_halved() -> None:
    network = V2V(V2VSettings(2, 3, front_channels=4, channels=(4, 4, 8)))
    assert network(torch.randn(1, 2, 4, 8, 12)).shape == (1, 3, 4, 8, 12)
    with pytest.raises(ShapeError, match=r"expected \(batch, channels, three multiples of 4\)"):
        network(torch.randn(1, 2, 4, 8, 10))


def test_the_fast_way_on_a_cpu_gives_the_same_answer() -> None:
    """One volume or several, with gradients or without, and as a graph."""
    network = random_weights(V2V(V2VSettings(2, 3, front_channels=4, channels=(4, 8)))).eval()
    volumes = torch.randn(2, 2, 4, 8, 12)
    expected = network(volumes)
    with torch.no_grad():
        for found in (network(volumes), torch.cat([network(volumes[:1]), network(volumes[1:])])):
            torch.testing.assert_close(found, expected.detach(), rtol=1e-4, atol=1e-5)
        graph = torch.export.export(network, (volumes[:1],))
    assert "mkldnn" not in str(graph.graph)


def test_v2v_sees_everything_and_keeps_its_axes() -> None:
    """A cell of the answer depends on far cells along each axis, and most on those near."""
    network = random_weights(V2V(V2VSettings(1, 1, front_kernel=3, front_channels=4, channels=(4, 8, 8)))).eval()
    volumes = torch.randn(1, 1, 8, 16, 24, requires_grad=True)
    (gradient,) = torch.autograd.grad(network(volumes)[0, 0, 1, 2, 20], volumes)
    pull = gradient[0, 0].abs()
    assert pull[1, 2, 20] > 10 * pull.mean()
    assert pull[0, 0, 12] > 0


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="expected an odd kernel, at least one unit"):
        V2VSettings(front_kernel=4)
    with pytest.raises(InputError, match="cells is 48; expected a multiple of 32"):
        VolumetricTriangulationSettings(cells=48)
    with pytest.raises(UnknownNameError, match="No aggregation of views named 'conf_norm'"):
        VolumetricTriangulationSettings(aggregation="conf_norm")
