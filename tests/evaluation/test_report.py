"""Reports: the tables' averages, matching of frames, people and joints, and what is printed."""

import json
from dataclasses import replace

import pytest
import torch

from lift3d.errors import InputError, ShapeError, UnknownNameError
from lift3d.evaluation import evaluate, evaluate_samples, get_protocol
from lift3d.poses import Poses3D
from lift3d.skeletons import get_skeleton
from lift3d.synthetic import walk


def shifted(poses, millimetres, joint=None):
    """The poses with one joint (or all) moved along x."""
    positions = poses.positions.clone()
    part = slice(None) if joint is None else poses.skeleton.index(joint)
    positions[:, :, part, 0] += millimetres / 1000
    return replace(poses, positions=positions)


def samples(counts_and_errors):
    """Targets of one standing person, and predictions off by so many mm along x, all joints alike, root too."""
    person = walk(frames=1).positions[0, 0]
    errors = torch.tensor([error for count, error in counts_and_errors for _ in range(count)], dtype=torch.float64)
    targets = person.expand(len(errors), 17, 3)
    return targets + errors[:, None, None] / 1000 * torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64), targets


def labels(*counts):
    return [label for label, count in counts for _ in range(count)]


def test_a_plain_pair_in_millimetres():
    target = walk(frames=10)
    report = evaluate(shifted(target, 30), target)
    assert report.values["mpjpe_absolute_mm"] == pytest.approx(30)
    assert report.values["mpjpe_mm"] == pytest.approx(0, abs=1e-9)
    assert report.values["pa_mpjpe_mm"] == pytest.approx(0, abs=1e-9)
    one_joint = evaluate(shifted(target, 34, "left_wrist"), target)
    assert one_joint.values["mpjpe_mm"] == pytest.approx(34 / 17)
    assert one_joint.values["mpjve_mm"] == pytest.approx(0, abs=1e-9)
    rows = {row.name: row.values["mpjpe_mm"] for row in one_joint.per_joint}
    assert rows["left_wrist"] == pytest.approx(34)
    assert rows["right_wrist"] == pytest.approx(0, abs=1e-9)
    assert one_joint.coverage == 1
    assert one_joint.poses == 10


def test_all_alignments_by_wish():
    target = walk(frames=4)
    report = evaluate(shifted(target, 10), target, alignments=["none", "root", "scale", "rigid", "similarity"])
    assert report.headline == "mpjpe_absolute_mm"
    assert {"mpjpe_mm", "n_mpjpe_mm", "rigid_mpjpe_mm", "pa_mpjpe_mm"} < set(report.values)
    with pytest.raises(UnknownNameError, match="Did you mean 'similarity'"):
        evaluate(target, target, alignments=["similar"])


def test_root_alignment_uses_the_hips_where_the_skeleton_hangs_on_the_nose():
    target = walk(frames=3, skeleton="coco17")
    assert target.skeleton.joints[target.skeleton.root] == "nose"
    report = evaluate(shifted(target, 17, "nose"), target)
    assert report.values["mpjpe_mm"] == pytest.approx(1)


def test_other_skeletons_are_mapped_by_name_and_absent_joints_are_said():
    target = walk(frames=5)
    report = evaluate(walk(frames=5, skeleton="coco17"), target, joints=["left_knee", "right_wrist", "neck_nose"])
    assert report.per_joint[0].values["mpjpe_absolute_mm"] == pytest.approx(0, abs=1e-9)
    assert any("joints of human36m17" in line for line in report.choices)
    bare = get_skeleton("coco17").only(["left_shoulder", "left_hip", "left_knee"])
    legs = Poses3D.of(torch.zeros(5, 1, 3, 3, dtype=torch.float64), skeleton=bare)
    report = evaluate(legs, target, alignments=["similarity"])
    assert [row.name for row in report.per_joint] == ["left_hip", "left_knee", "left_shoulder"]
    assert any("the prediction has no pelvis" in line for line in report.choices)


def test_missing_predictions_lower_the_coverage_not_the_error():
    target = walk(frames=10, people=2)
    positions = shifted(target, 20).positions.clone()
    positions[0, 0] = torch.nan
    report = evaluate(Poses3D.of(positions, skeleton=target.skeleton, times=target.times), target)
    assert report.values["mpjpe_absolute_mm"] == pytest.approx(20)
    assert report.coverage == pytest.approx(19 / 20)
    assert report.poses == 19
    assert [row.coverage for row in report.per_subject] == pytest.approx([0.9, 1.0])
    assert "95.0" in report.to_text()


