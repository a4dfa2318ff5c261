"""Volumetric triangulation from detections alone: what all views see in a cube of space, and what bodies allow.

As Iskakov et al. (ICCV 2019, section 3.2), but that no picture is needed. Detections judged by a ``ViewAttention`` are
unprojected into a cube of cells: each view adds a beam along the ray of a joint, as wide as the detection is unsure.
A V2V network (Moon et al., CVPR 2018) looks at the volumes of all joints at once and answers, for each joint, with a
volume of logits. Added to the logarithm of what the views alone say, a Gaussian, these move its mean; the mean is
taken over the cells as in integral regression (Sun et al., ECCV 2018)::

    p(x) ~ exp(-(x - m)^T (C + t^2 I)^-1 (x - m) / 2 + V(x)),    position = m + E_p[x] - E_p0[x], p0 with V = 0

m and C are the weighted linear solution and its covariance; t, ``softness`` cells, keeps the Gaussian wider than the
cells are apart, and the difference of the two means is free of what the cells' edges cut off. So a joint that the
views fix well hardly moves and one that they leave open goes where bodies have it. The cube stands around the body's
mean and is turned so that left hips and shoulders lie towards its x axis: whatever way people face, the network sees
them alike. The last layer starts at zero: untrained, it is the weighted linear solution.

Joints that the network does not know take no part in this; they stay where the views have them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from lift3d.errors import InputError
from lift3d.geometry.ray_equations import project_rays, solve_near
from lift3d.networks._entry import NetworkEntry
from lift3d.networks.v2v import V2V, V2VSettings
from lift3d.networks.view_attention import JudgedViews, ViewAttention, ViewAttentionSettings, single_precision
from lift3d.volumes import Cuboid, unproject_points

__all__ = ["NETWORK", "ViewVolumes", "ViewVolumesSettings"]

_ANYWHERE_M = 0.5  # how far a joint that no two views see is from the middle of the body
_THINNEST = 0.6  # cells: standard deviation of a beam
_USUAL = 0.004  # rays: a detection of this deviation, or less, has confidence 1
_LEAST_CONFIDENCE = 0.3  # of all views together


@dataclass(frozen=True)
class ViewVolumesSettings:
    """Sizes.

    Args:
        judge: the network that judges detections.
        v2v: of the volumes; ``inputs`` and ``outputs`` are the joints that it knows.
        cells: along each side of the cube.
        side: of the cube, metres.
        softness: cells, see the head of this module.
        facing: joints, pairs of left and right, by which the cube is turned.
        judge_learns: whether training changes the judge too.

    Raises:
        InputError: the volumes have not as many channels as there are joints, or the facing joints are no pairs.
    """

    judge: ViewAttentionSettings = field(default_factory=ViewAttentionSettings)
    v2v: V2VSettings = field(
        default_factory=lambda: V2VSettings(17, 17, front_kernel=3, front_units=1, channels=(16, 32, 64))
    )
    cells: int = 24
    side: float = 2.3
    softness: float = 0.7
    facing: tuple[int, ...] = (4, 1, 11, 14)
    judge_learns: bool = False

    def __post_init__(self) -> None:
        joints = self.judge.joints
        if self.v2v.inputs != joints or self.v2v.outputs != joints:
            raise InputError(f"The volumes have {self.v2v.inputs} and {self.v2v.outputs} channels; expected {joints}.")
        if len(self.facing) % 2 or not all(0 <= joint < joints for joint in self.facing):
            raise InputError(f"facing is {self.facing}; expected pairs of joints from 0 to {joints - 1}.")


class ViewVolumes(nn.Module):
    """See the head of this module."""

    def __init__(self, settings: ViewVolumesSettings) -> None:
        super().__init__()
        self.settings = settings
        self.judge, self.v2v = ViewAttention(settings.judge), V2V(settings.v2v)
        last = [layer for layer in self.v2v.modules() if isinstance(layer, nn.Conv3d)][-1]
        for parameter in last.parameters():
            nn.init.zeros_(parameter)
        if not settings.judge_learns:
            self.judge.requires_grad_(False)

    def forward(
        self,
        rays: Float[Tensor, "batch views joints 2"],
        scores: Float[Tensor, "batch views joints"],
        rotation: Float[Tensor, "batch views 3 3"],
        translation: Float[Tensor, "batch views 3"],
        numbers: Int[Tensor, "batch joints"],
    ) -> JudgedViews:
        """As the judge's, with the positions that the volumes say. The world's z axis points up."""
        judged = self.judge(rays, scores, rotation, translation, numbers)
        with single_precision(rays):
            start, covariance, middle = _unsure(judged)
            cube = Cuboid.of(
                middle, self.settings.side, self.settings.cells, self._facing(start, judged.fixed, numbers)
            )
            cells = cube.positions()
            beams = self._beams(judged, cells, rotation, translation, cube.spacing)
        logits = self.v2v(_by_channel(beams, numbers, self.settings.judge.joints))
        with single_precision(rays):
            move = _moved(start, covariance, cells, cube.spacing * self.settings.softness, _by_joint(logits, numbers))
        return judged._replace(positions=start + move)

    def _facing(
        self, points: Float[Tensor, "batch joints 3"], fixed: Bool[Tensor, "batch joints"], numbers: Tensor
    ) -> Float[Tensor, "batch"]:
        """The angle about z from the x axis to the left of the body; 0 where a joint that tells it is not there."""
        there = torch.zeros(len(points), self.settings.judge.joints + 1, dtype=torch.bool, device=points.device)
        there = there.scatter(1, _channel(numbers, self.settings.judge.joints), fixed)
        places = _by_channel(points, numbers, self.settings.judge.joints)
        left, right = list(self.settings.facing[::2]), list(self.settings.facing[1::2])
        across = (places[:, left] - places[:, right]).sum(1).detach()
        angle = torch.atan2(across[:, 1], across[:, 0])
        return angle.masked_fill(~there[:, left + right].all(1), 0.0)

    def _beams(
        self,
        judged: JudgedViews,
        cells: Float[Tensor, "batch n n n 3"],
        rotation: Float[Tensor, "batch views 3 3"],
        translation: Float[Tensor, "batch views 3"],
        spacing: float,
    ) -> Float[Tensor, "batch joints n n n"]:
        """What all views see of each joint at each cell: 1 where all that see it are sure of it."""
        places, _ = project_rays(cells.flatten(1, 3)[:, None], rotation, translation)
        _, depth = project_rays(judged.positions[:, None], rotation, translation)
        seen = judged.deviation.isfinite()
        wide = judged.deviation.masked_fill(~seen, 1.0)
        confidence = (_USUAL / wide).clamp_max(1.0).masked_fill(~seen, 0.0)
        share = confidence / confidence.sum(1, keepdim=True).clamp_min(_LEAST_CONFIDENCE)
        width = (wide.square() + (_THINNEST * spacing / depth).square()).sqrt()
        detections = judged.rays.masked_fill(~seen[..., None], torch.nan)
        return unproject_points(places.unflatten(2, cells.shape[1:4]), detections, share, width)


def _unsure(
    judged: JudgedViews,
) -> tuple[Float[Tensor, "batch joints 3"], Float[Tensor, "batch joints 3 3"], Float[Tensor, "batch 3"]]:
    """Positions, their covariance, and the middle of the body, about which joints are that the views do not fix."""
    fixed = judged.fixed.bool()[..., None]
    middle = judged.positions.masked_fill(~fixed, 0.0).sum(1) / fixed.sum(1).clamp_min(1)
    anywhere = torch.eye(3).to(judged.positions) / _ANYWHERE_M**2
    start = torch.where(fixed, judged.positions, middle[:, None])
    information = judged.information + anywhere
    vectors = judged.information @ judged.positions[..., None] + anywhere @ start[..., None]
    return solve_near(information, vectors[..., 0], start), torch.linalg.inv(information), middle


def _moved(
    start: Float[Tensor, "batch joints 3"],
    covariance: Float[Tensor, "batch joints 3 3"],
    cells: Float[Tensor, "batch n n n 3"],
    soft: float,
    logits: Float[Tensor, "batch joints n n n"],
) -> Float[Tensor, "batch joints 3"]:
    """How far the mean over the cells moves when logits are added to those of the Gaussian."""
    places = cells.flatten(1, 3)
    middle = places.mean(1, keepdim=True)  # from there numbers are small
    inverse = torch.linalg.inv(covariance + soft**2 * torch.eye(3).to(covariance))
    pull = (inverse @ (start - middle)[..., None])[..., 0]
    x, y, z = (places - middle).unbind(-1)
    squares = torch.stack([x * x, 2 * x * y, 2 * x * z, y * y, 2 * y * z, z * z, x, y, z], dim=-1)
    upper = inverse.flatten(2)[..., [0, 1, 2, 4, 5, 8]]
    gaussian = (squares @ torch.cat([-0.5 * upper, pull], dim=-1).mT).mT  # but for what is the same everywhere
    change = (gaussian + logits.flatten(2)).softmax(-1) - gaussian.softmax(-1)
    return change @ places


def _channel(numbers: Int[Tensor, "batch joints"], joints: int) -> Int[Tensor, "batch joints"]:
    """Where each joint's channel is; one more than there are for joints that are not known."""
    return torch.where(numbers < 0, joints, numbers)


