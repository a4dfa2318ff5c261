"""Lifters on data sets of pairs: the right camera, frames and labels reach the lifter and come back with the truth."""

import numpy as np
import pytest
import torch

from lift3d.datasets.pose_pairs import PairClip, PosePairs
from lift3d.errors import InputError
from lift3d.evaluation import clips_of_protocols, evaluate_protocols, lift_pairs
from lift3d.poses import Poses3D
from lift3d.skeletons import get_skeleton
from lift3d.synthetic import ring_rig, walk

BODY, COCO = get_skeleton("human36m17"), get_skeleton("coco17")
CLIPS = [("S1", "Walking 1"), ("S9", "Walking 1"), ("S11", "Eating 2")]


def filmed(frames=5):
    """Each clip in one camera of a ring; detections on COCO's joints, truth on Human3.6M's."""
    rig = ring_rig(cameras=3)
    parts, clips = [], []
    for number, (subject, sequence) in enumerate(CLIPS):
        camera, poses = rig[rig.names[number]], walk(frames=frames + number)
        world = poses.positions[:, 0].double()
        seen = walk(frames=frames + number, skeleton="coco17").positions[:, 0].double()
        positions = camera.world_to_camera(world.reshape(-1, 3)).reshape(world.shape)
        pixels = camera.project(seen.reshape(-1, 3)).reshape(*seen.shape[:2], 2)
        parts.append((pixels.numpy(), None, positions.numpy()))
        clips.append(
            PairClip(subject, sequence, rig.names[number], len(world), 50.0, camera, action=sequence.split()[0])
        )
    return PosePairs(
        tuple(clips),
        COCO,
        BODY,
        lambda clip, start, stop: tuple(None if p is None else p[start:stop] for p in parts[clip]),
    )


def test_the_lifter_is_given_each_clip_with_its_camera():
    pairs, calls = filmed(), []

    def lift(keypoints, camera):
        calls.append((keypoints, camera))
        return Poses3D.of(np.zeros((len(keypoints.times), 1, 17, 3)), skeleton=BODY, frame="camera")

    samples = lift_pairs(pairs, lift, ["zeros"])
    assert [camera for _, camera in calls] == [clip.camera for clip in pairs.clips]
    keypoints = calls[1][0]
    assert keypoints.skeleton == COCO
    assert keypoints.camera_names == (pairs.clips[1].camera_name,)
    assert keypoints.frames_per_second == pytest.approx(50)
    torch.testing.assert_close(keypoints.pixels[0, :, 0], pairs.read(1).pixels)
    torch.testing.assert_close(keypoints.image_sizes[0], pairs.clips[1].camera.image_size)
    assert samples.clip.tolist() == [0] * 5 + [1] * 6 + [2] * 7
    assert samples.frames.tolist() == [*range(5), *range(6), *range(7)]
    assert samples.subjects == ("S1", "S9", "S11")
    assert samples.notes == ("zeros",)
    torch.testing.assert_close(samples.targets[5:11], pairs.read(1).positions)


def test_a_lifter_that_knows_the_truth_has_no_error():
    pairs = filmed()
    truths = iter(pairs.read(number).positions for number in range(3))
    samples = lift_pairs(
        pairs, lambda keypoints, camera: Poses3D.of(next(truths)[:, None], skeleton=BODY, frame="camera")
    )
    reports = evaluate_protocols(samples, ["martinez:1", "iskakov:absolute"]).reports
    for report in reports.values():
        assert report.values[report.headline] == pytest.approx(0, abs=1e-3)
        assert report.coverage == 1


def test_joints_that_the_lifter_has_not_lower_the_coverage():
    pairs = filmed()
    arms = BODY.only(["pelvis", "thorax", "left_shoulder", "left_elbow", "left_wrist"])
    samples = lift_pairs(
        pairs,
        lambda keypoints, camera: Poses3D.of(np.zeros((len(keypoints.times), 1, 5, 3)), skeleton=arms, frame="camera"),
    )
    assert evaluate_protocols(samples).reports["everyone-root"].coverage == pytest.approx(6 / 17)  # and the spine


def test_only_the_subjects_that_are_tested_are_lifted():
    pairs = filmed()
    assert [clip.subject for clip in clips_of_protocols(pairs, ["sun:1"]).clips] == ["S11"]
    assert [clip.subject for clip in clips_of_protocols(pairs, ["sun:1", "martinez:1"]).clips] == ["S9", "S11"]
    assert clips_of_protocols(pairs, []).clips == pairs.clips
    nobody = clips_of_protocols(pairs.only(subjects=["S1"]), ["martinez:1"])
    with pytest.raises(InputError, match="no clip of these subjects"):
        lift_pairs(nobody, lambda keypoints, camera: None)
