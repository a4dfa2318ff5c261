"""SimpleBaseline's checkpoints (``.pth.tar``, Xiao et al. 2018), from its authors or from MMPose (``.pth``).

Published files: ``pose_resnet_50_256x192.pth.tar`` and its kin: bare state dicts. The same tensors belong to two
networks, those of the "pytorch" and of the "caffe" style, which answer differently: the style must be told. The
authors' pictures are in BGR order, normalised with the statistics of RGB order; MMPose's are RGB.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lift3d.checkpoints import Checkpoint
from lift3d.errors import FileError, InputError
from lift3d.importers._entry import ImporterEntry
from lift3d.importers._picture_networks import find_published, joints_of, picture_size, resnet_settings, top_down
from lift3d.importers._state import network_from
from lift3d.networks._deconvolutions import DeconvolutionSettings
from lift3d.networks._resnet import STYLES
from lift3d.networks.simple_baseline import SimpleBaselineSettings
from lift3d.skeletons import Skeleton

__all__ = ["IMPORTER", "own_key"]

_MARKER, _HEAD = "layer4.0.conv1.weight", "deconv_layers.0.weight"
_PARTS = {"deconv_layers": "upsampling", "final_layer": "heatmaps"}
_BACKBONE = ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4")


def own_key(published: str) -> str:
    """Our name of a tensor of the published state dict.

    >>> own_key("layer2.0.downsample.1.bias")
    'backbone.layer2.0.downsample.1.bias'
    """
    first, _, rest = published.partition(".")
    return f"backbone.{published}" if first in _BACKBONE else f"{_PARTS[first]}.{rest}"


def _recognises(content: Any) -> bool:
    return find_published(content, _MARKER, _HEAD) is not None


def _convert(
    path: Path,
    content: Any,
    style: str | None = None,
    skeleton: str | Skeleton | None = None,
    image_size: Sequence[int] | None = None,
) -> dict[str, Checkpoint]:
    found = find_published(content, _MARKER, _HEAD)
    assert found is not None
    state, mmpose = found
    if style is None:
        raise FileError(
            path, "its tensors fit networks of the pytorch and of the caffe style, which answer differently",
            "Pass --style pytorch or --style caffe (style=...), as its source calls it; MMPose's are pytorch. "
            "Of learnable triangulation's backbone: --from learnable_triangulation.",
        )  # fmt: skip
    if style not in STYLES:
        raise InputError(f"style is {style!r}; expected one of {', '.join(map(repr, STYLES))}.")
    count = sum(key.startswith("deconv_layers.") and value.ndim == 4 for key, value in state.items())
    try:
        settings = SimpleBaselineSettings(
            joints=len(state["final_layer.weight"]),
            backbone=resnet_settings(path, state, "", style),
            upsampling=DeconvolutionSettings(count, state[_HEAD].shape[1]),
        )
    except (KeyError, TypeError, IndexError) as error:
        raise FileError(path, f"its tensors are not those of SimpleBaseline ({error})") from error
    joints = joints_of(path, settings.joints, skeleton)
    source, licence, colour = ("MMPose", "Apache-2.0", "rgb") if mmpose else ("SimpleBaseline", "MIT", "bgr")
    checkpoint = Checkpoint(
        network=network_from(path, "simple_baseline", settings, state, own_key),
        settings=settings,
        name="simple_baseline",
        skeleton=joints,
        input_skeleton=joints,
        encoding=top_down(picture_size(path, image_size), colour=colour),
        extra={"source": f"{source}, {path.name}", "licence": f"the published weights: {licence}"},
    )
    return {"pose": checkpoint}


IMPORTER = ImporterEntry(
    name="simple_baseline",
    networks=("simple_baseline",),
    about="SimpleBaseline (Xiao et al. 2018) from its authors or MMPose, .pth.tar; the style must be told.",
    options=("style", "skeleton", "image_size"),
    recognises=_recognises,
    convert=_convert,
)
