"""Networks of several views on pictures: the right place in the world, whatever the rig, the crop and the size.

The pictures are spots of light and the networks see nothing but colours, see ``lit_joints``; and what real networks are
given is what the published code gives them, written down here from its description with OpenCV.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from lit_joints import BODY_BOX, STANDING, algebraic, boxes_around, moment, volumetric
from torch import Tensor

from lift3d.cameras import CameraRig
from lift3d.errors import InputError, SettingsError, ShapeError, UnknownNameError
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.poses import Poses3D
from lift3d.synthetic import ring_rig
from lift3d.triangulation import triangulate_pictures
from lift3d.triangulation.view_networks import ViewNetwork
from lift3d.video import Frame

RIG = ring_rig(4, radius=3.0, image_size=(640, 480), lens="pinhole")
NEAR = STANDING[None, :1] + 0.06  # about where the pelvis is
KINDS = {"algebraic": algebraic, "volumetric": volumetric}


def found(kind: str, rig: CameraRig, *people: Tensor, boxes: Tensor | None = None, **options: Any) -> Tensor:
    """(people, joints, 3) in one moment; volumes are put near each pelvis."""
    near = torch.stack([person[0] + 0.06 for person in people])[None]
    own = {"pelvis": near} if kind == "volumetric" else {}
    boxes = boxes_around(rig, *people) if boxes is None else boxes
    poses = triangulate_pictures([moment(rig, *people)], rig, boxes, KINDS[kind](), progress=False, **own, **options)
    assert poses.up == rig.up
    return poses.positions[0]


def moved(rig: CameraRig, turn: Tensor, shift: Tensor, up: str) -> CameraRig:
    """The rig in another world: ``x_new = turn x + shift``."""
    cameras = rig.cameras
    rotation = cameras.rotation @ turn.T
    return replace(
        rig, cameras=replace(cameras, rotation=rotation, translation=cameras.translation - rotation @ shift), up=up
    )


@pytest.mark.parametrize("lens", ["pinhole", "brown", "fisheye", "human36m"])
@pytest.mark.parametrize(("kind", "millimetres"), [("algebraic", 1.0), ("volumetric", 4.0)])
def test_joints_are_found_where_they_are(kind: str, millimetres: float, lens: str) -> None:
    rig = ring_rig(4, radius=3.0, image_size=(640, 480), lens=lens)
    assert 1000 * (found(kind, rig, STANDING)[0] - STANDING).norm(dim=-1).max() < millimetres


@pytest.mark.parametrize(("kind", "millimetres"), [("algebraic", 0.05), ("volumetric", 4.0)])
def test_turning_and_moving_the_rig_turns_and_moves_the_answer(kind: str, millimetres: float) -> None:
    """About the vertical by any angle; far from the world's origin; and in worlds where another axis points up."""
    here = found(kind, RIG, STANDING)[0]
    turns = [(rotvec_to_matrix(torch.tensor([0.0, 0.0, 0.7], dtype=torch.float64)), "+z")]
    turns += [(torch.tensor(turn, dtype=torch.float64), up) for turn, up in (
        ([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]], "+y"), ([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]], "-y"),
        ([[0.0, 0, -1], [0, 1, 0], [1, 0, 0]], "-x"),
    )]  # fmt: skip
    for turn, up in turns:
        shift = torch.tensor([40.0, -800.0, 3.0], dtype=torch.float64)
        there = found(kind, moved(RIG, turn, shift, up), STANDING @ turn.T + shift)[0]
        assert 1000 * (there - (here @ turn.T + shift)).norm(dim=-1).max() < millimetres, up


