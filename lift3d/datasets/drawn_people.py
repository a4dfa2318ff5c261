"""Pictures of people that need no camera: drawn from 3D poses, so that every joint is known exactly.

    people = DrawnPeople(DrawnPeopleSettings(image_size=(128, 128)))
    pictures, joints = people.draw(64, torch.Generator().manual_seed(0))

For controlled experiments with networks for pictures: what differs between two runs is what was meant to. Bodies are
shaded capsules before clutter and blotches of colour, in part hidden behind rectangles, blurred and noisy. They are
no photographs: what a network learns here is not fit for real pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Generator, Tensor

from lift3d.compiled.solids import draw_boxes, draw_capsules
from lift3d.datasets._drawn_bodies import SKELETON, body_capsules, body_colours
from lift3d.datasets._drawn_scenes import backgrounds, clutter_capsules, lights, random_boxes, taken
from lift3d.datasets._random_poses import random_poses
from lift3d.datasets.motion_clips import read_motion_clips
from lift3d.errors import InputError
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.skeletons import JointMapping, mapping_between

__all__ = ["DrawnPeople", "DrawnPeopleSettings"]

# From a person's axes (x ahead, y left, z up) to a camera's (x right, y down, z away) that looks along x.
_UPRIGHT = torch.tensor([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])


@dataclass(frozen=True)
class DrawnPeopleSettings:
    """What drawings are like. Shares and probabilities are 0 to 1.

    Args:
        image_size: width and height, pixels; at least 16.
        motion: file or folder of 3D motion that poses are taken from (see ``lift3d.datasets.motion``). Without one,
            they are made up.
        splits: of the motion.
        lying: share of made-up poses that are turned any way about.
        fill: from where to where in half the picture the joint farthest from the pelvis lies, in x, y or depth.
        shift: standard deviation of the pelvis from the picture's middle, in parts of its width and height.
        distances: nearest and farthest camera, metres.
        own_colours: share of people whose limbs all have colours of their own.
        suits: share of people in the same suit, of another colour on each limb: left and right are told at a glance.
        clutter: rectangles behind people, and as many capsules.
        hiding: probability of each of two rectangles before a person.
        blur: strongest blur, standard deviation in pixels; at most 0.8.
        noise: strongest noise, standard deviation as a part of white.
    """

    image_size: tuple[int, int] = (128, 128)
    motion: str = ""
    splits: tuple[str, ...] = ("train",)
    lying: float = 0.05
    fill: tuple[float, float] = (0.7, 0.95)
    shift: float = 0.02
    distances: tuple[float, float] = (3.5, 9.0)
    own_colours: float = 0.5
    suits: float = 0.0
    clutter: int = 6
    hiding: float = 0.3
    blur: float = 0.7
    noise: float = 0.06

    def __post_init__(self) -> None:
        if min(self.image_size) < 16:
            raise InputError(f"drawn people: image_size={self.image_size}; expected at least 16 x 16 pixels.")
        if not (0 < self.fill[0] <= self.fill[1] <= 1 and 2.5 <= self.distances[0] <= self.distances[1]):
            raise InputError(
                f"drawn people: fill={self.fill}, distances={self.distances}; expected fill from above 0 to 1, and "
                "distances from 2.5 m, each with the smaller first."
            )
        if not (0 <= self.blur <= 0.8 and self.noise >= 0 and self.shift >= 0 and self.clutter >= 0):
            raise InputError(
                f"drawn people: blur={self.blur}, noise={self.noise}, shift={self.shift}, clutter={self.clutter}; "
                "expected a blur of 0 to 0.8 and none below 0."
            )


class DrawnPeople:
    """Draws people, as many as are asked for.

    Args:
        settings: what the drawings are like.

    Raises:
        FileError: the motion cannot be read.
        InputError: its skeleton lacks joints that are drawn.
    """

    skeleton = SKELETON

    def __init__(self, settings: DrawnPeopleSettings) -> None:
        self.settings = settings
        self._motion = _motion_of(settings) if settings.motion else None

    def draw(
        self, count: int, generator: Generator
    ) -> tuple[UInt8[Tensor, "count 3 height width"], Float[Tensor, "count joints 3"]]:
        """So many pictures of one person each, RGB, and the joints of ``human36m17`` in them.

        x and y are in pixels, the centre of the top-left pixel at (0, 0); z is the depth from the pelvis, away from the
        camera, in pixels as wide as those at the pelvis. All joints are given, hidden ones too; at most the shift
        brings one out of the picture.

        Args:
            count: how many.
            generator: all random numbers; the same state draws the same pictures.
        """
        settings = self.settings
        joints = _seen(self._drawn_poses(count, generator), generator)
        view = _View.around(joints, settings, generator)
        bodies = view.capsules(body_capsules(joints, generator))
        light = lights(count, generator)
        pictures = backgrounds(count, settings.image_size, generator).permute(0, 2, 3, 1).contiguous()
        behind = random_boxes(count, settings.clutter, (0.05, 0.7), 0.7, settings.image_size, generator)
        draw_boxes(pictures.numpy(), *(part.numpy() for part in behind))
        _draw_solids(pictures, *clutter_capsules(count, settings.clutter, settings.image_size, generator), light,
                     generator)  # fmt: skip
        colours = body_colours(count, settings.own_colours, settings.suits, generator)
        _draw_solids(pictures, bodies, colours, light, generator)
        before = random_boxes(count, 2, (0.1, 0.35), settings.hiding, settings.image_size, generator)
        draw_boxes(pictures.numpy(), *(part.numpy() for part in before))
        return taken(pictures, settings.blur, settings.noise, generator), view.joints(joints)

    def _drawn_poses(self, count: int, generator: Generator) -> Float[Tensor, "poses joints 3"]:
        """The pelvis at the origin, metres, z up."""
        if self._motion is None:
            return random_poses(count, self.settings.lying, generator)
        frames, mapping = self._motion
        poses = mapping.coordinates(frames[torch.randint(len(frames), (count,), generator=generator)])
        return poses - poses[:, SKELETON.root, None]


@dataclass(frozen=True)
class _View:
    """How people are brought into their pictures: the perspective of a camera that looks at the pelvis.

    Args:
        distance: of the pelvis from the camera, metres.
        scale: pixels in a metre at the pelvis.
        middle: pixel of the pelvis.
    """

    distance: Float[Tensor, "people 1"]
    scale: Float[Tensor, "people 1"]
    middle: Float[Tensor, "people 2"]

    @staticmethod
    def around(joints: Tensor, settings: DrawnPeopleSettings, generator: Generator) -> _View:
        """So that the farthest joint, in x, y or depth, comes to lie where the settings say."""
        count, size = len(joints), torch.tensor(settings.image_size).float()
        near, far = settings.distances
        distance = near + (far - near) * torch.rand(count, 1, generator=generator)
        flat = joints[..., :2] * (distance / (distance + joints[..., 2]))[..., None]
        depth = joints[..., 2].abs().amax(1) / size[0]
        reach = torch.maximum((flat.abs() / size).amax((1, 2)), depth)[:, None]
        fill = settings.fill[0] + (settings.fill[1] - settings.fill[0]) * torch.rand(count, 1, generator=generator)
        middle = (size - 1) / 2 + settings.shift * size * torch.randn(count, 2, generator=generator)
        return _View(distance, fill / 2 / reach, middle)

    def joints(self, places: Float[Tensor, "people joints 3"]) -> Float[Tensor, "people joints 3"]:
        """Camera's axes around the pelvis, metres -> x, y and depth from the pelvis, pixels."""
        nearness = (self.distance / (self.distance + places[..., 2]))[..., None]
        flat = places[..., :2] * nearness * self.scale[..., None] + self.middle[:, None]
        return torch.cat([flat, places[..., 2:] * self.scale[..., None]], dim=-1)

    def capsules(self, parts: Float[Tensor, "people parts 2 4"]) -> Float[Tensor, "people parts 2 4"]:
        """The same of both ends of capsules, and their radii."""
        places = self.joints(parts[..., :3].flatten(1, 2)).unflatten(1, parts.shape[1:3])
        nearness = self.distance[..., None, None] / (self.distance[..., None, None] + parts[..., 2:3])
        return torch.cat([places, parts[..., 3:] * nearness * self.scale[..., None, None]], dim=-1)


