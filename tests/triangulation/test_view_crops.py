"""Crops of people with their cameras: what stood at a pixel stands where the crop's camera sees it; and boxes."""

from __future__ import annotations

from dataclasses import replace

import cv2
import pytest
import torch
from torch import Tensor

from lift3d.cameras import Camera, CameraRig
from lift3d.poses import Poses3D
from lift3d.skeletons import get_skeleton
from lift3d.synthetic import ring_rig, walk
from lift3d.triangulation import boxes_of_poses, pelvis_of
from lift3d.triangulation.view_crops import ViewCrop

SIZE = (64, 96)  # of the input: width, height


def noise(rows: int = 240, columns: int = 320) -> Tensor:
    return torch.randint(0, 256, (rows, columns, 3), dtype=torch.uint8)


def camera(lens: str = "pinhole") -> Camera:
    return ring_rig(1, image_size=(320, 240), lens=lens).cameras[0]


def box(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


@pytest.mark.parametrize(("width", "height"), [(128, 192), (90, 135), (40, 60), (64, 96)])
def test_a_crop_is_cut_and_resized_as_opencv_does(width: int, height: int) -> None:
    """INTER_AREA, smaller and larger, within a grey level; the cut at whole pixels, black beyond the picture."""
    rgb = noise()
    for left, top in ((100, 20), (-30, -50), (250, 100)):
        crop = ViewCrop.around(box(left, top, width, height), camera(), SIZE)
        assert crop is not None
        assert (crop.left, crop.top, crop.width, crop.height) == (left, top, width, height)
        padded = cv2.copyMakeBorder(rgb.numpy(), 200, 200, 200, 200, cv2.BORDER_CONSTANT, value=(0, 0, 0))
        part = padded[top + 200 : top + 200 + height, left + 200 : left + 200 + width]
        expected = torch.from_numpy(cv2.resize(part, SIZE, interpolation=cv2.INTER_AREA)).permute(2, 0, 1)
        cut = crop.cut(rgb)
        assert cut is not None
        assert (cut.int() - expected.int()).abs().max() <= 1


def test_a_box_grows_to_the_inputs_shape_about_its_middle() -> None:
    for given in (box(100, 50, 40, 30), box(80.4, 20.7, 10, 90)):
        for scale in (1.0, 1.25):
            crop = ViewCrop.around(given, camera(), SIZE, scale)
            assert crop is not None
            assert crop.height == pytest.approx(scale * max(float(given[3]), float(given[2]) * 1.5), abs=1)
            assert crop.width / crop.height == pytest.approx(2 / 3, abs=0.02)
            assert crop.left + crop.width / 2 == pytest.approx(float(given[0] + given[2] / 2), abs=0.51)
            assert crop.top + crop.height / 2 == pytest.approx(float(given[1] + given[3] / 2), abs=0.51)


@pytest.mark.parametrize("lens", ["pinhole", "brown", "fisheye", "human36m"])
@pytest.mark.parametrize("scale", [0.5, 1.7])
def test_what_the_camera_sees_stands_where_the_crops_camera_sees_it(lens: str, scale: float) -> None:
    """A bright spot at a point of the world: its middle in the crop is the point's projection."""
    own = camera(lens)
    point = torch.tensor([[0.2, -0.3, 1.2]], dtype=torch.float64)
    u, v = own.project(point)[0].tolist()
    y, x = torch.meshgrid(torch.arange(240.0), torch.arange(320.0), indexing="ij")
    spot = (255 * torch.exp(-((x - u) ** 2 + (y - v) ** 2) / 8)).round().byte()
    crop = ViewCrop.around(box(u - 30 / scale, v - 50 / scale, 64 / scale, 96 / scale), own, SIZE)
    assert crop is not None
    cut = crop.cut(spot[..., None].expand(-1, -1, 3).contiguous())
    assert cut is not None
    light = cut[0].double()
    middle = [(light.sum(1 - axis) * torch.arange(len(light.sum(1 - axis)))).sum() / light.sum() for axis in (1, 0)]
    seen = own.world_to_camera(point)[0]
    expected = (crop.intrinsics() @ (seen / seen[2]))[:2]
    torch.testing.assert_close(torch.stack(middle), expected, rtol=0, atol=0.1)


def test_the_published_intrinsics_keep_the_first_pixels_centre() -> None:
    """Without the half pixel: crop, then rows times the scale (Iskakov et al. 2019)."""
    own = camera()
    crop = ViewCrop.around(box(30, 40, 128, 192), own, SIZE)
    assert crop is not None
    expected = own.intrinsics.clone()
    expected[0, 2] -= 30
    expected[1, 2] -= 40
    expected[:2] *= 0.5
    torch.testing.assert_close(crop.intrinsics(half_pixel=False), expected)
    apart = crop.intrinsics(half_pixel=True) - expected
    torch.testing.assert_close(apart[:2, 2], torch.tensor([-0.25, -0.25], dtype=torch.float64))


@pytest.mark.parametrize("lens", ["pinhole", "brown"])
def test_nobody_and_nothing_to_see_is_none(lens: str) -> None:
    own = camera(lens)
    assert ViewCrop.around(box(torch.nan, 0, 10, 10), own, SIZE) is None
    assert ViewCrop.around(box(10, 10, 0.5, 40), own, SIZE) is None
    crop = ViewCrop.around(box(330, 10, 40, 40), own, SIZE)
    assert crop is None or crop.cut(noise()) is None


def poses() -> Poses3D:
    return walk(frames=3, people=2)


def test_boxes_are_around_the_joints_and_grown() -> None:
    rig = ring_rig(3, lens="brown")
    found = boxes_of_poses(poses(), rig, grown=1.0)
    pixels = rig.project(poses().positions)
    torch.testing.assert_close(found[..., :2], pixels.amin(-2))
    torch.testing.assert_close(found[..., :2] + found[..., 2:], pixels.amax(-2))
    grown = boxes_of_poses(poses(), rig, grown=1.5)
    torch.testing.assert_close(grown[..., 2:], 1.5 * found[..., 2:])
    torch.testing.assert_close(grown[..., :2] + grown[..., 2:] / 2, found[..., :2] + found[..., 2:] / 2)


def test_who_is_not_in_the_picture_has_no_box() -> None:
    """Beside the picture, behind the camera, or with too few joints; unless the picture's size is not known."""
    rig, body = ring_rig(2, radius=4.0, lens="pinhole"), poses()
    behind = replace(body, positions=body.positions + (2 * rig.cameras.centre[0]))
    assert boxes_of_poses(behind, rig)[0].isnan().all()
    shift = rig.cameras.rotation[0].T @ torch.tensor([6.0, 0.0, 0.0], dtype=torch.float64)
    beside = replace(body, positions=body.positions + shift)
    assert boxes_of_poses(beside, rig)[0].isnan().all()
    unknown = replace(rig.cameras, image_size=torch.full_like(rig.cameras.image_size, torch.nan))
    assert boxes_of_poses(beside, CameraRig(rig.names, unknown, rig.up))[0].isfinite().all()
    few = body.positions.clone()
    few[0, 0, 3:] = torch.nan
    boxes = boxes_of_poses(replace(body, positions=few), rig)
    assert boxes[:, 0, 0].isnan().all()
    assert boxes[:, 1:].isfinite().all()


def test_a_lens_that_turns_back_on_itself_shows_nobody() -> None:
    """A strong barrel's formula brings what is far beside the picture back into it."""
    own = Camera.of([[300, 0, 320], [0, 300, 240], [0, 0, 1]], [-0.3, 0.0, 0.0, 0.0], image_size=(640, 480))
    bones = get_skeleton("human36m17").only(["pelvis", "spine"])
    beside = torch.tensor([[[[8.0, 0.0, 4.0], [8.1, 0.1, 4.0]]]], dtype=torch.float64)
    body = Poses3D.of(beside, skeleton=bones)
    rig = CameraRig.of({"a": own})
    seen = rig.project(body.positions)
    assert bool(((seen > 0) & (seen < 480)).all())
    assert boxes_of_poses(body, rig).isnan().all()


def test_the_pelvis_or_what_is_nearest_to_it() -> None:
    body = poses()
    torch.testing.assert_close(pelvis_of(body), body.positions[:, :, 0])
    coco = walk(frames=3, people=2, skeleton="coco17")
    hips = coco.positions[:, :, coco.skeleton.indices("left_hip", "right_hip")]
    torch.testing.assert_close(pelvis_of(coco), hips.mean(2))
    lost = body.positions.clone()
    lost[0, 0, 0], lost[1, 1] = torch.nan, torch.nan
    found = pelvis_of(replace(body, positions=lost))
    torch.testing.assert_close(found[0, 0], lost[0, 0, 1:].mean(0))
    assert found[1, 1].isnan().all()