def test_frames_are_matched_by_time():
    target = walk(frames=30, fps=30)
    double = walk(frames=60, fps=60)
    report = evaluate(double, target)
    assert report.values["mpjpe_absolute_mm"] == pytest.approx(0, abs=1e-9)
    assert report.coverage == 1
    late = replace(target.between(10, 30), times=target.times[10:])
    report = evaluate(late, target)
    assert report.values["mpjpe_absolute_mm"] == pytest.approx(0, abs=1e-9)
    assert report.coverage == pytest.approx(20 / 30)
    other_clock = replace(target, times=target.times + 100)
    with pytest.raises(InputError, match="match='frames'"):
        evaluate(other_clock, target)
    assert evaluate(other_clock, target, match="frames").values["mpjpe_absolute_mm"] == 0
    with pytest.raises(UnknownNameError, match="way to match"):
        evaluate(target, target, match="clock")


def test_a_person_without_a_prediction_counts_as_missing():
    target = walk(frames=3, people=2)
    alone = replace(target, positions=target.positions[:, :1], scores=target.scores[:, :1])
    report = evaluate(alone, target)
    assert report.coverage == 0.5
    assert any("2 in the target, 1 predicted" in line for line in report.choices)


def test_poses_of_other_axes_are_only_compared_after_turning():
    world = walk(frames=3)
    camera = replace(
        world, positions=world.positions[..., [0, 2, 1]] * torch.tensor([1, -1, 1]), frame="camera", up="-y"
    )
    report = evaluate(camera, world)
    assert report.headline == "pa_mpjpe_mm"
    assert report.values["pa_mpjpe_mm"] == pytest.approx(0, abs=1e-6)
    assert "mpjpe_mm" not in report.values
    with pytest.raises(InputError, match="same axes"):
        evaluate(camera, world, alignments=["root"])
    rooted = replace(camera.root_relative(), frame="root")
    assert evaluate(rooted, camera).values["mpjpe_mm"] == pytest.approx(0, abs=1e-9)
    assert "mpjpe_absolute_mm" not in evaluate(rooted, camera).values


def test_both_published_averages():
    predictions, targets = samples([(6, 10), (2, 50)])
    kinds = labels(("Walking", 6), ("Eating", 2))
    arguments = (predictions, targets, ["S9"] * 4 + ["S11"] * 4, kinds, [f"{kind}-1" for kind in kinds])
    protocol = replace(get_protocol("martinez:1"), alignment="none")
    report = evaluate_samples(*arguments, protocol)
    assert report.over_frames["mpjpe_absolute_mm"] == pytest.approx((6 * 10 + 2 * 50) / 8)
    assert report.over_actions["mpjpe_absolute_mm"] == pytest.approx((10 + 50) / 2)
    assert report.values == report.over_actions
    assert evaluate_samples(*arguments, replace(protocol, averaging="frames")).values == report.over_frames
    assert {row.name: row.poses for row in report.per_action} == {"Walking": 6, "Eating": 2}
    rows = {row.name: row.values["mpjpe_absolute_mm"] for row in report.per_subject}
    assert rows == pytest.approx({"S9": 10, "S11": 30})
    assert [row.values["mpjpe_absolute_mm"] for row in report.per_joint] == pytest.approx([20] * 17)


def test_the_protocol_chooses_subjects_frames_sequences_and_alignment():
    predictions, targets = samples([(4, 10), (4, 20), (4, 40)])
    arguments = (
        predictions,
        targets,
        labels((1, 4), (9, 4), (11, 4)),
        ["Greeting"] * 12,
        labels(("Greeting-1", 4), ("Greeting-2", 4), ("Greeting-1", 4)),
    )
    every = replace(get_protocol("martinez:1"), alignment="none")
    assert evaluate_samples(*arguments, every).values["mpjpe_absolute_mm"] == pytest.approx(30)
    assert evaluate_samples(*arguments, "martinez:1").values["mpjpe_mm"] == pytest.approx(0, abs=1e-9)
    intact = replace(get_protocol("zhu:1"), alignment="none")
    report = evaluate_samples(*arguments, intact)
    assert report.values["mpjpe_absolute_mm"] == pytest.approx(40)
    assert any("INCOMPLETE: no samples of S9" in line for line in report.choices)
    step = replace(get_protocol("sun:2"), alignment="none", frame_step=3)
    assert evaluate_samples(*arguments, step, frames=[0, 1, 2, 3] * 3).poses == 4


