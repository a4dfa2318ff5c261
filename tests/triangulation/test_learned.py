"""Triangulation by networks of single frames: exact where detections are, in any world, for any people and joints."""

from dataclasses import replace

import pytest
import torch

from lift3d import Keypoints2D, Poses3D, get_skeleton, triangulate
from lift3d.checkpoints import network_named, save_network
from lift3d.errors import InputError
from lift3d.formats._up_axis import right_angles, turned_up
from lift3d.synthetic import observe, ring_rig, walk
from lift3d.triangulation import SmoothingSettings, TriangulationSettings, triangulate_in_detail

RIG = ring_rig(cameras=4)
TRUTH = walk(frames=30, fps=50.0)
METHODS = {"learned": "view_attention", "volumetric": "view_volumes"}
SMALL = {"view_attention": {"width": 16, "layers": 1, "heads": 2}, "view_volumes": {"cells": 8}}


@pytest.fixture(scope="module", params=METHODS)
def method(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A method, and weights of a small network whose last layer is not 0."""
    entry = network_named(METHODS[request.param])
    settings = entry.settings(**SMALL[entry.name])
    torch.manual_seed(0)
    network = entry.build(settings)
    for parameter in list(network.parameters())[-2:]:
        torch.nn.init.normal_(parameter, std=0.1)
    path = tmp_path_factory.mktemp("weights") / "network.safetensors"
    save_network(path, network, settings, entry.name, "human36m17")
    return request.param, str(path)


@pytest.fixture(scope="module", params=METHODS)
def untrained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    entry = network_named(METHODS[request.param])
    settings = entry.settings(**SMALL[entry.name])
    path = tmp_path_factory.mktemp("weights") / "network.safetensors"
    save_network(path, entry.build(settings), settings, entry.name, "human36m17")
    return request.param, str(path)


def still(weights: str) -> TriangulationSettings:
    return TriangulationSettings(weights=weights, smoothing=SmoothingSettings(over_time=False))


def shaken(keypoints: Keypoints2D, pixels: float = 2.0) -> Keypoints2D:
    noise = torch.randn(keypoints.pixels.shape, generator=torch.Generator().manual_seed(0))
    return replace(keypoints, pixels=keypoints.pixels + pixels * noise)


def test_exact_detections_give_exact_joints_with_lenses_and_all(untrained: tuple[str, str]) -> None:
    name, weights = untrained
    found = triangulate(observe(TRUTH, RIG), RIG, name, still(weights))
    torch.testing.assert_close(found.positions, TRUTH.positions, rtol=0, atol=2e-4)
    assert bool((found.scores > 0.85).all())  # all views agree
    assert found.covariance is not None


def test_tracks_over_time_are_nearer_than_single_frames(untrained: tuple[str, str]) -> None:
    name, weights = untrained
    keypoints = shaken(observe(TRUTH, RIG))
    alone = triangulate(keypoints, RIG, name, still(weights))
    smooth = triangulate(keypoints, RIG, name, TriangulationSettings(weights=weights))
    errors = [(found.positions - TRUTH.positions).norm(dim=-1).mean() for found in (alone, smooth)]
    assert errors[1] < 0.7 * errors[0]


def test_which_axis_points_up_does_not_matter(method: tuple[str, str]) -> None:
    name, weights = method
    keypoints = shaken(observe(TRUTH, RIG))
    expected = triangulate(keypoints, RIG, name, still(weights))
    turned = triangulate(keypoints, turned_up(RIG, "-y"), name, still(weights))
    turn = right_angles("+z", "-y")
    torch.testing.assert_close(turned.positions.double(), expected.positions.double() @ turn.mT, rtol=0, atol=1e-4)
    assert expected.covariance is not None
    assert turned.covariance is not None
    expected_covariance = turn @ expected.covariance.double() @ turn.mT
    torch.testing.assert_close(turned.covariance.double(), expected_covariance, rtol=1e-2, atol=1e-9)


def test_people_do_not_touch_each_other(method: tuple[str, str]) -> None:
    name, weights = method
    other = Poses3D.of(TRUTH.positions + torch.tensor([0.5, 0.3, 0.0]), skeleton=TRUTH.skeleton, fps=50.0)
    one, two = (shaken(observe(poses, RIG)) for poses in (TRUTH, other))
    both = replace(
        one, pixels=torch.cat([one.pixels, two.pixels], 2), scores=torch.cat([one.scores, two.scores], 2)
    )  # fmt: skip
    found = triangulate(both, RIG, name, still(weights)).positions
    for person, own in enumerate((one, two)):
        alone = triangulate(own, RIG, name, still(weights)).positions[:, 0]
        torch.testing.assert_close(found[:, person], alone, rtol=0, atol=2e-3)  # noise is measured on both


def test_joints_go_by_name_and_others_are_triangulated_too(method: tuple[str, str]) -> None:
    name, weights = method
    coco = get_skeleton("coco17")
    positions = TRUTH.positions[:, :, :17]
    keypoints = observe(Poses3D.of(positions, skeleton=coco, fps=50.0), RIG)
    found = triangulate(keypoints, RIG, name, still(weights))
    assert float((found.positions - positions).norm(dim=-1).max()) < 0.1
    assert bool(found.positions.isfinite().all())


def test_a_joint_that_one_view_sees_is_missing(method: tuple[str, str]) -> None:
    name, weights = method
    keypoints = observe(TRUTH, RIG)
    scores = keypoints.scores.clone()
    scores[1:, 4, 0, 6] = 0
    found = triangulate_in_detail(replace(keypoints, scores=scores), RIG, name, still(weights))
    missing = torch.isnan(found.poses.positions[..., 0])
    assert bool(missing[4, 0, 6])
    assert int(missing.sum()) == 1
    assert not bool(found.used[:, 4, 0, 6].any())


def test_weights_of_another_kind_are_refused() -> None:
    with pytest.raises(InputError, match="holds a network 'residual_mlp'"):
        triangulate(observe(TRUTH, RIG), RIG, "learned", still("residual_mlp_cmu17"))
