"""MMPose's video lifters (``.pth``): VideoPose3D's temporal convolutions under other names of tensors.

MMPose 1.x has ``backbone.`` and ``head.``, 0.x ``keypoint_head.``. Its single-frame lifters are the same layers with
widths of 1; their statistics stand in MMPose's config and not in the file, so that they are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from lift3d.checkpoints import Checkpoint
from lift3d.errors import FileError
from lift3d.importers._entry import ImporterEntry
from lift3d.importers._state import find_state, network_from, numbered
from lift3d.networks.temporal_conv import TemporalConvSettings
from lift3d.skeletons import Skeleton, get_skeleton

__all__ = ["IMPORTER", "own_key"]

_MARKER = "backbone.expand_conv.conv.weight"
_BLOCK = re.compile(r"backbone\.tcn_blocks\.(\d+)\.conv([12])\.0\.(.+)")


def own_key(published: str) -> str:
    """Our name of a tensor of the published state dict.

    >>> own_key("backbone.tcn_blocks.1.conv2.0.bn.bias")
    'blocks.1.narrow.norm.bias'
    """
    if block := _BLOCK.fullmatch(published):
        own = f"blocks.{block[1]}.{'wide' if block[2] == '1' else 'narrow'}.{block[3]}"
    elif published.startswith("backbone.expand_conv."):
        own = published.replace("backbone.expand_conv", "enter")
    else:
        head = re.fullmatch(r"(?:keypoint_)?head\.conv\.(weight|bias)", published)
        if head is None:
            raise KeyError(published)
        own = f"leave.{head[1]}"
    return own.replace(".bn.", ".norm.")


def _recognises(content: Any) -> bool:
    return find_state(content, _MARKER) is not None


def _convert(
    path: Path, content: Any, skeleton: str | Skeleton = "human36m17", causal: bool = False
) -> dict[str, Checkpoint]:
    state = find_state(content, _MARKER)
    assert state is not None
    given, predicted = get_skeleton(skeleton), get_skeleton("human36m17")
    settings = _settings(path, state, given, predicted, causal)
    outputs = sum(value.numel() for key, value in state.items() if key.endswith("head.conv.bias"))
    if outputs != settings.outputs:
        problem = f"predicts {outputs} numbers; expected the {settings.outputs} of MMPose's video lifters"
        raise FileError(path, problem, "Its single-frame lifters keep their statistics elsewhere and are not read.")
    checkpoint = Checkpoint(
        network=network_from(path, "temporal_conv", settings, state, own_key),
        settings=settings,
        name="temporal_conv",
        skeleton=predicted,
        input_skeleton=given,
        encoding={"name": "screen", "with_scores": False},
        extra={"source": f"MMPose, {path.name}", "licence": "the published weights: Apache-2.0"},
    )
    return {"pose": checkpoint}


def _settings(
    path: Path, state: Mapping[str, Tensor], given: Skeleton, predicted: Skeleton, causal: bool
) -> TemporalConvSettings:
    blocks = range(numbered(state, "backbone.tcn_blocks."))
    try:
        wide = [_MARKER, *(f"backbone.tcn_blocks.{block}.conv1.0.conv.weight" for block in blocks)]
        return TemporalConvSettings(
            inputs=2 * len(given),
            outputs=3 * len(predicted),
            filter_widths=tuple(state[key].shape[2] for key in wide),
            channels=len(state[_MARKER]),
            causal=causal,
        )
    except (KeyError, ValueError, IndexError) as error:
        raise FileError(path, f"its tensors are not those of MMPose's video lifters ({error})") from error


IMPORTER = ImporterEntry(
    name="mmpose_tcn",
    networks=("temporal_conv",),
    about="MMPose's video lifters (VideoPose3D's network), .pth.",
    options=("skeleton", "causal"),
    recognises=_recognises,
    convert=_convert,
)
