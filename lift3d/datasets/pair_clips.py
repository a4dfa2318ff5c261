"""All frames of some pairs as arrays, one clip after another: what random frames are drawn from.

Much of it does not lie in memory: it is written to an unnamed file in the folder of temporary files (``TMPDIR``) and
mapped, so that only frames in use are loaded.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import accumulate

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lift3d.datasets._frame_room import frame_room
from lift3d.datasets.pose_pairs import PairClip, PosePairs
from lift3d.errors import InputError
from lift3d.skeletons import Skeleton

__all__ = ["PairClips", "gathered_pairs"]

_MOST_IN_MEMORY = 30_000_000  # numbers: 120 MB
_STRETCH = 4096  # frames that are read at once


@dataclass(frozen=True, eq=False)
class PairClips:
    """The frames of many clips, one after another. To be read, not written to.

    Args:
        seen: of each joint that was looked for x and y in pixels, distorted; x/z and y/z in the camera frame, the lens
            undone; and the score. NaN with score 0 where it was not found.
        positions: metres in the camera frame; NaN where not known.
        clip: which clip a frame is of.
        clips: whose they are and by which camera.
        intrinsics, image_size: of each clip's camera, pixels.
        keypoint_skeleton: what the joints of ``seen`` are.
        skeleton: what the joints of ``positions`` are.
    """

    seen: Float[Tensor, "frames joints_seen 5"]
    positions: Float[Tensor, "frames joints 3"]
    clip: Int[Tensor, "frames"]
    clips: tuple[PairClip, ...]
    intrinsics: Float[Tensor, "clips 3 3"]
    image_size: Float[Tensor, "clips 2"]
    keypoint_skeleton: Skeleton
    skeleton: Skeleton

    @property
    def starts(self) -> tuple[int, ...]:
        """The first frame of each clip."""
        return tuple(accumulate((clip.frames for clip in self.clips[:-1]), initial=0)) if self.clips else ()


def gathered_pairs(
    pairs: PosePairs, left_out: Collection[str] = (), most_in_memory: int = _MOST_IN_MEMORY
) -> PairClips:
    """All frames of some pairs, float32; the lens is undone in double precision.

    Args:
        pairs: at least one clip; every camera must be known.
        left_out: names of joints that were looked for and are not wanted.
        most_in_memory: numbers from which on the frames are mapped from a temporary file.

    Raises:
        InputError: there is no clip, or a camera is not known.
        UnknownNameError: a joint that is to be left out is not there.
        FileError: the pairs cannot be read, or there is no room for them.
    """
    if not pairs.clips:
        raise InputError("There are no pairs: no clip is of these subjects and splits.")
    pairs.keypoint_skeleton.indices(*left_out)
    kept = [joint for joint in pairs.keypoint_skeleton.joints if joint not in left_out]
    skeleton = pairs.keypoint_skeleton.only(kept) if left_out else pairs.keypoint_skeleton
    columns = pairs.keypoint_skeleton.indices(*kept)
    seen = frame_room((pairs.frames, len(kept), 5), most_in_memory)
    positions = frame_room((pairs.frames, len(pairs.skeleton), 3), most_in_memory)
    clip = torch.empty(pairs.frames, dtype=torch.int64)
    first = 0
    for number, own in enumerate(pairs.clips):
        for start in range(0, own.frames, _STRETCH):
            stop = min(start + _STRETCH, own.frames)
            rows = slice(first + start, first + stop)
            seen[rows], positions[rows] = _frames(pairs, number, start, stop, columns)
        clip[first : first + own.frames] = number
        first += own.frames
    cameras = [own.camera for own in pairs.clips if own.camera is not None]
    return PairClips(
        seen, positions, clip, pairs.clips,
        intrinsics=torch.stack([camera.intrinsics for camera in cameras]).float(),
        image_size=torch.stack([camera.image_size for camera in cameras]).float(),
        keypoint_skeleton=skeleton,
        skeleton=pairs.skeleton,
    )  # fmt: skip


def _frames(pairs: PosePairs, number: int, start: int, stop: int, columns: list[int]) -> tuple[Tensor, Tensor]:
    """``seen`` and ``positions`` of frames of a clip."""
    clip = pairs.clips[number]
    if clip.camera is None:
        raise InputError(f"Clip {clip.name!r} has no camera; pass cameras=... when reading the pairs.")
    pixels, scores, positions = pairs.read(number, start, stop)
    pixels, scores = pixels[:, columns], scores[:, columns]
    rays = clip.camera.to(torch.float64).normalise(pixels.reshape(-1, 2).double()).reshape(pixels.shape).float()
    return torch.cat([pixels, rays, scores[..., None]], dim=-1), positions
