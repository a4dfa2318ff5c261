"""Detections of several views that judge each other: learned weights for triangulation, from pixels and scores alone.

Iskakov et al. (ICCV 2019, section 3.1) weigh each view by a confidence that a network reads off its picture. Here there
are no pictures: each detection of each view is one token, made of its score and of how it lies beside the other views'
(see ``_view_evidence``). Layers of attention (Vaswani et al., 2017) look in turns at the views of one joint and at the
joints of one view. What comes out is how far the detection is off, along both axes and as a standard deviation, both
relative to the person's size; the point is the weighted linear solution of the detections so mended. Views have no
number and cameras no place of their own: one network serves any rig of two or more, any of whose views may be missing.

Joints are told apart by name. One that the network does not know is judged as any joint would be.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from lift3d.errors import InputError
from lift3d.geometry.ray_equations import ray_equations, solve_near
from lift3d.networks._entry import NetworkEntry
from lift3d.networks._view_evidence import FEATURES, Evidence, evidence_of

__all__ = ["NETWORK", "JudgedViews", "ViewAttention", "ViewAttentionSettings"]

_USUAL = 0.004  # error of a detection of score 1, relative to the person's extent
_SHIFT = 0.01  # one unit of what the network says of an error
_SMALLEST, _LARGEST = 0.0015, 0.5
_UNSEEN = -1e4  # logit of a token that is not there


@dataclass(frozen=True)
class ViewAttentionSettings:
    """Sizes.

    Args:
        joints: how many joints are told apart; the skeleton of the checkpoint names them.
        width: numbers of one token.
        layers: pairs of attention, over views and over joints.
        heads: of each.

    Raises:
        InputError: the width is no multiple of the heads.
    """

    joints: int = 17
    width: int = 64
    layers: int = 3
    heads: int = 4

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise InputError(f"width is {self.width}; expected a multiple of heads, {self.heads}.")


class JudgedViews(NamedTuple):
    """Detections mended and weighed, and the points that follow.

    Args:
        rays: without the errors that the network sees in them.
        deviation: standard deviation of what is left of them along each axis, in rays; infinite where missing.
        positions: world, metres; where fewer than two views see a joint, nothing to go by.
        information: inverse of the covariance of the positions, as far as errors do not depend on each other, 1/m^2.
        fixed: whether two views or more see a joint.
    """

    rays: Float[Tensor, "batch views joints 2"]
    deviation: Float[Tensor, "batch views joints"]
    positions: Float[Tensor, "batch joints 3"]
    information: Float[Tensor, "batch joints 3 3"]
    fixed: Bool[Tensor, "batch joints"]


class _Layer(nn.Module):
    """Attention within groups of tokens, then an MLP on each, each added to what it was given.

    Groups are small: written out, attention takes a quarter of the time of PyTorch's own on a CPU.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.enter, self.leave = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(
        self, tokens: Float[Tensor, "groups members width"], seen: Bool[Tensor, "groups members"]
    ) -> Float[Tensor, "groups members width"]:
        parts = self.enter(self.attention_norm(tokens)).unflatten(-1, (3, self.heads, -1))
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        logits = query @ key.mT / math.sqrt(query.shape[-1])
        mixed = logits.masked_fill(~seen[:, None, None], _UNSEEN).softmax(-1) @ value
        tokens = tokens + self.leave(mixed.transpose(1, 2).flatten(2))
        return tokens + self.mlp(self.mlp_norm(tokens))


