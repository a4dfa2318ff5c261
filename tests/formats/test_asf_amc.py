"""Acclaim motion: the joints that another program found, forward kinematics by hand, sides, units, bad files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from pose_files import GOLDEN, refused

from lift3d.formats import kinds_of, read_poses
from lift3d.poses import Poses3D
from lift3d.skeletons import get_skeleton

HUMAN36M = get_skeleton("human36m17")
MOTION = GOLDEN / "02_01.amc"

ASF = """# a body of an arm
:version 1.10
:units
  length 0.45
  angle {angle}
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
  begin
     id 1
     name lhumerus
     direction 1 0 0
     length 2
     axis 0 0 {tilt} XYZ
     dof rx rz
  end
  begin
     id 2
     name rhumerus
     direction -1 0 0
     length 2
     axis 0 0 0 XYZ
  end
  begin
     id 3
     name lradius
     direction 1 0 0
     length 1
     axis 0 0 0 XYZ
     dof ry
  end
:hierarchy
  begin
    root lhumerus rhumerus
    lhumerus lradius
  end
"""


def arm(folder: Path, rows: str, angle: str = "deg", tilt: float = 0.0) -> Poses3D:
    (folder / "arm.asf").write_text(ASF.format(angle=angle, tilt=tilt))
    (folder / "arm_01.amc").write_text(f"#!OML\n:FULLY-SPECIFIED\n:DEGREES\n{rows}")
    return read_poses(folder / "arm_01.amc", unit="m")


def test_cmu_gives_the_joints_another_program_found() -> None:
    """A walk of CMU: the original files and the 17 joints as computed elsewhere from them (tests/golden/poses)."""
    poses = read_poses(MOTION)
    assert (poses.positions.shape, poses.frames_per_second, poses.up) == ((12, 1, 31, 3), pytest.approx(120), "+y")
    x, y, z = poses.mapped_to(HUMAN36M).positions[:, 0].double().unbind(-1)
    expected = np.load(GOLDEN / "cmu_02_01_human36m17_mm.npy")
    np.testing.assert_allclose(1000 * torch.stack([x, -z, y], -1).numpy(), expected, atol=1e-3)


def test_left_is_left_and_bones_keep_their_lengths() -> None:
    poses = read_poses(MOTION)
    places = dict(zip(poses.skeleton.joints, poses.positions[:, 0].unbind(1), strict=True))
    for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist", "thumb"):
        across = places["left_hip"] - places["right_hip"]
        assert bool(((places[f"left_{joint}"] - places[f"right_{joint}"]) * across).sum(-1).gt(0).all()), joint
    lengths = poses.bone_lengths()[:, 0]
    torch.testing.assert_close(lengths, lengths[:1].expand_as(lengths))
    bone = poses.skeleton.bones.index(poses.skeleton.bone("left_hip", "left_knee"))
    assert lengths[0, bone].item() == pytest.approx(7.59371 * 0.0254 / 0.45)


def test_the_skeleton_asked_for_is_given() -> None:
    assert read_poses(MOTION, skeleton="human36m17").skeleton == HUMAN36M
    assert kinds_of(MOTION) == {Poses3D}


def test_forward_kinematics_by_hand(tmp_path: Path) -> None:
    """The root moves and turns about y; the upper arm turns about z, then the forearm about its parent's y."""
    poses = arm(tmp_path, "1\nroot 1 2 3 0 90 0\nlhumerus 0 90\nlradius 90\n")
    assert poses.skeleton.joints == ("root", "left_elbow", "right_elbow", "left_forearm")
    root, elbow, other, forearm = poses.positions[0, 0]
    torch.testing.assert_close(root, torch.tensor([1.0, 2, 3], dtype=torch.float64))
    torch.testing.assert_close(elbow - root, torch.tensor([0.0, 2, 0], dtype=torch.float64))  # +x turned to +y
    torch.testing.assert_close(other - root, torch.tensor([0.0, 0, 2], dtype=torch.float64))  # -x turned to +z
    # G C M: about y by 90, about z by 90, about y by 90: +x to -z, stays -z, then -x
    torch.testing.assert_close(forearm - elbow, torch.tensor([-1.0, 0, 0], dtype=torch.float64))


def test_a_bone_turns_about_its_own_axes(tmp_path: Path) -> None:
    """With axes tilted by 90 degrees about z, the bone's rx turns about the file's y: +x goes to -z."""
    poses = arm(tmp_path, "1\nroot 0 0 0 0 0 0\nlhumerus 90 0\nlradius 0\n", tilt=90.0)
    torch.testing.assert_close(poses.positions[0, 0, 1], torch.tensor([0.0, 0, -2], dtype=torch.float64))


def test_channels_turn_one_after_another(tmp_path: Path) -> None:
    """rx, then rz: +x stays under rx and goes to +y under rz. In the other order it would end on +z."""
    poses = arm(tmp_path, "1\nroot 0 0 0 0 0 0\nlhumerus 90 90\nlradius 0\n")
    torch.testing.assert_close(poses.positions[0, 0, 1], torch.tensor([0.0, 2, 0], dtype=torch.float64))


def test_radians_and_units(tmp_path: Path) -> None:
    radians = arm(
        tmp_path, f"1\nroot 0 0 0 0 0 0\nlhumerus 0 {np.pi / 2!r}\nlradius 0\n".replace("np.float64", ""), "rad"
    )
    torch.testing.assert_close(radians.positions[0, 0, 1], torch.tensor([0.0, 2, 0], dtype=torch.float64))
    torch.testing.assert_close(
        read_poses(tmp_path / "arm_01.amc").positions, radians.positions * 0.0254 / 0.45
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("", "holds no frames"),
        ("1\nroot 0 0 0 0 0\n", "does not fit"),
        ("1\nroot 0 0 0 0 0 0\ntail 5\n", "frame 1: 'tail 5' does not fit"),
        ("1\nroot 0 0 0 0 0 0\nlradius 0\n2\nroot 0 0 0 0 0 0\n", "'lradius' has 1 values for 2 frames"),
        ("1\nroot 0 0 0 0 0 x\n", "does not fit"),
    ],
)
def test_motion_that_does_not_fit(rows: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "arm.asf").write_text(ASF.format(angle="deg", tilt=0))
    (tmp_path / "arm_01.amc").write_text(rows)
    assert problem in refused(tmp_path / "arm_01.amc", format="asf_amc")


def test_the_skeleton_beside_it(tmp_path: Path) -> None:
    rows = "1\nroot 0 0 0 0 0 0\n"
    (tmp_path / "arm_01.amc").write_text(rows)
    assert "has no ASF file beside it" in refused(tmp_path / "arm_01.amc")
    for name in ("a", "arm", "other"):
        (tmp_path / f"{name}.asf").write_text(ASF.format(angle="deg", tilt=0).replace("name VICON", name))
    (tmp_path / "arm.asf").write_text(ASF.format(angle="deg", tilt=0).replace("length 2", "length 5"))
    assert read_poses(tmp_path / "arm_01.amc", unit="m").positions[0, 0, 1, 0].item() == 5  # the longest beginning
    (tmp_path / "walk.amc").write_text(rows)
    assert "cannot tell which of 3 ASF files" in refused(tmp_path / "walk.amc")
    (tmp_path / "arm.asf").write_text("")
    assert "is no Acclaim skeleton" in refused(tmp_path / "arm_01.amc")
    (tmp_path / "arm.asf").write_text(ASF.format(angle="deg", tilt=0).replace("length 2", "length two"))
    assert ":bonedata is damaged" in refused(tmp_path / "arm_01.amc")
