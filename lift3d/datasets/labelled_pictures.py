"""Labelled pictures: people whose joints somebody marked, or measured, in pictures.

    labelled = read_labelled_pictures("person_keypoints_val2017.json", "val2017")
    for person in labelled.people:
        rgb = labelled.read(person.picture)  # (height, width, 3), the picture that person.pixels lie in

What they are read from is found out from the path; see ``lift3d.datasets.picture_sources``. Labels lie in memory as
arrays, one row a person; a person is made when one is asked for, a picture is read then.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from lift3d._discovery import entries_of
from lift3d.cameras import CameraRig
from lift3d.datasets._rigs_by_subject import RigsBySubject
from lift3d.errors import FileError, InputError, ShapeError, UnknownNameError
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton, get_skeleton

__all__ = [
    "LabelledPeople",
    "LabelledPerson",
    "LabelledPictures",
    "PictureOptions",
    "PicturesFormat",
    "picture_formats",
    "read_labelled_pictures",
]


@dataclass(frozen=True, eq=False)
class LabelledPerson:
    """One person in one picture.

    Args:
        picture: place of the picture in :attr:`LabelledPictures.pictures`.
        box: left, top, width, height in pixels, without a margin: grown by 1.25 it is the crop that the published
            networks of its data set were trained with, unless its source says otherwise.
        pixels: distorted pixels; the centre of the top-left pixel is (0, 0). NaN where not labelled.
        visibility: 0 not labelled, 1 hidden, 2 visible.
        area: square pixels that the person covers, where the data says so; else those of the box.
        head_size: pixels that PCKh divides by; None where not known.
        joints_3d: metres in the camera frame (x right, y down, z forward), NaN where not known; None where none is.
    """

    picture: int
    box: tuple[float, float, float, float]
    pixels: Float[Tensor, "joints 2"]
    visibility: Int[Tensor, "joints"]
    area: float
    head_size: float | None
    joints_3d: Float[Tensor, "joints 3"] | None


@dataclass(frozen=True, eq=False)
class LabelledPeople:
    """Many people as arrays, one row each; a sequence of :class:`LabelledPerson`, whose fields they are.

    Args:
        picture, boxes, pixels, visibility, areas: see :class:`LabelledPerson`.
        head_sizes: NaN where not known.
        joints_3d: None where nothing is known of anyone.

    Raises:
        ShapeError: the axes do not fit together.
    """

    picture: Int[Tensor, "people"]
    boxes: Float[Tensor, "people 4"]
    pixels: Float[Tensor, "people joints 2"]
    visibility: Int[Tensor, "people joints"]
    areas: Float[Tensor, "people"]
    head_sizes: Float[Tensor, "people"]
    joints_3d: Float[Tensor, "people joints 3"] | None = None

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[-1] != 2:
            raise ShapeError("LabelledPeople.pixels", tuple(self.pixels.shape), "(people, joints, 2)")
        people, joints = self.pixels.shape[:2]
        shapes = {"picture": (people,), "boxes": (people, 4), "visibility": (people, joints), "areas": (people,)}
        shapes |= {"head_sizes": (people,)} | ({} if self.joints_3d is None else {"joints_3d": (people, joints, 3)})
        for name, wanted in shapes.items():
            if tuple(getattr(self, name).shape) != wanted:
                raise ShapeError(f"LabelledPeople.{name}", tuple(getattr(self, name).shape), f"{wanted}, of the pixels")

    @classmethod
    def of(
        cls,
        picture: np.ndarray | Tensor,
        boxes: np.ndarray | Tensor,
        pixels: np.ndarray | Tensor,
        visibility: np.ndarray | Tensor | None = None,
        *,
        areas: np.ndarray | Tensor | None = None,
        head_sizes: np.ndarray | Tensor | None = None,
        joints_3d: np.ndarray | Tensor | None = None,
    ) -> LabelledPeople:
        """People from arrays, with what is missing made consistent; float32.

        Args:
            picture: (people).
            boxes: (people, 4): left, top, width, height.
            pixels: (people, joints, 2), NaN where not labelled.
            visibility: (people, joints); by default 2 where there are pixels.
            areas: (people); by default those of the boxes.
            head_sizes: (people); by default not known.
            joints_3d: (people, joints, 3), metres in the camera frame.
        """
        box, place = _float32(boxes), _float32(pixels)
        labelled = torch.isfinite(place).all(-1)
        if visibility is None:
            seen = 2 * labelled.to(torch.int8)
        else:
            seen = torch.as_tensor(visibility).to(torch.int8).masked_fill(~labelled, 0)
        return cls(
            picture=torch.as_tensor(picture).to(torch.int64),
            boxes=box,
            pixels=place.masked_fill((seen == 0)[..., None], torch.nan),
            visibility=seen,
            areas=box[:, 2] * box[:, 3] if areas is None else _float32(areas),
            head_sizes=torch.full((len(box),), torch.nan) if head_sizes is None else _float32(head_sizes),
            joints_3d=None if joints_3d is None else _float32(joints_3d),
        )

    def __len__(self) -> int:
        return len(self.picture)

    def __getitem__(self, row: int) -> LabelledPerson:
        left, top, width, height = self.boxes[row].tolist()
        head = float(self.head_sizes[row])
        return LabelledPerson(
            picture=int(self.picture[row]),
            box=(left, top, width, height),
            pixels=self.pixels[row],
            visibility=self.visibility[row],
            area=float(self.areas[row]),
            head_size=None if math.isnan(head) else head,
            joints_3d=None if self.joints_3d is None else self.joints_3d[row],
        )

    def __iter__(self) -> Iterator[LabelledPerson]:
        return (self[row] for row in range(len(self)))

    def only(self, rows: Sequence[int] | Tensor) -> LabelledPeople:
        """The people of these rows, in this order; also by a mask."""
        chosen = torch.as_tensor(rows)
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "joints_3d"}
        joints_3d = None if self.joints_3d is None else self.joints_3d[chosen]
        return LabelledPeople(**{name: values[chosen] for name, values in fields.items()}, joints_3d=joints_3d)


@dataclass(frozen=True, eq=False)
class LabelledPictures:
    """People in pictures that are read when they are asked for. May be sent to another process.

    Args:
        skeleton: what the joints are.
        people: who is labelled, in the order of the source.
        pictures: the name of each, such as its path in the folder of pictures.
        pull: ``pull(picture)`` reads one; see :meth:`read`.
        ids: number of each picture in files of results; by default 0, 1, ...

    Raises:
        ShapeError: the joints are not those of the skeleton.
        InputError: a person is in a picture that there is none of, or there is not one id a picture.
    """

    skeleton: Skeleton
    people: LabelledPeople
    pictures: Sequence[str]
    pull: Callable[[int], Tensor]
    ids: Sequence[int] | None = None

    def __post_init__(self) -> None:
        shape = tuple(self.people.pixels.shape)
        if shape[1] != len(self.skeleton):
            raise ShapeError("LabelledPictures.people", shape, f"{len(self.skeleton)} joints of {self.skeleton.name!r}")
        picture = self.people.picture
        if len(picture) and not 0 <= int(picture.min()) <= int(picture.max()) < len(self.pictures):
            raise InputError(f"LabelledPictures: people are in pictures that are not among the {len(self.pictures)}.")
        if self.ids is not None and len(self.ids) != len(self.pictures):
            raise InputError(f"LabelledPictures: {len(self.ids)} ids for {len(self.pictures)} pictures.")

    def read(self, picture: int) -> UInt8[Tensor, "height width 3"]:
        """A picture, RGB, as stored: a note in the file on how to turn it is not followed, since labels never do.

        Raises:
            FileError: it is missing or damaged.
        """
        return self.pull(picture)

    def picture_id(self, picture: int) -> int:
        """The number of a picture in files of results."""
        return picture if self.ids is None else int(self.ids[picture])

    def only(self, rows: Sequence[int] | Tensor) -> LabelledPictures:
        """The same pictures with some of the people, by rows or a mask."""
        return replace(self, people=self.people.only(rows))

    def matching(self, *patterns: str) -> LabelledPictures:
        """The same pictures with the people of those whose names match one of the patterns, such as ``"S9/*"``."""
        return self.only(self._matched(patterns))

    def unlike(self, *patterns: str) -> LabelledPictures:
        """The same pictures with the people of those whose names match none of the patterns."""
        return self.only(~self._matched(patterns))

    def _matched(self, patterns: Sequence[str]) -> Tensor:
        """Which of the people are in a picture of such a name."""
        wanted = [any(fnmatchcase(name, one) for one in patterns) for name in self.pictures]
        return torch.tensor(wanted, dtype=torch.bool)[self.people.picture]


@dataclass(frozen=True, eq=False)
class PictureOptions:
    """What a caller may say beside the paths; a source declares which of them it takes.

    Args:
        skeleton: what the joints are.
        cameras: the rig of each subject, where the source holds no cameras.
        poses: true joints in the world of the cameras, of all frames.
    """

    skeleton: Skeleton | None = None
    cameras: RigsBySubject | None = None
    poses: Poses3D | None = None


@dataclass(frozen=True)
class PicturesFormat:
    """What a file of ``picture_sources`` declares: one layout of labelled pictures, under the name ``PICTURES``.

    Args:
        name: what a user passes as ``format=``.
        about: one line for people.
        recognises: whether a path is of this layout; looks inside as little as needed and never raises.
        read: ``read(path, images, options)``: ``images`` is the folder of pictures, or None where the user gave none.
            Raises ``FileError``.
        takes: names of the options it takes.
    """

    name: str
    about: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path, Path | None, PictureOptions], LabelledPictures]
    takes: tuple[str, ...] = ()


@cache
def picture_formats() -> dict[str, PicturesFormat]:
    """Every layout by name."""
    return entries_of("lift3d.datasets.picture_sources", "PICTURES", PicturesFormat)


def read_labelled_pictures(
    path: str | Path,
    images: str | Path | None = None,
    format: str | None = None,  # noqa: A002
    *,
    skeleton: str | Skeleton | None = None,
    cameras: str | Path | CameraRig | None = None,
    poses: Poses3D | None = None,
) -> LabelledPictures:
    """Labelled pictures of a data set or of one's own recording.

    Args:
        path: the file or folder of labels.
        images: the folder of pictures, where it is not the one that the layout has it in. Labels can be used without
            any picture; then only reading one raises.
        format: name of the layout (see ``picture_formats``); by default found out from the path.
        skeleton: what the joints are, where the labels leave it open.
        cameras: the calibration, where the data holds none: a rig, a file in any format of ``read_cameras``, or a
            folder of files called after the subjects.
        poses: of one's own recording the true joints, in the world of the cameras.

    Raises:
        FileError: a path is missing, of none of the layouts or damaged; or something needed was not given.
        InputError: the layout does not take what was given.
        UnknownNameError: there is no such layout or skeleton.
    """
    place = Path(path)
    entry = _format(place, format)
    given = {
        "skeleton": get_skeleton(skeleton) if skeleton is not None else None,
        "cameras": RigsBySubject(cameras) if cameras is not None else None,
        "poses": poses,
    }
    refused = [name for name, value in given.items() if value is not None and name not in entry.takes]
    if refused:
        raise InputError(f"{path}: labels of the layout {entry.name} take no {' and no '.join(refused)}. Leave it out.")
    return entry.read(place, None if images is None else Path(images), PictureOptions(**given))


def _format(path: Path, name: str | None) -> PicturesFormat:
    known = picture_formats()
    if not path.exists():
        raise FileError(path, "does not exist", "Check the path.")
    if name is not None:
        if name not in known:
            raise UnknownNameError("layout of labelled pictures", name, known)
        return known[name]
    fitting = [entry for entry in known.values() if entry.recognises(path)]
    if len(fitting) != 1:
        problem = f"could be any of {', '.join(one.name for one in fitting)}" if fitting else "is of no known layout"
        raise FileError(path, problem, f"Name the layout of labelled pictures (format=...): {', '.join(known)}.")
    return fitting[0]


def _float32(values: np.ndarray | Tensor) -> Tensor:
    if isinstance(values, Tensor):
        return values.to(torch.float32)
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