class ViewAttention(nn.Module):
    """See the head of this module."""

    def __init__(self, settings: ViewAttentionSettings) -> None:
        super().__init__()
        width, heads, layers = settings.width, settings.heads, settings.layers
        self.enter = nn.Linear(FEATURES, width)
        self.joints = nn.Embedding(settings.joints + 1, width, padding_idx=settings.joints)
        self.over_views = nn.ModuleList(_Layer(width, heads) for _ in range(layers))
        self.over_joints = nn.ModuleList(_Layer(width, heads) for _ in range(layers))
        self.norm, self.leave = nn.LayerNorm(width), nn.Linear(width, 3)
        with torch.no_grad():
            self.joints.weight.mul_(0.02)
        for parameter in self.leave.parameters():
            nn.init.zeros_(parameter)

    def forward(
        self,
        rays: Float[Tensor, "batch views joints 2"],
        scores: Float[Tensor, "batch views joints"],
        rotation: Float[Tensor, "batch views 3 3"],
        translation: Float[Tensor, "batch views 3"],
        numbers: Int[Tensor, "batch joints"],
    ) -> JudgedViews:
        """Judge the detections of a person at single moments.

        Args:
            rays: of the detections, without lens distortion; missing ones anything finite.
            scores: 0 where missing.
            rotation, translation: world to camera, metres; the origin should lie amid the cameras.
            numbers: which joint of the network's skeleton each is; -1 for one that it does not know.
        """
        with torch.no_grad(), single_precision(rays):
            evidence = evidence_of(rays, scores, rotation, translation)
        answer = self._answer(evidence, numbers)
        with single_precision(rays):
            return _judged(answer.to(rays), evidence, rays, rotation, translation)

    def _answer(self, evidence: Evidence, numbers: Tensor) -> Float[Tensor, "batch views joints 3"]:
        batch, views, joints = evidence.seen.shape
        known = torch.where(numbers < 0, self.joints.num_embeddings - 1, numbers)
        tokens = self.enter(evidence.features) + self.joints(known)[:, None]
        of_joints = evidence.seen.transpose(1, 2).reshape(-1, views)
        of_views = evidence.seen.reshape(-1, joints)
        for over_views, over_joints in zip(self.over_views, self.over_joints, strict=True):
            tokens = over_views(tokens.transpose(1, 2).flatten(0, 1), of_joints)
            tokens = tokens.unflatten(0, (batch, joints)).transpose(1, 2)
            tokens = over_joints(tokens.flatten(0, 1), of_views).unflatten(0, (batch, views))
        return self.leave(self.norm(tokens))


def single_precision(tensor: Tensor) -> AbstractContextManager[Any]:
    """Geometry is not computed in bfloat16, whatever the network is."""
    kind = tensor.device.type  # on "meta", where networks are counted, there is no other precision
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext()


def _judged(
    answer: Float[Tensor, "batch views joints 3"],
    evidence: Evidence,
    rays: Float[Tensor, "batch views joints 2"],
    rotation: Float[Tensor, "batch views 3 3"],
    translation: Float[Tensor, "batch views 3"],
) -> JudgedViews:
    """What the network answered as errors and deviations, and the points that follow."""
    usual = math.log(_USUAL) + evidence.features[..., -1]
    relative = (usual + answer[..., 2]).clamp(math.log(_SMALLEST), math.log(_LARGEST)).exp()
    mended = rays - _SHIFT * answer[..., :2] * evidence.extent[..., None]
    deviation = (relative * evidence.extent).masked_fill(~evidence.seen, torch.inf)
    matrices, vectors = ray_equations(mended, (deviation * evidence.depth).pow(-2), rotation, translation)
    information = matrices.sum(1)
    positions = solve_near(information, vectors.sum(1), evidence.points)
    return JudgedViews(mended, deviation, positions, information, evidence.fixed)


def _example(settings: ViewAttentionSettings) -> tuple[Tensor, ...]:
    """One moment of two views."""
    rotation = torch.eye(3).expand(1, 2, 3, 3)
    translation = torch.tensor([[[-0.5, 0.0, 3.0], [0.5, 0.0, 3.0]]])
    rays, scores = torch.zeros(1, 2, settings.joints, 2), torch.ones(1, 2, settings.joints)
    return rays, scores, rotation, translation, torch.arange(settings.joints)[None]


NETWORK = NetworkEntry(
    name="view_attention",
    settings=ViewAttentionSettings,
    build=ViewAttention,
    about="Attention over views and joints: learned weights and corrections of 2D joints, for triangulation.",
    example=_example,
)
