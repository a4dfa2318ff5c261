"""Checkpoints of stacked hourglasses in PyTorch (``checkpoint.pt``, after Newell et al. 2016), trained on MPII.

They hold a dict with ``state_dict``, whose keys begin with ``model.module.``. The published network makes a
convolution for the skip of every residual unit, also where the input is added as it is; those are left out. Its
pictures are RGB from 0 to 1; its authors read a heatmap half a cell further on than the peak.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from lift3d.checkpoints import Checkpoint
from lift3d.errors import FileError
from lift3d.importers._entry import ImporterEntry
from lift3d.importers._picture_networks import joints_of, picture_size, top_down
from lift3d.importers._state import find_state, network_from, numbered
from lift3d.networks.stacked_hourglass import StackedHourglassSettings
from lift3d.skeletons import Skeleton

__all__ = ["IMPORTER", "own_key", "used"]

_MARKER = "hgs.0.0.up1.conv1.conv.weight"
_BRANCHES = {"up1": "beside", "low1": "before", "low2": "inner", "low3": "after"}
_LAYERS = {"conv": "0", "bn": "1"}  # of a convolution with batch norm, each under its own name


def own_key(published: str) -> str:
    """Our name of a tensor of the published state dict.

    >>> own_key("hgs.1.0.low2.low2.up1.bn3.bias")
    'stacks.1.hourglass.inner.inner.beside.bn3.bias'
    """
    first, number, rest = published.split(".", 2)
    rest = re.sub(r"(conv[123])\.conv\.", r"\1.", rest).replace("skip_layer.conv.", "skip.")
    if first == "pre":
        layer, _, last = rest.partition(".")
        return f"stem.0.{_LAYERS[layer]}.{last}" if number == "0" else f"stem.{number}.{rest}"
    if first == "hgs":
        place = [_BRANCHES.get(part, part) for part in rest.removeprefix("0.").split(".")]
        return f"stacks.{number}.hourglass.{'.'.join(place)}"
    if first == "features":
        unit, _, rest = rest.partition(".")
        layer, _, last = rest.partition(".")
        return f"stacks.{number}.features.{unit}.{rest if unit == '0' else f'{_LAYERS[layer]}.{last}'}"
    name = {"outs": "heatmaps", "merge_features": "merge_features", "merge_preds": "merge_heatmaps"}[first]
    return f"stacks.{number}.{name}.{rest.rpartition('.')[2]}"


def used(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state dict without the skips that no answer depends on: those with as many channels out as in."""
    idle = [key.rpartition(".")[0] for key, value in state.items() if ".skip_layer." in key and _square(value)]
    return {key: value for key, value in state.items() if key.rpartition(".")[0] not in idle}


def _square(weight: Tensor) -> bool:
    return weight.ndim == 4 and weight.shape[0] == weight.shape[1]


def _recognises(content: Any) -> bool:
    return find_state(content, _MARKER) is not None


def _convert(
    path: Path, content: Any, skeleton: str | Skeleton | None = None, image_size: Sequence[int] = (256, 256)
) -> dict[str, Checkpoint]:
    state = find_state(content, _MARKER)
    assert state is not None
    try:
        settings = StackedHourglassSettings(
            joints=len(state["outs.0.conv.weight"]),
            stacks=numbered(state, "hgs."),
            channels=state[_MARKER].shape[1],
            depth=max(key.count("low2.") for key in state if key.startswith("hgs.0.")),
        )
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise FileError(path, f"its tensors are not those of stacked hourglasses ({error})") from error
    joints = joints_of(path, settings.joints, skeleton)
    plain = {"mean": [0.0] * 3, "std": [1.0] * 3}
    checkpoint = Checkpoint(
        network=network_from(path, "stacked_hourglass", settings, used(state), own_key),
        settings=settings,
        name="stacked_hourglass",
        skeleton=joints,
        input_skeleton=joints,
        encoding=top_down(picture_size(path, image_size, 64), **plain, decoding="hourglass", flip_shift=False),
        extra={"source": f"stacked hourglasses, {path.name}", "licence": "the published weights: BSD-3-Clause"},
    )
    return {"pose": checkpoint}


IMPORTER = ImporterEntry(
    name="stacked_hourglass",
    networks=("stacked_hourglass",),
    about="Stacked hourglasses (after Newell et al. 2016) in PyTorch, checkpoint.pt, trained on MPII.",
    options=("skeleton", "image_size"),
    recognises=_recognises,
    convert=_convert,
)
