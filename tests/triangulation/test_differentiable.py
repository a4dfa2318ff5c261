"""The path with gradients: equal to the fast path, exact gradients, nothing where nothing is known, and it learns."""

import math
from dataclasses import replace

import pytest
import torch

from lift3d import Camera, CameraRig, Keypoints2D, Lens
from lift3d.errors import InputError
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.synthetic import observe, ring_rig, walk
from lift3d.triangulation import (
    Triangulation,
    information_used,
    point_covariances,
    triangulate_in_detail,
    triangulate_pixels,
    triangulate_with_gradients,
)

LENSES = {
    "pinhole": (Lens.BROWN_CONRADY, []),
    "brown": (Lens.BROWN_CONRADY, [-0.21, 0.09, 0.002, -0.0015, -0.013]),
    "rational": (Lens.BROWN_CONRADY, [0.2, 0.02, 0.001, -0.002, 0.001, 0.45, 0.05, 0.003]),
    "fisheye": (Lens.FISHEYE, [-0.03, 0.01, -0.004, 0.001]),
    "human36m": (Lens.HUMAN36M, [-0.207, 0.248, -0.0014, -0.00098, -0.0031]),
}


def rig_of(lens: str, cameras: int = 5) -> CameraRig:
    """A ring of cameras with one lens, slightly skewed; ``"mixed"`` gives every camera another lens."""
    rig = ring_rig(cameras, lens="pinhole")
    names = list(LENSES) if lens == "mixed" else [lens]
    chosen = [LENSES[names[index % len(names)]] for index in range(cameras)]
    distortion = torch.tensor([numbers + [0.0] * (8 - len(numbers)) for _, numbers in chosen], dtype=torch.float64)
    intrinsics = rig.cameras.intrinsics.clone()
    intrinsics[:, 0, 1] = 2.5
    codes = torch.tensor([int(code) for code, _ in chosen])
    return replace(rig, cameras=replace(rig.cameras, intrinsics=intrinsics, distortion=distortion, lens=codes))


def disturbed(rig: CameraRig, frames: int = 40) -> Keypoints2D:
    return observe(walk(frames), rig, noise_px=2.0, missing=0.15, outliers=0.05)


def fast(keypoints: Keypoints2D, rig: CameraRig) -> Triangulation:
    return triangulate_in_detail(keypoints, rig, "robust")


def scene(points: int = 3, cameras: int = 4) -> tuple[CameraRig, torch.Tensor, torch.Tensor]:
    """A mixed rig, noisy pixels and their information."""
    rig = rig_of("mixed", cameras)
    exact = rig.project(walk(1).positions[0, 0, :points].double())
    pixels = exact + 2 * torch.randn(exact.shape, dtype=torch.float64)
    return rig, pixels, 0.05 + torch.rand(exact.shape[:-1], dtype=torch.float64)


@pytest.mark.parametrize("lens", [*LENSES, "mixed"])
def test_both_paths_give_one_answer(lens: str) -> None:
    rig = rig_of(lens)
    keypoints = disturbed(rig)
    found = fast(keypoints, rig)
    own = triangulate_with_gradients(keypoints, rig)
    assert 0.9 < own.positions.isfinite().double().mean() < 1
    torch.testing.assert_close(own.positions, found.poses.positions, atol=1e-6, rtol=0, equal_nan=True)
    apart = (own.positions - found.poses.positions).norm(dim=-1)
    assert apart.nanmedian() < 1e-9
    expected = found.poses.covariance
    assert expected is not None
    assert own.covariance is not None
    torch.testing.assert_close(own.covariance, expected.to(own.covariance), atol=1e-9, rtol=1e-3, equal_nan=True)
    assert torch.equal(own.scores, found.poses.scores)


def test_sides_that_were_exchanged_are_put_right_on_the_way() -> None:
    rig = rig_of("brown", 4)
    keypoints = observe(walk(20), rig, noise_px=1.0)
    flip = list(keypoints.skeleton.flip_order)
    pixels = keypoints.pixels.clone()
    pixels[1, 5] = pixels[1, 5][:, flip]
    keypoints = replace(keypoints, pixels=pixels.requires_grad_())
    found = triangulate_with_gradients(keypoints, rig)
    plain = fast(replace(keypoints, pixels=pixels.detach()), rig)
    assert plain.swapped[1, 5].any()
    torch.testing.assert_close(found.positions.detach(), plain.poses.positions, atol=1e-6, rtol=0, equal_nan=True)
    left, right = keypoints.skeleton.bone("left_ankle", "right_ankle")
    found.positions[5, 0, left].sum().backward()
    assert pixels.grad is not None
    assert pixels.grad[1, 5, 0, right].abs().min() > 0  # the detection called right is the left ankle's
    assert pixels.grad[1, 5, 0, left].abs().max() == 0


