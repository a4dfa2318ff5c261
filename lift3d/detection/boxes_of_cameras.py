"""Files of people's boxes, matched to cameras; and what they say as one tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.detection.box_files import read_boxes
from lift3d.detection.people_boxes import PeopleBoxes
from lift3d.errors import InputError

__all__ = ["boxes_by_person", "boxes_of_cameras"]


def boxes_of_cameras(
    files: str | Path | Sequence[str | Path] | None, camera_names: Sequence[str]
) -> dict[str, PeopleBoxes]:
    """The file of each camera's boxes; none where there are no files.

    Args:
        files: one, or one a camera where it does not name cameras.
        camera_names: the cameras.

    Raises:
        FileError: a file cannot be read.
        InputError: there are too many or too few, or it cannot be told which camera boxes are of.
    """
    paths = [] if files is None else [files] if isinstance(files, str | Path) else list(files)
    if not paths:
        return {}
    if len(paths) not in (1, len(camera_names)):
        raise InputError(
            f"There are {len(paths)} files of boxes for {len(camera_names)} videos; expected one, or one a video."
        )
    found = [read_boxes(path) for path in paths]
    if len(found) == 1 and len(camera_names) > 1 and None in found[0].cameras:
        raise InputError(f"{paths[0]} does not say which camera its boxes are of. Pass one file a video.")
    return {name: found[min(place, len(found) - 1)] for place, name in enumerate(camera_names)}


def boxes_by_person(
    files: Mapping[str, PeopleBoxes], lowest_score: float = 0.3
) -> Float[Tensor, "cameras frames people 4"]:
    """Boxes of people who are the same in all cameras and frames: left, top, width and height; NaN where nobody is.

    Of files that do not say whose a box is, the surest box of a frame is the one person's.

    Args:
        files: by camera, see :func:`boxes_of_cameras`.
        lowest_score: less sure boxes are left out.

    Raises:
        UnknownNameError: a file has boxes of other cameras only.
        InputError: there is no box.
    """
    found = [file.by_person(name, lowest_score) for name, file in files.items()]
    places = [(frame, person) for own in found for frame, people in own.items() for person in people]
    if not places:
        raise InputError(f"There is no box with a score of at least {lowest_score:g}.")
    frames, people = (1 + max(numbers) for numbers in zip(*places, strict=True))
    boxes = torch.full((len(found), frames, people, 4), torch.nan, dtype=torch.float64)
    for camera, own in enumerate(found):
        for frame, of_people in own.items():
            for person, box in of_people.items():
                boxes[camera, frame, person] = torch.tensor([box.left, box.top, box.width, box.height])
    return boxes
