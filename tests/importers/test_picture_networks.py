"""Published networks of pictures: they answer as published, and say how pictures go in and joints come out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from published_files import (
    as_mmpose,
    hrnet,
    integral,
    lightweight_openpose,
    parallel,
    save,
    simple_baseline,
    stacked_hourglass,
    state_of,
    weights_in,
)
from published_networks import published
from torch import Tensor, nn

from lift3d.checkpoints import load_network
from lift3d.cli import _run
from lift3d.errors import FileError, InputError
from lift3d.importers import import_networks
from lift3d.networks.hrnet import HrNetSettings
from lift3d.networks.lightweight_openpose import LightweightOpenPoseSettings
from lift3d.networks.stacked_hourglass import StackedHourglassSettings

IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}  # of red, green and blue
TOP_DOWN = {
    "name": "top_down",
    "image_size": [192, 256],
    "colour": "rgb",
    **IMAGENET,
    "box_scale": 1.25,
    "decoding": "quarter",
    "half_pixel": False,
    "flip_shift": True,
}


def answers(network: nn.Module, images: Tensor) -> list[Tensor]:
    """Every tensor of every stage."""
    with torch.no_grad():
        stages = network(images)
    return [part for stage in stages for part in (stage if isinstance(stage, tuple) else (stage,))]


@pytest.mark.parametrize(
    ("golden", "name", "options"),
    [
        ("hrnet_w32_256x192", "pose_hrnet_w32_256x192.pth", {}),
        ("simplebaseline_r50", "pose_resnet_50_256x192.pth.tar", {"style": "pytorch"}),
        ("integral_r50", "model.pth.tar", {}),
        ("stacked_hourglass_2", "checkpoint.pt", {}),
        ("lightweight_openpose", "checkpoint_iter_370000.pth", {}),
    ],
)
def test_files_answer_as_published(golden: str, name: str, options: dict[str, Any], tmp_path: Path) -> None:
    """The whole network, in a file as its authors write it, against their own answer."""
    known, hourglass = published(golden), golden.startswith("stacked_hourglass")
    network = import_networks(save(tmp_path / name, dict(known.state)), **options)["pose"].network
    if not hourglass:
        known.assert_answers(*answers(network, known.features))
        return
    stages = answers(network, known.features.permute(0, 3, 1, 2))  # which takes channels last
    known.assert_answers(torch.stack(stages, 1))  # and has an axis of stacks


def test_the_style_must_be_told_and_changes_the_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = save(tmp_path / "pose_resnet_50_256x192.pth.tar", simple_baseline())
    assert _run(["convert", str(source), str(tmp_path / "own.safetensors")]) == 2
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert "fit networks of the pytorch and of the caffe style" in text
    assert "--style" in text
    images = torch.randn(1, 3, 64, 64)
    made = {style: import_networks(source, style=style)["pose"] for style in ("pytorch", "caffe")}
    first, second = (answers(one.network, images)[0] for one in made.values())
    assert (first - second).abs().max() > 0.01 * first.abs().max()
    with pytest.raises(InputError, match="style is 'tensorflow'; expected one of"):
        import_networks(source, style="tensorflow")
    with pytest.raises(FileError, match="MMPose's"):
        import_networks(save(tmp_path / "res50_256x192.pth", as_mmpose(simple_baseline())))


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("pose_hrnet_w32_256x192.pth", [192, 256]),
        ("pose_hrnet_w48_384x288.pth", [288, 384]),
        ("pose_hrnet_w32_256x256.pth", [256, 256]),
        ("td-hm_hrnet-w32_8xb64-210e_coco-256x192-81c58e40_20220909.pth", [192, 256]),
    ],
)
def test_names_of_files_say_height_and_width(name: str, size: list[int], tmp_path: Path) -> None:
    source = save(tmp_path / name, hrnet())
    assert import_networks(source)["pose"].encoding == TOP_DOWN | {"image_size": size}
    assert import_networks(source, image_size=(96, 160))["pose"].encoding["image_size"] == [96, 160]


def test_sizes_that_nothing_says_are_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = save(tmp_path / "model_best.pth", hrnet()), tmp_path / "own.safetensors"
    assert _run(["convert", str(source), str(target)]) == 2
    assert "Pass --image-size WIDTH HEIGHT" in capsys.readouterr().err
    assert _run(["convert", str(source), str(target), "--image-size", "192", "256"]) == 0
    assert load_network(target).encoding == TOP_DOWN
    with pytest.raises(InputError, match=r"pictures is \(190, 256\); expected width and height, multiples of 32"):
        import_networks(source, image_size=(190, 256))


def test_joints_are_known_by_their_number_or_asked_for(tmp_path: Path) -> None:
    content = hrnet()
    for count, skeleton in ((16, "mpii16"), (17, "coco17"), (18, None)):
        content["final_layer.weight"], content["final_layer.bias"] = torch.zeros(count, 4, 1, 1), torch.zeros(count)
        source = save(tmp_path / "a_256x192.pth", content)
        if skeleton is not None:
            assert import_networks(source)["pose"].skeleton.name == skeleton
        else:
            with pytest.raises(FileError, match=r"does not say what its 18 joints are\. Pass --skeleton"):
                import_networks(source)
    source = save(tmp_path / "b_256x192.pth", hrnet())
    assert import_networks(source, skeleton="human36m17")["pose"].skeleton.name == "human36m17"
    with pytest.raises(FileError, match="predicts 17 joints; skeleton 'mpii16' has 16"):
        import_networks(source, skeleton="mpii16")


@pytest.mark.parametrize("head", ["head", "keypoint_head"])
def test_mmposes_files_are_the_same_networks_in_rgb(head: str, tmp_path: Path) -> None:
    images = torch.randn(1, 3, 64, 64)
    for content, options, colour in ((hrnet(), {}, "rgb"), (simple_baseline(), {"style": "pytorch"}, "bgr")):
        theirs = import_networks(save(tmp_path / "a_256x192.pth", content), **options)["pose"]
        ours = import_networks(save(tmp_path / "b_256x192.pth", as_mmpose(content, head)), **options)["pose"]
        assert ours.settings == theirs.settings
        assert torch.equal(answers(ours.network, images)[0], answers(theirs.network, images)[0])
        assert theirs.encoding == TOP_DOWN | {"colour": colour}
        assert ours.encoding == TOP_DOWN
        assert ours.extra["source"].startswith("MMPose")


def test_what_the_authors_training_writes_is_read(tmp_path: Path) -> None:
    """HRNet's ``checkpoint.pth``: two state dicts in a dict, the first under DataParallel's names."""
    state = hrnet()
    content = {"epoch": 7, "model": "pose_hrnet", "state_dict": parallel(state), "best_state_dict": state, "perf": 0.7}
    checkpoint = import_networks(save(tmp_path / "checkpoint.pth", content), image_size=(192, 256))["pose"]
    assert checkpoint.settings == HrNetSettings(width=4, stem_channels=8)


def test_networks_that_classify_are_refused(tmp_path: Path) -> None:
    state = {key: value for key, value in hrnet().items() if not key.startswith("final_layer")}
    state["classifier.weight"] = torch.zeros(1000, 8)
    with pytest.raises(FileError, match="is no published checkpoint that lift3d knows"):
        import_networks(save(tmp_path / "hrnet_w32-36af842e.pth", state))


def test_residual_units_of_no_resnet_are_refused(tmp_path: Path) -> None:
    state = {key: value for key, value in simple_baseline().items() if not key.startswith("layer3.5.")}
    with pytest.raises(FileError, match=r"has \(3, 4, 5, 3\) residual units .* ResNet of 18, 34, 50, 101, 152 layers"):
        import_networks(save(tmp_path / "a_256x192.pth", state), style="caffe")


def test_hourglasses_take_pictures_from_0_to_1_and_have_a_decoding_of_their_own(tmp_path: Path) -> None:
    source = save(tmp_path / "checkpoint.pt", stacked_hourglass())
    checkpoint = import_networks(source)["pose"]
    assert checkpoint.settings == StackedHourglassSettings(channels=32)
    with pytest.raises(InputError, match=r"\(192, 288\); expected width and height, multiples of 64"):
        import_networks(source, image_size=(192, 288))
    assert checkpoint.encoding == TOP_DOWN | {
        "image_size": [256, 256], "mean": [0.0] * 3, "std": [1.0] * 3, "decoding": "hourglass", "flip_shift": False,
    }  # fmt: skip


def test_nothing_but_idle_skips_is_left_out(tmp_path: Path) -> None:
    """Told apart by size and sum; a skip is idle where as many channels come out as go in."""
    network = import_networks(save(tmp_path / "checkpoint.pt", stacked_hourglass()))["pose"].network
    theirs = state_of("stacked_hourglass_2")
    weights = [key for key in theirs if key.endswith("skip_layer.conv.weight")]
    idle = [key for key in weights if theirs[key].shape[0] == theirs[key].shape[1]]
    assert len(idle) == 29
    gone = {key.replace("weight", last) for key in idle for last in ("weight", "bias")}
    kept = [value for key, value in theirs.items() if key not in gone]
    found, expected = (
        sorted((value.numel(), round(value.double().sum().item(), 6)) for value in values)
        for values in (network.state_dict().values(), kept)
    )
    assert found == expected


def test_integral_regression_reads_volumes(tmp_path: Path) -> None:
    content = integral()
    checkpoint = import_networks(save(tmp_path / "model.pth.tar", content))["pose"]
    assert checkpoint.encoding == TOP_DOWN | {"image_size": [256, 256], "decoding": "integral", "flip_shift": False}
    assert answers(checkpoint.network, torch.zeros(1, 3, 64, 64))[0].shape == (1, 18, 64, 16, 16)
    state = weights_in(content)
    state |= {
        "module.head.features.9.weight": torch.zeros(17, 32, 1, 1),
        "module.head.features.9.bias": torch.zeros(17),
    }
    with pytest.raises(FileError, match="predicts 17 maps; expected 64 for each joint"):
        import_networks(save(tmp_path / "b.pth.tar", content))


def test_lightweight_openpose_reads_whole_pictures(tmp_path: Path) -> None:
    content = lightweight_openpose()
    checkpoint = import_networks(save(tmp_path / "checkpoint_iter_370000.pth", content))["pose"]
    assert checkpoint.settings == LightweightOpenPoseSettings(width=4, channels=16, initial_channels=64)
    encoding = dict(checkpoint.encoding)
    mean, std = encoding.pop("mean"), encoding.pop("std")
    assert encoding == {"name": "bottom_up", "image_height": 256, "colour": "bgr", "stride": 8}
    values = torch.tensor([0.0, 128.0, 255.0])
    normalised = (values / 255 - mean[0]) / std[0]
    torch.testing.assert_close(normalised, (values - 128) / 256)
    state = weights_in(content)
    for layer in ("initial_stage", "refinement_stages.0"):
        for last in ("weight", "bias"):
            state[f"{layer}.heatmaps.1.0.{last}"] = state[f"{layer}.heatmaps.1.0.{last}"][:15]
    with pytest.raises(FileError, match="predicts 14 joints; expected the 18"):
        import_networks(save(tmp_path / "b.pth", content))


def test_tensors_that_claim_more_than_there_is_are_refused(tmp_path: Path) -> None:
    """One number may be stored as if it were a million; the sizes of a network are taken from such claims."""
    content = hrnet()
    content["final_layer.weight"] = torch.zeros(1).expand(17, 4, 1, 1)
    with pytest.raises(FileError, match="a tensor claims more numbers than the file holds"):
        import_networks(save(tmp_path / "a_256x192.pth", content))