def test_no_step_from_the_point_costs_less() -> None:
    rig, pixels, information = scene(points=17)
    points = triangulate_pixels(pixels, information, rig.cameras)

    def cost(at: torch.Tensor) -> torch.Tensor:
        squared = (rig.project(at) - pixels).square().sum(-1) * information
        return 12.5 * torch.log1p(squared / 25).sum(0)

    least = cost(points)
    for _ in range(20):
        away = torch.randn(points.shape, dtype=torch.float64)
        assert (cost(points + 1e-4 * away) > least).all()
    at = points.clone().requires_grad_()
    slope = torch.autograd.grad(cost(at).sum(), at)[0]
    assert slope.abs().max() < 1e-6  # of the order of 1e4 a millimetre away


def test_any_batch_shape_gives_the_same_points() -> None:
    rig, pixels, information = scene(points=12)
    flat = triangulate_pixels(pixels, information, rig.cameras)
    many = triangulate_pixels(pixels.reshape(4, 2, 3, 2, 2), information.reshape(4, 2, 3, 2), rig.cameras)
    torch.testing.assert_close(many, flat.reshape(2, 3, 2, 3))
    one = triangulate_pixels(pixels[:, 0], information[:, 0], rig.cameras)
    torch.testing.assert_close(one, flat[0])
    assert point_covariances(one, information[:, 0], rig.cameras).shape == (3, 3)
    none = triangulate_pixels(pixels[:, :0], information[:, :0], rig.cameras)
    assert none.shape == (0, 3)
    assert point_covariances(none, information[:, :0], rig.cameras).shape == (0, 3, 3)


@pytest.mark.parametrize("lens", [*LENSES, "mixed"])
def test_gradients_agree_with_finite_differences(lens: str) -> None:
    rig = rig_of(lens, 3)
    exact = rig.project(walk(1).positions[0, 0, 3:4].double())
    pixels = (exact + 2 * torch.randn(exact.shape, dtype=torch.float64)).requires_grad_()
    information = (0.1 + torch.rand(3, 1, dtype=torch.float64)).requires_grad_()
    cameras = rig.cameras
    turn = torch.zeros(3, 3, dtype=torch.float64, requires_grad=True)
    numbers = cameras.intrinsics[:, [0, 0, 0, 1, 1], [0, 1, 2, 1, 2]].clone().requires_grad_()
    distortion, translation = cameras.distortion.clone().requires_grad_(), cameras.translation.clone().requires_grad_()

    def found(pixels, information, numbers, distortion, turn, translation) -> torch.Tensor:
        fx, skew, cx, fy, cy = numbers.unbind(-1)
        zero, one = torch.zeros_like(fx), torch.ones_like(fx)
        intrinsics = torch.stack([fx, skew, cx, zero, fy, cy, zero, zero, one], -1).unflatten(-1, (3, 3))
        own = Camera(
            intrinsics,
            distortion,
            rotvec_to_matrix(turn) @ cameras.rotation,
            translation,
            cameras.image_size,
            cameras.lens,
        )
        points = triangulate_pixels(pixels, information, own)
        return torch.cat([points, 1e4 * point_covariances(points, information, own).flatten(1)], dim=1)

    inputs = (pixels, information, numbers, distortion, turn, translation)
    assert torch.autograd.gradcheck(found, inputs, eps=1e-6, atol=1e-6, rtol=1e-4, fast_mode=lens != "mixed")


def test_what_no_two_views_see_is_nan_and_has_no_gradient() -> None:
    rig, pixels, information = scene(points=6, cameras=5)
    pixels[:, 0] = torch.nan
    pixels[1:, 1] = torch.nan
    information[:4, 2] = 0
    pixels[2:, 3] = torch.nan  # two views left
    pixels[1, 4] = 1e7  # the lens maps nothing there
    pixels.requires_grad_()
    information.requires_grad_()
    parts = {
        name: getattr(rig.cameras, name).clone().requires_grad_()
        for name in ("intrinsics", "distortion", "rotation", "translation")
    }
    cameras = replace(rig.cameras, **parts)
    points = triangulate_pixels(pixels, information, cameras)
    covariances = point_covariances(points, information, cameras)
    expected = [False, False, False, True, True, True]
    assert points.isfinite().all(-1).tolist() == expected
    assert covariances.isfinite().all(-1).all(-1).tolist() == expected
    (points.nan_to_num().square().sum() + covariances.nan_to_num().sum()).backward()
    for value in (pixels, information, *parts.values()):
        assert value.grad is not None
        assert value.grad.isfinite().all()
        assert value.grad.abs().max() > 0
    assert pixels.grad is not None
    assert (pixels.grad[:, :3] == 0).all()