def test_volumes_stand_upright_in_every_world() -> None:
    """The same cells, to rounding, whichever axis points up; and a network with y up is given a world with y up."""
    here = found("volumetric", RIG, STANDING)[0]
    turn = torch.tensor([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]], dtype=torch.float64)
    there = found("volumetric", moved(RIG, turn, torch.zeros(3, dtype=torch.float64), "+y"), STANDING @ turn.T)[0]
    assert 1000 * (there @ turn - here).abs().max() < 4  # the cells are turned about the vertical by a right angle
    for axis, up in (((0.0, 1.0, 0.0), "+y"), ((0.0, 0.0, -1.0), "-z")):
        network = ViewNetwork.of(volumetric(axis=axis), RIG)
        vertical = network.turn @ torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
        wanted = torch.zeros(3, dtype=torch.float64)
        wanted["xyz".index(up[1])] = 1.0 if up[0] == "+" else -1.0
        torch.testing.assert_close(vertical, wanted)


@pytest.mark.parametrize(("kind", "millimetres"), [("algebraic", 1.0), ("volumetric", 4.0)])
def test_another_crop_or_size_of_picture_changes_nothing_but_rounding(kind: str, millimetres: float) -> None:
    here, boxes = found(kind, RIG, STANDING)[0], boxes_around(RIG, STANDING)
    for change in ([17.3, -11.8, 30.0, 9.0], [-15.0, -15.0, 30.0, 30.0], [8.0, 5.5, -20.0, -20.0]):
        other = boxes + torch.tensor(change)
        assert 1000 * (found(kind, RIG, STANDING, boxes=other)[0] - here).norm(dim=-1).max() < millimetres
    pictures = moment(RIG, STANDING)
    for scale in (0.5, 1.5):
        cameras = [RIG.cameras[camera].resized(scale) for camera in range(4)]
        rig = CameraRig.of(dict(zip(RIG.names, cameras, strict=True)), RIG.up)
        smaller = [Frame(resized(own.rgb, scale), 0.0, 0) for own in pictures if own is not None]
        corner = (boxes[..., :2] + 0.5) * scale - 0.5
        poses = triangulate_pictures(
            [smaller], rig, torch.cat([corner, boxes[..., 2:] * scale], dim=-1), KINDS[kind](),
            pelvis=NEAR if kind == "volumetric" else None, progress=False,
        )  # fmt: skip
        assert 1000 * (poses.positions[0, 0] - here).norm(dim=-1).max() < millimetres


def resized(rgb: Tensor, scale: float) -> Tensor:
    size = (round(rgb.shape[1] * scale), round(rgb.shape[0] * scale))
    return torch.from_numpy(cv2.resize(rgb.numpy(), size, interpolation=cv2.INTER_AREA if scale < 1 else 1))


@pytest.mark.parametrize(("kind", "millimetres"), [("algebraic", 3.0), ("volumetric", 20.0)])
def test_several_people_each_have_their_own_crop_and_cube(kind: str, millimetres: float) -> None:
    """In any order; views in which one would be in the other's crop are left out; and with one in none at all."""
    other = STANDING + torch.tensor([-0.3, 1.3, 0.1])
    rig = ring_rig(8, radius=5.0, image_size=(1000, 800), lens="pinhole")
    boxes = boxes_around(rig, STANDING, other)
    near = (boxes[:, 0, 0, :2] - boxes[:, 0, 1, :2]).abs().amax(-1) < 1.3 * BODY_BOX
    assert 2 <= (~near).sum() < 8
    boxes[near] = torch.nan
    both = found(kind, rig, STANDING, other, boxes=boxes)
    assert 1000 * (both - torch.stack([STANDING, other])).norm(dim=-1).max() < millimetres  # few views
    exchanged = found(kind, rig, other, STANDING, boxes=boxes[:, :, [1, 0]])
    torch.testing.assert_close(exchanged, both[[1, 0]], rtol=0, atol=1e-6)
    boxes[:, 0, 0] = torch.nan
    one = found(kind, rig, STANDING, other, boxes=boxes)
    assert one[0].isnan().all()
    torch.testing.assert_close(one[1], both[1], rtol=0, atol=1e-6)


