"""What importers of published networks of pictures share: MMPose's names, joints, picture sizes, the top-down reading.

A file holds tensors alone. What its joints are follows from their number; how large its pictures were is in the names
that the authors gave their files (``pose_hrnet_w32_256x192.pth``, height before width), or must be told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from lift3d.errors import FileError, InputError
from lift3d.importers._state import find_state, numbered
from lift3d.networks._resnet import UNITS, ResNetSettings
from lift3d.skeletons import Skeleton, get_skeleton

__all__ = ["IMAGENET", "find_published", "joints_of", "picture_size", "resnet_settings", "top_down"]

IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}  # of red, green and blue, from 0 to 1
_JOINTS = {16: "mpii16", 17: "coco17"}
_SIZE = re.compile(r"(?<![0-9A-Za-z])(\d{2,4})x(\d{2,4})(?![0-9])")
_PARTS = re.compile(r"^(?:backbone|head|keypoint_head)\.")


def find_published(content: Any, marker: str, head: str) -> tuple[dict[str, Tensor], bool] | None:
    """The state dict under its authors' names, and whether it came from MMPose; None if there is none.

    Args:
        content: of the file.
        marker: a key of the backbone, as its authors named it; MMPose puts ``backbone.`` before it.
        head: a key of the head; MMPose puts ``head.`` before it, ``keypoint_head.`` in versions before 1.0.
    """
    if (state := find_state(content, marker)) is not None:
        return (state, False) if head in state else None
    state = find_state(content, f"backbone.{marker}")
    if state is None or not {f"head.{head}", f"keypoint_head.{head}"} & set(state):
        return None
    return {_PARTS.sub("", key): value for key, value in state.items()}, True


def joints_of(path: Path, count: int, told: str | Skeleton | None, known: Mapping[int, str] = _JOINTS) -> Skeleton:
    """The skeleton of the joints predicted: the one told, else by their number, as ``known`` says.

    Raises:
        FileError: the number says nothing, or is not that of the skeleton told.
    """
    if told is None and count not in known:
        raise FileError(path, f"does not say what its {count} joints are", "Pass --skeleton (skeleton=...).")
    skeleton = get_skeleton(known[count] if told is None else told)
    if len(skeleton) != count:
        raise FileError(path, f"predicts {count} joints; skeleton {skeleton.name!r} has {len(skeleton)}")
    return skeleton


def picture_size(path: Path, told: Sequence[int] | None, multiple: int = 32) -> list[int]:
    """Width and height of the pictures that it was trained on: those told, else those in the file's name.

    Both must be multiples of the network's coarsest stride.

    Raises:
        InputError: the size is not two such multiples.
        FileError: the name holds no size, and none is told.
    """
    if told is None:
        found = _SIZE.findall(path.name)
        if not found:
            advice = "Pass --image-size WIDTH HEIGHT (image_size=(...)), such as 192 256."
            raise FileError(path, "neither its tensors nor its name say the size of its pictures", advice)
        height, width = found[-1]
        told = (int(width), int(height))
    if len(told) != 2 or any(side <= 0 or side % multiple for side in told):
        raise InputError(
            f"The size of the pictures is {tuple(told)}; expected width and height, multiples of {multiple}."
        )
    return list(told)


def resnet_settings(path: Path, state: Mapping[str, Tensor], prefix: str, style: str) -> ResNetSettings:
    """Size of a ResNet, from its tensors under torchvision's names.

    Raises:
        FileError: there is no such ResNet.
    """
    counts = tuple(numbered(state, f"{prefix}layer{layer}.") for layer in (1, 2, 3, 4))
    bottleneck = f"{prefix}layer1.0.conv3.weight" in state
    for layers, (block, published) in UNITS.items():
        if published == counts and (block.expansion == 4) == bottleneck:
            return ResNetSettings(layers, len(state[f"{prefix}conv1.weight"]), style)
    known = ", ".join(map(str, UNITS))
    raise FileError(path, f"has {counts} residual units at strides 4 to 32; expected a ResNet of {known} layers")


def top_down(image_size: Sequence[int], **changes: Any) -> dict[str, Any]:
    """How pictures of one person go in and joints come out: as HRNet's authors do it, but for the changes.

    ``image_size`` is width and height. ``mean`` and ``std`` are of values from 0 to 1, in the order of ``colour``.
    The box is grown by ``box_scale``. Cell c of a heatmap lies at input pixel ``stride * c``, or with ``half_pixel``
    at ``stride * (c + 1/2) - 1/2``. With ``flip_shift`` the heatmaps of the mirrored picture are moved by a cell.
    """
    published = {
        "name": "top_down",
        "image_size": list(image_size),
        "colour": "rgb",
        **IMAGENET,
        "box_scale": 1.25,
        "decoding": "quarter",
        "half_pixel": False,
        "flip_shift": True,
    }
    return published | changes
