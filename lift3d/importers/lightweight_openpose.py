"""Lightweight OpenPose's checkpoints (``checkpoint_iter_370000.pth``, Osokin 2018), trained on COCO.

They hold a dict with ``state_dict``. Pictures are BGR, ``(value - 128) / 256`` for values to 255, 256 pixels high.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from lift3d.checkpoints import Checkpoint
from lift3d.errors import FileError
from lift3d.importers._entry import ImporterEntry
from lift3d.importers._state import find_state, network_from, numbered
from lift3d.networks.lightweight_openpose import LightweightOpenPoseSettings
from lift3d.skeletons import get_skeleton

__all__ = ["IMPORTER", "own_key"]

_MARKER = "initial_stage.pafs.1.0.weight"
_IMAGE_HEIGHT = 256


def own_key(published: str) -> str:
    """Our name of a tensor of the published state dict.

    >>> own_key("refinement_stages.0.trunk.3.trunk.1.0.weight")
    'stages.1.trunk.3.trunk.1.0.weight'
    """
    first, _, rest = published.partition(".")
    if first == "model":
        return f"backbone.{_backbone(rest)}"
    if first == "cpm":
        return f"neck.{re.sub('^conv', 'smooth', rest)}"
    if first == "refinement_stages":
        number, _, rest = rest.partition(".")
        return f"stages.{int(number) + 1}.{_stage(rest).replace('.initial.', '.enter.')}"
    if first == "initial_stage":
        return f"stages.0.{_stage(rest)}"
    raise KeyError(published)


def _backbone(rest: str) -> str:
    """A layer of MobileNet: depthwise at 0 and 1, pointwise at 3 and 4; the first layer is a plain convolution."""
    number, layer, last = rest.split(".")
    if number == "0":
        return rest
    return f"{number}.{int(layer) // 3}.{int(layer) % 3}.{last}"


def _stage(rest: str) -> str:
    """A trunk as it is; of the branches the two convolutions, with a ReLU between them."""
    name, _, place = rest.partition(".")
    if name == "trunk":
        return rest
    number, _layer, last = place.split(".")
    return f"{ {'heatmaps': 'heatmaps', 'pafs': 'fields'}[name] }.{2 * int(number)}.{last}"


def _recognises(content: Any) -> bool:
    return find_state(content, _MARKER) is not None


def _convert(path: Path, content: Any) -> dict[str, Checkpoint]:
    state = find_state(content, _MARKER)
    assert state is not None
    try:
        settings = LightweightOpenPoseSettings(
            joints=len(state["initial_stage.heatmaps.1.0.weight"]) - 1,
            limbs=len(state[_MARKER]) // 2,
            refinements=numbered(state, "refinement_stages."),
            width=len(state["model.0.0.weight"]),
            channels=len(state["cpm.align.0.weight"]),
            initial_channels=state[_MARKER].shape[1],
        )
    except (KeyError, TypeError, IndexError) as error:
        raise FileError(path, f"its tensors are not those of Lightweight OpenPose ({error})") from error
    joints = get_skeleton("body18")
    if settings.joints != len(joints):
        raise FileError(path, f"predicts {settings.joints} joints; expected the {len(joints)} of Lightweight OpenPose")
    checkpoint = Checkpoint(
        network=network_from(path, "lightweight_openpose", settings, state, own_key),
        settings=settings,
        name="lightweight_openpose",
        skeleton=joints,
        input_skeleton=joints,
        encoding={
            "name": "bottom_up",
            "image_height": _IMAGE_HEIGHT,
            "colour": "bgr",
            "mean": [128 / 255] * 3,
            "std": [256 / 255] * 3,
            "stride": 8,
        },
        extra={"source": f"Lightweight OpenPose, {path.name}", "licence": "the published weights: Apache-2.0"},
    )
    return {"pose": checkpoint}


IMPORTER = ImporterEntry(
    name="lightweight_openpose",
    networks=("lightweight_openpose",),
    about="Lightweight OpenPose (Osokin 2018), .pth: all people in a picture.",
    options=(),
    recognises=_recognises,
    convert=_convert,
)