def test_fourteen_joints_are_averaged_but_the_pelvis_still_is_the_root():
    predictions, targets = (part.clone() for part in samples([(3, 0)]))
    predictions[:, get_skeleton("human36m17").index("spine"), 1] += 0.5
    arguments = (predictions, targets, ["S9"] * 3, ["Walking"] * 3, ["Walking-1"] * 3)
    protocol = replace(get_protocol("martinez:2/14"), alignment="root")
    assert evaluate_samples(*arguments, protocol).values["mpjpe_mm"] == pytest.approx(0, abs=1e-9)
    assert evaluate_samples(*arguments, "martinez:1").values["mpjpe_mm"] == pytest.approx(500 / 17)


def test_velocity_stays_within_a_sequence():
    poses = walk(frames=8).positions[:, 0]
    targets = torch.cat([poses, poses + 3])
    arguments = (["S9"] * 16, ["Walking"] * 16, labels(("Walking-1", 8), ("Walking-2", 8)))
    root = get_skeleton("human36m17").root
    predictions = targets.clone()
    predictions[8:, root + 1 :] += torch.tensor([0.0, 0.0, 0.1])  # a jump only between the sequences
    report = evaluate_samples(predictions, targets, *arguments, "martinez:1")
    assert report.values["mpjve_mm"] == pytest.approx(0, abs=1e-9)
    together = (["S9"] * 16, ["Walking"] * 16, ["Walking-1"] * 16)
    assert evaluate_samples(predictions, targets, *together, "martinez:1").values["mpjve_mm"] > 1


def test_a_report_says_everything_in_each_form():
    predictions, targets = samples([(3, 10), (3, 30)])
    predictions[0, 5] = torch.nan
    report = evaluate_samples(
        predictions, targets, [9] * 6, labels(("Walking", 3), ("Eating", 3)), ["Walking-1"] * 6, "martinez:2"
    )
    description = get_protocol("martinez:2").describe()
    loaded = json.loads(report.to_json())
    assert loaded["headline"] == "pa_mpjpe_mm"
    assert loaded["choices"][0] == description
    assert len(loaded["per_action"]) == 2
    assert len(loaded["per_joint"]) == 17
    for text in (report.to_markdown(), report.to_text(), str(report)):
        for part in (
            description,
            "pa_mpjpe_mm",
            "Walking",
            "mean of actions",
            "mean over frames",
            "coverage",
            "INCOMPLETE",
        ):
            assert part in text
    table = [line for line in report.to_markdown().splitlines() if line.startswith("| action")]
    assert table[0].count("|") == report.to_markdown().splitlines()[-1].count("|")
    widths = {len(line) for line in report.to_text().splitlines() if line.startswith(("Walking", "left_", "mean "))}
    assert len(widths) == 1


def test_numbers_that_are_not_there_are_null():
    target = walk(frames=1)
    report = evaluate(target, target)  # one frame has no velocity
    assert json.loads(report.to_json())["over_frames"]["mpjve_mm"] is None
    assert "-" in report.to_text()


def test_wrong_data_are_refused():
    predictions, targets = samples([(3, 0)])
    with pytest.raises(ShapeError, match="predictions"):
        evaluate_samples(predictions[:2], targets, [9] * 3, ["a"] * 3, ["a-1"] * 3, "martinez:1")
    with pytest.raises(ShapeError, match=r"actions has shape \(2,\)"):
        evaluate_samples(predictions, targets, [9] * 3, ["a"] * 2, ["a-1"] * 3, "martinez:1")
    with pytest.raises(ShapeError, match="human36m17"):
        evaluate_samples(predictions[:, :16], targets[:, :16], [9] * 3, ["a"] * 3, ["a-1"] * 3, "martinez:1")
    with pytest.raises(InputError, match="samples are of S1"):
        evaluate_samples(predictions, targets, [1] * 3, ["a"] * 3, ["a-1"] * 3, "martinez:1")
    bare = get_skeleton("coco17").only(["left_ear"])
    with pytest.raises(InputError, match="joints in common"):
        evaluate(Poses3D.of(torch.zeros(1, 1, 1, 3), skeleton=bare), walk(frames=1))
