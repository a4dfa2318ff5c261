"""Where a body has a skeleton's joints, and which way its knees and elbows bend."""

import numpy as np
import pytest
import torch
from made_up_body import bony_body

from lift3d.errors import InputError
from lift3d.fitting.hinges import bends, hinges_of
from lift3d.fitting.points import body_points
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.skeletons import Skeleton, get_skeleton, skeleton_names


@pytest.fixture(scope="module")
def model():
    return bony_body()


def rows(name, model):
    """By name: the body's joint that a point is, and that which carries it."""
    points, joints = body_points(get_skeleton(name), model), model.skeleton.joints
    own = [joints[on] if on >= 0 else "" for on in points.on]
    return dict(zip(points.names, zip(own, (joints[one] for one in points.carriers), strict=True), strict=True))


def test_the_bodys_own_joints_are_points_without_offsets(model):
    points = body_points(model.skeleton, model)
    assert points.exact
    assert points.on == tuple(range(24))
    assert points.carriers == (0, *model.parents[1:])
    assert not points.offsets.any()
    assert body_points(model.skeleton.only(model.skeleton.joints[:22]), model).exact


def test_points_hang_on_the_joint_before_them(model):
    found = rows("human36m17", model)
    assert found["left_knee"] == ("left_knee", "left_hip")
    assert found["pelvis"] == ("pelvis", "pelvis")
    assert found["thorax"] == ("neck", "spine3")
    assert found["spine"] == ("spine2", "spine1")
    assert found["neck_nose"] == ("head", "neck")
    assert found["head"] == ("", "head")  # Human3.6M's is the top of the head
    assert rows("body25", model)["left_heel"] == ("", "left_ankle")
    assert rows("coco17", model)["right_ear"] == ("", "head")


@pytest.mark.parametrize("name", ["human36m17", "body25", "halpe26"])
def test_detectors_pelvis_and_neck_are_guessed_half_way_between_hips_and_shoulders(name, model):
    points, joints, skeleton = body_points(get_skeleton(name), model), model.joint_template, model.skeleton
    for names, ends in (({"pelvis"}, "hip"), ({"thorax", "neck"}, "shoulder")):
        middle = joints[skeleton.indices(f"left_{ends}", f"right_{ends}")].mean(0)
        (point,) = (i for i, own in enumerate(points.names) if own in names)
        torch.testing.assert_close(joints[points.on[point]] + points.offsets[point], middle)


@pytest.mark.parametrize("name", skeleton_names())
def test_points_of_both_sides_mirror_each_other(name, model):
    points = body_points(get_skeleton(name), model)
    offsets = dict(zip(points.names, points.offsets.tolist(), strict=True))
    for joint, (x, y, z) in offsets.items():
        if joint.startswith("left_"):
            assert offsets["right_" + joint.removeprefix("left_")] == [-x, y, z]


def test_a_skeleton_that_the_body_does_not_have_is_refused(model):
    with pytest.raises(InputError, match="at least 4"):
        body_points(Skeleton("chair", ("seat", "leg", "back"), (-1, 0, 0)), model)


def test_hinges_bend_shins_backward_and_forearms_forward(model):
    joints = model.with_shape().with_pose(torch.zeros(24, 3)).joints
    for hinge, below, way in zip(
        hinges_of(model), ("left_ankle", "right_ankle", "left_wrist", "right_wrist"), (-1, -1, 1, 1), strict=True
    ):
        rotations = torch.zeros(24, 3, dtype=torch.float64)
        rotations[hinge.joint] = 0.5 * torch.from_numpy(hinge.axis)
        moved = model.with_shape().with_pose(rotvec_to_matrix(rotations)).joints
        went = (moved - joints)[model.skeleton.index(below)]
        assert way * float(went[2]) > 0.8 * float(went.norm())  # z is forward
        assert bends(rotations.numpy(), (hinge,)) == pytest.approx(0.5)
        assert np.linalg.norm(hinge.axis) == pytest.approx(1.0)


def test_the_axes_are_smpls(model):
    """About +x for knees, -y for the left and +y for the right elbow, but for bones that are not quite straight."""
    axes = np.array([hinge.axis for hinge in hinges_of(model)])
    np.testing.assert_allclose(axes, [[1, 0, 0], [1, 0, 0], [0, -1, 0], [0, 1, 0]], atol=0.15)
