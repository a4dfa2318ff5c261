"""Joint angles: movements that everybody can name, and Euler angles of SciPy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from scipy.spatial.transform import Rotation

from lift3d.bodies import BodyModel, BodyMotion, joint_angles
from lift3d.errors import InputError
from lift3d.formats import read_body, write_motion


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return read_body().to(torch.float64)


def pose(body: BodyModel, turns: dict[str, Sequence[float]], up: str = "+y") -> dict[str, float]:
    """Angles of a body that hangs its arms but for the turns given: rotation vectors by joint, in degrees."""
    rotations = torch.zeros(1, 1, 24, 3, dtype=torch.float64)
    hanging: dict[str, Sequence[float]] = {"left_shoulder": (0, 0, -90), "right_shoulder": (0, 0, 90)}
    for name, vector in {**hanging, **turns}.items():
        rotations[0, 0, body.skeleton.index(name)] = torch.tensor([*vector], dtype=torch.float64).deg2rad()
    motion = BodyMotion(body, torch.zeros(1, 10), rotations, torch.zeros(1, 1, 3), torch.zeros(1), up=up)
    found = joint_angles(motion)
    return dict(zip(found.names, found.degrees[0, 0].tolist(), strict=True))


def test_who_stands_still_has_no_angles(body: BodyModel) -> None:
    for name, value in pose(body, {}).items():
        if not name.endswith(("_plane", "shoulder_rotation")):  # of an arm that hangs they are not defined
            assert value == pytest.approx(0, abs=1e-5), name


@pytest.mark.parametrize(
    ("joint", "turn", "name"),
    [
        ("left_knee", (50, 0, 0), "left_knee_flexion"),  # the shin goes back
        ("right_knee", (50, 0, 0), "right_knee_flexion"),
        ("left_hip", (-50, 0, 0), "left_hip_flexion"),  # the thigh goes forward
        ("left_hip", (0, 0, -50), "left_hip_adduction"),  # to the right, across the other
        ("right_hip", (0, 0, 50), "right_hip_adduction"),
        ("left_hip", (0, -50, 0), "left_hip_rotation"),  # toes to the right, inward
        ("right_hip", (0, 50, 0), "right_hip_rotation"),
        ("left_ankle", (-50, 0, 0), "left_ankle_dorsiflexion"),  # toes up
        ("left_elbow", (0, -50, 0), "left_elbow_flexion"),
        ("right_elbow", (0, 50, 0), "right_elbow_flexion"),
        ("spine2", (50, 0, 0), "trunk_flexion"),  # bows
        ("spine1", (0, 0, -50), "trunk_bend_left"),
        ("neck", (0, 50, 0), "neck_turn_left"),
        ("head", (50, 0, 0), "neck_flexion"),
        ("pelvis", (0, 50, 0), "pelvis_turn_left"),
        ("pelvis", (50, 0, 0), "pelvis_tilt"),
        ("pelvis", (0, 0, 50), "pelvis_left_up"),
    ],
)
def test_movements_have_their_names_and_signs(body: BodyModel, joint: str, turn: Sequence[float], name: str) -> None:
    still, angles = pose(body, {}), pose(body, {joint: turn})
    assert angles[name] == pytest.approx(50, abs=1e-4)
    for other, value in angles.items():
        if other != name and not other.endswith(("_plane", "shoulder_rotation")):
            assert value == pytest.approx(still[other], abs=1e-4), other


@pytest.mark.parametrize("side", ["left", "right"])
def test_arms_are_raised_in_a_plane_and_turned(body: BodyModel, side: str) -> None:
    sign = 1 if side == "left" else -1
    sideways = pose(body, {f"{side}_shoulder": (0, 0, 0)})
    assert sideways[f"{side}_shoulder_elevation"] == pytest.approx(90)
    assert sideways[f"{side}_shoulder_plane"] == pytest.approx(0, abs=1e-6)
    assert sideways[f"{side}_shoulder_rotation"] == pytest.approx(0, abs=1e-6)
    down = Rotation.from_rotvec([0, 0, -sign * math.pi / 2])
    forward = (Rotation.from_rotvec([-math.radians(70), 0, 0]) * down).as_rotvec(degrees=True)
    raised = pose(body, {f"{side}_shoulder": forward.tolist()})
    assert raised[f"{side}_shoulder_elevation"] == pytest.approx(70)
    assert raised[f"{side}_shoulder_plane"] == pytest.approx(90)
    assert raised[f"{side}_shoulder_rotation"] == pytest.approx(0, abs=1e-6)
    inward = Rotation.from_rotvec([-math.radians(70), 0, 0]) * Rotation.from_rotvec([0, -sign * 0.5, 0]) * down
    turned = pose(body, {f"{side}_shoulder": inward.as_rotvec(degrees=True).tolist()})
    assert turned[f"{side}_shoulder_plane"] == pytest.approx(90)
    assert turned[f"{side}_shoulder_rotation"] == pytest.approx(math.degrees(0.5))


def test_hips_are_scipys_euler_angles(body: BodyModel) -> None:
    turn = Rotation.from_euler("XZY", [-40, 20, 30], degrees=True).as_rotvec(degrees=True)
    left, right = (pose(body, {f"{side}_hip": turn.tolist()}) for side in ("left", "right"))
    names = ("hip_flexion", "hip_adduction", "hip_rotation")
    assert [left[f"left_{name}"] for name in names] == pytest.approx([40, -20, -30])
    assert [right[f"right_{name}"] for name in names] == pytest.approx([40, 20, 30])


def test_the_pelvis_is_seen_from_its_world(body: BodyModel) -> None:
    """A body that stands upright in a world with z up, facing +x there as +z in a world with y up."""
    stand = Rotation.from_matrix([[0, 0, 1], [1, 0, 0], [0, 1, 0]])  # y to z, z to x
    angles = pose(body, {"pelvis": stand.as_rotvec(degrees=True).tolist()}, "+z")
    assert [angles[name] for name in ("pelvis_turn_left", "pelvis_left_up", "pelvis_tilt")] == pytest.approx(
        [0, 0, 0], abs=1e-5
    )


def test_the_table_of_angles(body: BodyModel, tmp_path: Path) -> None:
    rotations = torch.zeros(2, 1, 24, 3, dtype=torch.float64)
    rotations[0, 0, body.skeleton.index("left_knee"), 0] = 1.0
    rotations[1] = math.nan
    motion = BodyMotion(body, torch.zeros(1, 10), rotations, torch.zeros(2, 1, 3), torch.tensor([0.0, 0.04]))
    write_motion(motion, tmp_path / "angles.csv")
    header, first, second = (line.split(",") for line in (tmp_path / "angles.csv").read_text().splitlines())
    assert header[0] == "time_s"
    assert float(first[header.index("left_knee_flexion_deg")]) == pytest.approx(57.296)
    assert second[0] == "0.040000"
    assert set(second[1:]) == {""}


def test_other_skeletons_are_refused() -> None:
    from test_body_motion import tiny_motion

    with pytest.raises(InputError, match="lacks left_ankle"):
        joint_angles(tiny_motion())
