"""Samples from labelled pictures: crops of people, and where their joints are in them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Generator, Tensor

from lift3d.datasets.labelled_pictures import LabelledPerson, LabelledPictures
from lift3d.skeletons import Skeleton, mapping_between
from lift3d.training.augmentation import AugmentationSettings, Look, look_at

__all__ = ["PictureSamples", "PictureSet", "Samples"]


@dataclass(frozen=True, eq=False)
class Samples:
    """People as a network is shown them.

    Args:
        crops: RGB.
        places: x and y in pixels of the crop, and z in pixels of depth from the root, away from the camera; NaN where
            not known.
        weights: of the joints; 0 where not labelled, outside the crop, or only guessed from other joints.
    """

    crops: UInt8[Tensor, "batch 3 height width"]
    places: Float[Tensor, "batch joints 3"]
    weights: Float[Tensor, "batch joints"]


@dataclass(frozen=True, eq=False)
class PictureSet:
    """Labelled pictures, and how often they are drawn from.

    Args:
        pictures: with at least one person that has labelled joints.
        share: of the samples, relative to those of the other sets.
    """

    pictures: LabelledPictures
    share: float = 1.0


class PictureSamples:
    """Draws people from labelled pictures.

    Args:
        sets: what is drawn from; joints are mapped to the skeleton, and those that a set cannot give do not count.
        held: what is measured on; None for nothing.
        skeleton: of the samples.
        image_size: width and height of the crops, pixels.
        box_scale: by which boxes grow, see ``person_crop``.
        augmentation: how looks at people vary.
        workers: pictures read at the same time.
    """

    def __init__(
        self,
        sets: Sequence[PictureSet],
        held: LabelledPictures | None,
        skeleton: Skeleton,
        image_size: tuple[int, int],
        box_scale: float,
        augmentation: AugmentationSettings,
        workers: int = 2,
    ) -> None:
        self._sets = [_labelled(one.pictures) for one in sets]
        self._shares = torch.tensor([one.share for one in sets])
        self._held = None if held is None else _labelled(held)
        self.skeleton, self._image_size, self._box_scale = skeleton, image_size, box_scale
        self._augmentation = augmentation
        self._readers = ThreadPoolExecutor(max(1, workers))

    @property
    def about(self) -> str:
        """What there is to learn from, for people."""
        return f"{sum(len(one.people) for one in self._sets)} people in labelled pictures"

    def draw(self, count: int, generator: Generator) -> Samples:
        """So many random looks at random people."""
        chosen = torch.multinomial(self._shares, count, replacement=True, generator=generator).tolist()
        looks = []
        for number in chosen:
            pictures = self._sets[number]
            person = pictures.people[int(torch.randint(len(pictures.people), (), generator=generator))]
            looks.append((pictures, person, self._look(pictures, person, self._augmentation, generator)))
        return self._samples(looks)

    def held(self, count: int, at_once: int = 32) -> Iterator[Samples]:
        """The first so many of the people held out, as they are, some at a time."""
        if self._held is None:
            return
        pictures, generator = self._held, Generator().manual_seed(1)
        people = [pictures.people[row] for row in range(min(count, len(pictures.people)))]
        for first in range(0, len(people), at_once):
            part = people[first : first + at_once]
            yield self._samples([(pictures, own, self._look(pictures, own, None, generator)) for own in part])

    def _look(
        self, pictures: LabelledPictures, person: LabelledPerson, augmentation: AugmentationSettings | None,
        generator: Generator,
    ) -> Look:  # fmt: skip
        return look_at(person, pictures.skeleton, self._image_size, self._box_scale, augmentation, generator)

    def _samples(self, looks: list[tuple[LabelledPictures, LabelledPerson, Look]]) -> Samples:
        crops = torch.stack(list(self._readers.map(_crop, looks))).permute(0, 3, 1, 2)
        labels = [_labels(*one, self.skeleton) for one in looks]
        return Samples(crops, *(torch.stack(parts) for parts in zip(*labels, strict=True)))


def _labelled(pictures: LabelledPictures) -> LabelledPictures:
    """Those of the people who have labelled joints and a box."""
    people = pictures.people
    return pictures.only((people.visibility > 0).any(1) & (people.boxes[:, 2:] > 0).all(1))


def _crop(one: tuple[LabelledPictures, LabelledPerson, Look]) -> UInt8[Tensor, "height width 3"]:
    pictures, person, look = one
    crop = look.crop.cut(pictures.read(person.picture))
    if bool((look.gain == 1).all()):
        return crop
    return (crop.float() * look.gain).round().clamp(0, 255).byte()


def _labels(
    pictures: LabelledPictures, person: LabelledPerson, look: Look, skeleton: Skeleton
) -> tuple[Float[Tensor, "joints 3"], Float[Tensor, "joints"]]:
    """Places in the crop and weights of a person's joints."""
    own = pictures.skeleton
    pixels = look.crop.to_input(person.pixels)
    places = torch.cat([pixels, _depths(person, own, look)[:, None]], dim=-1)
    if look.mirrored:
        places = places[list(own.flip_order)]
    if own != skeleton:
        mapping = mapping_between(own, skeleton)
        places = mapping.coordinates(places)
        guessed = skeleton.indices(*mapping.guessed)
        places[guessed] = torch.nan
    width, height = look.crop.image_size
    x, y = places[:, 0], places[:, 1]
    inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)  # False where NaN
    return places, inside.float()


def _depths(person: LabelledPerson, skeleton: Skeleton, look: Look) -> Float[Tensor, "joints"]:
    """Depth behind the root, pixels of the crop; NaN where not known.

    How many pixels a metre is, is told by the person: the spread of the joints in the picture over theirs across the
    line of sight. For a distant camera this is focal length over distance.
    """
    unknown = torch.full((len(skeleton),), torch.nan)
    joints = person.joints_3d
    if joints is None or not bool(torch.isfinite(joints[skeleton.root]).all()):
        return unknown
    known = torch.isfinite(joints).all(-1) & torch.isfinite(person.pixels).all(-1)
    if int(known.sum()) < 2:
        return unknown
    across = joints[known, :2] - joints[known, :2].mean(0)
    seen = person.pixels[known] - person.pixels[known].mean(0)
    pixels_a_metre = float((seen * across).sum() / across.square().sum().clamp_min(1e-9))
    enlarged = math.sqrt(abs(float(torch.linalg.det(look.crop.matrix[:, :2]))))
    return (joints[:, 2] - joints[skeleton.root, 2]) * pixels_a_metre * enlarged
