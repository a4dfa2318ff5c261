"""`lift3d evaluate --pictures`: tables of people in pictures, every choice beside them, one line for wrong use."""

import json

import numpy as np
import pytest
import torch
from command_runs import does, fails

from lift3d import write_cameras, write_keypoints, write_poses
from lift3d.datasets import read_labelled_pictures
from lift3d.evaluation import PredictedPeople, write_coco_results
from lift3d.synthetic import observe, ring_rig, walk


@pytest.fixture
def mpii(tmp_path):
    """Four people, a picture each, and results of three of them, of whom one has its left wrist far off."""
    random = np.random.default_rng(0)
    people = [
        {"image": f"{number}.jpg", "center": [200.0, 200.0], "scale": 1.5, "joints_vis": [1] * 16,
         "joints": random.uniform(50, 350, (16, 2)).tolist()}
        for number in range(4)
    ]  # fmt: skip
    path = tmp_path / "valid.json"
    path.write_text(json.dumps(people))
    pixels = torch.tensor([one["joints"] for one in people[:3]], dtype=torch.float64) - 1
    pixels[1, 15, 0] += 900
    ones = torch.ones(3, 16, dtype=torch.float64)
    labelled = read_labelled_pictures(path)
    found = PredictedPeople(torch.arange(3), pixels, ones, ones[:, 0], labelled.skeleton, rows=torch.arange(3))
    write_coco_results(found, tmp_path / "results.json")
    return tmp_path / "results.json", path


def cells(text, name):
    """The numbers of a table's row, by its header."""
    lines = text.splitlines()
    row = next(number for number, line in enumerate(lines) if line.split()[:1] == [name] and number and "," not in line)
    return dict(zip(lines[row - 1].split()[1:], map(float, lines[row].split()[1:]), strict=False))


def test_pck_with_every_choice(mpii, tmp_path, capsys):
    results, labels = mpii
    text = does(capsys, "evaluate", results, "--pictures", labels, "--metric", "pck", "--size", "box",
                "--json", tmp_path / "r.json", "--markdown", tmp_path / "r.md")  # fmt: skip
    assert "PCK@0.2, percent (4 labelled people, 3 predicted)" in text
    assert "right: at most 0.2 of the longer side of the box away" in text
    assert "each prediction names the labelled person that it answers" in text
    found = json.loads((tmp_path / "r.json").read_text())
    assert found["columns"]["Head"] == 75
    assert found["columns"]["Wrist"] == pytest.approx((75 + 50) / 2)
    assert found["columns"]["Mean"] == pytest.approx(100 * (48 - 1) / 64)
    assert cells(text, "PCK@0.2")["Wrist"] == pytest.approx(62.5)
    assert "| PCK@0.2 | 75.0 | 75.0 | 75.0 | 62.5 |" in (tmp_path / "r.md").read_text()


def test_pcp_and_coco_of_the_same_files(mpii, capsys):
    pytest.importorskip("faster_coco_eval")
    results, labels = mpii
    pcp = cells(does(capsys, "evaluate", results, "--pictures", labels, "--metric", "pcp"), "PCP@0.5")
    assert pcp["Torso"] == 75
    text = does(capsys, "evaluate", results, "--pictures", labels)
    assert text.startswith("COCO AP")  # there are no head sizes
    assert "borrowed: pelvis of hip" in text


def test_ones_own_recording(tmp_path, capsys):
    rig, poses = ring_rig(cameras=2), walk(frames=5)
    write_poses(poses, tmp_path / "poses.npz")
    write_cameras(rig, tmp_path / "rig.toml", "lift3d_cameras_toml")
    write_keypoints(observe(poses, rig, noise_px=1.0), tmp_path / "seen.npz")
    words = ("evaluate", tmp_path / "seen.npz", "--pictures", tmp_path / "poses.npz", "--metric", "pck")
    assert "Pass the calibration" in fails(capsys, *words)
    text = does(capsys, *words, "-c", tmp_path / "rig.toml")
    assert "10 labelled people" in text
    assert cells(text, "PCK@0.2")["Mean"] > 90


def test_wrong_use_is_one_line(mpii, capsys):
    results, labels = mpii
    assert "takes one file of RESULTS" in fails(capsys, "evaluate", "--pictures", labels)
    assert "takes one file of RESULTS" in fails(capsys, "evaluate", results, "--pictures", labels, "--align", "root")
    assert "go with --pictures" in fails(capsys, "evaluate", results, "--metric", "pck")
    assert "--size is of --metric pck" in fails(capsys, "evaluate", results, "--pictures", labels, "--size", "box")
    assert "have no head sizes" in fails(capsys, "evaluate", results, "--pictures", labels, "--metric", "pckh")
    assert "is of no known layout" in fails(capsys, "evaluate", results, "--pictures", results)
    assert "take no cameras" in fails(capsys, "evaluate", results, "--pictures", labels, "-c", labels)
