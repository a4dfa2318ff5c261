"""`lift3d reconstruct` as a user types it: where people are is found, read or told; wrong use is one line."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import lift3d.detection
from lift3d import detect, read_cameras, read_poses, triangulate, write_poses
from lift3d.checkpoints import load_network, save_network
from lift3d.cli import _run
from lift3d.detection import boxes_by_person, boxes_of_cameras
from lift3d.keypoints import Keypoints2D
from lift3d.networks._deconvolutions import DeconvolutionSettings
from lift3d.networks._resnet import ResNetSettings
from lift3d.networks.algebraic_triangulation import AlgebraicTriangulation, AlgebraicTriangulationSettings
from lift3d.networks.v2v import V2VSettings
from lift3d.networks.volumetric_triangulation import VolumetricTriangulation, VolumetricTriangulationSettings
from lift3d.skeletons import get_skeleton
from lift3d.synthetic import walk
from lift3d.triangulation import boxes_of_poses, pelvis_of, triangulate_pictures
from lift3d.video import read_frames, read_moments

FOOTAGE = Path(__file__).parents[2] / "lift3d" / "data" / "demo"
CAMERAS = ("cam01", "cam02", "cam03")
BODY = get_skeleton("human36m17").only(["pelvis", "left_knee", "head"])
ENCODING = {"name": "pictures_of_views", "image_size": [128, 128], "colour": "bgr", "unit": "mm"}
PARTS = {"backbone": ResNetSettings(18, width=4), "upsampling": DeconvolutionSettings(3, channels=4)}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pictures each of three cameras; small networks of both kinds; boxes; poses from before."""
    folder = tmp_path_factory.mktemp("reconstruct")
    for camera in CAMERAS:
        (folder / camera).mkdir()
        for frame in islice(read_frames(FOOTAGE / f"{camera}.mp4"), 2):
            Image.fromarray(frame.rgb.numpy()).save(folder / camera / f"{frame.index}.bmp")
    torch.manual_seed(0)
    algebraic = AlgebraicTriangulationSettings(3, **PARTS, confidence_width=4, temperature=1.0)
    volumes = V2VSettings(4, 3, front_kernel=3, front_channels=4, front_units=1, channels=(4, 4))
    volumetric = VolumetricTriangulationSettings(**PARTS, cells=8, volume_network=volumes)
    for name, settings, network in (
        ("algebraic", algebraic, AlgebraicTriangulation(algebraic)),
        ("volumetric", volumetric, VolumetricTriangulation(volumetric)),
    ):
        for parameter in network.parameters():
            nn.init.normal_(parameter, std=0.3)
        save_network(folder / f"{name}.safetensors", network.eval(), settings, f"{name}_triangulation", BODY,
                     encoding=ENCODING)  # fmt: skip
    boxes = np.full((3, 2, 2, 4), np.nan)
    boxes[:, :, 0], boxes[:2, 1, 1] = [50, 60, 120, 150], [200, 40, 100, 100]
    np.savez(folder / "boxes.npz", boxes=boxes, camera_names=np.array(CAMERAS))
    return folder


def videos(files: Path) -> list[Path]:
    return [files / camera for camera in CAMERAS]


def words(files: Path, model: str, target: Path, *options: object) -> list[str]:
    own = ["reconstruct", *videos(files), "-c", FOOTAGE / "Calib.qca.txt", "--model", files / f"{model}.safetensors"]
    return [str(word) for word in (*own, "-o", target, *options)]


def does(capsys: pytest.CaptureFixture[str], given: list[str]) -> str:
    code = _run(given)
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return captured.out


def fails(capsys: pytest.CaptureFixture[str], given: list[str]) -> str:
    assert _run(given) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


