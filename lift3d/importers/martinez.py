"""The PyTorch edition of Martinez et al. 2017 by W. Qi (``gt_ckpt_best.pth.tar``): the residual MLP of one frame.

It is given 16 joints in pixels and predicts 16 in millimetres relative to the pelvis, both standardised for each
dimension over Human3.6M's training frames. The statistics are part of the model and lie in other files: those of the
3D joints are published with it (``stat_3d.pth.tar``), those of the pixels are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lift3d.checkpoints import Checkpoint
from lift3d.errors import FileError
from lift3d.importers._entry import ImporterEntry
from lift3d.importers._state import find_state, network_from, numbered
from lift3d.importers._statistics import Statistics, read_statistics
from lift3d.networks.residual_mlp import ResidualMlpSettings
from lift3d.skeletons import get_skeleton

__all__ = ["IMPORTER", "own_key"]

_MARKER = "linear_stages.0.w1.weight"
_OUTER = {"w1": "enter.linear", "batch_norm1": "enter.norm", "w2": "leave"}
_INNER = {"w1": "first.linear", "batch_norm1": "first.norm", "w2": "second.linear", "batch_norm2": "second.norm"}


def own_key(published: str) -> str:
    """Our name of a tensor of the published state dict.

    >>> own_key("linear_stages.1.w2.weight")
    'blocks.1.second.linear.weight'
    """
    layer, _, rest = published.partition(".")
    if layer == "linear_stages":
        block, layer, rest = rest.split(".", 2)
        return f"blocks.{block}.{_INNER[layer]}.{rest}"
    return f"{_OUTER[layer]}.{rest}"


def _recognises(content: Any) -> bool:
    return find_state(content, _MARKER) is not None


def _convert(path: Path, content: Any, statistics: Sequence[str | Path] = ()) -> dict[str, Checkpoint]:
    state = find_state(content, _MARKER)
    assert state is not None
    if "w1.weight" not in state or "w2.weight" not in state:
        raise FileError(path, "has no first or no last layer", "Fetch the checkpoint again.")
    settings = ResidualMlpSettings(
        inputs=state["w1.weight"].shape[1],
        outputs=len(state["w2.weight"]),
        hidden=len(state["w1.weight"]),
        blocks=numbered(state, "linear_stages."),
    )
    if (settings.inputs, settings.outputs) != (32, 48):
        problem = f"takes {settings.inputs} numbers and gives {settings.outputs}; expected 32 (16 joints) and 48"
        raise FileError(path, problem, "Networks of 14 joints, without the pelvis, are not read.")
    own = _chosen(path, [read_statistics(Path(one)) for one in statistics])
    joints = get_skeleton("human36m17")
    checkpoint = Checkpoint(
        network=network_from(path, "residual_mlp", settings, state, own_key),
        settings=settings,
        name="residual_mlp",
        skeleton=joints,
        input_skeleton=joints.only(joint for joint in joints.joints if joint != "neck_nose"),
        encoding={
            "name": "standardised",
            **{f"{what}_{space}": list(getattr(own[space], what)) for space in own for what in ("mean", "std")},
        },
        extra={"source": f"Martinez et al. 2017 in PyTorch, {path.name}", "licence": "the published weights: MIT"},
    )
    return {"pose": checkpoint}


def _chosen(path: Path, given: Sequence[Statistics]) -> dict[str, Statistics]:
    """The statistics of the pixels and of the 3D joints."""
    found = {one.space: one for one in given}
    advice = {
        "2d": "those of the pixels: mean and std of 32 or 64 numbers (.pth.tar or .npz), or VideoPose3D's "
        "data_2d_h36m_gt.npz, from which they are computed",
        "3d": "the stat_3d.pth.tar that is published with it",
    }
    missing = [advice[space] for space in ("3d", "2d") if space not in found]
    if missing:
        raise FileError(
            path, "its statistics are part of the model and not in this file",
            f"Pass --statistics (statistics=[...]) with {'; and with '.join(missing)}.",
        )  # fmt: skip
    return {space: found[space] for space in ("2d", "3d")}


IMPORTER = ImporterEntry(
    name="martinez",
    networks=("residual_mlp",),
    about="Martinez et al. 2017 in PyTorch, .pth.tar; needs the statistics of its training data.",
    options=("statistics",),
    recognises=_recognises,
    convert=_convert,
)
