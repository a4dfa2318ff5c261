"""Cameras against OpenCV and the published Human3.6M model; inverses, gradients, crops and wrong input."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from lift3d.cameras import Camera, CameraRig, Lens
from lift3d.errors import InputError, ShapeError, UnknownNameError
from lift3d.geometry.distortion import distort, undistort
from lift3d.geometry.rotations import quaternion_to_matrix, rotvec_to_matrix
from lift3d.synthetic import ring_rig

ORACLES = np.load(Path(__file__).parent / "golden" / "human36m_camera_oracles.npz")
INTRINSICS = [[900.0, 0.0, 640.5], [0.0, 910.0, 355.25], [0.0, 0.0, 1.0]]
LENSES = {
    "none": (Lens.BROWN_CONRADY, []),
    "brown4": (Lens.BROWN_CONRADY, [-0.21, 0.09, 0.002, -0.0015]),
    "brown5": (Lens.BROWN_CONRADY, [-0.21, 0.09, 0.002, -0.0015, -0.013]),
    "rational8": (Lens.BROWN_CONRADY, [0.4, -0.2, 0.001, -0.002, 0.03, 0.6, -0.1, 0.02]),
    "fisheye4": (Lens.FISHEYE, [-0.03, 0.01, -0.004, 0.001]),
    "human36m5": (Lens.HUMAN36M, [-0.207, 0.248, -0.0014, -0.00098, -0.0031]),
}


def points_in_front(count=200):
    points = torch.randn(count, 3, dtype=torch.float64)
    points[:, 2] = points[:, 2].abs() + 3
    return points


def camera(name="brown5", **changes):
    lens, coefficients = LENSES[name]
    arguments = {
        "rotation": rotvec_to_matrix(torch.tensor([0.1, -0.2, 0.3], dtype=torch.float64)),
        "translation": [0.1, -0.2, 0.3],
        "image_size": (1280, 720),
    }
    return Camera.of(INTRINSICS, coefficients, lens=lens, **{**arguments, **changes})


def in_picture(count=300):
    return torch.rand(count, 2, dtype=torch.float64) * torch.tensor([1279.0, 719.0])


@pytest.mark.parametrize("name", ["none", "brown4", "brown5", "rational8"])
def test_projection_equals_opencv(name):
    own, points = camera(name), points_in_front()
    rotation = cv2.Rodrigues(own.rotation.numpy())[0]
    coefficients = np.array(LENSES[name][1] or [0.0] * 4)
    theirs = cv2.projectPoints(points.numpy(), rotation, own.translation.numpy(), own.intrinsics.numpy(), coefficients)
    np.testing.assert_allclose(own.project(points).numpy(), theirs[0][:, 0], atol=1e-8)


def test_fisheye_equals_opencv():
    own, points = camera("fisheye4"), points_in_front()
    points[0] = own.camera_to_world(torch.tensor([[0.0, 0.0, 2.0]], dtype=torch.float64))[0]  # on the axis
    theirs = cv2.fisheye.projectPoints(
        points[:, None].numpy(), cv2.Rodrigues(own.rotation.numpy())[0], own.translation.numpy(),
        own.intrinsics.numpy(), np.array(LENSES["fisheye4"][1]),
    )  # fmt: skip
    np.testing.assert_allclose(own.project(points).numpy(), theirs[0][:, 0], atol=1e-8)


def test_skewed_pixels_equal_opencv_fisheye():
    """OpenCV's Brown-Conrady functions know no skew; its fisheye does (alpha = skew / focal)."""
    skewed = [[900.0, 4.5, 640.5], [0.0, 910.0, 355.25], [0.0, 0.0, 1.0]]
    own = replace(camera("fisheye4"), intrinsics=torch.tensor(skewed, dtype=torch.float64))
    points = points_in_front()
    straight = np.diag([900.0, 910.0, 1.0])
    straight[:2, 2] = 640.5, 355.25
    theirs = cv2.fisheye.projectPoints(
        points[:, None].numpy(), cv2.Rodrigues(own.rotation.numpy())[0], own.translation.numpy(),
        straight, np.array(LENSES["fisheye4"][1]), alpha=4.5 / 900,
    )  # fmt: skip
    np.testing.assert_allclose(own.project(points).numpy(), theirs[0][:, 0], atol=1e-8)
    seen = own.project(points)
    plane = own.world_to_camera(points)
    torch.testing.assert_close(own.normalise(seen), plane[:, :2] / plane[:, 2:], atol=1e-8, rtol=0)


def human36m_camera():
    def given(name):
        return torch.from_numpy(np.asarray(ORACLES[f"h36m_cameras/in/{name}"], dtype=np.float64))

    focal, centre, k = given("focal"), given("centre"), given("k")
    p1, p0 = given("p_videopose3d_order")
    rotation = quaternion_to_matrix(given("quaternion_cam_to_world")).T
    return Camera.of(
        [[focal[0], 0, centre[0]], [0, focal[1], centre[1]], [0, 0, 1]],
        [k[0], k[1], p0, p1, k[2]], rotation, -rotation @ given("camera_centre_m"), given("res"), Lens.HUMAN36M,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["pixels", "pixels_martinez"])