def _motion_of(settings: DrawnPeopleSettings) -> tuple[Float[Tensor, "frames joints 3"], JointMapping]:
    """All frames of the motion, and the way from its joints to those that are drawn."""
    clips = read_motion_clips(settings.motion, settings.splits)
    mapping = mapping_between(clips.skeleton, SKELETON)
    if mapping.missing:
        raise InputError(f"{settings.motion}: no {', '.join(mapping.missing)}; expected all joints of human36m17.")
    return clips.positions, mapping


def _seen(poses: Float[Tensor, "people joints 3"], generator: Generator) -> Float[Tensor, "people joints 3"]:
    """Poses with z up, in the axes of cameras that look at the pelvis from all sides, a little from above or below."""
    count = len(poses)
    side, tilt, roll = torch.zeros(3, count, 3)
    side[:, 2] = 2 * torch.pi * torch.rand(count, generator=generator)
    tilt[:, 0] = 0.1 + 0.25 * torch.randn(count, generator=generator)
    roll[:, 2] = 0.08 * torch.randn(count, generator=generator)
    turn = rotvec_to_matrix(roll) @ rotvec_to_matrix(tilt) @ _UPRIGHT @ rotvec_to_matrix(side)
    return poses @ turn.mT


def _draw_solids(pictures: Tensor, ends: Tensor, colours: Tensor, light: Tensor, generator: Generator) -> None:
    """Capsules over what is there already, the farthest first, some of them striped."""
    if not ends.shape[1]:
        return
    count, solids = colours.shape[:2]
    order = ends[..., 2].mean(-1).argsort(dim=1, descending=True)
    ends = ends.gather(1, order[..., None, None].expand_as(ends)).contiguous()
    colours = colours.gather(1, order[..., None].expand_as(colours)).contiguous()
    stripes = torch.rand(count, solids, 2, generator=generator) * torch.tensor([5.0, 0.6])
    stripes[..., 0] *= torch.rand(count, solids, generator=generator) < 0.25
    nearest = torch.full(pictures.shape[:3], torch.inf)
    draw_capsules(pictures.numpy(), nearest.numpy(), ends.numpy(), colours.numpy(), stripes.numpy(), light.numpy())
