"""HRNet's checkpoints (``.pth``, Sun et al. 2019), from its authors or from MMPose.

Published files: ``pose_hrnet_w32_256x192.pth``, ``pose_hrnet_w48_384x288.pth`` (COCO), ``pose_hrnet_w32_256x256.pth``
(MPII): bare state dicts; MMPose's hold a dict with ``state_dict``. Both were trained on RGB.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lift3d.checkpoints import Checkpoint
from lift3d.errors import FileError
from lift3d.importers._entry import ImporterEntry
from lift3d.importers._picture_networks import find_published, joints_of, picture_size, top_down
from lift3d.importers._state import network_from, numbered
from lift3d.networks.hrnet import HrNetSettings
from lift3d.skeletons import Skeleton

__all__ = ["IMPORTER", "own_key"]

_MARKER, _HEAD = "stage2.0.fuse_layers.0.1.0.weight", "final_layer.weight"


def own_key(published: str) -> str:
    """Our name of a tensor of the published state dict.

    >>> own_key("stage3.1.fuse_layers.2.0.1.0.weight")
    'stages.1.1.fusion.2.0.1.0.weight'
    """
    first, _, rest = published.partition(".")
    if match := re.fullmatch(r"(conv|bn)([12])", first):
        return f"stem.{int(match[2]) - 1}.{0 if match[1] == 'conv' else 1}.{rest}"
    if match := re.fullmatch(r"transition(\d)", first):
        return f"transitions.{int(match[1]) - 1}.branches.{rest}"
    if match := re.fullmatch(r"stage(\d)", first):
        return f"stages.{int(match[1]) - 2}.{rest.replace('.fuse_layers.', '.fusion.')}"
    return {"layer1": "layer1", "final_layer": "heatmaps"}[first] + f".{rest}"


def _recognises(content: Any) -> bool:
    return find_published(content, _MARKER, _HEAD) is not None


def _convert(
    path: Path, content: Any, skeleton: str | Skeleton | None = None, image_size: Sequence[int] | None = None
) -> dict[str, Checkpoint]:
    found = find_published(content, _MARKER, _HEAD)
    assert found is not None
    state, mmpose = found
    stages = sum(any(key.startswith(f"stage{number}.") for key in state) for number in (2, 3, 4))
    try:
        settings = HrNetSettings(
            joints=len(state[_HEAD]),
            width=len(state[_MARKER]),
            modules=tuple(numbered(state, f"stage{number + 2}.") for number in range(stages)),
            units=numbered(state, "stage2.0.branches.0."),
            stem_channels=len(state["conv1.weight"]),
        )
    except (KeyError, TypeError) as error:
        raise FileError(path, f"its tensors are not those of HRNet ({error})") from error
    joints = joints_of(path, settings.joints, skeleton)
    source, licence = ("MMPose", "Apache-2.0") if mmpose else ("HRNet", "MIT")
    checkpoint = Checkpoint(
        network=network_from(path, "hrnet", settings, state, own_key),
        settings=settings,
        name="hrnet",
        skeleton=joints,
        input_skeleton=joints,
        encoding=top_down(picture_size(path, image_size)),
        extra={"source": f"{source}, {path.name}", "licence": f"the published weights: {licence}"},
    )
    return {"pose": checkpoint}


IMPORTER = ImporterEntry(
    name="hrnet",
    networks=("hrnet",),
    about="HRNet (Sun et al. 2019) from its authors or MMPose, .pth; the size of pictures by the file's name.",
    options=("skeleton", "image_size"),
    recognises=_recognises,
    convert=_convert,
)
