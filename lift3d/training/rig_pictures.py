"""A person cut out of the videos of a rig, once, so that a training can look at the pictures again and again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from lift3d.datasets.labelled_pictures import LabelledPeople, LabelledPictures
from lift3d.detection.box import Box
from lift3d.detection.crop import Crop, cut, square_crop
from lift3d.errors import InputError
from lift3d.keypoints import Keypoints2D
from lift3d.video import read_frames

__all__ = ["CutPictures", "cut_pictures"]

_ROOM = 1.6  # of the picture around what the network looks at, for looks that are moved, turned or larger


@dataclass(frozen=True, eq=False)
class _CutPicture:
    """A square part of a frame, made smaller.

    Args:
        camera, frame: which.
        crop: the part.
        box: around the person's joints in the frame, grown; left, top, width and height, pixels.
        rgb: the pixels.
    """

    camera: int
    frame: int
    crop: Crop
    box: Box
    rgb: UInt8[Tensor, "size size 3"]

    def to_cut(self, pixels: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 2"]:
        """Pixels of the part from pixels of the frame; edges, not centres, stay in place."""
        return self.crop.from_picture(pixels) * len(self.rgb) - 0.5


@dataclass(frozen=True, eq=False)
class CutPictures:
    """One person in frames of several cameras.

    Args:
        camera_names: one a camera.
        cuts: the pictures.
    """

    camera_names: tuple[str, ...]
    cuts: tuple[_CutPicture, ...]

    def labelled(self, labels: Keypoints2D) -> LabelledPictures:
        """The pictures that have a label, of the cameras that the labels are of.

        Args:
            labels: of one person, in frames as they are numbered in each camera's own video.

        Raises:
            InputError: none of the pictures has a label.
        """
        rows, boxes, pixels = [], [], []
        for row, own in enumerate(self.cuts):
            name = self.camera_names[own.camera]
            if name not in labels.camera_names or own.frame >= len(labels.times):
                continue
            joints = labels.pixels[labels.camera_names.index(name), own.frame, 0]
            if bool(torch.isfinite(joints).any()):
                corner = own.to_cut(torch.tensor([own.box.left, own.box.top], dtype=torch.float64))
                scale = len(own.rgb) / own.crop.side
                boxes.append(torch.tensor([*corner.tolist(), own.box.width * scale, own.box.height * scale]))
                rows.append(row)
                pixels.append(own.to_cut(joints))
        if not rows:
            raise InputError(
                "rig: the cameras agree on no joint in any picture. Look at `lift3d triangulate --report` of the same "
                "footage, or let them differ more (agreement.error) or fewer of them agree (agreement.views)."
            )
        people = LabelledPeople.of(torch.tensor(rows), torch.stack(boxes), torch.stack(pixels))
        names = [f"{self.camera_names[own.camera]}/{own.frame}" for own in self.cuts]
        return LabelledPictures(labels.skeleton, people, names, self._rgb)

    def _rgb(self, picture: int) -> Tensor:
        return self.cuts[picture].rgb


def cut_pictures(
    videos: Sequence[str | Path],
    seen: Keypoints2D,
    frames: Sequence[int],
    size: int,
    *,
    joint_scale: float,
    box_scale: float,
    lowest_score: float = 0.3,
    fewest_joints: int = 6,
) -> CutPictures:
    """The person of every camera in some frames.

    Args:
        videos: of the cameras of ``seen``, in their order.
        seen: where one person is, in frames as they are numbered in each camera's own video; a frame with too few sure
            joints is left out.
        frames: numbers of the frames.
        size: the longer side of the network's input, pixels; pictures are cut so that a person is as large in them as
            in the network's input.
        joint_scale: a box around the joints, grown by this, is the person's box.
        box_scale: by which that grows before the network looks at it.
        lowest_score: from which on a joint is sure.
        fewest_joints: sure joints that there must be.

    Raises:
        FileError: a video cannot be read.
    """
    cuts = []
    side = round(size * _ROOM)
    for camera, video in enumerate(videos):
        boxes = {frame: _box(seen, camera, frame, lowest_score, fewest_joints) for frame in frames}
        wanted = {frame: box.grown(joint_scale) for frame, box in boxes.items() if box is not None}
        for frame in read_frames(video):
            if frame.index > max(wanted, default=-1):
                break
            if frame.index in wanted:
                box = wanted[frame.index]
                crop = square_crop(box.grown(box_scale * _ROOM))
                shown = ((cut(frame.rgb, crop, side) + 1) * 127.5).round().byte().permute(1, 2, 0).contiguous()
                cuts.append(_CutPicture(camera, frame.index, crop, box, shown))
    return CutPictures(seen.camera_names, tuple(cuts))


def _box(seen: Keypoints2D, camera: int, frame: int, lowest_score: float, fewest_joints: int) -> Box | None:
    if frame >= len(seen.times):
        return None
    sure = seen.scores[camera, frame, 0] >= lowest_score
    return Box.around(seen.pixels[camera, frame, 0][sure]) if int(sure.sum()) >= fewest_joints else None