def test_views_that_are_missing_lower_the_score_and_too_few_give_nothing() -> None:
    pictures, boxes = [moment(RIG, STANDING) for _ in range(3)], boxes_around(RIG, STANDING).repeat(1, 3, 1, 1)
    pictures[0][1] = None  # no frame
    boxes[2, 0] = torch.nan  # no box
    boxes[:3, 1] = torch.nan
    boxes[3, 2] = torch.tensor([5000.0, 0.0, 100.0, 100.0])  # beyond the picture
    poses = triangulate_pictures(pictures, RIG, boxes, algebraic(), progress=False)
    assert poses.scores[:, 0, 0].tolist() == [0.5, 0.0, 0.75]
    assert poses.positions[1].isnan().all()
    assert 1000 * (poses.positions[[0, 2], 0] - STANDING).norm(dim=-1).max() < 2
    one_view = triangulate_pictures(pictures, RIG, boxes, volumetric(), pelvis=NEAR.expand(3, 1, 3), progress=False)
    assert one_view.positions[1].isfinite().all()  # somewhere on the ray
    assert one_view.scores[1, 0, 0] == 0.25


def test_people_of_several_moments_at_once_are_as_one_by_one() -> None:
    people = [STANDING + 0.05 * step for step in range(5)]
    pictures = [moment(RIG, person, time=0.02 * step) for step, person in enumerate(people)]
    boxes = torch.cat([boxes_around(RIG, person) for person in people], dim=1)
    apart = triangulate_pictures(pictures, RIG, boxes, algebraic(), progress=False)
    together = triangulate_pictures(pictures, RIG, boxes, algebraic(), batch=3, progress=False)
    torch.testing.assert_close(together.positions, apart.positions, rtol=0, atol=1e-6)
    assert 1000 * (apart.positions[:, 0] - torch.stack(people)).norm(dim=-1).max() < 1
    assert together.times.tolist() == pytest.approx([0.0, 0.02, 0.04, 0.06, 0.08])


def test_moments_or_boxes_may_end_first() -> None:
    pictures, boxes = [moment(RIG, STANDING)] * 2, boxes_around(RIG, STANDING)
    for given, own in ((pictures, boxes), (pictures[:1], boxes.repeat(1, 3, 1, 1))):
        assert len(triangulate_pictures(given, RIG, own, algebraic(), progress=False).times) == 1


def test_an_algebraic_network_finds_the_pelvis_for_a_volumetric_one() -> None:
    """The answer is that with the pelvis told; with too few views for a pelvis there is none."""
    pictures, boxes = [moment(RIG, STANDING)] * 2, boxes_around(RIG, STANDING).repeat(1, 2, 1, 1)
    boxes[1:, 1] = torch.nan
    by_itself = triangulate_pictures(pictures, RIG, boxes, volumetric(), pelvis=algebraic(), progress=False)
    pelvis = triangulate_pictures(pictures, RIG, boxes, algebraic(), progress=False).positions[:, :, 0]
    told = triangulate_pictures(pictures, RIG, boxes, volumetric(), pelvis=pelvis, progress=False)
    torch.testing.assert_close(by_itself.positions, told.positions, equal_nan=True)
    assert by_itself.positions[1].isnan().all()
    assert by_itself.scores[1].sum() == 0


def test_units_are_the_networks_and_answers_metres() -> None:
    boxes = boxes_around(RIG, STANDING)
    for unit in ("m", "cm", "mm"):
        poses = triangulate_pictures([moment(RIG, STANDING)], RIG, boxes, algebraic(unit=unit), progress=False)
        assert 1000 * (poses.positions[0, 0] - STANDING).norm(dim=-1).max() < 1


