"""Learnable triangulation's checkpoints (Iskakov et al. 2019): ``weights.pth`` of both networks, and their backbone.

The algebraic and the volumetric network are told apart by their keys. A volumetric file does not say how views were
made one, unless it has confidences: softmax is taken, as in the published file, unless told. The backbone alone
(``pose_resnet_4.5_pixels_human36m.pth``) has SimpleBaseline's keys and is read here only if asked for by name, unless
it has the confidences that only this publication has. Projections and points are in millimetres, the cuboid is turned
about z, and pictures are square crops in BGR order, normalised with the statistics of RGB order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from lift3d.checkpoints import Checkpoint
from lift3d.errors import FileError
from lift3d.importers import simple_baseline
from lift3d.importers._entry import ImporterEntry
from lift3d.importers._picture_networks import IMAGENET, joints_of, picture_size, resnet_settings, top_down
from lift3d.importers._state import find_state, network_from, numbered
from lift3d.networks._deconvolutions import DeconvolutionSettings
from lift3d.networks.algebraic_triangulation import AlgebraicTriangulationSettings
from lift3d.networks.simple_baseline import SimpleBaselineSettings
from lift3d.networks.v2v import V2VSettings
from lift3d.networks.volumetric_triangulation import VolumetricTriangulationSettings
from lift3d.skeletons import Skeleton, get_skeleton
from lift3d.volumes.aggregation import check_aggregation

__all__ = ["IMPORTER", "own_key", "own_v2v_key"]

_DEEPEST, _UPSAMPLING, _HEATMAPS = "layer4.0.conv1.weight", "deconv_layers.0.weight", "final_layer.weight"
_VOLUMES = "volume_net.output_layer.weight"
_CONFIDENCES = ("alg_confidences.", "vol_confidences.")
_JOINTS = get_skeleton("human36m17").only(
    (
        "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "spine", "thorax",
        "head", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist",
        "neck_nose",
    )
)  # fmt: skip

# parts of the published networks: ours
_OF_BACKBONE = {"deconv_layers": "upsampling", "final_layer": "heatmaps"}
_OF_CONFIDENCES = {"features.0": "features.0.0", "features.1": "features.0.1", "features.4": "features.1.0"}
_OF_CONFIDENCES |= {"features.5": "features.1.1", "head.0": "head.0", "head.2": "head.2", "head.4": "head.4"}
_OF_V2V = {"encoder_res": "down", "skip_res": "skips", "decoder_res": "before_up", "decoder_upsample": "up"}
# by network: what no answer depends on
_IDLE = {
    "algebraic_triangulation": ("backbone.vol_confidences.",),
    "volumetric_triangulation": ("backbone.final_layer.", "backbone.alg_confidences."),
    "simple_baseline": _CONFIDENCES,
}
_LAYERS = {"res_branch": "branch.", "skip_con": "shortcut.", "block": ""}


def own_key(published: str) -> str:
    """Our name of a tensor of the algebraic or the volumetric network.

    >>> own_key("backbone.alg_confidences.features.4.weight"), own_key("process_features.0.bias")
    ('confidences.features.1.0.weight', 'reduce.bias')
    """
    first, _, rest = published.partition(".")
    if first == "volume_net":
        return f"volume_network.{own_v2v_key(rest)}"
    if first == "process_features":
        return f"reduce.{rest.removeprefix('0.')}"
    if first != "backbone":
        raise KeyError(published)
    part, _, rest = rest.partition(".")
    if f"{part}." in _CONFIDENCES:
        layer, _, last = rest.rpartition(".")
        return f"confidences.{_OF_CONFIDENCES[layer]}.{last}"
    return f"{_OF_BACKBONE[part]}.{rest}" if part in _OF_BACKBONE else published


def own_v2v_key(published: str) -> str:
    """Our name of a tensor of the volume-to-volume network.

    >>> own_v2v_key("encoder_decoder.decoder_upsample2.block.1.bias"), own_v2v_key("front_layers.1.skip_con.0.bias")
    ('up.1.1.bias', 'front.1.shortcut.0.bias')
    """
    first, _, rest = published.partition(".")
    if first == "output_layer":
        return f"output.{rest}"
    if first in ("front_layers", "back_layers"):
        number, layer, last = rest.split(".", 2)
        return f"{first.removesuffix('_layers')}.{number}.{_LAYERS[layer]}{last}"
    if first != "encoder_decoder":
        raise KeyError(published)
    unit, layer, last = rest.split(".", 2)
    if unit == "mid_res":
        return f"middle.{_LAYERS[layer]}{last}"
    name = unit.rstrip("0123456789")
    return f"{_OF_V2V[name]}.{int(unit.removeprefix(name)) - 1}.{_LAYERS[layer]}{last}"


def _network_state(content: Any) -> dict[str, Tensor] | None:
    """The state dict of either network."""
    state = find_state(content, f"backbone.{_DEEPEST}")
    return state if state is not None and f"backbone.{_UPSAMPLING}" in state else None


def _backbone_state(content: Any) -> dict[str, Tensor] | None:
    """The state dict of the backbone alone."""
    state = find_state(content, _DEEPEST)
    return state if state is not None and {_UPSAMPLING, _HEATMAPS} <= set(state) else None


def _recognises(content: Any) -> bool:
    state = _backbone_state(content)
    return _network_state(content) is not None or any(key.startswith(_CONFIDENCES) for key in state or ())


def _accepts(content: Any) -> bool:
    return _network_state(content) is not None or _backbone_state(content) is not None


def _convert(
    path: Path,
    content: Any,
    skeleton: str | Skeleton | None = None,
    image_size: Sequence[int] = (384, 384),
    aggregation: str | None = None,
) -> dict[str, Checkpoint]:
    size, state = picture_size(path, image_size), _network_state(content)
    if aggregation is not None:
        check_aggregation(aggregation)
    try:
        if state is None:
            state, described = _backbone_state(content) or {}, _detector
        else:
            described = _volumetric if _VOLUMES in state else _algebraic
        name, joints, settings = described(path, state, aggregation)
    except (KeyError, TypeError, IndexError) as error:
        raise FileError(path, f"its tensors are not those of learnable triangulation ({error})") from error
    detects = described is _detector
    used = {key: value for key, value in state.items() if not key.startswith(_IDLE[name])}
    predicted = _skeleton(path, joints, skeleton)
    checkpoint = Checkpoint(
        network=network_from(path, name, settings, used, simple_baseline.own_key if detects else own_key),
        settings=settings,
        name=name,
        skeleton=predicted,
        input_skeleton=predicted,
        encoding=_detector_reading(size) if detects else _views_reading(size),
        extra={"source": f"Learnable triangulation, {path.name}", "licence": "the published weights: MIT"},
    )
    return {"pose": checkpoint}


def _algebraic(path: Path, state: Mapping[str, Tensor], _: str | None) -> tuple[str, int, Any]:
    """The network's name, how many joints it predicts and its settings."""
    width = state.get("backbone.alg_confidences.features.0.weight")
    settings = AlgebraicTriangulationSettings(
        joints=len(state[f"backbone.{_HEATMAPS}"]),
        backbone=resnet_settings(path, state, "backbone.", "pytorch"),
        upsampling=_upsampling(state, "backbone."),
        confidences=width is not None,
        confidence_width=512 if width is None else len(width),
        half_pixel=False,
    )
    return "algebraic_triangulation", settings.joints, settings


