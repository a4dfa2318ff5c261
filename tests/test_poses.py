"""Poses3D: what is missing is consistent, root and bones, and wrong parts are refused."""

from dataclasses import FrozenInstanceError, replace

import pytest
import torch

from lift3d.errors import InputError, ShapeError, UnknownNameError
from lift3d.poses import FRAMES, Poses3D
from lift3d.skeletons import get_skeleton
from lift3d.synthetic import walk

HUMAN36M = get_skeleton("human36m17")


def test_what_is_missing_is_made_consistent():
    positions, scores = torch.rand(2, 1, 17, 3), torch.full((2, 1, 17), 0.5)
    positions[0, 0, 3, 2] = torch.nan
    scores[1, 0, 5] = 1.5
    scores[1, 0, 6] = 0.0
    made = Poses3D.of(positions, scores, skeleton=HUMAN36M)
    assert torch.isnan(made.positions[0, 0, 3]).all()
    assert made.scores[0, 0, 3] == 0
    assert made.scores[1, 0, 5] == 1
    assert torch.isfinite(made.positions[1, 0, 6]).all()  # score 0 also marks a joint that is filled in
    assert torch.isfinite(positions[0, 0, 3, :2]).all()  # the caller's array is as it was


@pytest.mark.parametrize(("frame", "up"), [("world", "+z"), ("camera", "-y"), ("root", "-y")])
def test_up_follows_the_frame(frame, up):
    assert Poses3D.of(torch.zeros(1, 1, 17, 3), skeleton=HUMAN36M, frame=frame).up == up
    assert frame in FRAMES


def test_times_and_rate():
    made = Poses3D.of(torch.zeros(5, 1, 17, 3), skeleton=HUMAN36M, fps=25.0)
    assert made.frames_per_second == pytest.approx(25)
    assert made.between(1, 3).times.tolist() == pytest.approx([0.04, 0.08])
    assert made.between(0, 1).frames_per_second == 30
    assert Poses3D.of(torch.zeros(2, 1, 17, 3), skeleton=HUMAN36M, times=[0, 2]).frames_per_second == 0.5


def test_root_relative_keeps_differences():
    poses = walk(frames=4, people=2)
    relative = poses.root_relative()
    assert relative.positions[:, :, HUMAN36M.root].abs().max() == 0
    torch.testing.assert_close(relative.bone_lengths(), poses.bone_lengths())
    assert poses.positions[:, :, HUMAN36M.root].abs().max() > 0.1


def test_bone_lengths_in_metres_and_order():
    positions = torch.zeros(1, 1, 17, 3)
    positions[0, 0, HUMAN36M.index("left_knee"), 2] = -0.4
    lengths = Poses3D.of(positions, skeleton=HUMAN36M).bone_lengths()[0, 0]
    assert lengths.shape == (16,)
    thigh = HUMAN36M.bones.index(HUMAN36M.bone("left_hip", "left_knee"))
    assert lengths[thigh] == pytest.approx(0.4)
    assert lengths.sum() == pytest.approx(0.8)  # thigh and shin


def test_mapping_to_another_skeleton():
    poses = walk(frames=3, skeleton="halpe26")
    mapped = poses.mapped_to(HUMAN36M)
    torch.testing.assert_close(mapped.positions[..., HUMAN36M.index("head"), :], poses.positions[..., 17, :])
    assert mapped.up == poses.up
    assert mapped.mapped_to(HUMAN36M) is mapped
    bare = poses.mapped_to(get_skeleton("smpl24"))
    assert torch.equal(torch.isnan(bare.positions[..., 0]), bare.scores == 0)


def test_frozen():
    with pytest.raises(FrozenInstanceError):
        walk(frames=1).frame = "root"


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"positions": torch.zeros(2, 17, 3)}, ShapeError, r"\(frames, people, joints, 3\)"),
        ({"positions": torch.zeros(2, 1, 17, 2)}, ShapeError, r"\(frames, people, joints, 3\)"),
        ({"positions": torch.zeros(2, 1, 16, 3), "scores": torch.zeros(2, 1, 16)}, ShapeError, "17 joints"),
        ({"scores": torch.zeros(2, 1)}, ShapeError, "Poses3D.scores"),
        ({"times": torch.zeros(3)}, ShapeError, "Poses3D.times"),
        ({"scores": torch.full((2, 1, 17), -0.1)}, InputError, "within 0 and 1"),
        ({"frame": "wrld"}, UnknownNameError, "Did you mean 'world'"),
        ({"up": "z"}, UnknownNameError, "axis"),
    ],
)
def test_wrong_parts_are_refused(changes, error, text):
    with pytest.raises(error, match=text):
        replace(walk(frames=2), **changes)
