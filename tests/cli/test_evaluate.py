"""`lift3d evaluate` on labelled data: protocols, both schools at once, tables as text, JSON and Markdown."""

import json

import numpy as np
import pytest
import torch
from command_runs import does, fails

from lift3d import write_poses
from lift3d.datasets.pair_sources.lift3d_h5 import write_pose_pairs
from lift3d.datasets.pose_pairs import PairClip, PosePairs
from lift3d.evaluation import PoseSamples, write_samples
from lift3d.lifting.exemplar import build_library, save_library
from lift3d.skeletons import get_skeleton
from lift3d.synthetic import ring_rig, walk

LABELS = {"subjects": ("S9", "S11"), "actions": ("Walking", "Eating"), "sequences": ("Walking 1", "Eating 1")}


@pytest.fixture
def samples(tmp_path):
    """S9 walks 65 frames, off by 10 mm; S11 eats 130 frames, off by 40 mm: all joints but the pelvis, along x."""
    bones = get_skeleton("human36m17")
    targets = walk(frames=65).positions[:, 0].float().repeat(3, 1, 1)
    clip = torch.tensor([0] * 65 + [1] * 130)
    offset = torch.tensor([0.010, 0.040])[clip, None, None] * torch.tensor([1.0, 0.0, 0.0])
    predictions = targets + offset * (torch.arange(17) > 0)[:, None]
    made = PoseSamples(
        predictions, targets, clip, torch.cat([torch.arange(65), torch.arange(130)]),
        **LABELS, cameras=("a", "a"), skeleton=bones, notes=("made up",),
    )  # fmt: skip
    write_samples(made, tmp_path / "samples.npz")
    return tmp_path / "samples.npz"


def test_one_protocol_is_shown_in_full(samples, capsys):
    text = does(capsys, "evaluate", samples, "--protocol", "martinez:1")
    share = 16 / 17
    assert f"mpjpe_mm = {25 * share:.1f} (mean of the actions' means; 195 poses" in text
    assert "made up" in text
    rows = {line.split()[0]: line.split()[1] for line in text.splitlines() if line and not line.startswith(" ")}
    assert rows["Walking"] == rows["S9"] == f"{10 * share:.1f}"
    assert rows["Eating"] == rows["S11"] == f"{40 * share:.1f}"
    assert f"{30 * share:.1f}" in text  # mean over frames
    assert "bone_error_mm" in text
    assert "illegal_angle_percent" in text


def test_all_protocols_with_their_tables(samples, tmp_path, capsys):
    text = does(capsys, "evaluate", samples, "--protocol", "all", "--json", tmp_path / "r.json",
                "--markdown", tmp_path / "r.md")  # fmt: skip
    assert "human36m-s9s11-step64-root" in text
    assert "sun:2, moon:2" in text
    found = json.loads((tmp_path / "r.json").read_text())["protocols"]
    share = 16 / 17
    assert found["human36m-s9s11-root"]["over_actions"]["mpjpe_mm"] == pytest.approx(25 * share, rel=1e-4)
    assert found["human36m-s9s11-root"]["over_frames"]["mpjpe_mm"] == pytest.approx(30 * share, rel=1e-4)
    step = found["human36m-s9s11-step64-root"]  # frames 0, 64 of S9 and 0, 64, 128 of S11
    assert step["poses"] == 5
    assert step["over_frames"]["mpjpe_mm"] == pytest.approx((2 * 10 + 3 * 40) / 5 * share, rel=1e-4)
    markdown = (tmp_path / "r.md").read_text()
    assert "## human36m-s9s11-root (martinez:1)" in markdown
    assert "| action | martinez:1 |" in markdown


def test_predictions_and_truth_in_two_files(samples, tmp_path, capsys):
    with np.load(samples) as file:
        np.savez(tmp_path / "mine.npz", predictions=file["targets"])
    text = does(capsys, "evaluate", tmp_path / "mine.npz", samples, "--protocol", "martinez:1")
    assert "mpjpe_mm = 0.0" in text


