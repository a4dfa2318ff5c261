"""Files laid out as they are published go through the command and come back as networks that answer the same."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from published_files import (
    hrnet,
    integral,
    learnable_triangulation,
    lightweight_openpose,
    martinez,
    martinez_statistics,
    mmpose_tcn,
    motionbert,
    save,
    simple_baseline,
    stacked_hourglass,
    state_of,
    videopose3d,
    weights_in,
)
from published_networks import published

from lift3d.checkpoints import Checkpoint, load_network
from lift3d.cli import _run
from lift3d.detection.readings import reading_named
from lift3d.errors import FileError, InputError, UnknownNameError
from lift3d.importers import all_importers, import_networks
from lift3d.lifting.encodings import encoding_named
from lift3d.networks.dstformer import DstformerSettings
from lift3d.networks.temporal_conv import TemporalConvSettings
from lift3d.settings import from_mapping

LIFTERS = {"martinez": martinez, "mmpose_tcn": mmpose_tcn, "motionbert": motionbert, "videopose3d": videopose3d}
OF_PICTURES = {
    "hrnet": hrnet,
    "integral": integral,
    "lightweight_openpose": lightweight_openpose,
    "simple_baseline": simple_baseline,
    "stacked_hourglass": stacked_hourglass,
}
FILES = LIFTERS | OF_PICTURES | {"learnable_triangulation": learnable_triangulation}
SKELETONS = {
    "hrnet": "coco17",
    "integral": "human36m18",
    "learnable_triangulation": "human36m17[17]",
    "lightweight_openpose": "body18",
    "simple_baseline": "coco17",
    "stacked_hourglass": "mpii16",
}


def told(name: str, statistics: list[Path]) -> dict[str, Any]:
    """What a file does not say, by the options' names."""
    return {
        "martinez": {"statistics": statistics},
        "videopose3d": {"skeleton": "coco17"},
        "hrnet": {"image_size": (192, 256)},
        "simple_baseline": {"style": "caffe", "image_size": (192, 256)},
    }.get(name, {})


def as_words(options: dict[str, Any]) -> list[object]:
    """The same for the command line."""
    words: list[object] = []
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        if name == "statistics":
            words += [word for one in value for word in (option, one)]
        else:
            words += [option, *(value if isinstance(value, tuple) else (value,))]
    return words


def converted(folder: Path, source: Path, *words: object) -> Checkpoint:
    """What the command makes of a file."""
    target = folder / "own.safetensors"
    assert _run(["convert", str(source), str(target), *(str(word) for word in words)]) == 0
    return load_network(target)


@pytest.fixture
def statistics(tmp_path: Path) -> list[Path]:
    return [save(tmp_path / f"stat_{axes}d.pth.tar", martinez_statistics(axes)) for axes in (2, 3)]


def test_there_is_a_file_for_every_importer() -> None:
    assert set(all_importers()) == set(FILES)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("name", FILES)