def _volumetric(path: Path, state: Mapping[str, Tensor], aggregation: str | None) -> tuple[str, int, Any]:
    width = state.get("backbone.vol_confidences.features.0.weight")
    settings = VolumetricTriangulationSettings(
        backbone=resnet_settings(path, state, "backbone.", "pytorch"),
        upsampling=_upsampling(state, "backbone."),
        aggregation=aggregation or ("softmax" if width is None else "confidence"),
        volume_network=_v2v_settings(state),
        confidence_width=512 if width is None else len(width),
        half_pixel=False,
    )
    return "volumetric_triangulation", settings.volume_network.outputs, settings


def _detector(path: Path, state: Mapping[str, Tensor], _: str | None) -> tuple[str, int, Any]:
    settings = SimpleBaselineSettings(
        joints=len(state[_HEATMAPS]),
        backbone=resnet_settings(path, state, "", "pytorch"),
        upsampling=_upsampling(state, ""),
    )
    return "simple_baseline", settings.joints, settings


def _v2v_settings(state: Mapping[str, Tensor]) -> V2VSettings:
    first = state["volume_net.front_layers.0.block.0.weight"]
    down = "volume_net.encoder_decoder.encoder_res"
    levels = numbered(state, down)
    at_full_size = state[f"{down}1.res_branch.0.weight"].shape[1]
    back = [key for key in state if key.startswith("volume_net.back_layers.")]
    units = sum(key.endswith(".res_branch.0.weight") for key in back)
    return V2VSettings(
        inputs=first.shape[1],
        outputs=len(state[_VOLUMES]),
        front_kernel=first.shape[-1],
        front_channels=len(first),
        front_units=numbered(state, "volume_net.front_layers.") - 1,
        channels=(at_full_size, *(len(state[f"{down}{level + 1}.res_branch.0.weight"]) for level in range(levels))),
        back_units=units,
        back_layers=numbered(state, "volume_net.back_layers.") - units,
    )


def _upsampling(state: Mapping[str, Tensor], prefix: str) -> DeconvolutionSettings:
    layers = [value for key, value in state.items() if key.startswith(f"{prefix}deconv_layers.") and value.ndim == 4]
    return DeconvolutionSettings(len(layers), state[f"{prefix}{_UPSAMPLING}"].shape[1])


def _detector_reading(size: list[int]) -> dict[str, Any]:
    return top_down(size, colour="bgr", box_scale=1.0, decoding="sharp_integral", flip_shift=False)


def _views_reading(size: list[int]) -> dict[str, Any]:
    """How pictures go into a network of several views, and the unit of its projections and points."""
    known = {"name": "pictures_of_views", "image_size": size, "colour": "bgr", **IMAGENET}
    return {**known, "box_scale": 1.0, "unit": "mm"}


def _skeleton(path: Path, joints: int, told: str | Skeleton | None) -> Skeleton:
    """The one told, else the published 17 joints: those of human36m17 in the order of MPII, the nose last."""
    return joints_of(path, joints, _JOINTS if told is None and joints == len(_JOINTS) else told, {})


IMPORTER = ImporterEntry(
    name="learnable_triangulation",
    networks=("algebraic_triangulation", "volumetric_triangulation", "simple_baseline"),
    about="Learnable triangulation (Iskakov et al. 2019), weights.pth; its backbone alone with --from.",
    options=("skeleton", "image_size", "aggregation"),
    recognises=_recognises,
    accepts=_accepts,
    convert=_convert,
)