def test_without_a_protocol_everyone_is_tested(samples, capsys):
    text = does(capsys, "evaluate", samples)
    assert "everyone-root" in text
    assert "everyone-similarity" in text


def test_wrong_use_is_one_line(samples, tmp_path, capsys):
    assert "PREDICTION TRUTH, SAMPLES or --data" in fails(capsys, "evaluate")
    assert "one of them only" in fails(capsys, "evaluate", samples, "--data", samples)
    assert "Did you mean 'martinez:1'" in fails(capsys, "evaluate", samples, "--protocol", "martinez1")
    assert "a protocol says its own" in fails(capsys, "evaluate", samples, "--align", "root")
    write_poses(walk(frames=3), tmp_path / "poses.npz")
    assert "lacks the arrays predictions" in fails(
        capsys, "evaluate", tmp_path / "poses.npz", tmp_path / "poses.npz", "--protocol", "martinez:1"
    )


@pytest.fixture
def pairs(tmp_path):
    """S9 and S11 walk in front of a camera each; exact detections."""
    rig, parts, clips = ring_rig(cameras=2), [], []
    for number, subject in enumerate(("S9", "S11")):
        camera, world = rig[rig.names[number]], walk(frames=12).positions[:, 0].double()
        pixels = camera.project(world.reshape(-1, 3)).reshape(*world.shape[:2], 2)
        parts.append((pixels.numpy(), None, camera.world_to_camera(world.reshape(-1, 3)).reshape(world.shape).numpy()))
        clips.append(PairClip(subject, "Walking 1", rig.names[number], 12, 50.0, camera, action="Walking"))
    bones = get_skeleton("human36m17")
    made = PosePairs(tuple(clips), bones, bones, lambda clip, start, stop: tuple(
        None if part is None else part[start:stop] for part in parts[clip]))  # fmt: skip
    write_pose_pairs(made, tmp_path / "pairs.h5")
    return tmp_path / "pairs.h5"


def test_a_lifter_on_a_data_set(pairs, tmp_path, capsys):
    words = ("evaluate", "--data", pairs, "--protocol", "martinez:1", "--protocol", "martinez:2", "--json")
    text = does(capsys, *words, tmp_path / "flip.json", "--save", tmp_path / "samples.npz")
    assert "lifted by temporal_attention_cmu17: averaged with the mirrored person's" in text
    assert "2D joints of pairs.h5 (human36m17)" in text
    assert "no flip augmentation" in does(capsys, *words, tmp_path / "plain.json", "--no-flip")
    flip, plain = (
        json.loads((tmp_path / name).read_text())["protocols"]["human36m-s9s11-root"]["over_actions"]["mpjpe_mm"]
        for name in ("flip.json", "plain.json")
    )
    assert flip < 150  # the synthetic walk is no CMU motion, but a person
    assert flip != plain
    saved = does(capsys, "evaluate", tmp_path / "samples.npz", "--protocol", "martinez:1", "--protocol", "martinez:2")
    assert saved == text


def test_only_tested_subjects_are_lifted_and_none_is_said(pairs, tmp_path, capsys):
    does(capsys, "evaluate", "--data", pairs, "--protocol", "sun:1", "--save", tmp_path / "s11.npz")
    with np.load(tmp_path / "s11.npz") as file:
        assert file["subject"].tolist() == ["S11"]
    assert "no such checkpoint" in fails(capsys, "evaluate", "--data", pairs, "--model", "nothing")


def test_a_library_of_exemplars_on_a_data_set(pairs, tmp_path, capsys):
    save_library(build_library(walk(frames=40).positions[:, 0], "human36m17"), tmp_path / "library.npz")
    text = does(capsys, "evaluate", "--data", pairs, "--model", tmp_path / "library.npz", "--json", tmp_path / "r.json")
    assert "lifted by the exemplars of library.npz" in text
    found = json.loads((tmp_path / "r.json").read_text())["protocols"]["everyone-root"]
    assert found["over_frames"]["mpjpe_mm"] < 60  # the walk is in the library
