"""Skeletons of the families of body models, in the order of the published files."""

import pytest

from lift3d.bodies import smpl_skeleton
from lift3d.errors import UnknownNameError
from lift3d.skeletons import get_skeleton, mapping_between

BODY = (
    "pelvis left_hip right_hip spine1 left_knee right_knee spine2 left_ankle right_ankle spine3 left_foot right_foot "
    "neck left_collar right_collar head left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist"
)
LEFT = (
    "left_index1 left_index2 left_index3 left_middle1 left_middle2 left_middle3 left_pinky1 left_pinky2 left_pinky3 "
    "left_ring1 left_ring2 left_ring3 left_thumb1 left_thumb2 left_thumb3"
)
HANDS = f"{LEFT} {LEFT.replace('left', 'right')}"
# published kintree tables of SMPL-H and SMPL-X: the parents of the hands' joints
FINGERS = [wrist if place == 0 else None for wrist in (20, 21) for _ in range(5) for place in range(3)]


@pytest.mark.parametrize(
    ("family", "joints"),
    [("smplh", f"{BODY} {HANDS}"), ("smplx", f"{BODY} jaw left_eye_smplhf right_eye_smplhf {HANDS}")],
)
def test_joints_and_parents_are_the_published_ones(family: str, joints: str) -> None:
    skeleton = smpl_skeleton(family)
    assert skeleton.joints == tuple(joints.split())
    assert skeleton.name == f"{family}{len(joints.split())}"
    assert skeleton.parents[:22] == get_skeleton("smpl24").parents[:22]
    first = len(skeleton) - 30
    assert set(skeleton.parents[22:first]) <= {15}
    expected = [joint - 1 if wrist is None else wrist for joint, wrist in enumerate(FINGERS, first)]
    assert list(skeleton.parents[first:]) == expected


def test_names_are_those_of_the_package_smplx() -> None:
    names = pytest.importorskip("smplx.joint_names")
    assert list(smpl_skeleton("smplx").joints) == names.JOINT_NAMES[:55]
    assert list(smpl_skeleton("smplh").joints) == names.SMPLH_JOINT_NAMES[:52]


def test_smpl_itself_is_the_skeleton_that_is_known() -> None:
    assert smpl_skeleton("smpl") is get_skeleton("smpl24")


@pytest.mark.parametrize("family", ["smplh", "smplx"])
def test_sides_have_their_twins(family: str) -> None:
    skeleton = smpl_skeleton(family)
    assert all(skeleton.side(a) != skeleton.side(b) or a == b for a, b in enumerate(skeleton.flip_order))


def test_bodies_map_to_coco() -> None:
    sources = mapping_between(smpl_skeleton("smplx"), get_skeleton("coco17")).sources
    assert sources[get_skeleton("coco17").index("left_knee")] == ((4, 1.0),)


def test_other_families_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="smplx"):
        smpl_skeleton("smplxx")