def _by_channel(values: Tensor, numbers: Int[Tensor, "batch joints"], joints: int) -> Tensor:
    """Values (batch, joints, ...) in the order of the network's joints; 0 for those that are not there."""
    ordered = values.new_zeros(len(values), joints + 1, *values.shape[2:])
    row = torch.arange(len(values), device=values.device)[:, None]
    return ordered.index_put((row, _channel(numbers, joints)), values)[:, :joints]


def _by_joint(volumes: Tensor, numbers: Int[Tensor, "batch joints"]) -> Tensor:
    """Volumes (batch, channels, ...) of the joints asked for; 0 of those that are not known."""
    with_none = torch.cat([volumes, torch.zeros_like(volumes[:, :1])], dim=1)
    row = torch.arange(len(volumes), device=volumes.device)[:, None]
    return with_none[row, _channel(numbers, volumes.shape[1])]


def _example(settings: ViewVolumesSettings) -> tuple[Tensor, ...]:
    """One moment of two views."""
    rotation = torch.eye(3).expand(1, 2, 3, 3)
    translation = torch.tensor([[[-0.5, 0.0, 3.0], [0.5, 0.0, 3.0]]])
    joints = settings.judge.joints
    return torch.zeros(1, 2, joints, 2), torch.ones(1, 2, joints), rotation, translation, torch.arange(joints)[None]


NETWORK = NetworkEntry(
    name="view_volumes",
    settings=ViewVolumesSettings,
    build=ViewVolumes,
    about="Volumes of judged 2D joints of several views, a V2V network, and the mean over the cells: 3D joints.",
    example=_example,
)