def test_files_are_told_apart_and_converted(
    name: str, old: bool, tmp_path: Path, statistics: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    source = save(tmp_path / "published.bin", FILES[name](), old)
    checkpoint = converted(tmp_path, source, *as_words(told(name, statistics)))
    assert f"own.safetensors: pose network, {checkpoint.name}" in capsys.readouterr().out
    assert checkpoint.name in all_importers()[name].networks
    assert checkpoint.skeleton.name == SKELETONS.get(name, "human36m17")
    assert checkpoint.extra["source"].endswith("published.bin")
    assert "licence" in checkpoint.extra
    values = {key: value for key, value in checkpoint.encoding.items() if key != "name"}
    if name in OF_PICTURES:
        assert set(values) == {one.name for one in fields(reading_named(checkpoint.encoding["name"]).settings)}
        from_mapping(reading_named(checkpoint.encoding["name"]).settings, values)
    elif name in LIFTERS:
        encoding = encoding_named(checkpoint.encoding["name"])
        settings = from_mapping(encoding.settings, values)
        assert encoding.features(len(checkpoint.input_skeleton), settings) == checkpoint.settings.inputs
        assert encoding.outputs(len(checkpoint.skeleton), settings) == checkpoint.settings.outputs


def test_told_kinds_are_checked(tmp_path: Path) -> None:
    source = save(tmp_path / "best.bin", motionbert())
    assert import_networks(source, "motionbert")["pose"].name == "dstformer"
    with pytest.raises(FileError, match=r"has not the keys of videopose3d: epoch, lr, .*Leave out --from"):
        import_networks(source, "videopose3d")
    with pytest.raises(UnknownNameError, match="Did you mean 'motionbert'"):
        import_networks(source, "motion_bert")
    with pytest.raises(InputError, match="'motionbert' does not take 'causal'; it takes no options"):
        import_networks(source, causal=True)


def test_other_files_are_refused_in_one_line(tmp_path: Path) -> None:
    for content, problem in (({"epoch": 3, "weights": [1.0]}, "holds epoch, weights"), ([1, 2], "holds a list")):
        with pytest.raises(FileError, match=rf"no published checkpoint .* {problem}"):
            import_networks(save(tmp_path / "other.bin", content))


@pytest.mark.parametrize("name", FILES)
def test_tensors_missing_or_of_another_shape_are_refused(name: str, tmp_path: Path, statistics: list[Path]) -> None:
    options, content = told(name, statistics), FILES[name]()
    state = weights_in(content)
    whole = dict(state)
    keys = [key for key in whole if not key.endswith("num_batches_tracked")]  # which PyTorch before 0.4.1 did not write
    for key in keys[:: len(keys) // (12 if name in LIFTERS else 2) + 1]:
        for wrong in (None, torch.zeros(3, 2)):
            state.clear()
            state.update({one: value for one, value in whole.items() if one != key})
            if wrong is not None:
                state[key] = wrong
            with pytest.raises(FileError) as caught:
                import_networks(save(tmp_path / "damaged.bin", content), **options)
            assert "\n" not in str(caught.value)


def test_loading_leaves_the_random_numbers_alone(tmp_path: Path) -> None:
    source = save(tmp_path / "a.bin", videopose3d())
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    import_networks(source, skeleton="coco17")
    assert torch.equal(torch.rand(4), expected)


def test_videopose3d_sizes_and_joints(tmp_path: Path) -> None:
    source = save(tmp_path / "pretrained.bin", videopose3d())
    checkpoint = converted(tmp_path, source, "--skeleton", "coco17", "--causal")
    assert checkpoint.settings == TemporalConvSettings(34, 51, (3, 3, 3), channels=16, causal=True)
    assert (checkpoint.input_skeleton.name, checkpoint.skeleton.name) == ("coco17", "human36m17")
    assert checkpoint.encoding == {"name": "screen", "with_scores": False}
    with pytest.raises(FileError, match=r"17 joints are that it is given\. Pass --skeleton .*human36m17.*coco17"):
        import_networks(source)
    with pytest.raises(FileError, match="is given 17 joints; skeleton 'mpii16' has 16"):
        import_networks(source, skeleton="mpii16")


def test_videopose3d_trajectory_lies_beside_the_poses(tmp_path: Path) -> None:
    source = save(tmp_path / "pretrained.bin", videopose3d(trajectory=True))
    converted(tmp_path, source, "--skeleton", "coco17")
    trajectory = load_network(tmp_path / "own_trajectory.safetensors")
    assert (trajectory.settings.outputs, trajectory.skeleton.joints) == (3, ("pelvis",))
    assert (trajectory.network.window, trajectory.input_skeleton.name) == (243, "coco17")
    assert trajectory.encoding["answer"] == "trajectory"  # which lifting refuses: it is no pose


@pytest.mark.parametrize(("joints", "outputs", "given"), [(15, 45, "humaneva15"), (16, 51, "mpii16")])
def test_videopose3d_knows_other_joints_by_their_number(joints: int, outputs: int, given: str, tmp_path: Path) -> None:
    content = videopose3d()
    state = content["model_pos"]
    state["expand_conv.weight"] = torch.randn(16, 2 * joints, 3)
    state["shrink.weight"], state["shrink.bias"] = torch.randn(outputs, 16, 1), torch.randn(outputs)
    checkpoint = import_networks(save(tmp_path / "a.bin", content))["pose"]
    assert (checkpoint.input_skeleton.name, 3 * len(checkpoint.skeleton)) == (given, outputs)


def test_videopose3d_answers_as_published(tmp_path: Path) -> None:
    """The golden network, as a bare state dict in a file, with its own answer."""
    golden = published("videopose3d_27")
    network = converted(tmp_path, save(tmp_path / "a.bin", dict(golden.state)), "--skeleton", "human36m17").network
    golden.assert_answers(network(golden.features.flatten(2)))


def test_mmpose_is_videopose3d_under_other_names(tmp_path: Path) -> None:
    ours = converted(tmp_path, save(tmp_path / "a.pth", mmpose_tcn()))
    theirs = import_networks(save(tmp_path / "b.bin", videopose3d()), skeleton="human36m17")["pose"]
    assert ours.settings == theirs.settings
    features = torch.randn(2, 30, 34)
    assert torch.equal(ours.network(features), theirs.network(features))
    old_names = {key.replace("head.", "keypoint_head."): value for key, value in mmpose_tcn()["state_dict"].items()}
    again = import_networks(save(tmp_path / "c.pth", old_names))["pose"]
    assert torch.equal(again.network(features), theirs.network(features))


def test_mmposes_single_frame_lifters_are_refused(tmp_path: Path) -> None:
    content = mmpose_tcn()
    content["state_dict"]["head.conv.weight"] = torch.zeros(48, 16, 1)
    content["state_dict"]["head.conv.bias"] = torch.zeros(48)
    with pytest.raises(FileError, match="predicts 48 numbers; expected the 51"):
        import_networks(save(tmp_path / "a.pth", content))


def test_motionbert_sizes(tmp_path: Path) -> None:
    checkpoint = converted(tmp_path, save(tmp_path / "best.bin", motionbert()))
    assert checkpoint.settings == DstformerSettings(longest=27, hidden=16, representation=16)
    assert checkpoint.encoding == {"name": "screen", "with_scores": True, "answer": "screen"}
    assert checkpoint.input_skeleton.name == "human36m17"
    content = motionbert()
    content["model_pos"]["module.joints_embed.weight"] = torch.randn(16, 2)
    assert import_networks(save(tmp_path / "b.bin", content))["pose"].encoding["with_scores"] is False


def test_motionbert_keeps_every_tensor(tmp_path: Path) -> None:
    """Told apart by size and sum; the embeddings lose their batch axis of length 1."""
    network = import_networks(save(tmp_path / "best.bin", motionbert()))["pose"].network
    ours, theirs = (
        sorted((value.numel(), value.double().sum().item()) for value in state.values())
        for state in (network.state_dict(), state_of("motionbert"))
    )
    assert [size for size, _ in ours] == [size for size, _ in theirs]
    np.testing.assert_allclose([total for _, total in ours], [total for _, total in theirs])
