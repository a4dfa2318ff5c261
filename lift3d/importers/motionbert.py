"""MotionBERT's checkpoints (``.bin``, Zhu et al. 2023): the DSTformer, full and lite, trained for 3D pose.

They hold a dict with ``model_pos``, whose keys have DataParallel's ``module.``. Input and answer are in units of the
screen: the answer has no length unit. The number of attention heads leaves no trace in the tensors; all published
networks have 8.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from lift3d.checkpoints import Checkpoint
from lift3d.errors import FileError
from lift3d.importers._entry import ImporterEntry
from lift3d.importers._state import find_state, network_from, numbered
from lift3d.networks.dstformer import DstformerSettings
from lift3d.skeletons import get_skeleton

__all__ = ["IMPORTER", "own_key"]

_MARKER = "temp_embed"
_STREAM = re.compile(r"blocks_(st|ts)\.(\d+)\.(norm1|attn|norm2|mlp)_(s|t)\.(.+)")
_STREAMS = {"st": "space_first", "ts": "time_first"}
_AXES = {"s": "space", "t": "time"}
_PARTS = {"norm1": "norm_attention.", "attn": "attention.", "norm2": "norm_mlp.", "mlp": ""}
_LINEAR = {"proj": "leave", "fc1": "widen", "fc2": "narrow"}
_OTHERS = {
    "temp_embed": "frame_embedding",
    "pos_embed": "joint_embedding",
    "joints_embed": "enter",
    "norm": "norm",
    "pre_logits.fc": "represent",
    "head": "leave",
}


def own_key(published: str) -> str:
    """Our name of a tensor of the published state dict.

    >>> own_key("blocks_ts.2.attn_s.proj.weight")
    'stages.2.time_first.space.attention.leave.weight'
    """
    if match := _STREAM.fullmatch(published):
        stream, stage, part, axis, rest = match.groups()
        first, dot, last = rest.partition(".")
        rest = f"{_LINEAR.get(first, first)}{dot}{last}"
        return f"stages.{stage}.{_STREAMS[stream]}.{_AXES[axis]}.{_PARTS[part]}{rest}"
    if match := re.fullmatch(r"ts_attn\.(\d+)\.(.+)", published):
        return f"stages.{match[1]}.fusion.{match[2]}"
    name, dot, last = published.rpartition(".")
    return _OTHERS[name] + dot + last if dot else _OTHERS[published]


def _recognises(content: Any) -> bool:
    return find_state(content, _MARKER) is not None


def _convert(path: Path, content: Any) -> dict[str, Checkpoint]:
    state = find_state(content, _MARKER)
    assert state is not None
    joints = get_skeleton("human36m17")
    try:
        hidden, channels = state["joints_embed.weight"].shape
        settings = DstformerSettings(
            inputs=channels * len(joints),
            outputs=len(state["head.weight"]) * len(joints),
            joints=len(joints),
            longest=state["temp_embed"].shape[1],
            hidden=hidden,
            stages=numbered(state, "blocks_st."),
            mlp_ratio=len(state["blocks_st.0.mlp_s.fc1.weight"]) // hidden,
            representation=len(state["pre_logits.fc.weight"]),
        )
    except (KeyError, ValueError, IndexError) as error:
        raise FileError(path, f"its tensors are not those of MotionBERT ({error})") from error
    if channels not in (2, 3) or settings.outputs != 3 * len(joints):
        raise FileError(path, f"takes {channels} numbers a joint; expected 2 or 3, and 3 in its answer")
    state = {key: value[0] if key in ("temp_embed", "pos_embed") else value for key, value in state.items()}
    checkpoint = Checkpoint(
        network=network_from(path, "dstformer", settings, state, own_key),
        settings=settings,
        name="dstformer",
        skeleton=joints,
        input_skeleton=joints,
        encoding={"name": "screen", "with_scores": channels == 3, "answer": "screen"},
        extra={"source": f"MotionBERT, {path.name}", "licence": "the published weights: Apache-2.0"},
    )
    return {"pose": checkpoint}


IMPORTER = ImporterEntry(
    name="motionbert",
    networks=("dstformer",),
    about="MotionBERT (Zhu et al. 2023), full and lite, .bin; the answer is in units of the screen.",
    options=(),
    recognises=_recognises,
    convert=_convert,
)
