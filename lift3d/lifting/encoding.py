"""What the lifting network sees and says: a person centred, upright in the picture and of unit size.

The same body looks different in the middle and at the edge of a picture, through a long and a short lens. All of
that is undone by the camera's intrinsics before the network sees the joints:

1. pixels become rays (x/z, y/z) without lens distortion;
2. the camera is turned, without roll, until it looks at the middle of the joints;
3. the rays there are divided by their spread, so that the pose has unit size. The logarithm of the spread is a
   feature of its own: it says how near the person is, that is, how strong the perspective.

The network answers with joints relative to the root, in metres, in the turned camera; they are turned back.
Each joint comes with its score; a missing joint is (0, 0) with score 0, and the network fills it in.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.geometry.rotations import rotation_towards

__all__ = ["Encoding", "decode", "encode", "features_of"]

_LOG_SPREAD_MEAN, _LOG_SPREAD_SCALE = -2.2, 0.5  # of people filmed from 3 to 9 metres


def features_of(joints: int) -> int:
    """How many numbers encode a person of so many joints."""
    return 3 * joints + 1


@dataclass(frozen=True)
class Encoding:
    """People as the network sees them.

    Args:
        features: x, y and score of each joint, then the logarithm of the spread.
        turn: rotation from the camera to the turned camera.
    """

    features: Float[Tensor, "batch features"]
    turn: Float[Tensor, "batch 3 3"]


def encode(rays: Float[Tensor, "batch joints 2"], scores: Float[Tensor, "batch joints"]) -> Encoding:
    """Encode people from rays; a joint is missing where its ray is NaN or its score 0.

    A person with no joints at all gets finite features.
    """
    seen = torch.isfinite(rays).all(-1) & (scores > 0)
    weight = torch.where(seen, scores, torch.zeros_like(scores))
    rays = rays.masked_fill(~seen[..., None], 0.0)
    turn = rotation_towards(_direction(_mean(rays, weight)))
    turned = torch.cat([rays, torch.ones_like(rays[..., :1])], dim=-1) @ turn.mT
    flat = turned[..., :2] / turned[..., 2:].clamp_min(1e-3)
    centre = _mean(flat, weight)
    offset = flat - centre[:, None]
    spread = _mean(offset.square().sum(-1, keepdim=True), weight).clamp_min(1e-8).sqrt()
    pose = torch.cat([offset / spread[:, None], weight[..., None]], dim=-1) * seen[..., None]
    nearness = (spread.log() - _LOG_SPREAD_MEAN) / _LOG_SPREAD_SCALE
    return Encoding(torch.cat([pose.flatten(1), nearness], dim=-1), turn)


def decode(
    outputs: Float[Tensor, "batch outputs"], turn: Float[Tensor, "batch 3 3"], root: int
) -> Float[Tensor, "batch joints 3"]:
    """Joints relative to the root in the camera's axes, metres, from what the network says of all but the root."""
    others = outputs.unflatten(-1, (-1, 3)) @ turn
    zero = torch.zeros_like(others[:, :1])
    return torch.cat([others[:, :root], zero, others[:, root:]], dim=1)


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight[..., None]).sum(-2) / weight.sum(-1, keepdim=True).clamp_min(1e-6)


def _direction(plane: Tensor) -> Tensor:
    return torch.cat([plane, torch.ones_like(plane[..., :1])], dim=-1)