def test_human36m_equals_the_published_projections(name):
    world = torch.from_numpy(ORACLES["h36m_cameras/in/world"]).double()
    camera_frame = torch.from_numpy(ORACLES["h36m_cameras/out/camera"]).double()
    own = human36m_camera()
    torch.testing.assert_close(own.world_to_camera(world.flatten(0, 1)).view_as(world), camera_frame, atol=1e-5, rtol=0)
    pixels = own.project(world.flatten(0, 1)).view(50, 17, 2)
    torch.testing.assert_close(pixels, torch.from_numpy(ORACLES[f"h36m_cameras/out/{name}"]), atol=2e-3, rtol=0)


def test_human36m_is_not_the_model_of_opencv():
    own = human36m_camera()
    points = own.camera_to_world(points_in_front())
    other = replace(own, lens=torch.tensor(int(Lens.BROWN_CONRADY)))
    assert (own.project(points) - other.project(points)).norm(dim=-1).max() > 0.05


@pytest.mark.parametrize("name", LENSES)
def test_undistortion_undoes_distortion(name):
    own, pixels = camera(name), in_picture()
    plane = own.normalise(pixels)
    assert torch.isfinite(plane).all()
    again = distort(plane, own.distortion, own.lens)
    back = again @ own.intrinsics[:2, :2].T + own.intrinsics[:2, 2]
    torch.testing.assert_close(back, pixels, atol=1e-8, rtol=0)
    points = torch.rand(200, 2, dtype=torch.float64) * 1.2 - 0.6
    bent = distort(points, own.distortion, own.lens)
    torch.testing.assert_close(undistort(bent, own.distortion, own.lens), points, atol=1e-8, rtol=0)
    seen = own.undistort(own.project(points_in_front(20)))
    assert torch.isfinite(seen).all()


@pytest.mark.parametrize("name", LENSES)
def test_undistorted_camera_sees_the_undistorted_pixels(name):
    own, points = camera(name), points_in_front()
    torch.testing.assert_close(own.undistort(own.project(points)), own.undistorted().project(points), atol=1e-7, rtol=0)


def test_undistort_equals_opencv():
    own, pixels = camera("brown5"), in_picture()
    theirs = cv2.undistortPointsIter(
        pixels[:, None].numpy(), own.intrinsics.numpy(), np.array(LENSES["brown5"][1]), np.eye(3), np.eye(3),
        (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 200, 1e-14),
    )  # fmt: skip
    np.testing.assert_allclose(own.normalise(pixels).numpy(), theirs[:, 0], atol=1e-8)


@pytest.mark.parametrize("name", LENSES)
def test_gradients_are_exact(name):
    lens, coefficients = LENSES[name]
    padded = torch.zeros(8, dtype=torch.float64)
    padded[: len(coefficients)] = torch.tensor(coefficients, dtype=torch.float64)
    if name != "rational8":
        padded[5:] = 0
    code = torch.tensor(int(lens))
    points = (0.3 * torch.randn(4, 2, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(lambda p: distort(p, padded, code), points)
    assert torch.autograd.gradcheck(lambda p: undistort(p, padded, code), points)
    free = padded.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda c: distort(points.detach(), c, code), free)
    assert torch.autograd.gradcheck(lambda c: undistort(points.detach(), c, code), free)


def test_gradients_reach_every_part_of_the_camera():
    own, points = camera("brown5"), points_in_front(5)

    def project(points, rotvec, translation, intrinsics):
        moved = replace(own, rotation=rotvec_to_matrix(rotvec), translation=translation, intrinsics=intrinsics.triu())
        return moved.project(points)

    parts = (points, torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64), own.translation, own.intrinsics)
    assert torch.autograd.gradcheck(project, tuple(part.clone().requires_grad_() for part in parts))


def test_gradients_are_finite_on_the_axis_of_the_lens():
    for name in LENSES:
        own = camera(name)
        points = torch.zeros(1, 2, dtype=torch.float64, requires_grad=True)
        (distort(points, own.distortion, own.lens).sum() + undistort(points, own.distortion, own.lens).sum()).backward()
        torch.testing.assert_close(points.grad, torch.full((1, 2), 2.0, dtype=torch.float64), atol=0.02, rtol=0)


def test_a_pixel_that_the_lens_cannot_see_is_missing():
    strong = Camera.of(INTRINSICS, [-0.5], image_size=(1280, 720))
    reach = undistort(torch.tensor([[0.0, 0.1], [0.0, 5.0]], dtype=torch.float64), strong.distortion, strong.lens)
    assert torch.isfinite(reach[0]).all()
    assert torch.isnan(reach[1]).any()
    assert torch.isnan(strong.normalise(torch.full((1, 2), torch.nan, dtype=torch.float64))).all()


def test_points_behind_the_camera_are_missing():
    own = Camera.of(INTRINSICS)
    pixels = own.project(torch.tensor([[0.0, 0, -2], [0, 0, 0], [0, 0, 2], [torch.nan, 0, 2]], dtype=torch.float64))
    assert torch.isnan(pixels).any(-1).tolist() == [True, True, False, True]
    torch.testing.assert_close(pixels[2], torch.tensor([640.5, 355.25], dtype=torch.float64))