@pytest.mark.parametrize("side", [150, 97, 128])
def test_a_real_network_is_given_what_the_published_code_gives_it(side: int) -> None:
    """Crop, INTER_AREA, BGR over RGB's statistics, and the intrinsics of crop and resize, all as published."""
    model = algebraic(half_pixel=False, mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
    generator = torch.Generator().manual_seed(0)
    frames = [Frame(torch.randint(0, 256, (480, 640, 3), generator=generator).byte(), 0.0, 0) for _ in range(4)]
    left, top = torch.randint(-40, 400, (2, 4), generator=generator)
    boxes = torch.stack([left, top, torch.full_like(left, side), torch.full_like(left, side)], dim=-1)[:, None, None]
    given: list[tuple[Tensor, Tensor]] = []
    model.network.register_forward_pre_hook(lambda _, inputs: given.append(inputs))
    triangulate_pictures([frames], RIG, boxes.double(), model, progress=False)
    ((images, projections),) = given
    network = ViewNetwork.of(model, RIG)
    for camera, frame in enumerate(frames):
        image, projection = published(frame.rgb.numpy(), RIG, camera, (int(left[camera]), int(top[camera])), side)
        assert np.abs(images[0, camera].numpy() - image).max() < 1.01 / 255 / 0.224  # INTER_AREA rounds its own way
        assert np.abs(images[0, camera].numpy() - image).mean() < 0.15 / 255 / 0.224
        world = torch.randn(5, 3, dtype=torch.float64, generator=generator)
        own = 1000 * (world - network.origin) @ network.turn.T
        torch.testing.assert_close(
            pixels_of(projections[0, camera].double(), own), pixels_of(projection, 1000 * world), rtol=1e-4, atol=1e-2
        )


def published(
    rgb: np.ndarray, rig: CameraRig, camera: int, corner: tuple[int, int], side: int
) -> tuple[np.ndarray, Tensor]:
    """The picture (3, 128, 128) and the projection from world millimetres."""
    padded = cv2.copyMakeBorder(rgb[..., ::-1].copy(), 700, 700, 700, 700, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    crop = padded[corner[1] + 700 : corner[1] + 700 + side, corner[0] + 700 : corner[0] + 700 + side]
    small = cv2.resize(crop, (128, 128), interpolation=cv2.INTER_AREA)
    own, one = (small / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225], rig.cameras[camera]
    intrinsics = one.intrinsics.clone()
    intrinsics[0, 2] -= corner[0]
    intrinsics[1, 2] -= corner[1]
    intrinsics[:2] *= 128 / side
    return own.transpose(2, 0, 1), intrinsics @ torch.cat([one.rotation, 1000 * one.translation[:, None]], dim=1)


def pixels_of(projection: Tensor, points: Tensor) -> Tensor:
    seen = points @ projection[:, :3].T + projection[:, 3]
    return seen[:, :2] / seen[:, 2:]


def test_what_does_not_fit_is_said_before_the_work() -> None:
    pictures, boxes = [moment(RIG, STANDING)], boxes_around(RIG, STANDING)

    def refused(kind: type[Exception], said: str, **changes: Any) -> None:
        given = {"moments": pictures, "rig": RIG, "boxes": boxes, "model": algebraic(), **changes}
        with pytest.raises(kind, match=said) as caught:
            triangulate_pictures(**given, progress=False)
        assert "\n" not in str(caught.value)

    refused(InputError, "needs to know about where each person is", model=volumetric())
    refused(InputError, "is a volumetric_triangulation of 3 joints", model=volumetric(), pelvis=volumetric())
    refused(ShapeError, r"boxes has shape \(3, 1, 1, 4\)", boxes=boxes[:3])
    refused(InputError, "pictures of 3 cameras for a rig of 4", moments=[pictures[0][:3]])
    refused(InputError, "does not look at pictures of several views", model=replace(algebraic(), encoding={}))
    refused(UnknownNameError, "No unit of length named 'km'", model=algebraic(unit="km"))
    refused(UnknownNameError, "No order of colours named 'hsv'", model=algebraic(colour="hsv"))
    refused(SettingsError, "gamma", model=algebraic(gamma=2.2))
    refused(InputError, "batch is 0", batch=0)
    cameras = [RIG.cameras[camera].resized(2.0) for camera in range(4)]
    larger = CameraRig.of(dict(zip(RIG.names, cameras, strict=True)), RIG.up)
    refused(InputError, "cam0: its pictures are 640 x 480 pixels, the calibration is of 1280 x 960", rig=larger)


def test_the_answer_is_poses_of_the_networks_joints() -> None:
    poses = triangulate_pictures([moment(RIG, STANDING)], RIG, boxes_around(RIG, STANDING), algebraic(), progress=False)
    assert isinstance(poses, Poses3D)
    assert (poses.frame, poses.skeleton.name) == ("world", "lit")
