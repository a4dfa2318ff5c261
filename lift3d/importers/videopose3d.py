"""VideoPose3D's checkpoints (``.bin``, Pavllo et al. 2019): temporal convolutions, for poses and for the trajectory.

Published files: ``pretrained_h36m_cpn.bin`` (Human3.6M's joints in), ``pretrained_h36m_detectron_coco.bin`` (COCO's
joints in, with a trajectory network), ``pretrained_humaneva15_detectron.bin``. They hold a dict with ``model_pos``,
perhaps ``model_traj``, and a random generator, which is not read. A file does not say what its joints are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from lift3d.checkpoints import Checkpoint
from lift3d.errors import FileError
from lift3d.importers._entry import ImporterEntry
from lift3d.importers._state import find_state, network_from, numbered, plain_keys
from lift3d.networks.temporal_conv import TemporalConvSettings
from lift3d.skeletons import Skeleton, get_skeleton

__all__ = ["IMPORTER", "own_key"]

_MARKER = "expand_conv.weight"
_LICENCE = "the published weights: CC BY-NC 4.0"


def own_key(published: str) -> str:
    """Our name of a tensor of the published state dict.

    >>> own_key("layers_bn.3.bias")
    'blocks.1.narrow.norm.bias'
    """
    layer, _, rest = published.partition(".")
    if layer in ("layers_conv", "layers_bn"):
        number, _, rest = rest.partition(".")
        which = ("wide", "narrow")[int(number) % 2]
        kind = {"layers_conv": "conv", "layers_bn": "norm"}[layer]
        return f"blocks.{int(number) // 2}.{which}.{kind}.{rest}"
    return {"expand_conv": "enter.conv", "expand_bn": "enter.norm", "shrink": "leave"}[layer] + f".{rest}"


def _recognises(content: Any) -> bool:
    return find_state(content, _MARKER) is not None


def _convert(
    path: Path, content: Any, skeleton: str | Skeleton | None = None, causal: bool = False
) -> dict[str, Checkpoint]:
    state = find_state(content, _MARKER)
    assert state is not None
    settings = _settings(path, state, causal)
    given = _input_skeleton(path, settings.inputs // 2, skeleton)
    found = {"pose": _checkpoint(path, state, settings, _output_skeleton(path, settings.outputs, given), given)}
    trajectory = plain_keys(content.get("model_traj"))
    if trajectory:
        root = get_skeleton("human36m17").only(["pelvis"])
        found["trajectory"] = _checkpoint(path, trajectory, _settings(path, trajectory, causal), root, given)
    return found


def _settings(path: Path, state: Mapping[str, Tensor], causal: bool) -> TemporalConvSettings:
    """Sizes, from the shapes of the tensors."""
    try:
        channels, inputs, first = state[_MARKER].shape
        blocks = numbered(state, "layers_conv.") // 2
        widths = [state[f"layers_conv.{2 * block}.weight"].shape[2] for block in range(blocks)]
        return TemporalConvSettings(
            inputs=inputs,
            outputs=len(state["shrink.weight"]),
            filter_widths=(first, *widths),
            channels=channels,
            causal=causal,
        )
    except (KeyError, ValueError, IndexError) as error:
        raise FileError(path, f"its tensors are not those of VideoPose3D ({error})") from error


def _input_skeleton(path: Path, joints: int, told: str | Skeleton | None) -> Skeleton:
    known = {15: "humaneva15", 16: "mpii16"}  # 17 may be Human3.6M's or COCO's
    if told is None and joints not in known:
        choices = "human36m17 (as pretrained_h36m_cpn.bin) or coco17 (as pretrained_h36m_detectron_coco.bin)"
        advice = f"Pass --skeleton (skeleton=...){f': {choices}' if joints == 17 else ''}."
        raise FileError(path, f"does not say what the {joints} joints are that it is given", advice)
    skeleton = get_skeleton(told or known[joints])
    if len(skeleton) != joints:
        raise FileError(path, f"is given {joints} joints; skeleton {skeleton.name!r} has {len(skeleton)}")
    return skeleton


def _output_skeleton(path: Path, outputs: int, given: Skeleton) -> Skeleton:
    """Human3.6M's 17 joints; else, as for HumanEva, the joints that are given."""
    if outputs == 51:
        return get_skeleton("human36m17")
    if outputs == 3 * len(given):
        return given
    raise FileError(path, f"predicts {outputs} numbers; expected 51 (Human3.6M) or three for each joint given")


def _checkpoint(
    path: Path, state: Mapping[str, Tensor], settings: TemporalConvSettings, predicted: Skeleton, given: Skeleton
) -> Checkpoint:
    encoding = {"name": "screen", "with_scores": False}
    if settings.outputs == 3:  # the root's place in the camera's axes, metres: no joints relative to a root
        encoding["answer"] = "trajectory"
    return Checkpoint(
        network=network_from(path, "temporal_conv", settings, state, own_key),
        settings=settings,
        name="temporal_conv",
        skeleton=predicted,
        input_skeleton=given,
        encoding=encoding,
        extra={"source": f"VideoPose3D, {path.name}", "licence": _LICENCE},
    )


IMPORTER = ImporterEntry(
    name="videopose3d",
    networks=("temporal_conv",),
    about="VideoPose3D (Pavllo et al. 2019), .bin: poses, and the trajectory where there is one.",
    options=("skeleton", "causal"),
    recognises=_recognises,
    convert=_convert,
)
