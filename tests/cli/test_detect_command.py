"""`lift3d detect` as a user types it: people, boxes, published detectors, and wrong use in one line."""

import json
import platform
from itertools import islice
from pathlib import Path

import pytest
import torch
from command_runs import does, fails
from PIL import Image

from lift3d import read_keypoints
from lift3d.checkpoints import save_network
from lift3d.cli._memory import keep_freed_memory
from lift3d.networks.hrnet import HrNet, HrNetSettings
from lift3d.video import read_frames

FOOTAGE = Path(__file__).parents[2] / "lift3d" / "data" / "demo"
TOP_DOWN = {"name": "top_down", "image_size": [64, 96], "half_pixel": False, "flip_shift": True}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two pictures each of two cameras, a file of boxes, and a small top-down detector."""
    folder = tmp_path_factory.mktemp("detect")
    for camera in ("cam01", "cam02"):
        (folder / camera).mkdir()
        for frame in islice(read_frames(FOOTAGE / f"{camera}.mp4"), 2):
            Image.fromarray(frame.rgb.numpy()).save(folder / camera / f"{frame.index}.bmp")
    (folder / "boxes.json").write_text(json.dumps([{"image_id": 0, "bbox": [10, 20, 40, 80]}]))
    settings = HrNetSettings(width=4)
    network = HrNet(settings).eval()
    save_network(folder / "hrnet.safetensors", network, settings, "hrnet", "coco17", encoding=TOP_DOWN)
    return folder


def test_two_cameras_with_one_pass_and_two_passes(files, tmp_path, capsys):
    words = ["detect", files / "cam01", files / "cam02", "-o", tmp_path / "k.npz"]
    found = []
    for options in ([], ["--one-pass"], ["--people", "2"]):
        out = does(capsys, *words, *options)
        assert "2 cameras, 2 frames, " in out
        assert ("2 people, " in out) == ("--people" in options)
        found.append(read_keypoints(tmp_path / "k.npz"))
    twice, once, people = found
    assert people.pixels.shape == (2, 2, 2, 17, 2)
    assert people.pixels[:, :, 1].isnan().all()  # there is one
    torch.testing.assert_close(people.pixels[:, :, :1], twice.pixels, equal_nan=True)
    assert 0 < (once.pixels - twice.pixels).norm(dim=-1).nanmedian() < 15


def test_wrong_use_is_one_line(files, capsys):
    videos, model = [files / "cam01", files / "cam02"], ["--model", files / "hrnet.safetensors"]
    boxes = ["--boxes", files / "boxes.json"]
    assert "looks at people in boxes. Pass a file of boxes" in fails(capsys, "detect", *videos, *model)
    assert "does not say which camera its boxes are of" in fails(capsys, "detect", *videos, *model, *boxes)
    assert "3 files of boxes for 2 videos" in fails(capsys, "detect", *videos, *model, *boxes, *boxes, *boxes)
    for people in ("0", "-1", "some", "1.5"):
        assert "neither a number from 1 on nor 'all'" in fails(capsys, "detect", *videos, f"--people={people}")
    assert "'tensorrt' is not one of" in fails(capsys, "detect", *videos, "--runtime", "tensorrt")
    assert "'banana' cannot be used here" in fails(capsys, "detect", *videos, "--device", "banana")
    assert "which is no detector" in fails(capsys, "detect", *videos, "--model", "residual_mlp_cmu17")


def test_what_cannot_be_written_is_said_before_the_work(files, tmp_path, capsys):
    words = ["detect", files / "cam01", "--model", "no_such_model", "-o"]
    assert "does not say which format to write" in fails(capsys, *words, tmp_path / "k.xyz")
    (tmp_path / "file").touch()
    assert "cannot be written" in fails(capsys, *words, tmp_path / "file" / "k.npz")
    assert "no_such_model" in fails(capsys, *words, tmp_path / "new" / "folder" / "k.npz")
    assert not (tmp_path / "new").exists()


def test_keeping_memory_changes_no_number():
    before = torch.arange(5.0e6).sum()
    kept = keep_freed_memory()
    assert kept == (platform.libc_ver()[0] == "glibc")
    assert torch.arange(5.0e6).sum() == before
