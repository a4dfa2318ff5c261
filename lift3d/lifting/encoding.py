"""What the lifting network sees and says: a person centred, upright in the picture and of unit size.

The same body looks different in the middle and at the edge of a picture, through a long and a short lens. All of
that is undone by the camera's intrinsics before the network sees the joints:

1. pixels become rays (x/z, y/z) without lens distortion;
2. the camera is turned, without roll, until it looks at the middle of the joints;
3. the rays there are divided by their spread, so that the pose has unit size. The logarithm of the spread is a
   feature of its own: it says how near the person is, that is, how strong the perspective.

Each joint comes with its score; a missing joint is (0, 0) with score 0.

The network does not say where every joint is, since the rays say most of it. It says how deep each joint lies behind
the root, how far the root is from the camera, and a correction sideways. A seen joint is put on its ray at its depth
and corrected; a joint that is missing, or has no ray to rely on, is all correction. The result is relative to the
root, in metres, and is turned back into the axes of the camera.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.geometry.rotations import rotation_towards

__all__ = ["Encoding", "decode", "encode", "features_of", "outputs_of"]

_LOG_SPREAD_MEAN, _LOG_SPREAD_SCALE = -2.2, 0.5  # of people filmed from 3 to 9 metres
_BODY_SPREAD = 0.5  # metres: typical distance of a joint from the middle of the joints


def features_of(joints: int) -> int:
    """How many numbers encode a person of so many joints."""
    return 3 * joints + 1


def outputs_of(joints: int) -> int:
    """How many numbers the network answers for a person of so many joints: all but the root, and the distance."""
    return 3 * (joints - 1) + 1


@dataclass(frozen=True)
class Encoding:
    """People as the network sees them, and what is needed to understand its answer.

    Args:
        features: x, y and score of each joint, then the logarithm of the spread.
        turn: rotation from the camera to the turned camera.
        rays: of the joints in the turned camera; 0 where missing.
        seen: which joints are there.
        spread: of the rays.
    """

    features: Float[Tensor, "batch features"]
    turn: Float[Tensor, "batch 3 3"]
    rays: Float[Tensor, "batch joints 2"]
    seen: Bool[Tensor, "batch joints"]
    spread: Float[Tensor, "batch 1"]

    def to(self, device: torch.device) -> Encoding:
        """The same on another device."""
        return Encoding(**{name: getattr(self, name).to(device) for name in self.__dataclass_fields__})


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
    return Encoding(torch.cat([pose.flatten(1), nearness], dim=-1), turn, flat * seen[..., None], seen, spread)


def decode(outputs: Float[Tensor, "batch outputs"], encoding: Encoding, root: int) -> Float[Tensor, "batch joints 3"]:
    """Joints relative to the root in the camera's axes, metres, from the network's answer.

    Args:
        outputs: of each joint but the root the correction (x, y) and the depth behind the root, metres; then twice
            the logarithm of the root's distance, in units of ``_BODY_SPREAD`` divided by the spread of the rays.
        encoding: what the network was given.
        root: index of the root joint.
    """
    others = outputs[:, :-1].unflatten(-1, (-1, 3))
    answer = torch.cat([others[:, :root], torch.zeros_like(others[:, :1]), others[:, root:]], dim=1)
    correction, behind = answer[..., :2], answer[..., 2:]
    distance = (0.5 * outputs[:, -1:]).exp() * _BODY_SPREAD / encoding.spread
    rays = encoding.rays
    on_ray = rays * (distance[..., None] + behind) - rays[:, root : root + 1] * distance[..., None]
    usable = encoding.seen.clone()
    usable[:, root] = False
    sideways = correction + on_ray * usable[..., None]
    return torch.cat([sideways, behind], dim=-1) @ encoding.turn


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight[..., None]).sum(-2) / weight.sum(-1, keepdim=True).clamp_min(1e-6)


def _direction(plane: Tensor) -> Tensor:
    return torch.cat([plane, torch.ones_like(plane[..., :1])], dim=-1)
