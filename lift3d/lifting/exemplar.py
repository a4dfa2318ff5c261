"""Lifting by example: the pose of a library that looks most alike, moved onto the picture.

After Chen and Ramanan (CVPR 2017, "3D human pose estimation = 2D pose estimation + matching"). A library holds real 3D
poses, each seen by virtual cameras from all around. A person's 2D joints are compared with all of these views,
whatever the place and size, over the joints that were seen, as much as their scores say. The best match gives the
depths; the rays of the picture give the rest, so that the result, projected, is the picture. Unlike the paper, which
takes the one best match, the mean of some is taken here, which errs less; ``neighbours=1`` is the paper's.

There is nothing to train, and a library can be made of any poses::

    library = build_library(positions, "human36m17")
    save_library(library, "library.npz")
    poses = lift_by_exemplars(keypoints, camera, load_library("library.npz"))
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lift3d._files import writing
from lift3d.cameras import Camera
from lift3d.errors import FileError, InputError, ShapeError
from lift3d.formats._own_npz import is_own, numbers_of, own_skeleton, read_own, text_of, to_numbers, write_own
from lift3d.keypoints import Keypoints2D
from lift3d.lifting.encodings import Answer
from lift3d.lifting.encodings.turned_rays import encode
from lift3d.lifting.exemplar_search import ShapeIndex
from lift3d.lifting.lift import placed
from lift3d.lifting.observed import Observed
from lift3d.lifting.root_position import root_position
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton, get_skeleton

__all__ = ["ExemplarLibrary", "build_library", "is_library", "lift_by_exemplars", "load_library", "save_library"]

_MARK = "lift3d_exemplars"
_DISTANCE = 5.0  # metres from which virtual cameras look
_PEOPLE = 4096  # at once: bounds memory


@dataclass(frozen=True, eq=False)
class ExemplarLibrary:
    """Poses, and where the cameras stand that see them.

    Args:
        poses: relative to the root, metres, z up, each turned to face the same way.
        skeleton: what the joints are.
        azimuths: how many cameras stand around a pose, evenly.
        elevations_deg: how far above the horizon they stand, seen from the pose.
        licence: under what the poses are given, with the words that their owners ask for.
    """

    poses: Float[Tensor, "poses joints 3"]
    skeleton: Skeleton
    azimuths: int
    elevations_deg: tuple[float, ...]
    licence: str = ""

    @cached_property
    def cameras(self) -> Float[Tensor, "cameras 3 3"]:
        """Rotations from the poses' axes to those of each camera, float32."""
        views = [(2 * math.pi * turn / self.azimuths, math.radians(elevation))
                 for elevation in self.elevations_deg for turn in range(self.azimuths)]  # fmt: skip
        return torch.stack([_looking_from(azimuth, elevation) for azimuth, elevation in views])

    @cached_property
    def index(self) -> ShapeIndex:
        """Of the shapes of every pose in every camera, pose by pose; made when first used (seconds)."""
        shapes = [_projected(self.poses @ camera.T) for camera in self.cameras]
        return ShapeIndex.of(torch.stack(shapes, dim=1).flatten(0, 1))

    def views(self, numbers: Tensor) -> Float[Tensor, "*batch joints 3"]:
        """Exemplars by their numbers in the index: relative to the root, in their camera's axes, metres."""
        cameras = len(self.cameras)
        return self.poses[numbers // cameras] @ self.cameras[numbers % cameras].mT


def build_library(
    positions: Float[Tensor, "frames joints 3"],
    skeleton: str | Skeleton,
    *,
    poses: int = 12000,
    azimuths: int = 24,
    elevations_deg: Sequence[float] = (0.0, 10.0),
    licence: str = "",
) -> ExemplarLibrary:
    """A library of the most different poses of a set.

    Poses are chosen one by one, each the farthest from those chosen so far (Gonzalez 1985, "Clustering to minimize the
    maximum intercluster distance"), turned about the vertical to face the same way.

    Args:
        positions: metres, z up; poses with a missing joint are left out.
        skeleton: what the joints are; needs left and right ones.
        poses: how many to keep; all where there are fewer.
        azimuths: how many cameras stand around a pose.
        elevations_deg: how far above the horizon they stand, seen from the pose.
        licence: kept with the library.

    Raises:
        ShapeError: the positions are not those of the skeleton's joints.
        InputError: there is no complete pose, or no camera, or the skeleton has no sides.
    """
    bones = get_skeleton(skeleton)
    if positions.ndim != 3 or tuple(positions.shape[1:]) != (len(bones), 3):
        raise ShapeError("positions", tuple(positions.shape), f"(frames, {len(bones)}, 3), of {bones.name!r}")
    whole = positions[torch.isfinite(positions).flatten(1).all(-1)].float()
    if not len(whole) or poses < 1 or azimuths < 1 or not elevations_deg:
        raise InputError(
            f"a library needs a pose and a camera: got {len(whole)} complete poses of which to keep {poses}, "
            f"{azimuths} azimuths and {len(elevations_deg)} elevations."
        )
    facing = _facing(whole - whole[:, bones.root, None], bones)
    kept = _farthest(facing.flatten(1), poses)
    return ExemplarLibrary(facing[kept], bones, azimuths, tuple(map(float, elevations_deg)), licence)


def save_library(library: ExemplarLibrary, path: str | Path) -> None:
    """Write a library whole or not at all: a NumPy archive of numbers and text.

    Raises:
        FileError: it cannot be written.
    """
    arrays = {
        "poses": to_numbers(library.poses),
        "azimuths": np.array(library.azimuths),
        "elevations_deg": np.array(library.elevations_deg),
        "licence": np.array(library.licence),
    }
    with writing(path) as temporary:
        write_own(temporary, _MARK, library.skeleton, arrays)


def is_library(path: str | Path) -> bool:
    """Whether a file is a library of exemplars; looks at its table of contents alone. Never raises."""
    return is_own(Path(path), _MARK)


def load_library(path: str | Path) -> ExemplarLibrary:
    """A library from a file; nothing in it is run.

    Raises:
        FileError: it is missing, damaged or no library.
    """
    path = Path(path)
    arrays = read_own(path, _MARK, ("poses", "azimuths", "elevations_deg", "licence"))
    skeleton = own_skeleton(path, arrays, None)
    poses = torch.from_numpy(numbers_of(path, arrays, "poses")).float()
    azimuths, elevations = (numbers_of(path, arrays, name).reshape(-1) for name in ("azimuths", "elevations_deg"))
    if tuple(poses.shape[1:]) != (len(skeleton), 3) or not len(poses) or len(azimuths) != 1 or not len(elevations):
        raise FileError(path, f"holds poses of shape {tuple(poses.shape)} and not one number of azimuths, or no camera")
    return ExemplarLibrary(
        poses, skeleton, int(azimuths[0]), tuple(elevations.tolist()), text_of(path, arrays, "licence")
    )


@torch.no_grad()
def lift_by_exemplars(
    keypoints: Keypoints2D, camera: Camera | None, library: ExemplarLibrary, *, neighbours: int = 20
) -> Poses3D:
    """3D joints of every person in every frame of one camera, by the poses of a library that look most alike.

    A missing joint is taken from the exemplars and scored 0; a person with too few seen joints in a frame
    (``lift3d.lifting.lift.MIN_JOINTS``) is NaN. The root is placed as by :func:`lift3d.lifting.lift`. Every frame is
    lifted by itself, and nothing is averaged with the mirrored person.

    Args:
        keypoints: of one camera; on any skeleton that maps to the library's.
        camera: its calibration; None for an assumed one, which needs the image size.
        library: see :func:`build_library`.
        neighbours: how many exemplars are averaged.

    Returns:
        Poses in the camera frame, metres, on the library's skeleton.

    Raises:
        InputError: not exactly one camera, or neither camera nor image size is known, or ``neighbours`` is below 1.
    """
    if len(keypoints.camera_names) != 1 or neighbours < 1:
        raise InputError(
            f"Lifting takes one camera and at least one neighbour; got {len(keypoints.camera_names)} and {neighbours}."
        )
    size = keypoints.image_sizes[0]
    if camera is None and not bool(torch.isfinite(size).all()):
        raise InputError("Lifting needs the camera's calibration, or at least the image size to assume one.")
    own = keypoints.mapped_to(library.skeleton)
    seen = own.pixels[0].transpose(0, 1), own.scores[0].transpose(0, 1)
    observed = Observed.by(camera or Camera.assumed(size.tolist()), *seen)
    shape, joints = observed.scores.shape[:-1], len(library.skeleton)
    parts = zip(observed.rays.reshape(-1, joints, 2).split(_PEOPLE), observed.scores.reshape(-1, joints).split(_PEOPLE),
                strict=True)  # fmt: skip
    relative = torch.cat([_matched(library, rays, scores, neighbours) for rays, scores in parts])
    answer = Answer(relative.reshape(*shape, joints, 3))
    return placed(answer, observed, observed.scores, library.skeleton, keypoints.times)


def _matched(
    library: ExemplarLibrary, rays: Float[Tensor, "people joints 2"], scores: Float[Tensor, "people joints"], count: int
) -> Float[Tensor, "people joints 3"]:
    """Joints relative to the root in the camera's axes, metres: the exemplars' depths along the rays."""
    encoding = encode(rays, scores)  # the camera turned towards the person
    weights = scores * encoding.seen
    numbers = library.index.nearest(encoding.rays, weights, count)
    exemplar = library.views(numbers).mean(1) @ encoding.turn
    root = root_position(exemplar, rays, weights)[:, None]
    free = exemplar + root
    on_ray = torch.cat([rays.nan_to_num(0.0), torch.ones_like(rays[..., :1])], dim=-1) * free[..., 2:]
    warped = torch.where(encoding.seen[..., None], on_ray, free)
    return warped - warped[:, library.skeleton.root, None]


def _looking_from(azimuth: float, elevation: float) -> Float[Tensor, "3 3"]:
    """Rotation from axes with z up to those of a camera (x right, y down, z forward) that looks at the origin."""
    forward = torch.tensor([-math.cos(azimuth) * math.cos(elevation), -math.sin(azimuth) * math.cos(elevation),
                            -math.sin(elevation)])  # fmt: skip
    right = torch.tensor([-math.sin(azimuth), math.cos(azimuth), 0.0])
    return torch.stack([right, torch.linalg.cross(forward, right), forward])


def _projected(poses: Float[Tensor, "poses joints 3"]) -> Float[Tensor, "poses joints 2"]:
    """What a camera sees that looks at the middle of the joints."""
    centred = poses - poses.mean(1, keepdim=True)
    return centred[..., :2] / (centred[..., 2:] + _DISTANCE)


def _facing(poses: Float[Tensor, "poses joints 3"], skeleton: Skeleton) -> Float[Tensor, "poses joints 3"]:
    """Poses turned about the vertical so that their left side lies along +y."""
    sides = {
        side: [joint for joint in range(len(skeleton)) if skeleton.side(joint) == side] for side in ("left", "right")
    }
    if not all(sides.values()):
        raise InputError(f"skeleton {skeleton.name!r} has no left and right joints, by which poses are turned.")
    across = poses[:, sides["left"]].mean(1) - poses[:, sides["right"]].mean(1)
    angle = torch.atan2(across[:, 0], across[:, 1])
    cosine, sine, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    rows = [cosine, -sine, zero, sine, cosine, zero, zero, zero, zero + 1]
    return poses @ torch.stack(rows, dim=-1).unflatten(-1, (3, 3)).mT


def _farthest(points: Float[Tensor, "points axes"], count: int) -> list[int]:
    """Numbers of points, each the farthest from all before; starts with the first."""
    if len(points) <= count:
        return list(range(len(points)))
    kept, distance = [0], points.new_full((len(points),), torch.inf)
    while len(kept) < count:
        distance = torch.minimum(distance, (points - points[kept[-1]]).square().sum(-1))
        kept.append(int(distance.argmax()))
    return kept
