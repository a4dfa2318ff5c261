"""Learnable triangulation's files: told apart by their keys, the same numbers, and how pictures go in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from published_files import learnable_triangulation, parallel, save, simple_baseline
from torch import Tensor

from lift3d.checkpoints import load_network
from lift3d.cli import _run
from lift3d.errors import FileError, InputError, UnknownNameError
from lift3d.importers import import_networks
from lift3d.networks.algebraic_triangulation import AlgebraicTriangulationSettings
from lift3d.networks.v2v import V2VSettings

IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
JOINTS = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "spine", "thorax",
    "head", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "neck_nose",
)  # fmt: skip


def without(state: dict[str, Tensor], *prefixes: str) -> dict[str, Tensor]:
    return {key: value for key, value in state.items() if not key.startswith(prefixes)}


def backbone_alone(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix("backbone."): value for key, value in state.items() if key.startswith("backbone.")}


@pytest.mark.parametrize("wrap", [dict, lambda state: {"state_dict": parallel(state), "epoch": 3}])
def test_the_two_networks_are_told_apart(wrap: Any, tmp_path: Path) -> None:
    algebraic = import_networks(save(tmp_path / "weights.pth", wrap(learnable_triangulation("algebraic"))))["pose"]
    assert (algebraic.name, algebraic.skeleton.joints) == ("algebraic_triangulation", JOINTS)
    assert algebraic.settings.backbone.layers == 152
    assert algebraic.settings.confidences
    assert not algebraic.settings.half_pixel
    volumetric = import_networks(save(tmp_path / "weights.pth", wrap(learnable_triangulation("volumetric"))))["pose"]
    assert (volumetric.name, volumetric.skeleton.joints) == ("volumetric_triangulation", JOINTS)
    assert volumetric.settings.volume_network == V2VSettings(4, 17, 7, 2, 3, (4, 8, 16, 16, 16, 16))
    assert (volumetric.settings.side, volumetric.settings.cells) == (2500.0, 64)
    for checkpoint in (algebraic, volumetric):
        assert checkpoint.encoding == {
            "name": "pictures_of_views", "image_size": [384, 384], "colour": "bgr", **IMAGENET, "box_scale": 1.0,
            "unit": "mm",
        }  # fmt: skip


def test_a_pelvis_is_the_root_and_left_is_right_mirrored(tmp_path: Path) -> None:
    joints = import_networks(save(tmp_path / "weights.pth", learnable_triangulation("algebraic")))["pose"].skeleton
    assert joints.parents[joints.index("pelvis")] == -1
    assert joints.flip_order == (5, 4, 3, 2, 1, 0, 6, 7, 8, 9, 15, 14, 13, 12, 11, 10, 16)


def test_how_views_are_made_one_is_taken_from_the_confidences_or_told(tmp_path: Path) -> None:
    state = learnable_triangulation("volumetric")
    source = save(tmp_path / "weights.pth", state)
    assert import_networks(source)["pose"].settings.aggregation == "confidence"
    source = save(tmp_path / "weights.pth", without(state, "backbone.vol_confidences."))
    assert import_networks(source)["pose"].settings.aggregation == "softmax"
    target = tmp_path / "own.safetensors"
    assert _run(["convert", str(source), str(target), "--aggregation", "sum"]) == 0
    assert load_network(target).settings.aggregation == "sum"
    with pytest.raises(UnknownNameError, match="No aggregation of views named 'total'"):
        import_networks(source, aggregation="total")
    with pytest.raises(FileError, match=r"its tensors are not those of the published network .*confidences"):
        import_networks(source, aggregation="confidence")


def test_views_count_alike_where_no_confidences_were_learned(tmp_path: Path) -> None:
    state = without(learnable_triangulation("algebraic"), "backbone.alg_confidences.")
    checkpoint = import_networks(save(tmp_path / "weights.pth", state))["pose"]
    assert isinstance(checkpoint.settings, AlgebraicTriangulationSettings)
    assert not checkpoint.settings.confidences


def test_idle_tensors_of_the_volumetric_network_are_left_out(tmp_path: Path) -> None:
    """Its heatmaps, on which no answer depends."""
    state = learnable_triangulation("volumetric")
    network = import_networks(save(tmp_path / "weights.pth", state))["pose"].network
    found, expected = (
        sorted((value.numel(), round(value.double().sum().item(), 6)) for value in values)
        for values in (network.state_dict().values(), without(state, "backbone.final_layer").values())
    )
    assert found == expected


def test_the_backbone_alone_is_a_detector(tmp_path: Path) -> None:
    """By name, since its keys are SimpleBaseline's; by itself if it has the confidences."""
    state = backbone_alone(learnable_triangulation("algebraic"))
    told = save(tmp_path / "pose_resnet_4.5_pixels_human36m.pth", {"state_dict": parallel(without(state, "alg_conf"))})
    recognised = save(tmp_path / "backbone.pth", state)
    images, answers = torch.randn(1, 3, 64, 64), []
    for source, importer in ((told, "learnable_triangulation"), (recognised, None)):
        detector = import_networks(source, importer)["pose"]
        assert (detector.name, detector.skeleton.joints) == ("simple_baseline", JOINTS)
        assert detector.encoding == {
            "name": "top_down", "image_size": [384, 384], "colour": "bgr", **IMAGENET, "box_scale": 1.0,
            "decoding": "sharp_integral", "half_pixel": False, "flip_shift": False,
        }  # fmt: skip
        with torch.no_grad():
            answers.append(detector.network(images)[0])
    assert torch.equal(*answers)
    with pytest.raises(FileError, match=r"Of learnable triangulation's backbone: --from learnable_triangulation"):
        import_networks(told)


def test_simple_baselines_files_stay_simple_baselines(tmp_path: Path) -> None:
    source = save(tmp_path / "pose_resnet_50_256x192.pth.tar", simple_baseline())
    assert import_networks(source, style="pytorch")["pose"].skeleton.name == "coco17"


def test_other_joints_are_asked_for(tmp_path: Path) -> None:
    state = learnable_triangulation("algebraic")
    for last in ("final_layer", "alg_confidences.head.4"):
        for what in ("weight", "bias"):
            state[f"backbone.{last}.{what}"] = state[f"backbone.{last}.{what}"][:16]
    source = save(tmp_path / "weights.pth", state)
    assert import_networks(source, skeleton="mpii16")["pose"].settings.joints == 16
    with pytest.raises(FileError, match=r"does not say what its 16 joints are\. Pass --skeleton"):
        import_networks(source)
    with pytest.raises(InputError, match=r"\(380, 384\); expected width and height, multiples of 32"):
        import_networks(source, skeleton="mpii16", image_size=(380, 384))


def test_parts_that_are_not_known_are_refused_in_one_line(tmp_path: Path) -> None:
    for extra in ("transformer.weight", "backbone.ransac.weight", "volume_net.encoder_decoder.side_res1.block.0.bias"):
        state = learnable_triangulation("volumetric") | {extra: torch.zeros(3)}
        with pytest.raises(FileError, match="are not those of the published network") as caught:
            import_networks(save(tmp_path / "weights.pth", state))
        assert "\n" not in str(caught.value)