def test_axes_and_units():
    own = Camera.of(INTRINSICS)
    pixels = own.project(torch.tensor([[1.0, 0, 10], [0, 1.0, 10]], dtype=torch.float64))
    assert pixels[0].tolist() == pytest.approx([640.5 + 90, 355.25])  # x is right
    assert pixels[1].tolist() == pytest.approx([640.5, 355.25 + 91])  # y is down


def test_the_world_comes_back():
    own, points = camera(), points_in_front()
    torch.testing.assert_close(own.camera_to_world(own.world_to_camera(points)), points)
    torch.testing.assert_close(own.world_to_camera(own.centre[None]), torch.zeros(1, 3, dtype=torch.float64))


@pytest.mark.parametrize("name", LENSES)
def test_crop_and_resize_commute_with_projection(name):
    own, points = camera(name), points_in_front()
    pixels = own.project(points)
    cropped = own.cropped(30.0, 40.0, 300, 200)
    torch.testing.assert_close(cropped.project(points), pixels - torch.tensor([30.0, 40.0]))
    assert cropped.image_size.tolist() == [300, 200]
    halved = own.resized(0.5)
    torch.testing.assert_close(halved.project(points), (pixels + 0.5) * 0.5 - 0.5)
    assert halved.image_size.tolist() == [640, 360]
    uneven = own.resized((0.5, 2.0)).project(points)
    torch.testing.assert_close(uneven, (pixels + 0.5) * torch.tensor([0.5, 2.0]) - 0.5)
    assert torch.equal(own.intrinsics, camera(name).intrinsics)  # the first camera is as it was


def test_assumed_camera_spans_the_angle():
    own = Camera.assumed((1920, 1080), field_of_view_deg=90)
    edge = own.normalise(torch.tensor([[1919.5, 539.5], [959.5, 539.5]], dtype=torch.float64))
    torch.testing.assert_close(edge, torch.tensor([[1.0, 0], [0, 0]], dtype=torch.float64))


def test_a_rig_of_mixed_lenses_projects_each_with_its_own():
    single = {name: camera(name) for name in LENSES}
    rig, points = CameraRig.of(single), points_in_front().reshape(4, 50, 3)
    pixels = rig.project(points)
    assert pixels.shape == (len(LENSES), 4, 50, 2)
    for index, name in enumerate(single):
        torch.testing.assert_close(pixels[index].flatten(0, 1), single[name].project(points.flatten(0, 1)))
        plane = rig.normalise(pixels)[index].flatten(0, 1)
        torch.testing.assert_close(plane, single[name].normalise(pixels[index].flatten(0, 1)))


def test_rigs_are_asked_by_name():
    rig = ring_rig(4)
    part = rig.only(["cam3", "cam1"])
    assert part.names == ("cam3", "cam1")
    torch.testing.assert_close(part["cam1"].translation, rig["cam1"].translation)
    with pytest.raises(UnknownNameError, match="Did you mean 'cam3'"):
        rig["cam33"]
    with pytest.raises(InputError, match="no cameras"):
        CameraRig.of({})
    with pytest.raises(InputError, match="repeat"):
        CameraRig(("a", "a"), rig.cameras[:2])
    with pytest.raises(ShapeError):
        CameraRig(("a",), rig.cameras)
    with pytest.raises(UnknownNameError, match="axis"):
        CameraRig.of({"a": camera()}, up="z")


def test_conversions_keep_the_lens():
    single = camera("fisheye4").to(torch.float32)
    assert single.intrinsics.dtype == torch.float32
    assert single.lens.item() == Lens.FISHEYE
    assert ring_rig().to(torch.float32).cameras.rotation.dtype == torch.float32


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"intrinsics": torch.eye(4)}, ShapeError, r"Camera.intrinsics has shape \(4, 4\); expected \(3, 3\)"),
        ({"distortion": torch.zeros(5)}, ShapeError, "Camera.distortion"),
        ({"translation": torch.zeros(3, 1)}, ShapeError, "Camera.translation"),
        ({"image_size": torch.zeros(3)}, ShapeError, "Camera.image_size"),
        ({"rotation": -torch.eye(3)}, InputError, "not a rotation"),
        ({"rotation": 2 * torch.eye(3)}, InputError, "not a rotation"),
        ({"intrinsics": torch.tensor(INTRINSICS).T}, InputError, "transpose"),
        ({"intrinsics": torch.diag(torch.tensor([-1.0, 1, 1]))}, InputError, "focal length"),
    ],
)
def test_no_camera_of_wrong_parts(changes, error, text):
    with pytest.raises(error, match=text):
        replace(camera(), **changes)


def test_unsupported_coefficients_are_refused():
    with pytest.raises(ShapeError, match="at most 8"):
        Camera.of(INTRINSICS, [0.1] * 12)
    assert Camera.of(INTRINSICS, [0.1] * 8 + [0.0] * 6).distortion.shape == (8,)
