"""A network of several views on a rig: how pictures, cameras and places go in, and how points come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from lift3d.cameras import Camera, CameraRig
from lift3d.checkpoints import Checkpoint
from lift3d.errors import InputError, UnknownNameError
from lift3d.formats._up_axis import turned_up
from lift3d.networks._colours import check_colours, normalised
from lift3d.networks.algebraic_triangulation import AlgebraicTriangulation
from lift3d.networks.volumetric_triangulation import VolumetricTriangulation
from lift3d.settings import from_mapping
from lift3d.skeletons import Skeleton
from lift3d.triangulation.view_crops import ViewCrop

__all__ = ["PeopleViews", "ViewNetwork", "ViewPictures", "needs_pelvis"]

_NAME = "pictures_of_views"
_PER_METRE = {"m": 1.0, "cm": 100.0, "mm": 1000.0}


@dataclass(frozen=True)
class ViewPictures:
    """How pictures go into a network of several views; a checkpoint of the encoding ``pictures_of_views`` says it.

    Args:
        image_size: width and height of the network's input, pixels.
        colour: order of its channels, ``"rgb"`` or ``"bgr"``.
        mean, std: of its channels, in that order, of values from 0 to 1.
        box_scale: by which a person's box is grown.
        unit: of projections and points: ``"m"``, ``"cm"`` or ``"mm"``.
    """

    image_size: tuple[int, ...] = (384, 384)
    colour: str = "rgb"
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    box_scale: float = 1.0
    unit: str = "m"

    def __post_init__(self) -> None:
        if len(self.image_size) != 2 or min(self.image_size) <= 0 or not self.box_scale > 0:
            raise InputError(
                f"image_size is {self.image_size}, box_scale {self.box_scale}; expected width and height, and a scale "
                "above 0."
            )
        check_colours(self.colour, self.mean, self.std)
        if self.unit not in _PER_METRE:
            raise UnknownNameError("unit of length", self.unit, _PER_METRE)


@dataclass(frozen=True, eq=False)
class PeopleViews:
    """People as a network is shown them.

    Args:
        images: crops, 0 to 255, RGB; black where missing.
        intrinsics: of the crops' cameras.
        seen: which views there are.
    """

    images: UInt8[Tensor, "people cameras 3 height width"]
    intrinsics: Float[Tensor, "people cameras 3 3"]
    seen: Bool[Tensor, "people cameras"]

    @classmethod
    def together(cls, parts: Sequence[PeopleViews]) -> PeopleViews:
        """All people of several."""
        return cls(*(torch.cat([getattr(part, name) for part in parts]) for name in ("images", "intrinsics", "seen")))


@dataclass(frozen=True, eq=False)
class ViewNetwork:
    """A network of several views, on a rig. Make it with :meth:`of`.

    Args:
        network: in evaluation mode, on its device.
        pictures: how they go in.
        skeleton: of the joints that it predicts.
        cameras: the rig's in the network's world, which is turned so that up is where the network has it, and has its
            origin amid the cameras; metres.
        turn: from the rig's world to it: ``x_network = turn @ (x_rig - origin)``.
        origin: see above, metres.
        device: of the network.
    """

    network: AlgebraicTriangulation | VolumetricTriangulation
    pictures: ViewPictures
    skeleton: Skeleton
    cameras: Camera
    turn: Float[Tensor, "3 3"]
    origin: Float[Tensor, "3"]
    device: torch.device

    @classmethod
    def of(cls, checkpoint: Checkpoint, rig: CameraRig, device: str | torch.device = "cpu") -> ViewNetwork:
        """The network of a checkpoint.

        Raises:
            InputError: it does not look at several views.
            SettingsError: it says what is not known of how pictures go in.
        """
        network, tables = _network_of(checkpoint), dict(checkpoint.encoding)
        tables.pop("name")
        pictures = from_mapping(ViewPictures, tables, "how the model's pictures go in")
        exact, place = rig.to(torch.float64), torch.device(device)
        turned, origin = turned_up(exact, _up_of(network)), exact.cameras.centre.mean(0)
        turn = turned.cameras.rotation[0].T @ exact.cameras.rotation[0]
        moved = replace(turned.cameras, translation=exact.cameras.translation + exact.cameras.rotation @ origin)
        return cls(network.to(place).eval(), pictures, checkpoint.skeleton, moved, turn, origin, place)

    def views(
        self, pictures: Sequence[UInt8[Tensor, "_ _ 3"] | None], boxes: Float[Tensor, "cameras 4"]
    ) -> PeopleViews:
        """One person at one moment.

        Args:
            pictures: of the rig's cameras; None where there is none.
            boxes: of the person in them, distorted pixels; NaN where not seen.
        """
        width, height = self.pictures.image_size
        images = torch.zeros(1, len(boxes), 3, height, width, dtype=torch.uint8)
        intrinsics = torch.full((1, len(boxes), 3, 3), torch.nan, dtype=torch.float64)
        seen = torch.zeros(1, len(boxes), dtype=torch.bool)
        for number, (rgb, box) in enumerate(zip(pictures, boxes, strict=True)):
            crop = ViewCrop.around(box, self.cameras[number], (width, height), self.pictures.box_scale)
            image = None if rgb is None or crop is None else crop.cut(rgb)
            if image is not None and crop is not None:
                images[0, number], seen[0, number] = image, True
                intrinsics[0, number] = crop.intrinsics(self.network.settings.half_pixel)
        return PeopleViews(images, intrinsics, seen)

    @torch.no_grad()
    def answer(
        self, views: PeopleViews, pelvis: Float[Tensor, "people 3"] | None = None
    ) -> Float[Tensor, "people joints 3"]:
        """Joints in the rig's world, metres, float64; NaN where there are none.

        Args:
            views: of people at moments.
            pelvis: of each, in the rig's world, metres; NaN where not known. Needed by volumetric networks alone.
        """
        scale, settings = _PER_METRE[self.pictures.unit], self.pictures
        images = normalised(views.images.flatten(0, 1), settings.colour, settings.mean, settings.std)
        images = images.unflatten(0, views.seen.shape).to(self.device)
        projections = self._projections(views.intrinsics, scale).float().to(self.device)
        if isinstance(self.network, VolumetricTriangulation):
            assert pelvis is not None
            centres = scale * (pelvis.double() - self.origin) @ self.turn.T
            known = centres.isfinite().all(-1)
            points = self.network(images, projections, centres.nan_to_num(0.0).float().to(self.device)).points
            points = points.cpu().double().masked_fill(~known[:, None, None], torch.nan)
        else:
            points = self.network(images, projections).points.cpu().double()
        return points / scale @ self.turn + self.origin

    def _projections(self, intrinsics: Float[Tensor, "people cameras 3 3"], scale: float) -> Tensor:
        """(people, cameras, 3, 4): from the network's world to pixels of the crops; NaN where there is none."""
        cameras = self.cameras
        return intrinsics @ torch.cat([cameras.rotation, scale * cameras.translation[..., None]], dim=-1)


def needs_pelvis(checkpoint: Checkpoint) -> bool:
    """Whether a network of several views must be told where people are.

    Raises:
        InputError: it does not look at several views.
    """
    return isinstance(_network_of(checkpoint), VolumetricTriangulation)


def _network_of(checkpoint: Checkpoint) -> AlgebraicTriangulation | VolumetricTriangulation:
    network = checkpoint.network
    if checkpoint.encoding.get("name") != _NAME or not isinstance(
        network, AlgebraicTriangulation | VolumetricTriangulation
    ):
        raise InputError(
            f"The model is a {checkpoint.name}, which does not look at pictures of several views; pass a converted "
            "checkpoint of learnable triangulation (`lift3d convert weights.pth NAME.safetensors`)."
        )
    return network


def _up_of(network: AlgebraicTriangulation | VolumetricTriangulation) -> str:
    """The axis that points up in the world that the network knows: that its cubes are turned about, else z."""
    axis = network.settings.axis if isinstance(network, VolumetricTriangulation) else (0.0, 0.0, 1.0)
    place = max(range(3), key=lambda one: abs(axis[one]))
    return f"{'-' if axis[place] < 0 else '+'}{'xyz'[place]}"
