"""What lift3d's own networks see and say: a person centred, upright in the picture and of unit size.

The same body looks different in the middle and at the edge of a picture, through a long and a short lens. All of
that is undone by the camera's intrinsics before the network sees the joints:

1. pixels become rays (x/z, y/z) without lens distortion;
2. the camera is turned, without roll, until it looks at the middle of the joints;
3. the rays there are divided by their spread, so that the pose has unit size. The logarithm of the spread is a
   feature of its own: it says how near the person is, that is, how strong the perspective.

Each joint comes with its score; a missing joint is (0, 0) with score 0. A network of several frames (``temporal``)
is also told where the middle of the joints is in the picture, in units of the spread, so that it sees people move
across the picture; what it learns from whoever stands aside must not depend on it, so training moves people about.

The network does not say where every joint is, since the rays say most of it. It says how deep each joint lies behind
the root, how far the root is from the camera, and a correction sideways. A seen joint is put on its ray at its depth
and corrected; a joint that is missing, or has no ray to rely on, is all correction. The result is relative to the
root, in metres, and is turned back into the axes of the camera. With ``uncertainty`` the network also says how far
each joint may lie off: the standard deviation sideways (x and y alike) and in depth, in the turned camera.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.errors import InputError
from lift3d.lifting.encodings._entry import Answer, EncodingEntry, with_root
from lift3d.lifting.observed import Observed
from lift3d.skeletons import Skeleton

__all__ = ["ENCODING", "Encoding", "TurnedRaysSettings", "decode", "encode", "features_of", "outputs_of"]

_LOG_SPREAD_MEAN, _LOG_SPREAD_SCALE = -2.2, 0.5  # of people filmed from 3 to 9 metres
_BODY_SPREAD = 0.5  # metres: typical distance of a joint from the middle of the joints
_FARTHEST = 10.0  # spreads from the middle of the picture
_LOG_DEVIATIONS = (-7.0, 2.0)  # from 1 mm to 7 m: the logarithms that are believed


@dataclass(frozen=True)
class TurnedRaysSettings:
    """What the network says and sees besides the pose.

    Args:
        uncertainty: it also answers the logarithms of two standard deviations a joint.
        temporal: it is also told where the middle of the joints is.
        frames_per_second: of the motion that a network over time has learned from.
    """

    uncertainty: bool = False
    temporal: bool = False
    frames_per_second: float = 30.0


_PLAIN = TurnedRaysSettings()


def features_of(joints: int, settings: TurnedRaysSettings = _PLAIN) -> int:
    """How many numbers encode a person of so many joints in one frame."""
    return 3 * joints + 1 + 2 * settings.temporal


def outputs_of(joints: int, settings: TurnedRaysSettings = _PLAIN) -> int:
    """How many numbers the network answers for a person of so many joints: all but the root, and the distance."""
    return 3 * (joints - 1) + 1 + 2 * (joints - 1) * settings.uncertainty


@dataclass(frozen=True)
class Encoding:
    """People as the network sees them, and what is needed to understand its answer.

    Args:
        features: x, y and score of each joint, then the logarithm of the spread, then the middle if ``temporal``.
        turn: rotation from the camera to the turned camera.
        rays: of the joints in the turned camera; 0 where missing.
        seen: which joints are there.
        spread: of the rays.
    """

    features: Float[Tensor, "*batch features"]
    turn: Float[Tensor, "*batch 3 3"]
    rays: Float[Tensor, "*batch joints 2"]
    seen: Bool[Tensor, "*batch joints"]
    spread: Float[Tensor, "*batch 1"]

    def to(self, device: torch.device) -> Encoding:
        """The same on another device."""
        return Encoding(**{name: getattr(self, name).to(device) for name in self.__dataclass_fields__})


def encode(
    rays: Float[Tensor, "*batch joints 2"],
    scores: Float[Tensor, "*batch joints"],
    settings: TurnedRaysSettings = _PLAIN,
) -> Encoding:
    """Encode people from rays; a joint is missing where its ray is NaN or its score 0.

    A person with no joints at all gets finite features.
    """
    seen = (rays.abs().sum(-1) < torch.inf) & (scores > 0)
    weight = torch.where(seen, scores, 0.0)
    share = (weight / weight.sum(-1, keepdim=True).clamp_min(1e-6))[..., None]
    known = seen[..., None]
    rays = torch.where(known, rays, 0.0)
    middle = (share * rays).sum(-2)
    turn = _turn_towards(middle)
    turned = F.pad(rays, (0, 1), value=1.0) @ turn.transpose(-1, -2)
    flat = turned[..., :2] / turned[..., 2:].clamp_min(1e-3)
    offset = flat - (share * flat).sum(-2, keepdim=True)
    spread = (share * offset * offset).sum((-2, -1))[..., None].clamp_min(1e-8).sqrt()
    pose = torch.cat([offset / spread[..., None], weight[..., None]], dim=-1) * known
    nearness = (spread.log() - _LOG_SPREAD_MEAN) / _LOG_SPREAD_SCALE
    features = [pose.flatten(-2), nearness]
    if settings.temporal:
        features.append((middle / spread).clamp(-_FARTHEST, _FARTHEST))
    return Encoding(torch.cat(features, dim=-1), turn, flat * known, seen, spread)


def decode(
    outputs: Float[Tensor, "*batch outputs"],
    encoding: Encoding,
    root: int,
    settings: TurnedRaysSettings = _PLAIN,
) -> Answer:
    """Joints relative to the root in the camera's axes, metres, from the network's answer.

    Args:
        outputs: of each joint but the root the correction (x, y) and the depth behind the root, metres; then twice
            the logarithm of the root's distance, in units of ``_BODY_SPREAD`` divided by the spread of the rays; then,
            with uncertainty, of each joint but the root the logarithms of the standard deviation sideways and in
            depth, metres.
        encoding: what the network was given, of the frames that it answers.
        root: index of the root joint.
        settings: those that the network was trained with.
    """
    rays = encoding.rays
    pose = 3 * (rays.shape[-2] - 1)
    answer = with_root(outputs[..., :pose].unflatten(-1, (-1, 3)), root)
    distance = ((0.5 * outputs[..., pose : pose + 1]).exp() * _BODY_SPREAD / encoding.spread)[..., None]
    behind = answer[..., 2:]
    on_ray = rays * (distance + behind) - rays[..., root : root + 1, :] * distance
    other = torch.arange(rays.shape[-2], device=rays.device) != root
    sideways = answer[..., :2] + on_ray * (encoding.seen & other)[..., None]
    relative = torch.cat([sideways, behind], dim=-1) @ encoding.turn
    if not settings.uncertainty:
        return Answer(relative)
    return Answer(relative, _covariance(outputs[..., pose + 1 :].unflatten(-1, (-1, 2)), encoding.turn, root))


def _turn_towards(middle: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 3 3"]:
    """As ``rotation_towards`` of (x, y, 1), in fewer operations: its rows are right, down and forward."""
    forward = F.pad(middle, (0, 1), value=1.0)
    right = forward @ middle.new_tensor([[0.0, 0.0, -1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])  # (1, 0, -x)
    square = (forward * forward).sum(-1, keepdim=True)
    down = square * middle.new_tensor([0.0, 1.0, 0.0]) - middle[..., 1:] * forward
    rows = torch.stack([right, down, forward], dim=-2)
    return rows / (rows * rows).sum(-1, keepdim=True).sqrt()


def _covariance(
    logarithms: Float[Tensor, "*batch others 2"], turn: Float[Tensor, "*batch 3 3"], root: int
) -> Float[Tensor, "*batch joints 3 3"]:
    """In the camera's axes: ``turn^T diag(s, s, d)^2 turn``, which is s^2 plus d^2 - s^2 along the line of sight."""
    squares = with_root((2 * logarithms.clamp(*_LOG_DEVIATIONS)).exp(), root)[..., None]
    sideways, depth = squares[..., :1, :], squares[..., 1:, :]
    forward = turn[..., 2, :]
    along = (forward[..., :, None] * forward[..., None, :])[..., None, :, :]
    return sideways * torch.eye(3, dtype=turn.dtype, device=turn.device) + (depth - sideways) * along


def _encode(observed: Observed, settings: TurnedRaysSettings) -> Encoding:
    return encode(observed.rays, observed.scores, settings)


def _decode(outputs: Tensor, encoding: Encoding, skeleton: Skeleton, settings: TurnedRaysSettings) -> Answer:
    if len(skeleton) != encoding.rays.shape[-2]:
        raise InputError(
            f"turned_rays: the network is given {encoding.rays.shape[-2]} joints and answers {len(skeleton)}; with "
            "this encoding both must be the same joints."
        )
    return decode(outputs, encoding, skeleton.root, settings)


ENCODING = EncodingEntry(
    name="turned_rays",
    settings=TurnedRaysSettings,
    about="lift3d's own: rays turned to the middle of the person and of unit size; missing joints allowed.",
    features=features_of,
    outputs=outputs_of,
    encode=_encode,
    decode=_decode,
    uses=lambda _settings: ("rays", "scores"),
)