@pytest.mark.parametrize("lens", LENSES)
def test_degenerate_input_gives_nan_or_a_number_and_finite_gradients(lens: str) -> None:
    rig = rig_of(lens, 3)
    cameras = replace(rig.cameras, translation=rig.cameras.translation.clone().requires_grad_())
    twice = cameras[[0, 0]]
    middle = rig.cameras.intrinsics[:, :2, 2]
    exact = rig.project(rig.cameras.centre[:1] + 1e-9)[:, 0]
    pixels = torch.stack([middle, exact.nan_to_num(), torch.full((3, 2), 1e9, dtype=torch.float64)], 1)
    ones = torch.ones(3, 3, dtype=torch.float64)
    same = triangulate_pixels(pixels[[0, 0]], ones[[0, 0]], twice)  # parallel rays
    assert same.isnan().all()
    points = triangulate_pixels(pixels.requires_grad_(), ones, cameras)
    assert points[0].isfinite().all()  # on the axis of every lens
    points.nan_to_num().sum().backward()
    assert pixels.grad is not None
    assert pixels.grad.isfinite().all()
    assert cameras.translation.grad is not None
    assert cameras.translation.grad.isfinite().all()


def test_nothing_requires_gradients_where_nothing_asks_for_them() -> None:
    rig, pixels, information = scene()
    points = triangulate_pixels(pixels, information, rig.cameras)
    assert not points.requires_grad
    assert not point_covariances(points, information, rig.cameras).requires_grad
    pixels.requires_grad_()
    with torch.no_grad():
        quiet = triangulate_pixels(pixels, information, rig.cameras)
    assert not quiet.requires_grad
    torch.testing.assert_close(quiet, points, atol=1e-10, rtol=0)
    torch.testing.assert_close(triangulate_pixels(pixels, information, rig.cameras), points, atol=1e-10, rtol=0)


def test_single_precision_stays_single_and_near() -> None:
    rig, pixels, information = scene(points=17)
    exact = triangulate_pixels(pixels, information, rig.cameras)
    pixels = pixels.float().requires_grad_()
    points = triangulate_pixels(pixels, information.float(), rig.cameras.to(torch.float32))
    assert points.dtype == torch.float32
    torch.testing.assert_close(points.double(), exact, atol=1e-5, rtol=0)
    points.sum().backward()
    assert pixels.grad is not None
    assert pixels.grad.isfinite().all()


def test_without_a_kernel_an_outlier_pulls_without_bound() -> None:
    rig, pixels, information = scene()
    pixels[0] += 60.0
    away = [
        (triangulate_pixels(pixels, information, rig.cameras, kernel) - walk(1).positions[0, 0, :3]).norm(dim=-1).mean()
        for kernel in (5.0, math.inf)
    ]
    assert away[1] > 5 * away[0]


def test_a_camera_learns_where_it_stands() -> None:
    rig = rig_of("brown", 4)
    keypoints = observe(walk(5), rig)
    shift = torch.tensor([[0.15, -0.1, 0.2]], dtype=torch.float64).requires_grad_()
    information = torch.full(keypoints.scores.shape, 0.01, dtype=torch.float64)
    optimiser = torch.optim.LBFGS([shift], line_search_fn="strong_wolfe", max_iter=40, tolerance_change=1e-14)
    losses = []

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        moved = torch.cat([shift, torch.zeros(3, 3, dtype=torch.float64)])
        cameras = replace(rig.cameras, translation=rig.cameras.translation + moved)
        points = triangulate_pixels(keypoints.pixels.double(), information, cameras)
        error = (CameraRig(rig.names, cameras).project(points) - keypoints.pixels).square().mean()
        error.backward()
        losses.append(error.item())
        return error

    optimiser.step(loss)
    assert losses[-1] < 1e-6 * losses[0]
    assert shift.detach().norm() < 1e-4


def test_a_rig_and_detections_that_learn_pass_through_the_convenience() -> None:
    rig = rig_of("mixed", 4)
    keypoints = disturbed(rig, frames=6)
    pixels = keypoints.pixels.clone().requires_grad_()
    parts = {name: getattr(rig.cameras, name).clone().requires_grad_() for name in ("intrinsics", "distortion")}
    learning = replace(rig, cameras=replace(rig.cameras, **parts))
    poses = triangulate_with_gradients(replace(keypoints, pixels=pixels), learning)
    poses.positions.nan_to_num().square().sum().backward()
    for value in (pixels, *parts.values()):
        assert value.grad is not None
        assert value.grad.isfinite().all()
    found = fast(keypoints, rig)
    assert pixels.grad is not None
    assert torch.equal(pixels.grad.abs().sum(-1) > 0, information_used(found) > 0)
    with pytest.raises(InputError, match="at least two cameras"):
        triangulate_with_gradients(keypoints.only(rig.names[:1]), rig)
