"""Checkpoints of integral regression (``.pth.tar``, Sun et al. 2018): a ResNet with a volume for each joint.

They hold a dict with ``network``, whose keys have DataParallel's ``module.``. A volume has 64 cells along each axis;
x and y are read off cells that lie at whole multiples of the stride, as in the published code. That code reads z as
millimetres over the 2000 mm of its box, or over the box of the picture where only that is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lift3d.checkpoints import Checkpoint
from lift3d.errors import FileError
from lift3d.importers._entry import ImporterEntry
from lift3d.importers._picture_networks import joints_of, picture_size, resnet_settings, top_down
from lift3d.importers._state import find_state, network_from
from lift3d.networks._deconvolutions import DeconvolutionSettings
from lift3d.networks.integral_resnet import IntegralResNetSettings
from lift3d.skeletons import Skeleton

__all__ = ["IMPORTER", "own_key"]

_MARKER = "head.features.0.weight"
_OUTPUT = "head.features.9.weight"
_CELLS = 64  # along each axis of the published volumes


def own_key(published: str) -> str:
    """Our name of a tensor of the published state dict.

    >>> own_key("head.features.9.bias")
    'head.output.bias'
    """
    if published.startswith("backbone."):
        return published
    head, features, layer, last = published.split(".")
    if (head, features) != ("head", "features"):
        raise KeyError(published)
    return f"head.output.{last}" if layer == "9" else f"head.upsampling.{layer}.{last}"


def _recognises(content: Any) -> bool:
    return find_state(content, _MARKER) is not None


def _convert(
    path: Path, content: Any, skeleton: str | Skeleton | None = None, image_size: Sequence[int] = (256, 256)
) -> dict[str, Checkpoint]:
    state = find_state(content, _MARKER)
    assert state is not None
    try:
        channels, upsampled = len(state[_OUTPUT]), state[_MARKER].shape[1]
        backbone = resnet_settings(path, state, "backbone.", "pytorch")
    except (KeyError, TypeError, IndexError) as error:
        raise FileError(path, f"its tensors are not those of integral regression ({error})") from error
    if channels % _CELLS:
        raise FileError(path, f"predicts {channels} maps; expected {_CELLS} for each joint, as published")
    joints = joints_of(path, channels // _CELLS, skeleton, {18: "human36m18"})
    upsampling = DeconvolutionSettings(3, upsampled)
    settings = IntegralResNetSettings(len(joints), depth=_CELLS, backbone=backbone, upsampling=upsampling)
    checkpoint = Checkpoint(
        network=network_from(path, "integral_resnet", settings, state, own_key),
        settings=settings,
        name="integral_resnet",
        skeleton=joints,
        input_skeleton=joints,
        encoding=top_down(picture_size(path, image_size), decoding="integral", flip_shift=False),
        extra={"source": f"Integral Human Pose Regression, {path.name}", "licence": "the published weights: MIT"},
    )
    return {"pose": checkpoint}


IMPORTER = ImporterEntry(
    name="integral",
    networks=("integral_resnet",),
    about="Integral Human Pose Regression (Sun et al. 2018), ResNet to volumes, .pth.tar.",
    options=("skeleton", "image_size"),
    recognises=_recognises,
    convert=_convert,
)
