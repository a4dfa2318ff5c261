"""Published detectors, small, from their own files to people in pictures: by `lift3d detect`, and step by step."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from published_files import hrnet, integral, lightweight_openpose, save, simple_baseline, stacked_hourglass

from lift3d import read_keypoints
from lift3d.checkpoints import load_network
from lift3d.cli import _run
from lift3d.detection import DetectSettings, FollowSettings, PeopleSettings, detect
from lift3d.detection.person_crop import person_crop
from lift3d.heatmaps.decoding import decode_heatmaps
from lift3d.video import read_frames

BOXES = ((10.0, 20.0, 40.0, 80.0), (100.0, 15.0, 50.0, 70.0))
FILES = {
    "hrnet": ("pose_hrnet_w32_256x192.pth", hrnet, []),
    "simple_baseline": ("pose_resnet_50_256x192.pth.tar", simple_baseline, ["--style", "pytorch"]),
    "integral": ("model.pth.tar", integral, []),
    "stacked_hourglass": ("checkpoint.pt", stacked_hourglass, []),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three noisy pictures of a camera, and boxes of two people in each."""
    own, random = tmp_path_factory.mktemp("published"), torch.Generator().manual_seed(0)
    (own / "cam").mkdir()
    for frame in range(3):
        coarse = torch.randint(0, 255, (3, 12, 16), dtype=torch.uint8, generator=random).repeat_interleave(10, 1)
        picture = coarse.repeat_interleave(10, 2).permute(1, 2, 0)
        Image.fromarray(picture.numpy()).save(own / "cam" / f"{frame}.png")
    found = [{"image_id": frame, "category_id": 1, "bbox": box, "score": 0.9} for frame in range(3) for box in BOXES]
    (own / "boxes.json").write_text(json.dumps(found))
    return own


class Sure(torch.nn.Module):
    """A network that is sure of every joint: made-up weights give no scores that say anything."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(stage / stage.abs().max() + 2 for stage in self.network(images))


def converted(name: str, folder: Path) -> Path:
    """The published file as lift3d's own, by the command."""
    file, content, options = FILES[name]
    target = folder / f"{name}.safetensors"
    assert _run(["convert", str(save(folder / file, content())), str(target), *options]) == 0
    return target


@pytest.mark.parametrize("name", FILES)
def test_detect_is_crop_network_and_decoding(name: str, folder: Path, tmp_path: Path) -> None:
    loaded = load_network(converted(name, tmp_path))
    model = replace(loaded, network=Sure(loaded.network))
    settings = DetectSettings(
        0.0, mirror=False, follow=FollowSettings(sure_score=0.0), people=PeopleSettings(same_oks=1.0)
    )
    found = detect(
        folder / "cam", model, people=2, boxes=folder / "boxes.json", frames=1, settings=settings, progress=False
    )
    assert found.skeleton == model.skeleton
    own, rgb = model.encoding, next(read_frames(folder / "cam")).rgb
    size = tuple(own["image_size"])
    crops = [person_crop(box, size, own["box_scale"]) for box in BOXES]
    channels = {"rgb": [0, 1, 2], "bgr": [2, 1, 0]}[own["colour"]]
    images = torch.stack([crop.cut(rgb).permute(2, 0, 1)[channels] / 255 for crop in crops])
    mean, std = (torch.tensor(own[key])[:, None, None] for key in ("mean", "std"))
    with torch.no_grad():
        answer = model.network((images - mean) / std)[-1]
    places = decode_heatmaps(answer, own["decoding"], size, half_pixel=own["half_pixel"]).places[..., :2].double()
    expected = torch.stack([crop.to_picture(own) for crop, own in zip(crops, places, strict=True)])
    seen = found.pixels[0, 0]
    assert seen.shape == expected.shape
    order = [0, 1] if (seen[0] - expected[0]).abs().max() < (seen[0] - expected[1]).abs().max() else [1, 0]
    torch.testing.assert_close(seen, expected[order], rtol=0, atol=0.02, equal_nan=True)


def test_by_the_command(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = hrnet()
    content["final_layer.bias"] += 10  # sure of every joint
    file, model = save(tmp_path / "pose_hrnet_w32_256x192.pth", content), tmp_path / "own.safetensors"
    assert _run(["convert", str(file), str(model)]) == 0
    words = ["detect", folder / "cam", "--model", model, "--boxes", folder / "boxes.json", "-o", tmp_path / "k.npz"]
    assert _run([*map(str, words), "--people", "all", "--threads", "1"]) == 0
    assert "1 cameras, 3 frames, 2 people, 100.0% of the joints seen" in capsys.readouterr().out
    found = read_keypoints(tmp_path / "k.npz")
    middles = found.pixels[0].mean(2)  # (frames, people, 2)
    wanted = torch.tensor([[x + width / 2, y + height / 2] for x, y, width, height in BOXES]).double()
    order = [0, 1] if middles[0, 0, 0] < middles[0, 1, 0] else [1, 0]
    assert (middles - wanted[order]).abs().max() < 40
    assert _run(["detect", str(folder / "cam"), "--model", str(model), "-o", str(tmp_path / "x.npz")]) == 2
    assert "looks at people in boxes. Pass a file of boxes" in capsys.readouterr().err
    assert not (tmp_path / "x.npz").exists()


def test_bottom_up_needs_no_boxes(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, model = save(tmp_path / "checkpoint_iter_1.pth", lightweight_openpose()), tmp_path / "own.safetensors"
    assert _run(["convert", str(file), str(model)]) == 0
    words = ["detect", str(folder / "cam"), "--model", str(model), "-o", str(tmp_path / "k.npz"), "--people", "all"]
    assert _run(words) == 0
    assert read_keypoints(tmp_path / "k.npz").skeleton.name == "body18"
    capsys.readouterr()
    assert _run([*words, "--boxes", str(folder / "boxes.json")]) == 2
    assert "sees everybody by itself: it cannot be given boxes" in capsys.readouterr().err