def test_one_person_is_found_by_itself(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the cube around the pelvis that detections and triangulation find; the same with those poses in a file."""
    seen: list[Keypoints2D] = []

    def watched(*given: Any, **options: Any) -> Keypoints2D:
        seen.append(detect(*given, **options))
        return seen[-1]

    monkeypatch.setattr(lift3d.detection, "detect", watched)
    said = does(capsys, words(files, "volumetric", tmp_path / "poses.npz"))
    assert "2 frames, 1 person, 100.0% of the joints, metres, +z up" in said
    found, rig = read_poses(tmp_path / "poses.npz"), read_cameras(FOOTAGE / "Calib.qca.txt").only(CAMERAS)
    assert found.skeleton.joints == BODY.joints
    before = triangulate(seen[0], rig)
    pelvis = pelvis_of(before)
    assert (found.positions - pelvis[:, :, None]).abs().max() < 1.25 * 3**0.5
    network = load_network(files / "volumetric.safetensors")
    by_hand = triangulate_pictures(
        read_moments(videos(files)), rig, boxes_of_poses(before, rig), network, pelvis=pelvis, progress=False
    )
    write_poses(before, tmp_path / "before.npz")
    does(capsys, words(files, "volumetric", tmp_path / "again.npz", "--poses", tmp_path / "before.npz"))
    assert len(seen) == 1
    for other in (by_hand, read_poses(tmp_path / "again.npz")):
        torch.testing.assert_close(other.positions, found.positions, rtol=0, atol=1e-3)


def test_boxes_of_several_people(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    boxes = ("--boxes", files / "boxes.npz")
    said = does(capsys, words(files, "algebraic", tmp_path / "a.npz", *boxes, "--batch", 4))
    assert "2 frames, 2 people, 75.0% of the joints" in said
    found = read_poses(tmp_path / "a.npz")
    assert found.scores[:, :, 0].tolist() == [[1.0, 0.0], [1.0, pytest.approx(2 / 3)]]
    rig = read_cameras(FOOTAGE / "Calib.qca.txt").only(CAMERAS)
    given = boxes_by_person(boxes_of_cameras(files / "boxes.npz", CAMERAS))
    by_hand = triangulate_pictures(
        read_moments(videos(files)), rig, given, load_network(files / "algebraic.safetensors"), progress=False
    )
    torch.testing.assert_close(found.positions, by_hand.positions, rtol=0, atol=1e-3, equal_nan=True)
    pelvis = ("--pelvis", files / "algebraic.safetensors")
    assert "2 people, 75.0%" in does(capsys, words(files, "volumetric", tmp_path / "v.npz", *boxes, *pelvis))
    told = does(capsys, words(files, "volumetric", tmp_path / "w.npz", *boxes, "--poses", tmp_path / "a.npz"))
    assert "2 people, 75.0%" in told
    torch.testing.assert_close(
        read_poses(tmp_path / "v.npz").positions, read_poses(tmp_path / "w.npz").positions,
        rtol=0, atol=1e-3, equal_nan=True,
    )  # fmt: skip


def test_wrong_use_is_one_line(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target, boxes = tmp_path / "p.npz", ("--boxes", files / "boxes.npz")
    assert "needs to know about where each person is" in fails(capsys, words(files, "volumetric", target, *boxes))
    volumetric = ("--pelvis", files / "volumetric.safetensors")
    assert "expected an algebraic one" in fails(capsys, words(files, "volumetric", target, *boxes, *volumetric))
    given = words(files, "algebraic", target, *boxes)
    (tmp_path / "other").mkdir()
    assert "The calibration has no camera 'other'" in fails(capsys, [*given, str(tmp_path / "other")])
    assert "named cam01; expected at least two" in fails(
        capsys, ["reconstruct", str(files / "cam01"), *given[given.index("-c") :]]
    )
    assert "does not say which format" in fails(capsys, words(files, "algebraic", tmp_path / "p.xyz"))
    assert "'banana' cannot be used here" in fails(capsys, [*given, "--device", "banana"])
    movenet = ["reconstruct", *map(str, videos(files)), "-c", str(FOOTAGE / "Calib.qca.txt"), "--model",
               str(FOOTAGE.parents[1] / "weights" / "movenet_thunder.safetensors")]  # fmt: skip
    assert "is a movenet, which does not look at pictures of several views" in fails(capsys, movenet)
    own = tmp_path / "y.npz"
    write_poses(replace(walk(frames=2), up="+y"), own)
    assert "expected the calibration's world, +z up" in fails(capsys, words(files, "algebraic", target, "--poses", own))
    assert not target.exists()
