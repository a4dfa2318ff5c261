"""Bodies fitted to what one camera saw of them."""

import numpy as np
import pytest
import torch
from made_up_body import bony_body, dance

from lift3d import Camera, Keypoints2D
from lift3d.errors import InputError
from lift3d.fitting import FitSettings, fit_view
from lift3d.fitting.fit_view import ONE_VIEW
from lift3d.poses import Poses3D

MODEL = bony_body()
TO_CAMERA = torch.tensor([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]], dtype=torch.float64)  # faces it, y down
CAMERA = Camera.of(
    [[1000.0, 0, 640], [0, 1000.0, 360], [0, 0, 1]], [-0.1, 0.02, 1e-3, -5e-4], image_size=(1280, 720),
    rotation=torch.tensor([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]]), translation=[0.1, 1.2, 0.3],
)  # fmt: skip


def truth(frames: int = 20) -> torch.Tensor:
    """Joints (frames, 24, 3) in the camera's frame, 4 m before it."""
    betas = torch.from_numpy(np.random.default_rng(0).normal(size=10))
    rotations, translation = dance(frames)
    joints = MODEL.with_shape(betas).with_pose(rotations, translation - translation.mean(0)).joints
    return joints @ TO_CAMERA.mT + torch.tensor([0.0, 0.0, 4.0], dtype=torch.float64)


def seen(joints: torch.Tensor) -> Keypoints2D:
    return Keypoints2D.of(
        CAMERA.project_camera(joints.reshape(-1, 3)).reshape(1, len(joints), 1, 24, 2), skeleton=MODEL.skeleton,
        camera_names=["cam0"], image_sizes=[[1280, 720]],
    )  # fmt: skip


def lifted(joints: torch.Tensor, scale: float = 1.0, off: float = 0.0) -> Poses3D:
    """What a lifter might say: everything larger and farther away, joints before or behind where they are."""
    random = np.random.default_rng(0)
    rays = joints / joints[..., 2:]
    places = scale * joints + off * torch.from_numpy(random.normal(size=(*joints.shape[:2], 1))) * rays
    return Poses3D.of(places[:, None], skeleton=MODEL.skeleton, frame="camera")


def rooted(joints: torch.Tensor) -> torch.Tensor:
    return joints - joints[..., :1, :]


def test_exact_pictures_give_the_pose_back_but_for_its_size_and_distance():
    joints = truth()
    settings = FitSettings(pose_prior=0.0, misfit=0.0, max_iterations=100, tolerance=1e-8)
    for scale in (1.0, 1.06):
        found = fit_view(seen(joints), MODEL, CAMERA, settings, start=lifted(joints, scale))
        own = found.joints().positions[:, 0]
        assert float(found.pixels.nan_to_num().mean()) < 1.0
        size = (own[:, 0, 2] / joints[:, 0, 2]).median()
        assert 0.9 < float(size) < 1.1
        assert float((rooted(own) / size - rooted(joints)).norm(dim=-1).mean()) < 0.02


def test_the_body_is_nearer_than_what_was_lifted():
    joints = truth(40)
    start = lifted(joints, off=0.08)
    found = fit_view(seen(joints), MODEL, CAMERA, start=start)
    before, after = (
        float((rooted(own[:, 0].double()) - rooted(joints)).norm(dim=-1).mean())
        for own in (start.positions, found.joints().positions)
    )
    assert after < 0.8 * before
    assert not found.failures
    assert float(found.pixels.nanmedian()) < 6


def test_without_depths_limbs_may_point_the_wrong_way_with_them_they_do_not():
    """A forearm lifted towards the camera is there; lifted away, it is away: the picture is the same for both."""
    joints = truth(1)
    elbow, wrist, hand = MODEL.skeleton.indices("left_elbow", "left_wrist", "left_hand")
    depth = joints[..., 2:]
    flipped = joints.clone()
    flipped[:, [wrist, hand]] = (
        joints[:, [wrist, hand]] / depth[:, [wrist, hand]] * (2 * depth[:, [elbow]] - depth[:, [wrist, hand]])
    )
    side = torch.sign((joints[:, wrist] - joints[:, elbow])[:, 2])
    assert float((joints[:, wrist] - joints[:, elbow])[:, 2].abs()) > 0.05
    loose = FitSettings(pose_prior=0.02, hinges=False)
    for start, sign in ((joints, side), (flipped, -side)):
        own = fit_view(seen(joints), MODEL, CAMERA, loose, start=lifted(start)).joints().positions[:, 0]
        assert torch.equal(torch.sign((own[:, wrist] - own[:, elbow])[:, 2]), sign)


def test_in_the_world_bodies_are_those_of_the_camera_frame_moved_there():
    joints = truth(5)
    here = fit_view(seen(joints), MODEL, CAMERA, start=lifted(joints))
    there = fit_view(seen(joints), MODEL, CAMERA, start=lifted(joints), world_up="+z")
    assert (here.poses.frame, there.poses.frame, there.poses.up) == ("camera", "world", "+z")
    moved = here.joints().to_world(CAMERA, "+z").positions
    torch.testing.assert_close(there.joints().positions, moved, atol=6e-3, rtol=0)  # the distance is open


def test_the_lifter_starts_where_nothing_else_does_and_the_camera_is_guessed_from_the_picture():
    joints = truth(6)
    found = fit_view(seen(joints), MODEL)
    assert found.poses.skeleton == MODEL.skeleton
    assert float(found.pixels.nanmedian()) < 8
    alone = float((rooted(found.joints().positions[:, 0]) - rooted(joints)).norm(dim=-1).mean())
    assert alone < 0.2


def test_what_does_not_fit_together_is_refused():
    joints = truth(4)
    start = lifted(joints)
    with pytest.raises(InputError, match="the start has"):
        fit_view(seen(joints), MODEL, CAMERA, start=start.between(0, 2))
    with pytest.raises(InputError, match="in the camera's frame"):
        fit_view(seen(joints), MODEL, CAMERA, start=start.to_world(CAMERA))
    with pytest.raises(InputError, match="takes one camera"):
        fit_view(Keypoints2D.of(torch.zeros(2, 1, 1, 24, 2), skeleton=MODEL.skeleton), MODEL)
    unknown = Keypoints2D.of(seen(joints).pixels, skeleton=MODEL.skeleton)
    with pytest.raises(InputError, match="neither camera nor image size"):
        fit_view(unknown, MODEL, start=start)
    nobody = Keypoints2D.of(torch.full((1, 4, 1, 24, 2), torch.nan), skeleton=MODEL.skeleton)
    with pytest.raises(InputError, match="nothing to fit"):
        fit_view(nobody, MODEL, CAMERA, ONE_VIEW, start=start)


def test_frames_in_which_too_little_is_seen_fail():
    joints = truth(8)
    keypoints = seen(joints)
    pixels = keypoints.pixels.clone()
    pixels[:, 3, :, 3:] = torch.nan
    few = Keypoints2D.of(pixels, skeleton=MODEL.skeleton, camera_names=["cam0"])
    found = fit_view(few, MODEL, CAMERA, start=lifted(joints))
    assert [(one.frame, one.reason.split(";")[0]) for one in found.failures] == [(3, "3 joints seen")]
